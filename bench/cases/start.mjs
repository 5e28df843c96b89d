/**
 * A child's life: start, run a function that does nothing, join; the same with a function that puts an answer into a queue, `answer` until the parent
 * has it, `answered` until the child has ended; and what an idle child costs in memory that
 * it has to itself. Medians: a start has no best case that would mean anything.
 */
import { readFileSync } from 'node:fs';
import { getContext, Queue } from 'forkful';
import { median, report } from '../lib/report.mjs';
import { answer, idle, nothing } from '../lib/targets.mjs';

const ROUNDS = 60;
const IDLE = 20;

for (const method of ['forkserver', 'fork']) {
  const { Process } = getContext(method);
  const [whole] = await times(async () => {
    const child = new Process({ target: nothing });
    await child.start();
    await child.join();
  });
  report(`start_${method}_ns`, whole);
  const queue = new Queue();
  const [seen, ended] = await times(async (lap) => {
    const child = new Process({ target: answer, args: [queue] });
    await child.start();
    await queue.get();
    lap();
    await child.join();
  });
  report(`answer_${method}_ns`, seen);
  report(`answered_${method}_ns`, ended);
}

const { Process } = getContext('forkserver');
const queue = new Queue();
const children = Array.from({ length: IDLE }, () => new Process({ target: idle, args: [queue] }));
for (const child of children) {
  await child.start();
  await queue.get();
}
report('idle_uss_bytes', median(children.map(({ pid }) => ownBytes(pid))));
for (const child of children) {
  child.terminate();
  await child.join();
}

/** Medians of the times until each lap, and the end. */
async function times(once) {
  const laps = [];
  for (let i = -5; i < ROUNDS; i++) {
    const start = process.hrtime.bigint();
    let count = 0;
    const lap = () => {
      if (i >= 0) (laps[count++] ??= []).push(Number(process.hrtime.bigint() - start));
    };
    await once(lap);
    lap();
  }
  return laps.map(median);
}

/** What would be free if the process ended. */
function ownBytes(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return ['Private_Clean', 'Private_Dirty'].reduce(
    (sum, name) => sum + Number(rollup.match(new RegExp(`^${name}: +(\\d+) kB`, 'm'))[1]) * 1024,
    0,
  );
}
