/**
 * The function that a Barrier runs before it opens. It runs in whichever process comes last; so when the barrier is first sent, the export that it is gets
 * looked for and written down beside the barrier, and a process that receives the barrier imports it. Whoever starts a child waits for the one, and the
 * child for the other, before its target runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { currentAgent, isDead } from '../arena/agent.js';
import type { Deadline } from '../arena/waiting.js';
import { StateError } from '../errors.js';
import { addAnnex, ANNEX_WORDS, annexAt } from '../memory/annex.js';
import { holdForWait, letGoAfterWait } from '../memory/handle.js';

export type Action = () => unknown;

/** How a function is named for other processes, and found there. */
export interface FunctionCarrier {
  name(fn: Action): Promise<object>;
  load(ref: object): Promise<unknown>;
}

/** State word: none; one that only the process that made the barrier knows; being looked for; written down; not to be found. */
const NONE = 0;
const LOCAL = 1;
const BEING_NAMED = 2;
const NAMED = 3;
const NAMELESS = 4;
/** The word behind the state: the agent that looks for the name. */
const NAMER = 1;
/** How often one who received the barrier looks whether the sender has found the name. */
const LOOK_MS = 5;

let carrier: FunctionCarrier | undefined;
/** Functions being imported. */
const imports = new Set<Promise<unknown>>();
/** Names that the message being encoded needs. */
let needed: Set<Promise<unknown>> | undefined;

/** Functions are the business of a layer further down, which registers here. */
export function carryFunctions(functions: FunctionCarrier): void {
  carrier = functions;
}

/**
 * Encodes a message by `encode`. `named` resolves when the actions of all barriers in it have names, and rejects with what is wrong with one: not with what is
 * wrong with those of other messages.
 */
export function namingActions<T>(encode: () => T): { readonly encoded: T; readonly named: Promise<unknown> } {
  const names = new Set<Promise<unknown>>();
  const outer = needed;
  needed = names;
  try {
    const encoded = encode();
    const named = Promise.all(names);
    named.catch(() => {}); // whoever gets it may be late to look
    return { encoded, named };
  } finally {
    needed = outer;
  }
}

/** Resolves when the actions of all barriers received so far are imported. @throws what was wrong with one */
export async function actionsImported(): Promise<void> {
  while (imports.size > 0) await Promise.all(imports);
}

/** The action of one barrier, in this agent. */
export class BarrierAction {
  readonly #block: number;
  readonly #state: number;
  readonly #directory: number;
  #run: Action | undefined;
  /** By which agent: in a forked child it is its parent's, and never settles there. */
  #naming: { readonly by: number; readonly done: Promise<void> } | undefined;
  #loading: Promise<void> | undefined;

  /** `block`: offset of the barrier's. The other two are words in it: of the state, with one behind it, and of the directory. */
  constructor(block: number, state: number, directory: number, action: Action | undefined) {
    this.#block = block;
    this.#state = state;
    this.#directory = directory;
    this.#run = action;
    if (action !== undefined) Atomics.store(currentAgent().region.words, state, LOCAL);
    else if (this.#stateNow() === NAMED) void this.#load();
  }

  get exists(): boolean {
    return this.#stateNow() !== NONE;
  }

  /**
   * The function, imported if need be; undefined when the time is over, or the signal aborted, while another one looks for its name still.
   * @throws StateError (ERR_FORKFUL_ACTION) when this process cannot have it
   */
  async get(deadline: Deadline, signal: AbortSignal | undefined): Promise<Action | undefined> {
    while (this.#run === undefined && this.#isBeingNamed()) {
      if (signal?.aborted || deadline <= performance.now()) return undefined;
      await sleep(LOOK_MS);
    }
    if (this.#run === undefined && this.#stateNow() === NAMED) await this.#load();
    return this.getNow();
  }

  /** The function. @throws as `get`, and when it is being imported */
  getNow(): Action {
    if (this.#run !== undefined) return this.#run;
    throw new StateError('ERR_FORKFUL_ACTION', `Cannot run the barrier's action in this process: ${this.#whyNot()}`);
  }

  /** The barrier is being sent. An action that was found nowhere is looked for again: a module that was loaded meanwhile may export it. */
  name(): void {
    const action = this.#run;
    const state = this.#stateNow();
    if (action === undefined || carrier === undefined) return;
    const by = currentAgent().id;
    if (state === LOCAL || state === NAMELESS) this.#naming = { by, done: this.#findName(action, carrier) };
    if (this.#naming?.by === by) needed?.add(this.#naming.done);
  }

  #findName(action: Action, { name }: FunctionCarrier): Promise<void> {
    const { words } = currentAgent().region;
    Atomics.store(words, this.#state + NAMER, currentAgent().id);
    Atomics.store(words, this.#state, BEING_NAMED);
    holdForWait(this.#block); // it may be disposed of meanwhile
    const naming = name(action)
      .then(
        (ref) => {
          this.#write(JSON.stringify(ref));
          Atomics.store(words, this.#state, NAMED);
        },
        (error: unknown) => {
          Atomics.store(words, this.#state, NAMELESS);
          throw error;
        },
      )
      .finally(() => letGoAfterWait(this.#block));
    naming.catch(() => {}); // of a message that nobody waits for: whoever would have to run it is told
    return naming;
  }

  #load(): Promise<void> {
    if (carrier === undefined) return Promise.resolve();
    const { load } = carrier;
    this.#loading ??= trackImport(
      load(JSON.parse(this.#read()) as object).then((found) => {
        this.#run = found as Action;
      }),
    );
    return this.#loading;
  }

  #stateNow(): number {
    return Atomics.load(currentAgent().region.words, this.#state);
  }

  /** However long that takes whoever does it, as long as that one lives. */
  #isBeingNamed(): boolean {
    const { words } = currentAgent().region;
    return this.#stateNow() === BEING_NAMED && !isDead(words, Atomics.load(words, this.#state + NAMER));
  }

  #whyNot(): string {
    if (this.#stateNow() === NAMED || this.#isBeingNamed())
      return 'it is still being imported. Use wait(), which waits for that, or pass the barrier as an argument of the process';
    return 'no module exports it. Export the function that is the action, or let the process that made the barrier, or a fork of it, come last';
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    if (bytes.length + 4 > ANNEX_WORDS * 4)
      throw new StateError('ERR_FORKFUL_ACTION', `The name of the barrier's action is too long: ${text}`);
    const at = addAnnex(this.#directory);
    const { words } = currentAgent().region;
    words[at] = bytes.length;
    new Uint8Array(words.buffer, words.byteOffset).set(bytes, (at + 1) * 4);
  }

  #read(): string {
    const { words } = currentAgent().region;
    const at = annexAt(this.#directory, 0);
    // a copy: a TextDecoder refuses shared memory
    return Buffer.from(new Uint8Array(words.buffer, words.byteOffset + (at + 1) * 4, words[at]).slice()).toString();
  }
}

function trackImport(promise: Promise<void>): Promise<void> {
  imports.add(promise);
  const done = (): void => void imports.delete(promise);
  promise.then(done, done);
  return promise;
}
