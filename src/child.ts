/** The entry of every child: launchers start this file. It loads what registers itself, so that whatever is sent can be received, then runs. */
import './shared-classes.js';
import { bootstrap } from './process/bootstrap.js';
import { ticket } from './process/current.js';

if (ticket === undefined)
  throw new Error('This file is started by forkful, with a ticket that says what to run; it is no program of its own');
bootstrap(ticket);
