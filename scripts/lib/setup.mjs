/** The whole set-up, for scripts: packages, addon, dist. Does nothing, in a few dozen milliseconds, when all of it is up to date. */
import { buildAddon } from './addon.mjs';
import { buildDist } from './dist.mjs';
import { alone } from './lock.mjs';
import { installPackages } from './packages.mjs';

/**
 * Brings everything up to date. `force` builds even what is up to date; `requireNative` makes a failed addon an error, where
 * otherwise forkful goes on with its JavaScript backend.
 *
 * Returns the problems that leave something to work with: `addon` and `dist` are null or a text. @throws Error when nothing can go on
 */
export function setUp({ force = false, requireNative = process.env.FORKFUL_REQUIRE_NATIVE === '1' } = {}) {
  return alone(() => {
    installPackages();
    const addon = buildAddon({ force });
    if (addon !== null && requireNative) throw new Error(addon);
    if (addon !== null) {
      console.error(addon);
      console.error('setup: WARNING: going on without the native addon: the JavaScript backend has threads only, no processes');
    }
    return { addon, dist: buildDist({ force }) };
  });
}

/** For a script that does nothing but set up: runs it and sets the exit code. */
export async function setUpAndReport(options) {
  try {
    const { dist } = await setUp(options);
    if (dist !== null) throw new Error(dist);
  } catch (error) {
    console.error(`setup: ${error.message}`);
    process.exitCode = 1;
  }
}
