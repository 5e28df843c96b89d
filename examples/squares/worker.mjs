// Takes numbers from one queue until it is closed, puts their squares into another, and counts what it did.
export function square(jobs, results, done) {
  for (;;) {
    let n;
    try {
      n = jobs.getSync();
    } catch (error) {
      if (error.code === 'ERR_FORKFUL_CLOSED') return;
      throw error;
    }
    results.putSync([n, n * n]);
    done.add(1);
  }
}
