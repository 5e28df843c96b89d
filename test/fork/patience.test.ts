/** When a fork server gives up a module that it loads: by looks, however long they take. */
import { expect, test } from 'vitest';
import { patiently } from '../../src/process/fork-server/patience.js';

/** How a load ends after `ends` looks, if it does, that find work as `works` says of each; and how many there were. */
async function load(works: (look: number) => boolean, ends = Number.POSITIVE_INFINITY): Promise<{ loaded: boolean; looks: number }> {
  let looks = 0;
  let end = (): void => {};
  const loading = new Promise<void>((resolve) => {
    end = resolve;
  });
  const look = (): boolean => {
    looks++;
    if (looks === ends) end();
    return works(looks);
  };
  return { loaded: await patiently(loading, look, 1), looks };
}

test('a module that is loaded while nobody looks is loaded', async () => {
  expect(await patiently(Promise.resolve())).toBe(true);
});

test('a module that works is waited for', async () => {
  expect(await load(() => true, 100)).toEqual({ loaded: true, looks: 100 });
});

test('a module for which nothing is done is given up at the tenth look', async () => {
  expect(await load(() => false)).toEqual({ loaded: false, looks: 10 });
});

test('a module is given up at the tenth look that finds no work, with work in between', async () => {
  expect(await load((look) => look % 2 === 0)).toEqual({ loaded: false, looks: 19 });
});

test('a module that works for ever is given up at last', async () => {
  expect(await load(() => true)).toEqual({ loaded: false, looks: 300 });
});

test('a module that fails says so', async () => {
  await expect(patiently(Promise.reject(new RangeError('it')))).rejects.toThrow(RangeError);
});
