/**
 * Who holds a block, for one who depends on its being held without holding it: the end of a pipe, for the one at the other end. A block that is free, or
 * being freed, or whose holders have all died with none of its handles under way, will never be used again.
 */
import { type Agent, type AgentId, isDead, slotBase, sweepDeadAgents } from '../arena/agent.js';
import {
  BLOCK_GENERATION,
  BLOCK_HOLDER_WORDS,
  BLOCK_HOLDERS,
  BLOCK_TRANSIT,
  SLOT_BITS,
  SLOT_GENERATION,
  SLOT_LIFE,
  TRANSIT_COUNT,
} from '../arena/layout.js';
import { load } from '../arena/words.js';
import { LIFE_DIED } from '../platform/platform.js';
import type { Handle } from './handle.js';
import { dropPutOff, hasPutOff } from './handover.js';

/** Between two times that this thread's keepers are asked: a system call for each child. */
const KEEPERS_MS = 20;

const keepers: (() => void)[] = [];
let askedAt = 0;

/**
 * For what this thread keeps on behalf of others: lets go of it where they have ended. Called, now and then, when a block is found to be held or under way: a
 * thread that waits for the opposite may be blocked, and keep it itself.
 */
export function beforeHolding(letGo: () => void): void {
  keepers.push(letGo);
}

/** Whether anything may have been let go of. */
function askKeepers(): boolean {
  const now = performance.now();
  if (now - askedAt < KEEPERS_MS) return false;
  askedAt = now;
  for (const letGo of keepers) letGo();
  dropPutOff();
  sweepDeadAgents();
  return true;
}

/** One agent's view of the holders of one block. */
export class Holders {
  readonly #agent: Agent;
  readonly #words: Int32Array;
  readonly #header: number;
  readonly #generation: number;
  /** A holder that lived when we last looked, 0: none is known. Enough, as long as it lives and holds. */
  #known: AgentId = 0;
  /** The word and the bit in which it is a holder. */
  #word = 0;
  #bit = 0;
  #areGone = false;

  constructor(agent: Agent, { offset, generation }: Handle) {
    this.#agent = agent;
    this.#words = agent.region.words;
    this.#header = offset >> 2;
    this.#generation = generation | 0;
  }

  /** Whether nobody holds the block any more, nor ever will. A few loads, as a rule. */
  areGone(): boolean {
    const words = this.#words;
    if (
      this.#known !== 0 &&
      (load(words, this.#word) & this.#bit) !== 0 &&
      load(words, this.#header + BLOCK_GENERATION) === this.#generation &&
      (this.#known === this.#agent.id ? !hasPutOff() : !isDead(words, this.#known))
    )
      return false;
    this.#areGone ||= this.#look();
    return this.#areGone;
  }

  /** A living holder other than this agent, 0: none is known. All must die before the block is given up, so it does to watch one. */
  get watched(): AgentId {
    return this.#known === this.#agent.id ? 0 : this.#known;
  }

  /** As whoever frees the block does: no handle under way, then no holder, then still the same transit word. */
  #look(): boolean {
    const words = this.#words;
    for (;;) {
      const transit = Atomics.load(words, this.#header + BLOCK_TRANSIT);
      if (Atomics.load(words, this.#header + BLOCK_GENERATION) !== this.#generation) return true;
      const count = transit & TRANSIT_COUNT;
      if (count === TRANSIT_COUNT) return true; // being freed, perhaps by one who died
      this.#findLiving();
      const isOurs = this.#known === this.#agent.id;
      if (this.#known !== 0 && !(isOurs && hasPutOff())) return false;
      if (isOurs || count !== 0) {
        if (askKeepers()) continue;
        return false;
      }
      if (Atomics.load(words, this.#header + BLOCK_TRANSIT) !== transit) continue;
      sweepDeadAgents(); // frees it, and so tells all others; nobody else may be there to do it
      return true;
    }
  }

  /** Another agent than this one, if there is one. */
  #findLiving(): void {
    const words = this.#words;
    this.#known = 0;
    for (let index = 0; index < BLOCK_HOLDER_WORDS; index++) {
      const at = this.#header + BLOCK_HOLDERS + index;
      for (let bits = load(words, at); bits !== 0; bits &= bits - 1) {
        const low = 31 - Math.clz32(bits & -bits);
        const slot = index * 32 + low;
        const base = slotBase(slot);
        const id = slot | ((words[base + SLOT_GENERATION] as number) << SLOT_BITS);
        if ((load(words, base + SLOT_LIFE) & LIFE_DIED) !== 0) continue;
        this.#known = id;
        this.#word = at;
        this.#bit = 1 << low;
        if (id !== this.#agent.id) return;
      }
    }
  }
}
