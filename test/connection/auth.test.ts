/** The handshake: the bytes that CPython sends, and what is refused. */
import { createHmac } from 'node:crypto';
import { type Connection, connection, Pipe } from 'forkful';
import { afterEach, describe, expect, test } from 'vitest';
import { createAnswer, handshake, refusalOf } from '../../src/connection/auth.js';
import { withWatchdog } from '../helpers/watchdog.js';

const { answerChallenge, deliverChallenge } = connection;
const LIMIT_MS = 60_000;
const random = Uint8Array.from({ length: 40 }, (_, i) => i);
const legacy = random.subarray(0, 20);
const key = Buffer.from('secret');
const bytes = (text: string, more: Uint8Array = Buffer.alloc(0)) => Buffer.concat([Buffer.from(text), more]);

/** Of CPython 3.13: `_create_response(key, b'{digest}' + bytes(range(40)))`, and of a challenge of the 20 bytes alone. */
const ANSWERS = [
  ['', '', 'eee7e8c8fa6d98a59d76c44ce7018548'],
  ['', 'md5', '7b6d64357d53a69d30c85951faa3c8cdad1d7dd275'],
  ['', 'sha256', '7b7368613235367dd18b190a737f779d3125c4a2dfddcebf933e2f2713bc92fbe386ca25df9fd7af'],
  ['secret', '', '7defa9cc46abc3583325d17ccda75190'],
  ['secret', 'md5', '7b6d64357de8928e8cca3ace2d777017168dc6a0b2'],
  ['secret', 'sha256', '7b7368613235367dfc57fbe650d6124b98215e7b5d197d5807ad69982d275a9735ea2d56f1fa6989'],
  ['secret', 'sha384', '7b7368613338347dbae78a3376369f7b803a8473318a9b7062495b47434159ac84fc92ddb33c51b277c44c3edd9a5f9cb7d628f21abe2665'],
  ['secret', 'sha3_256', '7b736861335f3235367d82e8fa62f363295b6655abecf0e98e510224c559e9745af9741c357aec358f90'],
  [
    'secret',
    'sha3_384',
    '7b736861335f3338347dbfbe71d4e622f58ebf6cbe049af4c8fe518645b482915af0940d678c37c0b46dd1a2a448f9ee5141c91bba42b46a7862',
  ],
] as const;

const ends: Connection[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.close();
});

function pipe(): [Connection, Connection] {
  const [a, b] = Pipe();
  ends.push(a, b);
  return [a, b];
}

const soon = <T>(promise: Promise<T>): Promise<T> => withWatchdog(LIMIT_MS, () => 'a handshake', promise);

describe('answers', () => {
  test.each(ANSWERS)("with the key '%s' to a challenge by '%s' are CPython's, and are accepted", (secret, digest, answer) => {
    const challenge = digest === '' ? legacy : bytes(`{${digest}}`, random);
    expect(Buffer.from(createAnswer(Buffer.from(secret), challenge)).toString('hex')).toBe(answer);
    expect(refusalOf(Buffer.from(secret), challenge, Buffer.from(answer, 'hex'))).toBe(undefined);
    expect(refusalOf(Buffer.from('another'), challenge, Buffer.from(answer, 'hex'))?.message).toMatch(/another one/);
  });

  test('of peers before 3.12, HMAC-MD5 over the prefix too, are accepted', () => {
    const challenge = bytes('{sha256}', random);
    const answer = createHmac('md5', key).update(challenge).digest();
    expect(answer).toHaveLength(16);
    expect(refusalOf(key, challenge, answer)).toBe(undefined);
  });

  test.each([
    ['nothing', ''],
    ['one byte too few', ANSWERS[5][2].slice(2)],
    ['one byte too many', `${ANSWERS[5][2]}00`],
    ['another bit', ANSWERS[5][2].replace(/9$/, '8')],
    ['20 bytes', '00'.repeat(20)],
    ['a prefix alone', Buffer.from('{sha256}').toString('hex')],
    ['an unknown digest', Buffer.from('{sha1}aaaaaaaaaaaaaaaaaaaa').toString('hex')],
    ['an inherited name', Buffer.from('{constructor}aaaaaaaaaaaaaaaaaaaa').toString('hex')],
    ['256 bytes', 'ff'.repeat(256)],
  ])('that are %s are refused', (_, answer) => {
    expect(refusalOf(key, bytes('{sha256}', random), Buffer.from(answer, 'hex'))).toMatchObject({ code: 'ERR_FORKFUL_AUTHENTICATION' });
  });

  test.each([
    ['is too short', Buffer.alloc(19)],
    ['has no digest', Buffer.alloc(21)],
    ['has an unknown digest', bytes('{sha512}', random)],
    ['has an open prefix', bytes('{sha256', random)],
  ])('are not given to a challenge that %s', (_, challenge) => {
    expect(() => createAnswer(key, challenge)).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_AUTHENTICATION' }));
  });
});

