/** Which backend this process uses, and why: decided once, here. */
import { loadAddon } from './addon.js';
import { JsPlatform } from './js/platform.js';
import { createNativePlatform } from './native/platform.js';
import type { Backend, Platform } from './platform.js';

const choice = choose();

/** `'native'` or `'js'`. `FORKFUL_BACKEND=js` forces the latter; `FORKFUL_BACKEND=native` makes a missing addon an error at import. */
export const backend: Backend = choice.platform.backend;

/** Why this backend: one sentence, or what was tried and how it failed. */
export const backendReason: string = choice.reason;

export const platform: Platform = choice.platform;

function choose(): { platform: Platform; reason: string } {
  const wanted = process.env.FORKFUL_BACKEND;
  if (wanted !== undefined && wanted !== '' && wanted !== 'native' && wanted !== 'js') {
    throw new RangeError(`FORKFUL_BACKEND must be native or js, got ${JSON.stringify(wanted)}`);
  }
  if (wanted === 'js') return { platform: new JsPlatform(), reason: 'FORKFUL_BACKEND=js asks for it' };
  const loaded = loadAddon();
  if ('addon' in loaded) return { platform: createNativePlatform(loaded.addon), reason: `the addon ${loaded.path} is loaded` };
  if (wanted === 'native') throw new Error(`FORKFUL_BACKEND=native, but the addon cannot be used: ${loaded.reason}`);
  return { platform: new JsPlatform(), reason: loaded.reason };
}
