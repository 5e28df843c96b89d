/** Structures in shared memory: one of them, or several in a row, behind a block that says of which type they are. */
import { currentAgent } from '../arena/agent.js';
import { PAGE_BYTES } from '../arena/layout.js';
import { OutOfMemoryError } from '../errors.js';
import { BLOCK_STRUCT, BLOCK_STRUCTS, onDestroy, payloadWord } from '../memory/block.js';
import { abandonShared, createShared, type Handle, lendMemory, reclaimMemory } from '../memory/handle.js';
import { allocateRun, freeRun } from '../memory/pages.js';
import { dropGuard } from '../sync/guard.js';
import { rangeError } from '../util/validate.js';
import { StructType } from './struct.js';
import { Memory } from './struct-record.js';

/**
 * Payload: 1 for one without a lock (2: being given one), the lock's handle, the number of structures, first page of their run (0: they follow here), bytes of
 * the type's definition. From byte 64 on the definition, then, at the next multiple of 64, the structures.
 */
export const STRUCT_RAW_WORD = 1;
export const STRUCT_GUARD_WORD = 2;
const LENGTH_WORD = 4;
const PAGE_WORD = 5;
const DEFINITION_WORD = 6;
const DEFINITION_BYTE = 64;
const LINE = 64;
/** Larger ones get pages of their own. */
const MAX_INLINE_BYTES = 4096;
/** A place in them is a number of 32 bits. */
const MOST_BYTES = 2 ** 32 - PAGE_BYTES;

/** Structures as this agent sees them. */
export interface Structs {
  readonly type: StructType;
  readonly length: number;
  readonly memory: Memory;
  readonly buffer: ArrayBufferLike;
  /** Of the buffer. */
  readonly token: number;
}

/** New ones, all zero. The block is held, and nothing stands for it yet. @throws OutOfMemoryError, RangeError */
export function createStructs(
  block: typeof BLOCK_STRUCT | typeof BLOCK_STRUCTS,
  type: StructType,
  length: number,
  raw: boolean,
): { readonly handle: Handle; readonly structs: Structs } {
  const bytes = length * type.size;
  if (bytes > MOST_BYTES) throw rangeError('size', `at most ${Math.floor(MOST_BYTES / type.size)} structs of ${type.size} bytes`, length);
  const { region } = currentAgent();
  if (bytes > region.bytes) throw new OutOfMemoryError(`Cannot allocate ${bytes} bytes: the shared region has ${region.bytes}`);
  const definition = Buffer.from(type.definition);
  const start = startOf(definition.length);
  const isInline = bytes <= MAX_INLINE_BYTES;
  const handle = createShared(block, start + (isInline ? bytes : 0));
  try {
    const payload = payloadWord(handle.offset);
    region.words[payload + PAGE_WORD] = isInline ? 0 : allocateRun(bytes, 'far');
    region.words[payload + STRUCT_RAW_WORD] = raw ? 1 : 0;
    region.words[payload + LENGTH_WORD] = length;
    region.words[payload + DEFINITION_WORD] = definition.length;
    region.near.set(definition, payload * 4 + DEFINITION_BYTE);
    return { handle, structs: openStructs(handle) };
  } catch (error) {
    abandonShared(handle);
    throw error;
  }
}

/** REQUIRES: this agent holds the block. */
export function openStructs(handle: Handle): Structs {
  const { words, near } = currentAgent().region;
  const payload = payloadWord(handle.offset);
  const [length, page, definitionBytes] = [LENGTH_WORD, PAGE_WORD, DEFINITION_WORD].map(
    (word) => (words[payload + word] as number) >>> 0,
  ) as [number, number, number];
  const definitionStart = payload * 4 + DEFINITION_BYTE;
  const type = StructType.from(near.toString('utf8', definitionStart, definitionStart + definitionBytes));
  const offset = page === 0 ? payload * 4 + startOf(definitionBytes) : page * PAGE_BYTES;
  const bytes = length * type.size;
  const { buffer, byteOffset, token } = lendMemory(handle, offset, bytes);
  return { type, length, memory: new Memory(buffer, byteOffset, bytes, type.elements), buffer, token };
}

/** Nothing can be read or written by way of the structures from then on. */
export function closeStructs({ memory, buffer, token }: Structs): void {
  memory.close();
  reclaimMemory(buffer, token);
}

function startOf(definitionBytes: number): number {
  return Math.ceil((DEFINITION_BYTE + definitionBytes) / LINE) * LINE;
}

for (const block of [BLOCK_STRUCT, BLOCK_STRUCTS]) {
  onDestroy(block, (payload) => {
    const page = currentAgent().region.words[payload + PAGE_WORD] as number;
    dropGuard(payload + STRUCT_GUARD_WORD);
    if (page !== 0) freeRun(page);
  });
}
