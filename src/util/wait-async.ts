/** `Atomics.waitAsync`, which the types of ES2023 do not have. It does not keep an event loop alive. */
type WaitAsync = (
  words: Int32Array,
  index: number,
  expected: number,
  timeoutMs: number,
) => { readonly async: false; readonly value: string } | { readonly async: true; readonly value: Promise<string> };

export const waitAsync = (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync;
