/** What a case prints: one JSON line per figure. */
export function report(metric, value) {
  console.log(JSON.stringify({ metric, value }));
}

/** The least of several measurements: what the code costs when nothing else runs. */
export function best(times, measure) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) least = Math.min(least, measure());
  return least;
}

export function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
