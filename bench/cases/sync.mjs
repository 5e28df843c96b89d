/** Uncontended: acquire and release of what is no Lock; a look at an Event. */
import { BoundedSemaphore, Event, RLock, Semaphore } from 'forkful';
import { best, report } from '../lib/report.mjs';

const COUNT = 1e6;
const held = { rlock: new RLock(), semaphore: new Semaphore(1), bounded_semaphore: new BoundedSemaphore(1) };

// a function for each: one for all of them would be slower by the look at which it is
const pairs = {
  rlock: (n) => {
    const { rlock } = held;
    for (let i = 0; i < n; i++) {
      rlock.acquireSync();
      rlock.release();
    }
  },
  semaphore: (n) => {
    const { semaphore } = held;
    for (let i = 0; i < n; i++) {
      semaphore.acquireSync();
      semaphore.release();
    }
  },
  bounded_semaphore: (n) => {
    const { bounded_semaphore: semaphore } = held;
    for (let i = 0; i < n; i++) {
      semaphore.acquireSync();
      semaphore.release();
    }
  },
};
for (const [name, pair] of Object.entries(pairs))
  report(
    `${name}_pair_ns`,
    best(5, () => nanoseconds(pair)),
  );

const event = new Event();
let seen = 0;
report(
  'event_is_set_ns',
  best(5, () =>
    nanoseconds((n) => {
      for (let i = 0; i < n; i++) if (event.isSet()) seen++;
    }),
  ),
);
if (seen !== 0) throw new Error('the event was set by nobody');

function nanoseconds(work) {
  const start = performance.now();
  work(COUNT);
  return ((performance.now() - start) / COUNT) * 1e6;
}