test('what both ends say is what CPython 3.13 was seen to say', () => {
  const said: string[] = [];
  const [listener, client] = [handshake(key, 'listener'), handshake(key, 'client')];
  let [ours, theirs] = [listener.next(), client.next()];
  // in turns: who wants to send does, and the other one receives
  while (ours.done !== true || theirs.done !== true) {
    if (ours.done !== true && ours.value !== null) {
      said.push(`listener ${shape(ours.value)}`);
      theirs = client.next(ours.value);
      ours = listener.next(Buffer.alloc(0));
    } else if (theirs.done !== true && theirs.value !== null) {
      said.push(`client ${shape(theirs.value)}`);
      ours = listener.next(theirs.value);
      theirs = client.next(Buffer.alloc(0));
    }
  }
  expect(said).toEqual([
    'listener #CHALLENGE#{sha256} + 40',
    'client {sha256} + 32',
    'listener #WELCOME#',
    'client #CHALLENGE#{sha256} + 40',
    'listener {sha256} + 32',
    'client #WELCOME#',
  ]);
});

function shape(message: Uint8Array): string {
  const text = Buffer.from(message).toString('latin1');
  const words = /^(#\w+#)?(\{\w+\})?/.exec(text)?.[0] ?? '';
  return text.length > words.length ? `${words} + ${text.length - words.length}` : words;
}

describe('over any connection', () => {
  test.each(['md5', 'sha256', 'sha384', 'sha3_256', 'sha3_384'] as const)('a challenge by %s is answered', async (digest) => {
    const [a, b] = pipe();
    await soon(Promise.all([deliverChallenge(a, 'k', digest), answerChallenge(b, Buffer.from('k'))]));
  });

  test('another key fails on both ends', async () => {
    const [a, b] = pipe();
    const both = await soon(Promise.allSettled([deliverChallenge(a, 'k'), answerChallenge(b, 'K')]));
    expect(both).toMatchObject([{ reason: { code: 'ERR_FORKFUL_AUTHENTICATION' } }, { reason: { code: 'ERR_FORKFUL_AUTHENTICATION' } }]);
  });

  test('a peer that begins with something else, or says something else in the end, is refused', async () => {
    const [a, b] = pipe();
    await a.sendBytes(Buffer.from('HTTP/1.1 400 Bad Request'));
    await expect(answerChallenge(b, 'k')).rejects.toThrow(/does not begin with a challenge/);
    await a.sendBytes(bytes('#CHALLENGE#', legacy));
    await a.sendBytes(Buffer.from('#WELCOME'));
    await expect(answerChallenge(b, 'k')).rejects.toThrow(/refused our answer/);
  });

  test('a message of more than 256 bytes is not received', async () => {
    const [a, b] = pipe();
    await a.sendBytes(bytes('#CHALLENGE#', Buffer.alloc(246)));
    await expect(answerChallenge(b, 'k')).rejects.toMatchObject({ code: 'ERR_FORKFUL_MESSAGE_TOO_LONG' });
  });

  test('a silent peer costs the timeout, or the signal', async () => {
    const [, b] = pipe();
    await expect(answerChallenge(b, 'k', { timeout: 10 })).rejects.toMatchObject({ code: 'ERR_FORKFUL_TIMEOUT' });
    await expect(answerChallenge(b, 'k', { signal: AbortSignal.abort('why') })).rejects.toBe('why');
  });

  test('keys that are neither bytes nor a string, and unknown digests, are refused, and no key is shown', async () => {
    const [a] = pipe();
    for (const bad of [undefined, null, 7, ['s3cret'], { key: 's3cret' }]) {
      const failure = await deliverChallenge(a, bad as never).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(TypeError);
      expect(String(failure)).not.toContain('s3cret');
    }
    await expect(deliverChallenge(a, 'k', 'sha1' as never)).rejects.toThrow(RangeError);
    await expect(deliverChallenge(a, 'k', 'toString' as never)).rejects.toThrow(RangeError);
  });
});
