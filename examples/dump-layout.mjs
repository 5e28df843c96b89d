// Prints the words of shared memory behind a Lock, a Value and a Queue. docs/memory-layout.md explains this program's output line by line.
// It looks inside the package (dist/), which programs must not do: these names may change with any version. node examples/dump-layout.mjs
import { currentAgent } from '../dist/arena/agent.js';
import * as layout from '../dist/arena/layout.js';
import { Lock, Queue, Value } from '../dist/index.js';
import { firstPage } from '../dist/memory/pages.js';
import { handleOf } from '../dist/serialize/passable.js';

const lock = new Lock();
const value = new Value('i', 42, { lock }); // guarded by that lock: one block fewer than with a lock of its own
const queue = new Queue(100); // maxsize 100
lock.acquireSync();
for (const message of [7, 'hi', 0.5, null, { lock }]) queue.putSync(message);
queue.getSync(); // takes the 7: its frame stays in memory, behind the tail

const { region, base, id } = currentAgent();
const { words } = region;
const hex = (word) => (word >>> 0).toString(16).padStart(8, '0');

/** One line: the index of the first word, the words, what they are. Numbers in decimal, `bits` in hexadecimal. */
function line(label, first, count, bits = false) {
  const shown = Array.from(words.subarray(first, first + count), (word) => (bits ? hex(word) : word));
  console.log(`${label.padEnd(34)} ${String(first).padStart(8)}: ${shown.join(' ')}`);
}

console.log(`region of ${region.bytes} bytes, this agent is ${id}, pid ${process.pid}`);
line('header magic', layout.HEADER_MAGIC, 1, true);
line('header version pages state', layout.HEADER_VERSION, 3);
line('header cursor used', layout.HEADER_SLOT_CURSOR, 2);
line('page lock', layout.PAGE_LOCK, layout.MUTEX_WORDS);
line('intent', layout.INTENT_OPERATION, 3);
line('parking kind', 4096 >> 2, 1);
line('our slot: life, 4 words', base, 4, true);
line('our slot: generation pid thread', base + layout.SLOT_GENERATION, 3);
line('our slot: bell armed door-at door', base + layout.SLOT_BELL, 4);
const first = firstPage(words);
line(`page table from page ${first}`, layout.PAGE_TABLE + first, 4, true);

for (const object of [lock, value, queue]) {
  const { offset, generation } = object[handleOf]();
  const header = offset >> 2;
  const payload = header + layout.BLOCK_HEADER_WORDS;
  const page = offset >> layout.PAGE_SHIFT;
  console.log(`\n${object.constructor.name}: handle ${offset}:${generation}, in page ${page}`);
  line('slab bitmap', (page * layout.PAGE_BYTES) >> 2, layout.SLAB_BITMAP_WORDS, true);
  line('generation type transit bytes', header, 4);
  line('holders, 4 of 32', header + layout.BLOCK_HOLDERS, 4, true);
  for (let at = 0; at < words[header + layout.BLOCK_BYTES] >> 2; at += 8) line(`payload, word ${at}`, payload + at, 8);
}

const control = (queue[handleOf]().offset >> 2) + layout.BLOCK_HEADER_WORDS;
const segment = (words[control + 24] * layout.PAGE_BYTES) >> 2; // the page of the first put cursor
console.log('\nSegment');
line('capacity serial before', segment, 3);
for (let at = 0; at < 24; at += 2) line(`ring, byte ${at * 4}`, segment + 16 + at, 2, true);
