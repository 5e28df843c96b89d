/**
 * Agents. An *agent* is one JavaScript thread of the family, a process's main thread or a Worker. It owns a slot in the region whose robust
 * word the kernel marks when the thread ends, in whatever way; so whether an agent is dead is two loads (docs/memory-layout.md).
 */
import { isMainThread, threadId } from 'node:worker_threads';
import { OutOfMemoryError } from '../errors.js';
import { CLAIM_BUSY, CLAIM_DEAD, LIFE_DIED } from '../platform/platform.js';
import { platform } from '../platform/select.js';
import {
  GENERATION_MASK,
  HEADER_SLOT_CURSOR,
  SLOT_ARMED,
  SLOT_BITS,
  SLOT_DOOR,
  SLOT_DOOR_WORD,
  SLOT_GENERATION,
  SLOT_HEIR_OF,
  SLOT_LIFE,
  SLOT_PID,
  SLOT_THREAD,
  SLOT_WORDS,
  SLOTS,
  SLOTS_START,
} from './layout.js';
import { openRegion, type Region } from './region.js';
import { load } from './words.js';

/** `slot | generation << 10`, 22 bits, never 0. */
export type AgentId = number;

/** One object for life, in a forked child too, where the three numbers change: whoever needs them later keeps the object, not a number. */
export interface Agent {
  readonly region: Region;
  readonly id: AgentId;
  readonly slot: number;
  /** First word of the slot. */
  readonly base: number;
}

const SLOT_MASK = SLOTS - 1;
/** Undo what a dead agent left behind, slot by slot: registered by the layers that hand things to agents. */
const sweepers: ((slot: number) => void)[] = [];
/** Forget what the parent's agent promised and expected: registered by whoever keeps such things. */
const resets: (() => void)[] = [];
let self: Agent | undefined;
/** In a forked child that has not become an agent of its own yet: `self` is its parent's. */
let isParents = false;

/** This thread's agent; it takes its slot on first use. @throws OutOfMemoryError when all slots are taken by living agents */
export function currentAgent(): Agent {
  if (self === undefined || isParents) enter(openRegion());
  return self as Agent;
}

/** This thread's agent if it has one: asking makes none. */
export function agentIfAny(): Agent | undefined {
  return isParents ? undefined : self;
}

/** True from the moment the agent's thread has ended, however it ended; also for an id whose slot has a new tenant. */
export function isDead(words: Int32Array, id: AgentId): boolean {
  const base = slotBase(id & SLOT_MASK);
  return load(words, base + SLOT_GENERATION) !== id >>> SLOT_BITS || (load(words, base + SLOT_LIFE) & LIFE_DIED) !== 0;
}

/** The life word of an agent, to park on. */
export function lifeWord(id: AgentId): number {
  return slotBase(id & SLOT_MASK) + SLOT_LIFE;
}

/** For messages and dumps: who that is, or was. */
export function describeAgent(words: Int32Array, id: AgentId): string {
  if (id === 0) return 'nobody';
  if (isDead(words, id)) return `agent ${id} (ended)`;
  const base = slotBase(id & SLOT_MASK);
  const thread = words[base + SLOT_THREAD];
  return `pid ${words[base + SLOT_PID]}${thread === 0 ? '' : ` thread ${thread}`}`;
}

export function slotBase(slot: number): number {
  return SLOTS_START + slot * SLOT_WORDS;
}

/** Runs at the death of every agent, in the process that notices it first; must tolerate that a sweeper before it died half-way. */
export function onAgentDeath(sweep: (slot: number) => void): void {
  sweepers.push(sweep);
}

/**
 * Runs in every child forked by this process, when its agent has a slot of its own and before anything is done in its name. What the parent has
 * written into shared words is the parent's and must stay: only this process's own copies are reset.
 */
export function onForked(reset: () => void): void {
  resets.push(reset);
}

/**
 * In a forked child, before anything else: its agent is the parent's copy and becomes one of its own. Returns the parent's id; 0 when the parent had
 * no agent, and then nothing is made. REQUIRES: `process.pid` is the child's own. @throws OutOfMemoryError when all slots are taken by living agents
 */
