/** Waiting for several objects at once. As Python's `multiprocessing.connection.wait`. */
import { currentWaiting, type Deadline, type SyncWait } from '../arena/waiting.js';
import { typeError } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { isWaitable, objectOfNumber, type Waitable, type Watch, waitable } from '../util/waitable.js';

/** What can be waited for: connections, queues, listeners, processes, and the numbers that `process.sentinel` gives. */
export type WaitableObject = Waitable | number;

/** A blocked thread hears nothing of what its event loop is told. */
const BLIND_MS = 20;
/** The longest single sleep that is asked of an object. */
const LONGEST_PARK_MS = 1000;

/**
 * Resolves to those of the objects that are ready, in the order given, as soon as there is one; to none when `timeout` milliseconds are over, or at once
 * if there are no objects. Ready is a connection with a message or its end, a queue with an item or closed, a process that has ended, a listener
 * that a client has connected to. Nothing is taken, so somebody else may be quicker than who is told.
 * Rejects with the signal's reason; ClosedError, StateError when an object is, or is meanwhile, closed here; TypeError.
 * @example
 * for (const ready of await wait([connection, child.sentinel], { timeout: 1000 })) ...
 */
export async function wait<T extends WaitableObject>(objects: Iterable<T>, options?: WaitOptions): Promise<T[]> {
  const deadline = deadlineOf(options);
  const round = new Round(objects);
  try {
    const ready = round.ready();
    if (ready.length > 0 || round.isEmpty || deadline <= performance.now()) return ready;
    return await untilReady(round, deadline, options?.signal);
  } finally {
    round.end();
  }
}

/**
 * The blocking twin of `wait`. The thread sleeps where its agent is rung, so for connections and queues it is woken as promptly as one that waits for a single one;
 * for what only an event loop is told of (the end of a process, sockets), among several objects, it looks every 20 ms.
 */
export function waitSync<T extends WaitableObject>(objects: Iterable<T>, options?: WaitOptions): T[] {
  const deadline = deadlineOf(options);
  const round = new Round(objects);
  try {
    const ready = round.ready();
    if (ready.length > 0 || round.isEmpty || deadline <= performance.now()) return ready;
    return blockUntilReady(round, deadline);
  } finally {
    round.end();
  }
}

/** One call of `wait`. */
class Round<T extends WaitableObject> {
  readonly #objects: T[];
  /** Each object once. */
  readonly #watches = new Map<T, Watch>();

  constructor(objects: Iterable<T>) {
    if (typeof objects !== 'object' || objects === null || typeof objects[Symbol.iterator] !== 'function')
      throw typeError('objects', 'an array, or another iterable', objects);
    this.#objects = [...objects];
    try {
      for (const [index, object] of this.#objects.entries()) {
        if (!this.#watches.has(object)) this.#watches.set(object, beginWatch(object, index));
      }
    } catch (error) {
      this.end();
      throw error;
    }
  }

  get isEmpty(): boolean {
    return this.#objects.length === 0;
  }

  get watches(): Iterable<Watch> {
    return this.#watches.values();
  }

  ready(): T[] {
    return this.#objects.filter((object) => (this.#watches.get(object) as Watch).isReady());
  }

  end(): void {
    for (const watch of this.#watches.values()) watch.end?.();
  }
}

function beginWatch(object: WaitableObject, index: number): Watch {
  const found = typeof object === 'number' ? objectOfNumber(object) : object;
  if (isWaitable(found)) return found[waitable]();
  throw typeError(
    `objects[${index}]`,
    'a Connection, queue, Process or Listener, or the sentinel of a process that this thread has started',
    object,
  );
}

/** Resolves to the ready ones, those of the very moment: who is told a moment later may find that somebody else was quicker. */
function untilReady<T extends WaitableObject>(round: Round<T>, deadline: Deadline, signal: AbortSignal | undefined): Promise<T[]> {
  const waiting = currentWaiting();
  return new Promise((resolve, reject) => {
    const stops: (() => void)[] = [];
    let isOver = false;
    const finish = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      settle();
      for (const stop of stops) stop();
    };
    /** Begins something that may be over before it has begun. */
    const begin = (start: () => () => void): void => {
      if (isOver) return;
      const stop = start();
      if (isOver) stop();
      else stops.push(stop);
    };
    const fail = (reason: unknown): void => finish(() => reject(reason));
    const look = (isTimeUp: boolean): void => {
      const ready = round.ready();
      if (ready.length > 0 || isTimeUp) finish(() => resolve(ready));
    };
    const orFail = (work: () => void): void => {
      if (isOver) return;
      try {
        work();
      } catch (error) {
        fail(error);
      }
    };
    for (const watch of round.watches) {
      // looks at all objects only when its own is ready: there may be many
      const onTold = (): void => orFail(() => watch.isReady() && look(false));
      for (const events of watch.events ?? []) begin(() => waiting.watch(events, onTold, fail, watch));
      if (watch.subscribe !== undefined) {
        begin(() => (watch.subscribe as (onChange: () => void) => () => void)(onTold));
        onTold(); // it may have happened before there was anybody to tell
      }
    }
    if (deadline !== Number.POSITIVE_INFINITY) begin(() => startTimer(deadline, () => orFail(() => look(true))));
    if (signal !== undefined) begin(() => onAbort(signal, () => fail(signal.reason)));
  });
}

function blockUntilReady<T extends WaitableObject>(round: Round<T>, deadline: Deadline): T[] {
  const watches = [...round.watches];
  const [only] = watches;
  if (watches.length === 1 && only?.park !== undefined) {
    for (let leftMs = deadline - performance.now(); leftMs > 0 && !only.isReady(); leftMs = deadline - performance.now())
      only.park(Math.min(leftMs, LONGEST_PARK_MS));
    return round.ready();
  }
  const options: SyncWait = {
    get sliceMs() {
      return Math.min(
        ...watches.map(({ events, sliceMs = LONGEST_PARK_MS, blindMs = BLIND_MS }) => (events === undefined ? blindMs : sliceMs)),
      );
    },
    agent: () => watches.map((watch) => watch.agent?.() ?? 0).find((id) => id !== 0) ?? 0,
  };
  const all = new Set(watches.flatMap(({ events = [] }) => events));
  let ready: T[] = [];
  const look = (): boolean => {
    ready = round.ready();
    return ready.length > 0;
  };
  currentWaiting().waitAnySync([...all], look, deadline, options);
  return ready;
}

/** Rounded up, and in pieces: timers end early by less than a millisecond, and hold 31 bits. */
function startTimer(deadline: Deadline, onTime: () => void): () => void {
  let timer: NodeJS.Timeout;
  const start = (): void => {
    const leftMs = Math.max(0, Math.min(Math.ceil(deadline - performance.now()), 2 ** 30));
    timer = setTimeout(() => (performance.now() < deadline ? start() : onTime()), leftMs);
  };
  start();
  return () => clearTimeout(timer);
}

function onAbort(signal: AbortSignal, listener: () => void): () => void {
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
