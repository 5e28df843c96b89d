/** What a fresh Node process is started with. */
import { fstatSync } from 'node:fs';

let executable: string | undefined;

/** The program that children run; undefined for the one that runs this process. */
export function setChildExecutable(path: string | undefined): void {
  executable = path;
}

export function childExecutable(): string {
  return executable ?? process.execPath;
}

/** A descriptor to be inherited, if it is open: a daemon may have closed its outputs. */
export function orNothing(fd: number): 'inherit' | 'ignore' {
  try {
    fstatSync(fd);
    return 'inherit';
  } catch {
    return 'ignore';
  }
}
