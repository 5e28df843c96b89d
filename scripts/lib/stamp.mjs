/** Stamps: "this was made from exactly these inputs". A stamp lives in the folder that it vouches for and goes with it. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { inProject, root } from './paths.mjs';

/** All files below the given files and folders of the project, sorted; paths relative to the project. Absent ones are left out. */
export function filesBelow(...entries) {
  const found = [];
  const visit = (path) => {
    for (const entry of readdirSync(inProject(path), { withFileTypes: true })) {
      if (entry.isDirectory()) visit(`${path}/${entry.name}`);
      else if (entry.isFile()) found.push(`${path}/${entry.name}`);
    }
  };
  for (const entry of entries) {
    if (!existsSync(inProject(entry))) continue;
    if (/\.[a-z]+$/.test(entry)) found.push(entry);
    else visit(entry);
  }
  return found.sort();
}

/** One hash over the named files (name and content) and some further facts. */
export function hashOf(files, ...facts) {
  const hash = createHash('sha256');
  for (const fact of facts) hash.update(`${fact}\0`);
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(`${root}/${file}`))
      .update('\0');
  return hash.digest('hex');
}

/** The hash that a stamp file holds, or null. */
export function readStamp(path) {
  try {
    return readFileSync(inProject(path), 'utf8').trim();
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  }
}

export function writeStamp(path, hash) {
  mkdirSync(dirname(inProject(path)), { recursive: true });
  writeFileSync(inProject(path), `${hash}\n`);
}
