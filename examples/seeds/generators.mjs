// Two coroutines in one process, which hand over to each other: no locks, and no second core. (002-10)
// Python's `c.send(None)` is the first `c.next()`, `c.send(n)` is `c.next(n).value`, `c.close()` is `c.return()`.
function* consumer() {
  let r = '';
  for (;;) {
    const n = yield r;
    if (!n) return;
    console.log(`[CONSUMER] Consuming ${n}...`);
    r = '200 OK';
  }
}

function produce(c) {
  c.next(); // up to the first yield
  for (let n = 1; n <= 5; n++) {
    console.log(`[PRODUCER] Producing ${n}...`);
    const r = c.next(n).value;
    console.log(`[PRODUCER] Consumer return: ${r}`);
  }
  c.return();
}

produce(consumer());
