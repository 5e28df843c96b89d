/** The entry of every fork server. It loads what registers itself, as child.ts does: its children have it then. */
import './sync/lock.js';
import './shared/value.js';
import './shared/array.js';
import './queue/queue.js';
import './serialize/remote-error.js';
import { serverTicket } from './process/current.js';
import { runServer } from './process/fork-server/server.js';

if (serverTicket === undefined)
  throw new Error('This file is started by forkful, with a ticket that says whom to serve; it is no program of its own');
void runServer(serverTicket); // not awaited: this module would never be done in the children, which Node takes for their failure
