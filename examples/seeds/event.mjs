// node event.mjs [--no-checker]
//
// Connections that try three times until an event says that the server is there. The text never starts the process that sets the event, so
// all of them fail, and so they do here with --no-checker. With it, those that are still trying when it comes to its end connect. (000-15)
import { setTimeout as sleep } from 'node:timers/promises';
import { Event, isMainProcess, Process } from 'forkful';

const SECOND = 100; // milliseconds

export async function connMysql(conn, event) {
  let count = 1;
  while (!event.isSet()) {
    if (count > 3) throw new Error('Connection timeout...');
    console.log(`${conn} attempt ${count} to connect`);
    await event.wait({ timeout: SECOND / 2 });
    count++;
  }
  console.log(`${conn} connect successfully`);
}

export async function checkMysql(conn, event) {
  console.log(`${conn} is checking mysql`);
  await sleep(SECOND);
  event.set();
}

if (isMainProcess) {
  const event = new Event();
  const conns = Array.from({ length: 10 }, (_, i) => new Process({ target: connMysql, args: [`conn${i}`, event], name: `conn${i}` }));
  for (const conn of conns) await conn.start();
  const checker = new Process({ target: checkMysql, args: ['checker', event] });
  if (process.argv[2] !== '--no-checker') {
    await checker.start();
    await checker.join();
  }
  for (const conn of conns) {
    await conn.join();
    console.log(`${conn.name} exit code ${conn.exitCode}`);
  }
}
