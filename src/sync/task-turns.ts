/**
 * Turns of async tasks: a thread owns an RLock as a whole, so among its tasks the forms `hold` and `withLock` take turns. A turn belongs to a chain of
 * async calls (AsyncLocalStorage); within the chain it nests.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { onForked } from '../arena/agent.js';
import type { Gate } from '../arena/mutex.js';

/** One chain's hold on one lock. */
export interface Turn {
  /** How often it is held, nested ones included; over at 0. */
  holds: number;
}

/** The turns that a chain has, of any locks, the latest first. */
interface Link {
  readonly turn: Turn;
  readonly outer: Link | undefined;
}

/** Made when first needed: a thread that runs something in a storage pays for it at each promise. */
let chains: AsyncLocalStorage<Link | undefined> | undefined;
/** Turns of before are the parent's. */
let forks = 0;
onForked(() => forks++);

/** The turns of one lock in this thread. */
export class TaskTurns {
  #current: Turn | undefined;
  #forks = forks;

  /** The calling chain's turn, if it has it. */
  mine(): Turn | undefined {
    const current = this.#renewed();
    if (current === undefined) return undefined;
    return isOfChain(current) ? current : undefined;
  }

  /** How often the lock is held by the chain whose turn it is. */
  holds(): number {
    return this.#renewed()?.holds ?? 0;
  }

  /** A turn to be had through `gateTo`, held by nobody yet. */
  request(): Turn {
    return { holds: 0 };
  }

  gateTo(turn: Turn): Gate {
    return {
      isOpen: () => this.#renewed() === undefined,
      enter: () => {
        this.#current = turn;
      },
    };
  }

  /** One hold less; with the last one the turn is over, and another chain may have its own. */
  end(turn: Turn): void {
    if (--turn.holds === 0) this.pause(turn);
  }

  /** Another chain may have its turn, until this one has its again. */
  pause(turn: Turn): void {
    if (this.#renewed() === turn) this.#current = undefined;
  }

  #renewed(): Turn | undefined {
    if (this.#forks !== forks) {
      this.#forks = forks;
      this.#current = undefined;
    }
    return this.#current;
  }
}

/** Runs `work` in the chain that has the turn. */
export function runInTurn<T>(turn: Turn, work: () => T): T {
  return isOfChain(turn) ? work() : storage().run(linkTo(turn), work);
}

/** From here on the calling function is of the chain that has the turn. */
export function joinTurn(turn: Turn): void {
  if (!isOfChain(turn)) storage().enterWith(linkTo(turn));
}

function isOfChain(turn: Turn): boolean {
  for (let link = chains?.getStore(); link !== undefined; link = link.outer) if (link.turn === turn) return true;
  return false;
}

function linkTo(turn: Turn): Link {
  return { turn, outer: withoutPast(chains?.getStore()) };
}

/** Turns that are over are left out: a chain that takes one lock after the other, each before it leaves the last one, must not grow for ever. */
function withoutPast(link: Link | undefined): Link | undefined {
  if (link === undefined) return undefined;
  const outer = withoutPast(link.outer);
  if (link.turn.holds === 0) return outer;
  return outer === link.outer ? link : { turn: link.turn, outer };
}

function storage(): AsyncLocalStorage<Link | undefined> {
  chains ??= new AsyncLocalStorage();
  return chains;
}
