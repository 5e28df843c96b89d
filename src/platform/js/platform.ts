/** The JS backend, whole: the same algorithms on SharedArrayBuffer and worker threads, within one process. */
import type { Backend, Doorbell, Liveness, Memory, Parking, Platform } from '../platform.js';
import { JsDoorbell } from './doorbell.js';
import { jsLiveness } from './liveness.js';
import { JsMemory } from './memory.js';
import { jsParking } from './parking.js';
import { jsProcessHost } from './process-host.js';
import { jsStreamSockets } from './stream-sockets.js';

/** As much as one Int32Array shows without its byte indices leaving 31 bits. */
const NEAR_BYTES = 2 ** 31;

export class JsPlatform implements Platform {
  readonly backend: Backend = 'js';
  readonly memory: Memory = new JsMemory();
  readonly processes = jsProcessHost;
  readonly forking = null;
  readonly datagrams = null;
  readonly namedSemaphores = null;
  readonly streamSockets = jsStreamSockets;
  readonly namedSegments = null;
  #words: Int32Array | undefined;
  #parking: Parking | undefined;
  #liveness: Liveness | undefined;
  #doorbell: Doorbell | undefined;

  words = (): Int32Array => {
    if (this.#words === undefined) {
      const region = this.memory.view(0, 0);
      this.#words = new Int32Array(region, 0, Math.min(region.byteLength, NEAR_BYTES) / 4);
    }
    return this.#words;
  };

  get parking(): Parking {
    this.#parking ??= jsParking(this.words());
    return this.#parking;
  }

  get liveness(): Liveness {
    this.#liveness ??= jsLiveness(this.words());
    return this.#liveness;
  }

  get doorbell(): Doorbell {
    this.#doorbell ??= new JsDoorbell(this.words());
    return this.#doorbell;
  }
}
