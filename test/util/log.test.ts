/** The logger by itself: levels, messages, the channel. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getContext, getLogger, type LogLevel, type LogRecord, logLevels, logToStderr, SUBDEBUG, SUBWARNING } from 'forkful';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { logSettings } from '../../src/util/log.js';

const logger = getLogger();
let seen: LogRecord[] = [];
const see = (record: unknown) => void seen.push(record as LogRecord);

beforeEach(() => subscribe('forkful:log', see));
afterEach(() => {
  unsubscribe('forkful:log', see);
  seen = [];
  logger.level = 'NOTSET';
});

const messages = () => seen.map(({ levelName, message }) => `${levelName} ${message}`);

test('there is one logger, also in contexts', () => {
  expect(getLogger()).toBe(logger);
  expect(getContext('thread').getLogger()).toBe(logger);
});

test('an unset level is WARNING in force', () => {
  expect([logger.level, logger.getEffectiveLevel()]).toEqual([0, 30]);
  logger.info('dropped');
  logger.log(29, 'dropped');
  logger.warning('seen');
  expect(messages()).toEqual(['WARNING seen']);
});

test('levels are numbers or names', () => {
  expect(logLevels).toMatchObject({ SUBDEBUG: 5, DEBUG: 10, INFO: 20, SUBWARNING: 25, WARNING: 30, ERROR: 40, CRITICAL: 50 });
  expect([SUBDEBUG, SUBWARNING]).toEqual([5, 25]);
  for (const level of ['INFO', 20] as const) {
    logger.setLevel('NOTSET');
    logger.setLevel(level);
    expect([logger.level, logger.getEffectiveLevel()]).toEqual([20, 20]);
    expect([logger.isEnabledFor('DEBUG'), logger.isEnabledFor(level), logger.isEnabledFor(25)]).toEqual([false, true, true]);
  }
  logger.level = 'SUBDEBUG';
  expect(logger.level).toBe(SUBDEBUG);
});

test('each method has its level', () => {
  logger.level = 1;
  logger.subDebug('a');
  logger.debug('b');
  logger.info('c');
  logger.subWarning('d');
  logger.warning('e');
  logger.error('f');
  logger.critical('g');
  logger.log('WARN', 'h');
  logger.log('FATAL', 'i');
  logger.log(22, 'j');
  expect(messages()).toEqual([
    ...['SUBDEBUG a', 'DEBUG b', 'INFO c', 'SUBWARNING d', 'WARNING e', 'ERROR f', 'CRITICAL g'],
    ...['WARNING h', 'CRITICAL i', 'Level 22 j'],
  ]);
});

test('messages are filled in as by util.format', () => {
  logger.error('%s has %d of %j', 'Ada', 3, { a: 1 }, 'more');
  logger.error('100%% of %s');
  logger.error({ a: [1] });
  expect(seen.map(({ message }) => message)).toEqual(['Ada has 3 of {"a":1} more', '100%% of %s', '{ a: [ 1 ] }']);
});

test('a record says who, when, and how grave', () => {
  const before = Date.now();
  logger.error('it broke');
  expect(seen).toEqual([
    { level: 40, levelName: 'ERROR', processName: 'MainProcess', pid: process.pid, message: 'it broke', time: expect.any(Number) },
  ]);
  expect(seen[0]?.time).toBeGreaterThanOrEqual(before);
});

test('what is dropped, or heard by nobody, is not formatted', () => {
  const costly = {
    toString: () => {
      throw new Error('formatted');
    },
  };
  logger.debug('%s', costly);
  unsubscribe('forkful:log', see);
  logger.error('%s', costly);
  subscribe('forkful:log', see);
  expect(() => logger.error('%s', costly)).toThrow('formatted');
});

test.each([
  ['LOUD', RangeError, /^level must be a whole number from 0 on, or one of NOTSET, SUBDEBUG, .*, got 'LOUD' \(string\)$/],
  ['toString', RangeError, /got 'toString'/],
  ['info', RangeError, /got 'info'/],
  [-1, RangeError, /got -1/],
  [1.5, RangeError, /got 1\.5/],
  [Number.NaN, RangeError, /got NaN/],
  [null, TypeError, /^level must be .*, got null$/],
  [10n, TypeError, /got 10n/],
])('level %s is refused', (bad, kind, message) => {
  const level = bad as LogLevel;
  const uses = [
    () => logger.setLevel(level),
    () => {
      logger.level = level;
    },
    () => logger.log(level, 'x'),
    () => logger.isEnabledFor(level),
    () => logToStderr(level),
  ];
  for (const use of uses) {
    expect(use).toThrow(kind);
    expect(use).toThrow(message);
  }
  expect(logSettings()).toEqual({ level: 0, toStderr: false });
  expect(seen).toEqual([]);
});
