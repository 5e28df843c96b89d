/** Node's own means on workloads of cases/pipe.mjs: `child_process` (advanced serialisation) and `worker_threads`. One JSON line per figure: { peer, metric, value }. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const self = fileURLToPath(import.meta.url);
const TRIPS = 5000;
const MIBS = 500;

/** Answers numbers; of anything else it says when the last one has come. */
function serve(listen, send) {
  let seen = 0;
  let start = 0;
  listen((value) => {
    if (typeof value === 'number') return send(value);
    if (seen++ === 0) start = performance.now();
    if (seen === MIBS + 1) send(performance.now() - start);
  });
}

if (!isMainThread)
  serve(
    (each) => parentPort.on('message', each),
    (value) => parentPort.postMessage(value),
  );
else if (process.argv[2] === 'serve')
  serve(
    (each) => process.on('message', each),
    (value) => process.send(value),
  );
else {
  const child = fork(self, ['serve'], { serialization: 'advanced' });
  await measure('child_process', child, (value) => child.send(value));
  child.kill();
  const worker = new Worker(self);
  await measure('worker_threads', worker, (value) => worker.postMessage(value));
  await worker.terminate();
}

async function measure(peer, target, send) {
  const trip = async (n) => {
    for (let i = 0; i < n; i++) {
      const answered = once(target, 'message');
      send(i);
      await answered;
    }
  };
  await trip(1000);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    await trip(TRIPS);
    least = Math.min(least, (performance.now() - start) / TRIPS);
  }
  print(peer, 'pipe_round_trip_async_ns', least * 1e6);
  const done = once(target, 'message');
  const value = Buffer.alloc(1 << 20, 7);
  for (let i = 0; i <= MIBS; i++) {
    send(value);
    if (i % 16 === 0) await new Promise(setImmediate);
  }
  print(peer, 'pipe_b1m_per_s', (MIBS / (await done)[0]) * 1e3);
}

function print(peer, metric, value) {
  console.log(JSON.stringify({ peer, metric, value }));
}
