/** See semaphore.pml for what the words mean. A count does not know of the dead, whose permits stay taken: nobody is killed there. */
export default [
  { name: 'a count, one permit, two threads', defines: { THREADS: 2, ROUNDS: 2, PATIENCE: 0, TIMEOUT: 1 }, expect: 'holds', quick: true },
  { name: 'a count, one permit, three threads', defines: { PATIENCE: 0 }, expect: 'holds', quick: false },
  { name: 'a count, two permits, three threads', defines: { PERMITS: 2, PATIENCE: 0 }, expect: 'holds', quick: true },
  {
    name: 'a count, two given at once',
    defines: { THREADS: 2, PERMITS: 2, GIVES: 2, PATIENCE: 0, TIMEOUT: 1 },
    expect: 'holds',
    quick: false,
  },
  {
    name: 'a table, one permit',
    defines: { TRACKED: true, THREADS: 2, ROUNDS: 2, PATIENCE: 0, TIMEOUT: 1 },
    expect: 'holds',
    quick: false,
  },
  { name: 'a table, two permits', defines: { TRACKED: true, PERMITS: 2, PATIENCE: 0 }, expect: 'holds', quick: false },
  {
    name: 'a table, one of two is killed',
    defines: { TRACKED: true, THREADS: 2, PATIENCE: 0, DEATHS: 1, SLICES: 2 },
    expect: 'holds',
    quick: true,
  },
  {
    name: 'bug: two take one of the dead',
    defines: { TRACKED: true, DEATHS: 1, SLICES: 2, PATIENCE: 0, BUG_PLAIN_STORE: true },
    expect: 'error',
    finds: 'assertion violated',
    quick: true,
  },
  {
    name: 'bug: no look after the reservation',
    defines: { PATIENCE: 0, BUG_NO_LAST_LOOK: true },
    expect: 'error',
    finds: 'invalid end state',
    quick: true,
  },
  {
    name: 'bug: the heir is not told',
    defines: { PATIENCE: 0, BUG_HEIR_UNTOLD: true },
    expect: 'error',
    finds: 'invalid end state',
    quick: true,
  },
  {
    name: 'bug: an heir that goes tells nobody',
    defines: { PATIENCE: 0, TIMEOUT: 1, BUG_WITHDRAWS_UNTOLD: true },
    expect: 'error',
    finds: 'invalid end state',
    quick: false,
  },
];
