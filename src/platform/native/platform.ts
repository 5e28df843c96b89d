import type { Addon } from '../addon.js';
import type { Platform } from '../platform.js';
import { NativeDatagrams } from './datagrams.js';
import { NativeDoorbell } from './doorbell.js';
import { NativeForking } from './forking.js';
import { NativeLiveness } from './liveness.js';
import { NativeMemory } from './memory.js';
import { NativeNamedSegments } from './named-segments.js';
import { NativeNamedSemaphores } from './named-semaphores.js';
import { NativeParking } from './parking.js';
import { NativeProcessHost } from './process-host.js';
import { NativeStreamSockets } from './stream-sockets.js';

/** What one Int32Array can show of the region. */
const NEAR_WINDOW_BYTES = 2 ** 31;

/**
 * The native backend over a loaded addon. Methods that JavaScript adds nothing to are the addon's own functions, so a hot call crosses no
 * wrapper. One per environment.
 */
export function createNativePlatform(addon: Addon): Platform {
  const memory = new NativeMemory(addon);
  let words: Int32Array | undefined;
  return {
    backend: 'native',
    memory,
    parking: new NativeParking(addon),
    liveness: new NativeLiveness(addon),
    doorbell: new NativeDoorbell(addon),
    processes: new NativeProcessHost(addon),
    forking: new NativeForking(addon),
    datagrams: new NativeDatagrams(addon),
    namedSemaphores: new NativeNamedSemaphores(addon),
    streamSockets: new NativeStreamSockets(addon),
    namedSegments: new NativeNamedSegments(addon),
    words: () => {
      if (words !== undefined) return words;
      const grant = memory.grant();
      const regionBytes = grant.kind === 'descriptor' ? grant.bytes : 0;
      words = new Int32Array(memory.view(0, Math.min(regionBytes, NEAR_WINDOW_BYTES)));
      return words;
    },
  };
}
