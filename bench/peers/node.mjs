/**
 * Node's own means on the shared workloads: `node.mjs queue`. One JSON line per figure: { peer, metric, value }.
 * `node.mjs start`: `child_process.fork` of a program that does nothing; and of one that idles, the memory it has to itself.
 * `child_process.fork` with the advanced serialisation, `worker_threads` by MessagePort: both one producer, one consumer.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const self = fileURLToPath(import.meta.url);
const [, , role, count] = process.argv;
const payloads = {
  int: [7, 100000],
  object: [{ id: 1, name: 'task-1', ok: true }, 100000],
  b64k: [Buffer.alloc(65536, 7), 3000],
  b1m: [Buffer.alloc(1 << 20, 7), 200],
};

/** Calls `done` with the milliseconds from the first to the n-th message after it. */
function sink(n, listen, done) {
  let seen = 0;
  let start = 0;
  listen(() => {
    if (seen++ === 0) start = performance.now();
    if (seen === n + 1) done(performance.now() - start);
  });
}

if (!isMainThread) {
  sink(
    workerData,
    (each) => parentPort.on('message', each),
    (ms) => {
      parentPort.postMessage(ms);
      parentPort.close();
    },
  );
} else if (role === 'sink') {
  sink(
    Number(count),
    (each) => process.on('message', each),
    (ms) => process.send(ms, () => process.disconnect()),
  );
  process.send('up');
} else if (role === 'nothing') {
  process.disconnect();
} else if (role === 'idle') {
  process.send('up');
  setInterval(() => {}, 60_000);
} else if (role === 'start') {
  const times = [];
  for (let i = 0; i < 20; i++) {
    const start = process.hrtime.bigint();
    await once(fork(self, ['nothing']), 'exit');
    times.push(Number(process.hrtime.bigint() - start));
  }
  console.log(JSON.stringify({ peer: 'child_process', metric: 'start_ns', value: times.sort((a, b) => a - b)[10] }));
  // five at once: what they share with each other is not their own
  const children = Array.from({ length: 5 }, () => fork(self, ['idle']));
  for (const child of children) await once(child, 'message');
  const own = children.map(({ pid }) => {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return [/^Private_Clean: +(\d+)/m, /^Private_Dirty: +(\d+)/m].reduce((sum, field) => sum + Number(rollup.match(field)[1]) * 1024, 0);
  });
  console.log(JSON.stringify({ peer: 'child_process', metric: 'idle_uss_bytes', value: own.sort((a, b) => a - b)[2] }));
  for (const child of children) child.kill();
} else {
  for (const [name, [value, n]] of Object.entries(payloads)) {
    const child = fork(self, ['sink', String(n)], { serialization: 'advanced' });
    await once(child, 'message');
    const childDone = once(child, 'message');
    for (let i = 0; i <= n; i++) if (!child.send(value)) await new Promise(setImmediate);
    console.log(JSON.stringify({ peer: 'child_process', metric: `queue_${name}_per_s`, value: (n / (await childDone)[0]) * 1e3 }));

    const worker = new Worker(self, { workerData: n });
    await once(worker, 'online');
    const workerDone = once(worker, 'message');
    for (let i = 0; i <= n; i++) worker.postMessage(value);
    console.log(JSON.stringify({ peer: 'worker_threads', metric: `queue_${name}_per_s`, value: (n / (await workerDone)[0]) * 1e3 }));
    await worker.terminate();
  }
}
