/** The set-up's third step: src/ compiled into dist/. */
import { existsSync, rmSync } from 'node:fs';
import { inProject } from './paths.mjs';
import { runQuietly, tail } from './run.mjs';
import { filesBelow, hashOf, readStamp, writeStamp } from './stamp.mjs';

const STAMP = 'dist/.forkful-dist';

/** Compiles when the sources have changed. Returns null when all is well, else the compiler's errors (dist/ is written even so). */
export function buildDist({ force = false } = {}) {
  const sources = filesBelow('src');
  if (!sources.some((file) => file.endsWith('.ts'))) return null;
  const hash = hashOf([...sources, 'tsconfig.json', 'package-lock.json']);
  if (!force && readStamp(STAMP) === hash) return null;
  console.log('setup: compiling src/ into dist/');
  rmSync(inProject(STAMP), { force: true });
  removeOrphans(new Set(sources));
  const result = runQuietly(process.execPath, [inProject('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.', '--pretty', 'false']);
  if (!result.ok) return `src/ does not compile\n${tail(result.output)}`;
  writeStamp(STAMP, hash);
  return null;
}

/** Deletes what was compiled from sources that are gone, so that nothing can go on importing it. The rest is overwritten in place. */
function removeOrphans(sources) {
  if (!existsSync(inProject('dist'))) return;
  for (const file of filesBelow('dist')) {
    const source = file.replace(/^dist/, 'src').replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (!sources.has(source)) rmSync(inProject(file));
  }
}
