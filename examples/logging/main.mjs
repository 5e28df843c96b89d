// Prints what is logged on stderr, by this process and by its child, and what forkful itself has to say at level INFO.
import { logLevels, logToStderr, Process } from 'forkful';
import { test } from './worker.mjs';

const logger = logToStderr();
console.log(logLevels.WARN === logLevels.WARNING); // two names of one level
logger.setLevel('INFO'); // unset it is WARNING

logger.log('INFO', 'of any level');
logger.info('info %s', 'test');
logger.warning('warning test');
logger.error('error test');

const child = await new Process({ target: test }).start();
await child.join();