export function becomeForkedAgent(): AgentId {
  if (self === undefined) return 0;
  const parent = self.id;
  enter(self.region);
  return parent;
}

/** Cleans up after all agents that have ended, and frees their slots. Called by whoever reaps a child. */
export function sweepDeadAgents(): number {
  const { words } = currentAgent().region;
  let swept = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    const base = slotBase(slot);
    if (!retireId(words, base)) continue;
    const claim = platform.liveness.claim(base + SLOT_LIFE);
    if (claim === CLAIM_BUSY) continue;
    try {
      Atomics.store(words, base + SLOT_ARMED, 0); // nobody listens here any more
      if (claim === CLAIM_DEAD) sweep(slot);
    } finally {
      platform.liveness.release(base + SLOT_LIFE);
    }
    swept++;
  }
  return swept;
}

/** The JS backend: the Worker whose agent this was has ended. */
export function declareAgentDead(id: AgentId): void {
  if (!isDead(currentAgent().region.words, id)) platform.liveness.declareDead(lifeWord(id));
}

/** In a forked child that has nothing in shared memory: it becomes an agent when it needs to be one, if ever. */
export function postponeForkedAgent(): void {
  isParents = self !== undefined;
}

/** Sets `self`, and in a forked child forgets the parent's affairs, before it sweeps what the slot's former tenant left: sweepers act in our name. */
function enter(region: Region): void {
  const { words } = region;
  // two rounds: in the second, slots that a sweeper held for a moment in the first are free
  for (let tries = 0; tries < 2 * SLOTS; tries++) {
    const slot = Atomics.add(words, HEADER_SLOT_CURSOR, 1) & SLOT_MASK;
    const base = slotBase(slot);
    // where the living stand side by side a look passes them by faster than a claim
    if (!retireId(words, base) && load(words, base + SLOT_LIFE) !== 0) continue;
    const claim = platform.liveness.claim(base + SLOT_LIFE);
    if (claim === CLAIM_BUSY) continue;
    const generation = nextGeneration(Atomics.load(words, base + SLOT_GENERATION));
    Atomics.store(words, base + SLOT_GENERATION, generation);
    Atomics.store(words, base + SLOT_ARMED, 0);
    words[base + SLOT_PID] = process.pid;
    words[base + SLOT_THREAD] = threadId;
    words[base + SLOT_DOOR_WORD] = base + SLOT_DOOR;
    words[base + SLOT_HEIR_OF] = 0;
    const entered = { region, slot, base, id: slot | (generation << SLOT_BITS) };
    isParents = false;
    if (self === undefined) self = entered;
    else {
      Object.assign(self, entered);
      for (const reset of resets) reset();
    }
    // a Worker's end is known to nobody else at once; `terminate()` skips this and is declared by whoever called it
    if (platform.backend === 'js' && !isMainThread) process.once('exit', () => platform.liveness.declareDead(base + SLOT_LIFE));
    if (claim === CLAIM_DEAD) sweep(slot);
    return;
  }
  throw new OutOfMemoryError(
    `All ${SLOTS} agent slots of this family of processes are taken: too many processes and threads use forkful at once`,
  );
}

/**
 * If the slot's agent has died: makes its id dead for good, by the generation, before anybody claims the life word and so takes the mark of death
 * away; one who is stopped between the two must not make the dead look alive. False: it lives, or nobody is there.
 */
function retireId(words: Int32Array, base: number): boolean {
  const generation = load(words, base + SLOT_GENERATION);
  if ((load(words, base + SLOT_LIFE) & LIFE_DIED) === 0) return false;
  Atomics.compareExchange(words, base + SLOT_GENERATION, generation, nextGeneration(generation));
  return true;
}

function nextGeneration(generation: number): number {
  return (generation + 1) & GENERATION_MASK || 1;
}

/** REQUIRES: the slot's life word is claimed by us, so nobody else sweeps it, nor lives in it, and its former tenant's id is dead. */
function sweep(slot: number): void {
  for (const sweeper of sweepers) sweeper(slot);
}
