/** What consumers of queues run: the time from the first message to the n-th after it. */
export function consumeSync(queue, n, done, ready) {
  ready.add(1);
  queue.getSync();
  const start = performance.now();
  for (let i = 0; i < n; i++) queue.getSync();
  done.putSync(performance.now() - start);
}

export async function consume(queue, n, done, ready) {
  ready.add(1);
  await queue.get();
  const start = performance.now();
  for (let i = 0; i < n; i++) await queue.get();
  done.putSync(performance.now() - start);
}
