/**
 * Finding the files.
 */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A mistake of the user's: the message is all there is to say about it. */
export class UsageError extends Error {}

/** All regular files below a folder, sorted; links are not followed. Folders that cannot be read are listed in `unreadable`. */
export function listFiles(folder) {
  const files = [];
  const unreadable = [];
  const visit = (path) => {
    let entries;
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch (error) {
      unreadable.push(`${path}: ${error.code}`);
      return;
    }
    for (const entry of entries) {
      if (entry.isDirectory()) visit(join(path, entry.name));
      else if (entry.isFile()) files.push(join(path, entry.name));
    }
  };
  visit(checkFolder(folder));
  return { files: files.sort(), unreadable };
}

function checkFolder(folder) {
  let stat;
  try {
    stat = statSync(folder);
  } catch (error) {
    throw new UsageError(`${folder}: ${error.code === 'ENOENT' ? 'no such folder' : `cannot be read (${error.code})`}`);
  }
  if (!stat.isDirectory()) throw new UsageError(`${folder}: is not a folder`);
  try {
    readdirSync(folder);
  } catch (error) {
    throw new UsageError(`${folder}: cannot be read (${error.code})`);
  }
  return realpathSync(folder);
}

/** Reads every file once, so that whichever run comes first does not have to wait for the disk on behalf of the other. */
export function warmUp(files) {
  for (const file of files) {
    try {
      readFileSync(file);
    } catch {
      // Both runs will come across it, and report it.
    }
  }
}
