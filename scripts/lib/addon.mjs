/** The set-up's second step: the native addon, by node-gyp, into build/. */
import { existsSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { inProject } from './paths.mjs';
import { runQuietly, tail } from './run.mjs';
import { filesBelow, hashOf, readStamp, writeStamp } from './stamp.mjs';

const STAMP = 'build/.forkful-addon';

/** Builds the addon when it is stale. Returns null when all is well, else what went wrong, with the end of the compiler's output. */
export function buildAddon({ force = false } = {}) {
  if (!existsSync(inProject('binding.gyp'))) return null;
  const { node, modules } = process.versions;
  const inputs = filesBelow('binding.gyp', 'native').filter((file) => !file.startsWith('native/test/'));
  const hash = hashOf(inputs, node, modules, process.platform, process.arch);
  if (!force && readStamp(STAMP) === hash) return null;
  console.log('setup: compiling the native addon');
  rmSync(inProject(STAMP), { force: true });
  const nodeGyp = inProject('node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const result = runQuietly(process.execPath, [nodeGyp, force ? 'rebuild' : 'configure', ...(force ? [] : ['build']), ...options()]);
  if (!result.ok) {
    // What an earlier build left must not pass for the addon of these sources.
    for (const file of filesBelow('build/Release')) if (file.endsWith('.node')) rmSync(inProject(file));
    return `the native addon did not compile\n${tail(result.output)}`;
  }
  writeStamp(STAMP, hash);
  return null;
}

function options() {
  const prefix = resolve(dirname(process.execPath), '..');
  // With the headers beside node itself, node-gyp needs no network; without them it downloads them.
  const headers = existsSync(`${prefix}/include/node/node_api.h`) ? [`--nodedir=${prefix}`] : [];
  return ['--release', '--jobs=max', '--loglevel=warn', ...headers];
}
