// A process with five daemonic children, one after the other. The main program joins it for eight seconds, then has nothing left to do; the
// work takes ten. Still all of it is done: a program waits for its children at its end, except for daemons. (000-4)
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainProcess, Process } from 'forkful';

const SECOND = 50; // milliseconds

export async function run(num) {
  console.log(`I like num ${num}`);
  await sleep(2 * SECOND);
  console.log("When I'm done, I'm going to keep talking...");
}

export async function main() {
  for (let i = 1; i <= 5; i++) {
    const t = new Process({ target: run, args: [i] });
    t.daemon = true;
    await t.start();
    await t.join();
  }
}

if (isMainProcess) {
  const m = new Process({ target: main });
  await m.start();
  await m.join({ timeout: 8 * SECOND });
}
