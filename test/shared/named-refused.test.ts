/** What has a name, on the JS backend: other programs could not find it there. */
import { ShareableList, SharedMemory } from 'forkful';
import { expect, test } from 'vitest';
import { backend } from '../helpers/backends.js';
import { skipIf } from '../helpers/examples.js';

const options = skipIf(backend === 'js' ? undefined : 'about the JS backend');

test.each([
  ['a new SharedMemory', () => new SharedMemory({ create: true, size: 1 })],
  ['an attached SharedMemory', () => new SharedMemory({ name: 'x' })],
  ['unlinking', () => SharedMemory.unlink('x')],
  ['a new ShareableList', () => new ShareableList([1])],
  ['an attached ShareableList', () => new ShareableList({ name: 'x' })],
] as const)('%s is refused on the JS backend, after bad arguments', options, (_what, call) => {
  expect(call).toThrow(
    expect.objectContaining({
      name: 'StateError',
      code: 'ERR_FORKFUL_BACKEND',
      message: expect.stringContaining('Memory that has a name needs the native backend'),
    }),
  );
  expect(() => new SharedMemory({ create: true, size: 0 })).toThrow(RangeError);
});
