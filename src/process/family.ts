/** The processes around this one: itself, its parent, its children. */
import { inspect } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { currentAgent, isDead } from '../arena/agent.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { type ParentFacts, self } from './current.js';
import { livingChildren } from './exit.js';
import { embodied, embody, faceOf, Process } from './process.js';

/** Between two looks at whether the parent is alive. */
const LOOK_MS = 50;

let parent: ParentProcess | undefined;
/** Whom `parent` stands for: a forked child has another parent than the process that it was copied from. */
let knownFacts: ParentFacts | undefined;

/** The object that stands for the running process, or thread: `MainProcess` in the first of a family; in a child the very object whose `run` is called. */
export function currentProcess(): Process {
  const known = embodied();
  if (known !== undefined) return known;
  const main = Object.create(Process.prototype) as Process;
  embody(main, { args: [] });
  return main;
}

/** Who started this process; null in the main process. */
export function parentProcess(): ParentProcess | null {
  const facts = self().parent;
  if (facts === null) return null;
  if (parent === undefined || knownFacts !== facts) parent = new ParentProcess(facts);
  knownFacts = facts;
  return parent;
}

/** The living children that this process, or thread, has started, in the order of their start; a new array. */
export function activeChildren(): Process[] {
  return livingChildren().map(faceOf);
}

/** The parent, as its child sees it: it can be watched, not ended. Its death is noticed however it comes. */
export class ParentProcess {
  readonly #facts: ParentFacts;

  constructor(facts: ParentFacts) {
    this.#facts = facts;
  }

  get name(): string {
    return this.#facts.name;
  }

  get pid(): number {
    return this.#facts.pid;
  }

  get ident(): number {
    return this.#facts.pid;
  }

  isAlive(): boolean {
    return !isDead(currentAgent().region.words, this.#facts.agent);
  }

  /** Resolves true when the parent has ended, false after `timeout` milliseconds. */
  async join(options?: WaitOptions): Promise<boolean> {
    const deadline = deadlineOf(options);
    while (this.isAlive()) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await sleep(Math.min(leftMs, LOOK_MS));
      options?.signal?.throwIfAborted();
    }
    return true;
  }

  /** As `join`, but blocks the thread. */
  joinSync(options?: WaitOptions): boolean {
    const deadline = deadlineOf(options);
    const never = new Int32Array(new SharedArrayBuffer(4));
    while (this.isAlive()) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      Atomics.wait(never, 0, 0, Math.min(leftMs, LOOK_MS));
    }
    return true;
  }

  [inspect.custom](): string {
    return `<ParentProcess name='${this.name}' pid=${this.pid} ${this.isAlive() ? 'started' : 'stopped'}>`;
  }
}
