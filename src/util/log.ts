/**
 * The log of this library, and of programs that want to write to it: one logger per thread. As that of Python's `multiprocessing`; instead of
 * handlers there is a diagnostics channel, to which a program can connect whatever it logs by.
 *
 * A record under the logger's level costs a comparison; one that nobody listens to is not formatted.
 */
import { channel } from 'node:diagnostics_channel';
import { format } from 'node:util';
import { rangeError, typeError } from './validate.js';
import { STDERR, writeFully } from './write.js';

/** Chattier than DEBUG. */
export const SUBDEBUG = 5;
const DEBUG = 10;
const INFO = 20;
/** Between INFO and WARNING: something is odd, and dealt with. */
export const SUBWARNING = 25;
const WARNING = 30;
const ERROR = 40;
const CRITICAL = 50;

/** The levels that have names, Python's; `WARN` and `FATAL` are other names for `WARNING` and `CRITICAL`. */
export const logLevels = Object.freeze({
  NOTSET: 0,
  SUBDEBUG,
  DEBUG,
  INFO,
  SUBWARNING,
  WARNING,
  WARN: WARNING,
  ERROR,
  CRITICAL,
  FATAL: CRITICAL,
});

export type LogLevelName = keyof typeof logLevels;

/** A whole number from 0 on, or the name of one. */
export type LogLevel = number | LogLevelName;

/** What is published on the channel `forkful:log`. */
export interface LogRecord {
  readonly level: number;
  /** `Level 22` for a level without a name. */
  readonly levelName: string;
  readonly processName: string;
  readonly pid: number;
  /** With its arguments filled in. */
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** What a child takes over from its parent. */
export interface LogSettings {
  readonly level: number;
  readonly toStderr: boolean;
}

/** In force while the level is not set. */
const DEFAULT_LEVEL = WARNING;

const records = channel('forkful:log');
/** The first name that a level has. */
const names = new Map<number, string>();
for (const [name, level] of Object.entries(logLevels)) if (!names.has(level)) names.set(level, name);

let processName = (): string => 'MainProcess';
let printsToStderr = false;

/** The log of one thread. Messages are filled in as `util.format` does it: `logger.info('%d of %d', 1, 2)`. */
export class Logger {
  #level = 0;

  /** 0 while it is not set. */
  get level(): number {
    return this.#level;
  }

  /** Records of lower levels are dropped; 0 or `'NOTSET'`: those under WARNING. @throws TypeError, RangeError */
  set level(level: LogLevel) {
    this.#level = levelOf(level);
  }

  setLevel(level: LogLevel): void {
    this.level = level;
  }

  /** The level that is in force: WARNING while none is set. */
  getEffectiveLevel(): number {
    return this.#level || DEFAULT_LEVEL;
  }

  /** Whether a record of this level is not dropped. @throws TypeError, RangeError */
  isEnabledFor(level: LogLevel): boolean {
    return levelOf(level) >= this.getEffectiveLevel();
  }

  /** @throws TypeError, RangeError for a bad level, whether it is in force or not */
  log(level: LogLevel, message: unknown, ...args: unknown[]): void {
    this.#log(levelOf(level), message, args);
  }

  subDebug(message: unknown, ...args: unknown[]): void {
    this.#log(SUBDEBUG, message, args);
  }

  debug(message: unknown, ...args: unknown[]): void {
    this.#log(DEBUG, message, args);
  }

  info(message: unknown, ...args: unknown[]): void {
    this.#log(INFO, message, args);
  }

  subWarning(message: unknown, ...args: unknown[]): void {
    this.#log(SUBWARNING, message, args);
  }

  warning(message: unknown, ...args: unknown[]): void {
    this.#log(WARNING, message, args);
  }

  error(message: unknown, ...args: unknown[]): void {
    this.#log(ERROR, message, args);
  }

  critical(message: unknown, ...args: unknown[]): void {
    this.#log(CRITICAL, message, args);
  }

  #log(level: number, message: unknown, args: readonly unknown[]): void {
    if (level < this.getEffectiveLevel() || !(printsToStderr || records.hasSubscribers)) return;
    const record: LogRecord = {
      level,
      levelName: names.get(level) ?? `Level ${level}`,
      processName: processName(),
      pid: process.pid,
      message: format(message, ...args),
      time: Date.now(),
    };
    if (printsToStderr) print(record);
    records.publish(record);
  }
}

const logger = new Logger();

/** The one logger of this thread. Prints nothing by itself: see `logToStderr`, and the diagnostics channel `forkful:log`. */
export function getLogger(): Logger {
  return logger;
}

/**
 * From now on the logger of this thread prints `[INFO/MainProcess] message` on stderr, and so do those of the children that are started later. A second
 * call changes no more than the level. @throws TypeError, RangeError for a bad level; then nothing is changed
 */
export function logToStderr(level?: LogLevel): Logger {
  if (level !== undefined) logger.level = level;
  printsToStderr = true;
  return logger;
}

/** Where the records' `processName` comes from. */
export function nameLoggerBy(nameOf: () => string): void {
  processName = nameOf;
}

export function logSettings(): LogSettings {
  return { level: logger.level, toStderr: printsToStderr };
}

/** In a child, what its parent had when it was started. */
export function applyLogSettings({ level, toStderr }: LogSettings): void {
  logger.level = level;
  printsToStderr = toStderr;
}

/** At once, since the process may end before a stream is written; in one piece, so that lines of several processes do not mix. */
function print({ levelName, processName, message }: LogRecord): void {
  try {
    writeFully(STDERR, Buffer.from(`[${levelName}/${processName}] ${message}\n`));
  } catch {
    // nobody reads it
  }
}

function levelOf(level: LogLevel): number {
  if (typeof level === 'number' && Number.isInteger(level) && level >= 0) return level;
  if (typeof level === 'string' && Object.hasOwn(logLevels, level)) return logLevels[level];
  const expected = `a whole number from 0 on, or one of ${Object.keys(logLevels).join(', ')}`;
  throw typeof level === 'number' || typeof level === 'string' ? rangeError('level', expected, level) : typeError('level', expected, level);
}
