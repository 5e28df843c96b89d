/** See lock.pml for what the words mean. */
export default [
  { name: 'two threads, three times each', defines: { THREADS: 2, ROUNDS: 3, PATIENCE: 0, GIVEUP: true }, expect: 'holds', quick: true },
  { name: 'three threads, one becomes the heir', defines: { THREADS: 3 }, expect: 'holds', quick: true },
  { name: 'three threads, each asks at once to be the heir', defines: { THREADS: 3, PATIENCE: 0 }, expect: 'holds', quick: true },
  { name: 'three threads, any may be out of time', defines: { THREADS: 3, GIVEUP: true }, expect: 'holds', quick: false },
  { name: 'a thread and a promise', defines: { THREADS: 1, AGENTS: 1, ROUNDS: 2, GIVEUP: true }, expect: 'holds', quick: true },
  { name: 'two threads and a promise', defines: { THREADS: 2, AGENTS: 1, GIVEUP: true }, expect: 'holds', quick: false },
  { name: 'a thread and two promises', defines: { THREADS: 1, AGENTS: 2, GIVEUP: true }, expect: 'holds', quick: false },
  {
    name: 'one of two threads is killed',
    defines: { THREADS: 2, ROUNDS: 2, PATIENCE: 0, DEATHS: 1, SLICES: 2 },
    expect: 'holds',
    quick: true,
  },
  { name: 'one of three threads is killed', defines: { THREADS: 3, DEATHS: 1, SLICES: 2 }, expect: 'holds', quick: false },
  {
    name: 'a thread and a promise, one is killed',
    defines: { THREADS: 1, AGENTS: 1, ROUNDS: 2, GIVEUP: true, DEATHS: 1, SLICES: 3 },
    expect: 'holds',
    quick: false,
  },
  { name: 'known: a death without slices', defines: { THREADS: 2, DEATHS: 1 }, expect: 'error', quick: true },
  { name: 'bug: one that has slept acquires without W', defines: { THREADS: 3, BUG_PLAIN: true }, expect: 'error', quick: true },
  {
    name: 'bug: one woken when its time is over goes without a look',
    defines: { THREADS: 3, GIVEUP: true, BUG_GIVEUP: true },
    expect: 'error',
    quick: true,
  },
  { name: 'bug: a release that reserves wakes nobody', defines: { THREADS: 3, BUG_HEIR_UNTOLD: true }, expect: 'error', quick: true },
  {
    name: 'bug: the heir falls asleep on what is reserved for it',
    defines: { THREADS: 3, BUG_OWN_RESERVATION: true },
    expect: 'error',
    quick: true,
  },
  {
    name: 'bug: an heir that gives up tells nobody',
    defines: { THREADS: 3, GIVEUP: true, BUG_WITHDRAW_UNTOLD: true },
    expect: 'error',
    quick: true,
  },
];
