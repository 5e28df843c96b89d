/** A handshake's time, on a clock of the test's. */
import { expect, test } from 'vitest';
import { handshake } from '../../src/connection/auth.js';
import { FrameReader, FrameWriter } from '../../src/connection/framing.js';
import { Handshaking } from '../../src/connection/handshaking.js';
import type { StreamSocket } from '../../src/platform/platform.js';

const key = Buffer.from('secret');
const MESSAGE_MS = 100;

/** One direction. */
class Bytes {
  readonly #waiting: number[] = [];

  readonly write = (bytes: Uint8Array, start: number, end: number): number => {
    this.#waiting.push(...bytes.subarray(start, end));
    return end - start;
  };

  readonly read = (bytes: Uint8Array, start: number, end: number): number => {
    const taken = this.#waiting.splice(0, end - start);
    bytes.set(taken, start);
    return taken.length === 0 ? -1 : taken.length;
  };
}

/** A listener's end, and a peer that knows the key and does one step at a time. */
function pair() {
  const [to, from] = [new Bytes(), new Bytes()];
  const peer = new Handshaking({ read: from.read, write: to.write } as unknown as StreamSocket, key, 0, MESSAGE_MS);
  const steps = handshake(key, 'client');
  const reader = new FrameReader();
  let step = steps.next();
  /** Takes what has come, and sends the next message. */
  const answer = (write = from.write): void => {
    while (step.done !== true && step.value === null) {
      const message = reader.take(to.read, 256, () => expect.fail('too long'));
      if (message === null) throw new Error('nothing came');
      step = steps.next(message);
    }
    if (step.done === true || step.value === null) return;
    new FrameWriter(step.value).push(write);
    step = steps.next(Buffer.alloc(0));
  };
  return { peer, from, answer };
}

test('who answered while the listener was away longer than its time is given time for the next message', () => {
  const { peer, answer } = pair();
  expect(peer.advance(0)).toBe(false);
  answer();
  expect(peer.advance(5000)).toBe(false);
  answer();
  expect(peer.advance(10_000)).toBe(false);
  answer();
  expect(peer.advance(15_000)).toBe(true);
});

test('who is silent, or sends a message in pieces, has the time of one message', () => {
  const { peer, from, answer } = pair();
  expect(peer.advance(0)).toBe(false);
  answer();
  expect(peer.advance(50)).toBe(false);
  from.write(Buffer.of(0), 0, 1);
  expect(peer.advance(149)).toBe(false);
  expect(peer.deadline).toBe(150);
  from.write(Buffer.of(0), 0, 1);
  expect(() => peer.advance(150)).toThrow('The peer did not answer in time');
});
