/**
 * Pipes: one way, a child sends and this process receives, by the blocking forms and by promises; there and back, an integer. `hot`: the median of ten trips in
 * a row, so without those in which somebody has fallen asleep, which the mean counts; `asleep`: with so much work on both sides that the other one has gone to
 * sleep, which is not counted. And what it takes to make a pipe and close it.
 */
import { isMainProcess, Pipe, Process } from 'forkful';
import { report } from '../lib/report.mjs';

const WORK_MS = 0.025;
const ROUNDS = 3;
const WARM = 3000;

const payloads = {
  int: [() => 7, 1_000_000],
  object: [() => ({ id: 1, name: 'task-1', ok: true }), 300_000],
  b1m: [() => Buffer.alloc(1 << 20, 7), 2000],
};

export async function send(end, payload, n, isAsync) {
  const value = payloads[payload][0]();
  if (payload === 'b1m') for (let i = 0; i <= n; i++) isAsync ? await end.sendBytes(value) : end.sendBytesSync(value);
  else for (let i = 0; i <= n; i++) isAsync ? await end.send(value) : end.sendSync(value);
  end.recvSync(); // until all is received
}

function workForAWhile() {
  for (const end = performance.now() + WORK_MS; performance.now() < end; );
}

export async function answer(end, n, works, isAsync) {
  for (let i = 0; i < n; i++) {
    const value = isAsync ? await end.recv() : end.recvSync();
    if (works) workForAWhile();
    if (isAsync) await end.send(value);
    else end.sendSync(value);
  }
}

async function ask(end, n, works, isAsync) {
  for (let i = 0; i < n; i++) {
    if (works) workForAWhile();
    if (isAsync) {
      await end.send(i);
      await end.recv();
    } else {
      end.sendSync(i);
      end.recvSync();
    }
  }
}

async function receive(end, payload, n, isAsync) {
  if (payload === 'b1m') for (let i = 0; i < n; i++) isAsync ? await end.recvBytes() : end.recvBytesSync();
  else for (let i = 0; i < n; i++) isAsync ? await end.recv() : end.recvSync();
}

async function withChild(target, args, work) {
  const [here, there] = Pipe();
  const child = await new Process({ target, args: [there, ...args] }).start();
  there.close();
  await work(here);
  await child.join();
  here.close();
}

async function oneWay(payload, isAsync) {
  const n = payloads[payload][1];
  await withChild(send, [payload, n, isAsync], async (end) => {
    await receive(end, payload, 1, isAsync);
    const start = performance.now();
    await receive(end, payload, n, isAsync);
    report(`pipe_${payload}${isAsync ? '_async' : ''}_per_s`, (n / (performance.now() - start)) * 1e3);
    end.sendSync(0);
  });
}

async function thereAndBack(metric, n, works, isAsync) {
  await withChild(answer, [WARM + ROUNDS * n, works, isAsync], async (end) => {
    await ask(end, WARM, false, isAsync);
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      await ask(end, n, works, isAsync);
      least = Math.min(least, (performance.now() - start) / n - (works ? 2 * WORK_MS : 0));
    }
    report(metric, least * 1e6);
  });
}

async function hot(metric, n) {
  await withChild(answer, [WARM + n * 10, false, false], async (end) => {
    await ask(end, WARM, false, false);
    const times = [];
    for (let i = 0; i < n; i++) {
      const start = performance.now();
      await ask(end, 10, false, false);
      times.push((performance.now() - start) / 10);
    }
    report(metric, times.sort((a, b) => a - b)[n >> 1] * 1e6);
  });
}

if (isMainProcess) {
  const only = process.argv[2];
  for (const payload of Object.keys(payloads)) {
    if (only !== undefined && only !== payload) continue;
    await oneWay(payload, false);
    await oneWay(payload, true);
  }
  if (only === undefined || only === 'trip') {
    await thereAndBack('pipe_round_trip_ns', 30_000, false, false);
    await hot('pipe_round_trip_hot_ns', 10_000);
    await thereAndBack('pipe_round_trip_asleep_ns', 5000, true, false);
    await thereAndBack('pipe_round_trip_async_ns', 5000, false, true);
  }
  if (only === undefined || only === 'make') {
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      for (let i = 0; i < 5000; i++) for (const end of Pipe()) end.close();
      least = Math.min(least, (performance.now() - start) / 5000);
    }
    report('pipe_make_ns', least * 1e6);
  }
}
