/** Facts about the addon itself: how it is found, what it refuses, and that environments and buffers come and go without a trace. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemError } from '../../src/errors.js';
import { type Addon, loadAddon } from '../../src/platform/addon.js';

const MiB = 2 ** 20;

function load(): Addon {
  const result = loadAddon();
  if ('reason' in result) throw new Error(result.reason);
  return result.addon;
}

/** Runs a fixture to its end. What it printed, and how it ended. */
function run(fixture: string, args: readonly string[] = [], nodeArgs: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const file = fileURLToPath(new URL(`../fixtures/${fixture}.mjs`, import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...nodeArgs, file, ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
    env: { ...process.env, ...env },
  });
  return { status, signal, stdout, stderr };
}

describe('loading', () => {
  const folder = mkdtempSync(join(tmpdir(), 'forkful-addon-test-'));
  afterEach(() => {
    delete process.env.FORKFUL_ADDON;
    rmSync(folder, { recursive: true, force: true });
  });

  function reasonFor(path: string): string {
    process.env.FORKFUL_ADDON = path;
    const result = loadAddon();
    return 'reason' in result ? result.reason : 'loaded';
  }

  it('tells of a file that is no addon, with the system, the Node version and what the loader said', () => {
    const broken = join(folder, 'broken.node');
    writeFileSync(broken, 'not an ELF file');
    const reason = reasonFor(broken);
    expect(reason).toContain(`${process.platform}-${process.arch}, Node ${process.version}`);
    expect(reason).toContain(`${broken}: `);
    expect(reason).toMatch(/file too short|invalid ELF header|dlopen/);
  });

  it('tells of a missing file', () => {
    expect(reasonFor('/nowhere/forkful.node')).toContain('/nowhere/forkful.node: no such file');
  });

  it('refuses an addon of another version', () => {
    // A CommonJS file stands in for it: createRequire loads either.
    expect(reasonFor(fileURLToPath(new URL('../fixtures/addon-of-another-version.cjs', import.meta.url)))).toContain(
      'its ABI is 999, needed is',
    );
  });
});

describe('arguments', () => {
  it('are checked against the region and named in the error', () => {
    const addon = load();
    expect(() => addon.park(1, 0, Number.NaN)).toThrow();
    const bytes = addon.create(2 ** 30, 2 ** 30);
    expect(() => addon.view(bytes - 1, 2)).toThrow(RangeError);
    expect(() => addon.view(bytes - 1, 2)).toThrow('bytes must be an integer between 0 and 1, got 2');
    expect(() => addon.ownedView(0, 0, 1)).toThrow(RangeError);
    expect(() => addon.ownedView(0, 1, 0)).toThrow('token must be an integer between 1');
    expect(() => addon.unpark(bytes / 4, 1)).toThrow(RangeError);
    expect(() => addon.unpark(-1, 1)).toThrow('word must be an integer between 0 and');
    expect(() => addon.unpark('1' as unknown as number, 1)).toThrow(TypeError);
    expect(() => addon.park(1, 0, -1)).toThrow('timeoutMs must be a finite number >= 0');
    expect(() => addon.lifeClaim(bytes / 4 - 15)).toThrow(RangeError);
    expect(() => addon.punch(1, 4096)).toThrow('multiples of 4096');
    expect(() => addon.kill(-1, 9)).toThrow('pid must be an integer between 1');
    expect(() => addon.detach(new ArrayBuffer(8), Number.MAX_VALUE)).toThrow(RangeError);
    expect(addon.detach(new ArrayBuffer(8), 1)).toBe(false);
    expect(addon.view(bytes, 0).byteLength).toBe(0);
  });
});

describe('system failures', () => {
  it('are SystemErrors with what Node has in its own', () => {
    const addon = load();
    addon.create(2 ** 30, 2 ** 30);
    const failure = { name: 'SystemError', code: 'ECHILD', errno: -10, syscall: 'waitid', message: 'waitid failed: ECHILD' };
    expect(() => addon.waitExit(process.ppid, 5)).toThrow(expect.objectContaining(failure));
    expect(() => addon.namedOpen('forkful-no-such-segment')).toThrow(SystemError);
    expect(() => addon.attach(0, 2 ** 31)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  });
});

describe('named segments', () => {
  it('are created, opened and removed by name', () => {
    const addon = load();
    const name = `forkful-addon-test-${process.pid}`;
    const mine = addon.namedCreate(name, 100, -1);
    const theirs = addon.namedOpen(name);
    new Uint8Array(mine)[99] = 5;
    expect(theirs.byteLength).toBe(100);
    expect(new Uint8Array(theirs)[99]).toBe(5);
    expect(() => addon.namedCreate(name, 100, -1)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(addon.namedIdentity(name)).toBeGreaterThan(0n);
    addon.namedUnlink(name);
    expect(addon.namedIdentity(name)).toBe(0n);
    expect(() => addon.namedOpen(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    const bytes = new Uint8Array(mine);
    addon.namedClose(bytes);
    addon.namedClose(new Uint8Array(8));
    expect([mine.byteLength, bytes[99]]).toEqual(mine instanceof ArrayBuffer ? [0, undefined] : [100, 0]);
    bytes[99] = 6;
    expect(new Uint8Array(theirs)[99]).toBe(5);
  });

  it('have their identity stored in the region when they can be found', () => {
    const addon = load();
    addon.create(2 ** 30, 2 ** 30);
    const name = `forkful-addon-test-${process.pid}`;
    addon.namedCreate(name, 1, 4096 * 6);
    expect(new BigUint64Array(addon.view(4096 * 6, 8))[0]).toBe(addon.namedIdentity(name));
    addon.namedUnlink(name);
    expect(() => addon.namedCreate(name, 1, 4)).toThrow('identityOffset must be a multiple of 8');
  });
});

describe('owned views', () => {
  it('report their token once, when collected, and not when detached', () => {
    const { stdout, stderr } = run('addon-views-released', [], ['--expose-gc']);
    expect(stderr).toBe('');
    const facts = JSON.parse(stdout);
    expect(facts).toMatchObject({ early: null, released: [3, 4, 5], again: null, isMemoryShared: true, last: [1] });
    // A SharedArrayBuffer cannot be detached, nor does it burden one environment's collector.
    expect(facts.detached[0]).toBe(!facts.isShared);
    if (!facts.isShared) {
      expect(facts.detached).toEqual([true, 0, true]);
      expect(facts.before - facts.after).toBeGreaterThan(12 * MiB);
    }
  });
});

describe('environments', () => {
  it.each(['futex', 'semaphore'])('50 Workers load the addon at once and end, rung or terminated while armed [%s]', (parking) => {
    const { status, signal, stdout, stderr } = run('addon-in-workers', ['main'], [], { FORKFUL_PARKING: parking });
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    // tokens are reported to the agent that made them: those of Workers that ended are nobody's any more
    expect(JSON.parse(stdout)).toEqual({ normal: 25, terminated: 25, doors: 1, dead: 50, released: [], mainRings: 0 });
  });

  it('the last Worker may end without the main thread ever having loaded the addon', () => {
    const { status, signal, stdout, stderr } = run('addon-in-workers', ['workers']);
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ normal: 25, terminated: 25 });
  });

  it('an armed doorbell keeps the process only when referenced', () => {
    expect(run('addon-doorbell-unref', ['unref'])).toMatchObject({ status: 0, stdout: '' });
    expect(run('addon-doorbell-unref', ['ref'])).toMatchObject({ status: 0, stdout: 'rung\n' });
  });
});
