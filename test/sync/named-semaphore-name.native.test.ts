/** How a NamedSemaphore is found, made and removed by its name. */
import { readdirSync, statSync } from 'node:fs';
import { inspect } from 'node:util';
import { getContext, NamedSemaphore, type NamedSemaphoreOptions } from 'forkful';
import { describe, expect, it } from 'vitest';
import { resultOf } from '../helpers/fork-cases.js';
import { bareName, freshName, make, removeAfterTest } from '../helpers/semaphores.js';

const FIXTURE = 'sync/named-semaphore.mjs';
const MOST = 2 ** 31 - 1;

describe('the name of a NamedSemaphore', () => {
  it('has its slash, given or not', () => {
    const semaphore = make(4);
    const other = new NamedSemaphore(bareName(semaphore));
    expect([semaphore.name, other.name]).toEqual([`/${bareName(semaphore)}`, semaphore.name]);
    expect(other.value).toBe(4);
    other.close();
  });

  it.each(['', '/', '.', '/..', 'a/b', '//a', 'a/', 'nul\0'])('is not %j', (name) => {
    expect(() => new NamedSemaphore(name)).toThrow(expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }));
    expect(() => new NamedSemaphore(name)).toThrow(
      `name must be one path component like '/my-semaphore', without zeros, got ${inspect(name)}`,
    );
    expect(() => NamedSemaphore.unlink(name)).toThrow(RangeError);
  });

  it.each([undefined, null, 5, {}])('is a string, not %j', (name) => {
    expect(() => new NamedSemaphore(name as unknown as string)).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
        message: expect.stringContaining('name must be a string'),
      }),
    );
  });

  it('has 251 bytes at most, whatever the number of characters', () => {
    const prefix = freshName().padEnd(51, '-');
    const longest = prefix + 'é'.repeat(100);
    expect(Buffer.byteLength(longest)).toBe(251);
    const semaphore = new NamedSemaphore(`/${longest}`, { create: true });
    semaphore.unlink();
    semaphore.close();
    expect(() => new NamedSemaphore(`${longest}x`, { create: true })).toThrow('name must be at most 251 bytes long without its slash');
  });
});

describe('opening a NamedSemaphore', () => {
  it('that is not there is an error that says what to do', () => {
    const name = freshName();
    expect(() => new NamedSemaphore(name)).toThrow(
      expect.objectContaining({
        name: 'SystemError',
        code: 'ENOENT',
        errno: -2,
        syscall: 'sem_open',
        message: `Cannot open the semaphore /${name}: there is none of that name. Create it first: { create: true }`,
      }),
    );
  });

  it('makes it where there is none, with one permit, for this user only', () => {
    const name = freshName();
    const semaphore = removeAfterTest(new NamedSemaphore(name, { create: true }));
    expect(semaphore.value).toBe(1);
    expect(statSync(`/dev/shm/sem.${name}`).mode & 0o777).toBe(0o600);
  });

  it('gives a new one the mode asked for, less the umask', () => {
    const semaphore = make(0, { mode: 0o666 });
    expect(statSync(`/dev/shm/sem.${bareName(semaphore)}`).mode & 0o777).toBe(0o666 & ~process.umask());
  });

  it('leaves the value of one that is there as it is', () => {
    const semaphore = make(3);
    const other = new NamedSemaphore(semaphore.name, { create: true, value: 9 });
    expect(other.value).toBe(3);
    other.close();
  });

  it('refuses one that is there with exclusive', () => {
    const semaphore = make(3);
    expect(() => new NamedSemaphore(semaphore.name, { create: true, exclusive: true })).toThrow(
      expect.objectContaining({ code: 'EEXIST', syscall: 'sem_open', message: expect.stringContaining(semaphore.name) }),
    );
  });

  it.each([
    [{ value: -1, create: true }, RangeError, 'value must be an integer between 0 and 2147483647, got -1'],
    [{ value: MOST + 1, create: true }, RangeError, 'value must be'],
    [{ value: 1.5, create: true }, RangeError, 'value must be'],
    [{ value: '1', create: true }, TypeError, 'value must be'],
    [{ mode: 0o1000, create: true }, RangeError, 'mode must be an integer between 0 and 511, got 512'],
    [{ create: 1 }, TypeError, 'create must be a boolean, got 1 (number)'],
    [{ exclusive: 'yes', create: true }, TypeError, 'exclusive must be a boolean'],
    [{ value: 1 }, TypeError, 'value must be given together with create: true only, got 1 (number)'],
    [{ mode: 0o600 }, TypeError, 'mode must be given together with create: true only'],
    [{ exclusive: true }, TypeError, 'exclusive must be given together with create: true only'],
    [{ initial: 1 }, TypeError, 'options must be an object with no keys but create, value, exclusive, mode'],
    [null, TypeError, 'options must be an object'],
  ])('with the options %j is refused', (options, type, message) => {
    const name = freshName();
    expect(() => new NamedSemaphore(name, options as NamedSemaphoreOptions)).toThrow(type);
    expect(() => new NamedSemaphore(name, options as NamedSemaphoreOptions)).toThrow(message);
    expect(readdirSync('/dev/shm')).not.toContain(`sem.${name}`);
  });

  it('takes the largest value there is', () => {
    expect(make(MOST).value).toBe(MOST);
  });

  it('is refused on the JS backend, with the reason', async () => {
    const env = { FORKFUL_BACKEND: 'js' };
    expect(await resultOf(FIXTURE, ['refused', freshName()], { env })).toEqual({
      name: 'StateError',
      code: 'ERR_FORKFUL_BACKEND',
      message: 'A NamedSemaphore needs the native backend, which is not in use: FORKFUL_BACKEND=js asks for it',
    });
  });

  it('is the same in every context', () => {
    expect(getContext('spawn').NamedSemaphore).toBe(NamedSemaphore);
  });
});

describe('unlinking a NamedSemaphore', () => {
  it('removes the name once, and leaves the semaphore to those who have it', () => {
    const semaphore = make(0);
    const other = new NamedSemaphore(semaphore.name);
    semaphore.unlink();
    const gone = { code: 'ENOENT', syscall: 'sem_unlink', message: expect.stringContaining(semaphore.name) };
    expect(() => semaphore.unlink()).toThrow(expect.objectContaining(gone));
    expect(() => NamedSemaphore.unlink(semaphore.name)).toThrow(expect.objectContaining(gone));
    semaphore.release();
    expect(other.tryAcquire()).toBe(true);
    other.close();
    const next = new NamedSemaphore(semaphore.name, { create: true, value: 7 });
    expect([next.value, semaphore.value]).toEqual([7, 0]);
    next.close();
  });

  it('can be done by the name alone, and after closing', () => {
    const [one, other] = [make(0), make(0)];
    NamedSemaphore.unlink(bareName(one));
    other.close();
    other.unlink();
    expect(readdirSync('/dev/shm')).not.toEqual(expect.arrayContaining([`sem.${bareName(one)}`, `sem.${bareName(other)}`]));
  });
});

describe('inspecting a NamedSemaphore', () => {
  it('shows name and value, and whether it is closed', () => {
    const semaphore = make(3);
    expect(inspect(semaphore)).toBe(`<NamedSemaphore name=${semaphore.name} value=3>`);
    semaphore.close();
    expect(inspect(semaphore)).toBe(`<NamedSemaphore name=${semaphore.name} closed>`);
  });
});
