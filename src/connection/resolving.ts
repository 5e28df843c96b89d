/** Names of hosts to numeric addresses. */
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { SystemError } from '../errors.js';
import type { StreamAddress } from '../platform/platform.js';
import { platform } from '../platform/select.js';
import { rangeError } from '../util/validate.js';
import { descriptorsFor } from './stream-waiting.js';

const LOOPBACK = { inet: '127.0.0.1', inet6: '::1' } as const;

/** For a listener, which must know at once. Blocks the thread for a name that the system must look up. @throws SystemError, RangeError for a name on the JS backend */
export function resolvedNow(address: StreamAddress): StreamAddress {
  const { family, host } = address;
  if (family === 'unix' || isIP(host) !== 0) return address;
  if (host === 'localhost') return { ...address, host: LOOPBACK[family] };
  if (platform.streamSockets.descriptors === null)
    throw rangeError('address host', 'a numeric address or localhost on the JS backend', host);
  return resolvedSync(address);
}

/** For `ClientSync`. @throws SystemError */
export function resolvedSync(address: StreamAddress): StreamAddress {
  const { family, host } = address;
  if (family === 'unix' || isIP(host) !== 0) return address;
  return { ...address, host: descriptorsFor('To look up a name').resolve(host, family) };
}

/** For `Client`. Rejects with SystemError. */
export function resolved(address: StreamAddress): Promise<StreamAddress> {
  const { family, host } = address;
  if (family === 'unix' || isIP(host) !== 0) return Promise.resolve(address);
  return new Promise((resolve, reject) => {
    lookup(host, { family: family === 'inet' ? 4 : 6 }, (error, numeric) => {
      if (error === null) resolve({ ...address, host: numeric });
      else reject(new SystemError('getaddrinfo', error.code ?? 'ENOTFOUND', error.errno ?? -3008));
    });
  });
}
