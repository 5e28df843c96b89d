/** The CPython interpreters of this machine that connections must understand. */
import { spawnSync } from 'node:child_process';
import { readdirSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Python {
  readonly path: string;
  /** `3.13`. */
  readonly version: string;
}

const OLDEST = 6;

/** One of each version, from 3.6 on, oldest first: in the folders of pyenv, and in those of PATH. */
export function pythons(): Python[] {
  const folders = [...pyenvFolders(), ...(process.env['PATH'] ?? '').split(delimiter)];
  const programs = new Set(folders.flatMap(programsIn));
  const byVersion = new Map<string, Python>();
  for (const path of programs) {
    const version = versionOf(path);
    if (version !== undefined && !byVersion.has(version)) byVersion.set(version, { path, version });
  }
  return [...byVersion.values()].sort((a, b) => minor(a.version) - minor(b.version));
}

function pyenvFolders(): string[] {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions');
  return list(versions).map((version) => join(versions, version, 'bin'));
}

function programsIn(folder: string): string[] {
  const names = list(folder).filter((name) => /^python3(\.\d+)?$/.test(name));
  return names.flatMap((name) => {
    try {
      return [realpathSync(join(folder, name))];
    } catch {
      return []; // a link to nothing
    }
  });
}

function versionOf(path: string): string | undefined {
  const { stdout } = spawnSync(path, ['-c', 'import sys, hmac; print("%d.%d" % sys.version_info[:2])'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  const version = stdout?.trim() ?? '';
  return /^3\.\d+$/.test(version) && minor(version) >= OLDEST ? version : undefined;
}

function minor(version: string): number {
  return Number(version.split('.')[1]);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
