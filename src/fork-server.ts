/** The entry of every fork server. */
import { serverTicket } from './process/current.js';
import { takeFirstSteps } from './process/fork-server/first-steps.js';

if (serverTicket === undefined)
  throw new Error('This file is started by forkful, with a ticket that says whom to serve; it is no program of its own');
const firstSteps = await takeFirstSteps(serverTicket);
// what registers itself, as in child.ts: its children have it then
await import('./shared-classes.js');
const { runServer } = await import('./process/fork-server/server.js');
await runServer(serverTicket, firstSteps);
