/** The set-up's first step: node_modules as package-lock.json says. */
import { existsSync, readFileSync } from 'node:fs';
import { inProject } from './paths.mjs';
import { runQuietly } from './run.mjs';
import { hashOf, readStamp, writeStamp } from './stamp.mjs';

const STAMP = 'node_modules/.forkful-setup';

/** Installs the packages if they are not those of package-lock.json. Throws when that fails: nothing else can go on then. */
export function installPackages() {
  if (readStamp(STAMP) === hashOf(['package-lock.json'])) return;
  if (!installedByHand()) install();
  writeStamp(STAMP, hashOf(['package-lock.json']));
}

function install() {
  const options = ['--no-audit', '--no-fund', '--loglevel=error'];
  console.log('setup: npm ci');
  let result = runQuietly('npm', ['ci', ...options]);
  if (!result.ok && result.output.includes('code EUSAGE')) {
    // npm refuses a lock file that lacks packages of *other* platforms, which it writes itself when its registry does not carry them.
    console.log('setup: npm ci refuses package-lock.json, npm install (the versions are the same: all are exact)');
    result = runQuietly('npm', ['install', '--no-save', ...options]);
  }
  // What went wrong stands first in npm's output; after it comes the usage.
  if (!result.ok) throw new Error(`the packages could not be installed\n${result.output.split('\n').slice(0, 20).join('\n')}`);
}

/** True when somebody has already run `npm ci` or `npm install`, and got exactly what package-lock.json names. */
function installedByHand() {
  const hidden = inProject('node_modules', '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const wanted = JSON.parse(readFileSync(inProject('package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    // A package for another platform is optional and rightly absent.
    if (!present[path]) return entry.optional === true;
    return present[path].integrity === entry.integrity && existsSync(inProject(path));
  });
}
