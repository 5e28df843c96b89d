/** Sleeping on a word beside an agent: its death ends the sleep too, where the system can watch two words. */
import { LIFE_DIED, LIFE_WATCHED } from '../platform/platform.js';
import { platform } from '../platform/select.js';
import { type AgentId, isDead, lifeWord } from './agent.js';
import { load } from './words.js';

const EVERYBODY = 0x7fffffff;

/**
 * Sleeps while the word holds `expected`, at most `timeoutMs`, and no longer than the agent lives; 0: no agent. Returns at once if it is dead. Whoever
 * learns of the death tells all others that sleep beside the same agent: the kernel wakes one.
 */
export function parkBeside(agent: AgentId, word: number, expected: number, timeoutMs: number): void {
  const { parking } = platform;
  if (agent === 0 || !parking.watchesTwo) {
    parking.park(word, expected, timeoutMs);
    return;
  }
  const words = platform.words();
  const life = lifeWord(agent);
  let alive = load(words, life);
  if (alive === 0) return; // died, swept, and free for a next tenant: a mark there would keep it from ever being claimed
  if ((alive & LIFE_DIED) === 0 && (alive & LIFE_WATCHED) === 0) {
    const watched = alive | LIFE_WATCHED;
    if (Atomics.compareExchange(words, life, alive, watched) !== alive) return;
    alive = watched;
  }
  if (isDead(words, agent)) return;
  parking.parkEither(word, expected, life, alive, timeoutMs);
  if (isDead(words, agent)) parking.unpark(life, EVERYBODY);
}
