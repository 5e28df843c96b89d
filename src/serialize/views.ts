/** The kinds of view over binary memory, and how each is made again over other memory. */

/** A Node Buffer. The number is what travels, as are the positions in `typedArrays`. */
export const KIND_BUFFER = 0;
export const KIND_UINT8_ARRAY = 2;
export const KIND_FLOAT64_ARRAY = 9;
const KIND_DATA_VIEW = 13;
/** Not a view: the ArrayBuffer itself, as the body of a message. */
export const KIND_ARRAY_BUFFER = 14;

interface TypedArrayConstructor {
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): ArrayBufferView;
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
}

/** By kind; 0 is Buffer's place, 12 is empty where the engine has no Float16Array. */
const typedArrays: readonly (TypedArrayConstructor | undefined)[] = [
  undefined,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  (globalThis as { Float16Array?: TypedArrayConstructor }).Float16Array,
];
const kindOfName = new Map(typedArrays.flatMap((constructor, kind) => (constructor ? [[constructor.name, kind] as const] : [])));

// The getter of %TypedArray%.prototype: tells the built-in class whatever subclass or prototype the object has; undefined for a DataView.
const typedArrayName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get as () =>
  | string
  | undefined;

/** The kind of a view: Buffers and their subclasses are Buffers, other subclasses count as the built-in class they extend. */
export function kindOfView(view: ArrayBufferView): number {
  if (view instanceof Buffer) return KIND_BUFFER;
  const name = typedArrayName.call(view);
  return name === undefined ? KIND_DATA_VIEW : (kindOfName.get(name) as number);
}

/** Bytes per element, by kind; 0 when there is no such kind here. */
export function elementSize(kind: number): number {
  if (kind === KIND_BUFFER || kind === KIND_DATA_VIEW) return 1;
  return typedArrays[kind]?.BYTES_PER_ELEMENT ?? 0;
}

/** A view of `size` bytes over `memory`; with `size` undefined it follows the memory's length. REQUIRES: kind exists and alignment fits. */
export function makeView(kind: number, memory: ArrayBuffer, offset: number, size: number | undefined): ArrayBufferView {
  if (kind === KIND_BUFFER) return Buffer.from(memory, offset, size);
  if (kind === KIND_DATA_VIEW) return new DataView(memory, offset, size);
  const TypedArray = typedArrays[kind] as TypedArrayConstructor;
  return new TypedArray(memory, offset, size === undefined ? undefined : size / TypedArray.BYTES_PER_ELEMENT);
}

/** The bytes a view sees, as a Uint8Array over the same memory. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

export function isResizable(memory: ArrayBufferLike): boolean {
  return (memory as { resizable?: boolean }).resizable === true;
}

export function isDetached(memory: ArrayBufferLike): boolean {
  if (memory.byteLength !== 0) return false;
  try {
    new Uint8Array(memory);
    return false;
  } catch {
    return true;
  }
}

/** Whether a view on resizable memory follows its length. The view does not tell, so the memory of a clone is resized to see. */
export function followsLength(view: ArrayBufferView, size: number): boolean {
  const clone = structuredClone(view);
  const memory = clone.buffer as unknown as { byteLength: number; maxByteLength: number; resize(byteLength: number): void };
  if (clone.byteOffset + clone.byteLength + size <= memory.byteLength) return false;
  try {
    if (memory.byteLength + size <= memory.maxByteLength) {
      memory.resize(memory.byteLength + size);
      return clone.byteLength > view.byteLength;
    }
    if (view.byteLength < size) return true;
    memory.resize(memory.byteLength - size);
    // A view that does not follow is out of bounds now, and says that it starts and ends at 0.
    return clone.byteLength === view.byteLength - size && clone.byteOffset === view.byteOffset;
  } catch {
    // A DataView that is out of bounds throws instead.
    return false;
  }
}

/** The view or ArrayBuffer of that kind over all of that memory. REQUIRES: isKind */
export function overMemory(kind: number, memory: ArrayBuffer): ArrayBufferView | ArrayBuffer {
  return kind === KIND_ARRAY_BUFFER ? memory : makeView(kind, memory, 0, memory.byteLength);
}

/** Whether there is such a kind, and whether it can have that size. */
export function isKind(kind: number, size: number): boolean {
  if (kind === KIND_ARRAY_BUFFER || kind === KIND_BUFFER) return true;
  const element = elementSize(kind);
  return element !== 0 && size % element === 0;
}
