/** See barrier.pml for what the words mean. */
const away = { PARTIES: 1, ENDINGS: 1 };

export default [
  { name: 'two parties, three rounds', defines: { ROUNDS: 3 }, expect: 'holds', quick: true },
  { name: 'three for two places', defines: { COMERS: 3 }, expect: 'holds', quick: false },
  { name: 'an action', defines: { ROUNDS: 2, ACTION: true, TIMEOUT: 1 }, expect: 'holds', quick: true },
  { name: 'out of time, and abort', defines: { ROUNDS: 2, TIMEOUT: 1, ABORTS: 1 }, expect: 'holds', quick: false },
  { name: 'reset', defines: { ROUNDS: 2, RESETS: 1, TIMEOUT: 1 }, expect: 'holds', quick: false },
  { name: 'away for many rounds', defines: { ...away, ROUNDS: 2, RESETS: 2 }, expect: 'holds', quick: false },
  { name: 'one is killed', defines: { ROUNDS: 2, DEATHS: 1, SLICES: 2 }, expect: 'holds', quick: true },
  { name: 'one is killed, and another never comes', defines: { PARTIES: 3, DEATHS: 1, SLICES: 2 }, expect: 'holds', quick: true },
  { name: 'one is killed, an action', defines: { ROUNDS: 2, ACTION: true, DEATHS: 1, SLICES: 2 }, expect: 'holds', quick: true },
  { name: 'one is killed, reset', defines: { RESETS: 1, DEATHS: 1, SLICES: 2 }, expect: 'holds', quick: false },
  {
    name: 'bug: nobody looks for the dead',
    defines: { PARTIES: 3, DEATHS: 1, SLICES: 2, BUG_DEAD_UNSEEN: true },
    expect: 'error',
    quick: true,
  },
  {
    name: 'bug: reset notes the ending too late',
    defines: { ROUNDS: 2, RESETS: 2, TIMEOUT: 1, BUG_NOTES_LATE: true },
    expect: 'error',
    finds: 'how[mine]==1',
    quick: false,
  },
  {
    name: 'bug: the state from before the ending was read',
    defines: { ...away, ROUNDS: 2, RESETS: 2, BUG_STATE_FROM_BEFORE: true },
    expect: 'error',
    finds: 'how[mine]==1',
    quick: false,
  },
  {
    name: 'bug: a later record is taken for an empty one',
    defines: { ROUNDS: 2, COMERS: 3, BUG_LATER_IS_EMPTY: true },
    expect: 'error',
    finds: 'places[mine]',
    quick: false,
  },
];
