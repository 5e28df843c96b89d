/** What accesses to a shared word cost in this V8: `node bench/micro/atomics.mjs`. Nanoseconds, least of several rounds. */
const words = new Int32Array(new SharedArrayBuffer(64));
const N = 1e7;
const cases = {
  'plain load': () => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += words[i & 7];
    return sum;
  },
  'Atomics.load': () => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += Atomics.load(words, i & 7);
    return sum;
  },
  'plain store': () => {
    for (let i = 0; i < N; i++) words[i & 7] = i;
  },
  'Atomics.store': () => {
    for (let i = 0; i < N; i++) Atomics.store(words, i & 7, i);
  },
  'compareExchange, twice': () => {
    for (let i = 0; i < N; i++) {
      Atomics.compareExchange(words, 0, 0, 7);
      Atomics.compareExchange(words, 0, 7, 0);
    }
  },
};
for (const [name, work] of Object.entries(cases)) {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    words.fill(0);
    const start = performance.now();
    work();
    least = Math.min(least, ((performance.now() - start) / N) * 1e6);
  }
  console.log(`${name.padEnd(24)} ${least.toFixed(1)} ns`);
}
