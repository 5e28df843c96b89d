import { Process, Queue, Value } from 'forkful';
import { square } from './worker.mjs';

const jobs = new Queue();
const results = new Queue();
const done = new Value('i', 0);
const workers = [1, 2, 3].map((i) => new Process({ target: square, args: [jobs, results, done], name: `square-${i}` }));
await Promise.all(workers.map((worker) => worker.start()));

for (let n = 1; n <= 10; n++) await jobs.put(n);
jobs.close(); // whoever waits for more gets a ClosedError

await Promise.all(workers.map((worker) => worker.join()));
results.close(); // ends the loop below once the queue is empty
for await (const [n, squared] of results) console.log(`${n} * ${n} = ${squared}`);
console.log(`${done.value} jobs, exit codes ${workers.map((worker) => worker.exitCode)}`);
