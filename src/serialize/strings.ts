/** Short strings out of bytes, quicker than a native call. */

/** A Buffer with the methods that every Buffer has but its types leave out: the direct ways to V8's own copying of strings. */
export interface TextBuffer extends Buffer {
  latin1Write(text: string, offset: number, size: number): number;
  ucs2Write(text: string, offset: number, size: number): number;
  latin1Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
}

/** The longest string `shortLatin1` makes. Beyond it `latin1Slice` wins: about 60 ns at any length (bench/micro/codec). */
export const SHORT_LATIN1 = 16;

const text = String.fromCharCode;

/**
 * The string of `n` bytes at `p`, one char per byte. With its arguments written out, a call is built without a loop or an array:
 * 8 chars in 20 ns, where appending them one by one takes 70.
 * REQUIRES: 0 <= n <= SHORT_LATIN1
 */
export function shortLatin1(c: Uint8Array, p: number, n: number): string {
  // biome-ignore format: one case, one or two lines
  switch (n) {
    case 0:
      return '';
    case 1:
      return text(c[p]!);
    case 2:
      return text(c[p]!, c[p + 1]!);
    case 3:
      return text(c[p]!, c[p + 1]!, c[p + 2]!);
    case 4:
      return text(c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!);
    case 5:
      return text(c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!);
    case 6:
      return text(c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!);
    case 7:
      return text(c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!, c[p + 6]!);
    case 8:
      return text(c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!, c[p + 6]!, c[p + 7]!);
    case 9:
      return text(
        c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!, c[p + 6]!, c[p + 7]!,
        c[p + 8]!,
      );
    case 10:
      return text(
        c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!, c[p + 6]!, c[p + 7]!,
        c[p + 8]!, c[p + 9]!,
      );
    case 11:
      return text(
        c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!, c[p + 6]!, c[p + 7]!,
        c[p + 8]!, c[p + 9]!, c[p + 10]!,
      );
    case 12:
      return text(
        c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!, c[p + 6]!, c[p + 7]!,
        c[p + 8]!, c[p + 9]!, c[p + 10]!, c[p + 11]!,
      );
    case 13:
      return text(
        c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!, c[p + 6]!, c[p + 7]!,
        c[p + 8]!, c[p + 9]!, c[p + 10]!, c[p + 11]!, c[p + 12]!,
      );
    case 14:
      return text(
        c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!, c[p + 6]!, c[p + 7]!,
        c[p + 8]!, c[p + 9]!, c[p + 10]!, c[p + 11]!, c[p + 12]!, c[p + 13]!,
      );
    case 15:
      return text(
        c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!, c[p + 6]!, c[p + 7]!,
        c[p + 8]!, c[p + 9]!, c[p + 10]!, c[p + 11]!, c[p + 12]!, c[p + 13]!, c[p + 14]!,
      );
    case 16:
      return text(
        c[p]!, c[p + 1]!, c[p + 2]!, c[p + 3]!, c[p + 4]!, c[p + 5]!, c[p + 6]!, c[p + 7]!,
        c[p + 8]!, c[p + 9]!, c[p + 10]!, c[p + 11]!, c[p + 12]!, c[p + 13]!, c[p + 14]!, c[p + 15]!,
      );
  }
  throw new RangeError(`no short string has ${n} chars`);
}
