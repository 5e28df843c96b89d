// Two processes write to a queue, one reads from it for ever, and is terminated when the writers have ended. (004-4)
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainProcess, Process, Queue } from 'forkful';

const SECOND = 50; // milliseconds

export async function procWrite(q, urls) {
  console.log(`Process(${process.pid}) is writing...`);
  for (const url of urls) {
    await q.put(url);
    console.log(`Put ${url} to queue...`);
    await sleep(Math.random() * SECOND);
  }
}

export async function procRead(q) {
  console.log(`Process(${process.pid}) is reading...`);
  for (;;) console.log(`Get ${await q.get()} from queue.`);
}

if (isMainProcess) {
  const q = new Queue();
  const procWriter1 = new Process({ target: procWrite, args: [q, ['url_1', 'url_2', 'url_3']] });
  const procWriter2 = new Process({ target: procWrite, args: [q, ['url_4', 'url_5', 'url_6']] });
  const procReader = new Process({ target: procRead, args: [q] });
  await procWriter1.start();
  await procWriter2.start();
  await procReader.start();
  await procWriter1.join();
  await procWriter2.join();
  procReader.terminate(); // it would never end
}
