/** Who asked a fork server for a child: for the program that is the parent, though for the system it is not. */
import { currentAgent, isDead } from '../../arena/agent.js';
import type { Ticket } from '../current.js';

export interface Creator {
  readonly pid: number;
  isAlive(): boolean;
}

export function creatorOf({ parent }: Ticket): Creator {
  return { pid: parent.pid, isAlive: () => !isDead(currentAgent().region.words, parent.agent) };
}
