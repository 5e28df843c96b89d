/** What children of the benchmarks run. */
export function nothing() {}

export function answer(queue) {
  queue.putSync(1);
}

export function idle(queue) {
  queue.putSync(process.pid);
  setInterval(() => {}, 60_000);
}
