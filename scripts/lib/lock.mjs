/** One set-up at a time: two `npm test` in one checkout would otherwise write the same object files. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './paths.mjs';

/**
 * Runs `work` while no other process of this machine does so in this checkout. The lock is a socket's abstract name: the kernel gives it
 * to one process only and takes it back when that ends, however it ends. Only Linux has such names; elsewhere there is no lock.
 */
export async function alone(work) {
  if (process.platform !== 'linux') return await work();
  const name = `\0forkful-setup-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`;
  const lock = await take(name);
  try {
    return await work();
  } finally {
    lock.close();
  }
}

async function take(name) {
  for (let attempt = 0; ; attempt++) {
    const server = createServer();
    try {
      server.listen(name);
      await once(server, 'listening');
      return server;
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
      if (attempt === 0) console.log('setup: another one is at work in this checkout, waiting for it');
      await sleep(200);
    }
  }
}
