// Ten processes, of which five at a time may be inside. (000-14)
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainProcess, Process, RawValue, Semaphore } from 'forkful';

const SECOND = 50; // milliseconds

export async function func(sem, inside, num) {
  await sem.acquire();
  console.log(`${num} get semaphores, ${inside.add(1) + 1} inside`);
  await sleep(2 * SECOND);
  inside.sub(1);
  sem.release();
}

if (isMainProcess) {
  const sem = new Semaphore(5);
  const inside = new RawValue('i', 0);
  const processes = Array.from({ length: 10 }, (_, i) => new Process({ target: func, args: [sem, inside, i + 1] }));
  for (const t of processes) await t.start();
  for (const t of processes) await t.join();
  console.log(`${inside.value} inside, ${sem.getValue()} may come in`);
}
