/**
 * The format, byte by byte. Little-endian; every message stands alone; nothing in it is a version, since both sides run the same package.
 *
 *   message  = flags u8, value                    flags: bit 0 = the message contains references, so the reader must keep a table
 *            | flags 0, BODY, kind u8, 5 zeros, then the raw bytes of a view or ArrayBuffer up to the end of the message
 *   uint     = u8 (0..0xfb) | 0xfc u16 | 0xfd u32 | 0xfe f64
 *   string   = a value that is a string
 *
 *   00..7f   the integer itself                   ba  LATIN1        uint length, bytes
 *   80..9f   LATIN1 of length 0..31, bytes        bb  UTF16         uint units, 2 bytes each (lone surrogates survive)
 *   a0..af   ARRAY of 0..15 values                bc  OBJECT        uint size of the key block, key strings, then a value per key
 *   b0       undefined                            bd  OBJECT_AGAIN  uint n: keys as in the message's n-th OBJECT; a value per key
 *   b1       null                                 be  DICTIONARY    uint count, (key string, value)*
 *   b2, b3   false, true                          bf  ARRAY         uint length, value*
 *   b4       INT8                                 c0  INT32S        uint length, i32*: an array of such integers
 *   b5       INT16                                c1  FLOAT64S      uint length, f64*: an array of numbers
 *   b6       INT32                                c2  SPARSE        uint length, uint count, (key string, value)*
 *   b7       FLOAT64                              c3  HOLE          in an array only
 *   b8       BIGINT64                             c4  ARRAY_PLUS    ARRAY's fields, then uint count, (key string, value)*
 *   b9       BIGINT: sign u8, uint digits,        c5  REFERENCE     uint n: the message's n-th object
 *            hexadecimal digits                   c6  DATE          f64 milliseconds
 *   c7       REGEXP: source, flags strings        cd  VIEW          kind u8, uint size, bytes: alone on memory of its own
 *   c8       MAP: uint count, (value, value)*     ce  VIEW_ON       kind u8, tracking u8, uint offset, uint size, then the ArrayBuffer
 *   c9       SET: uint count, value*              cf  ERROR         class string, name, message (each a string or undefined),
 *   ca       BOXED: a primitive value                               uint count, (enumerable u8, key string, value)*
 *   cb       BUFFER: uint size, bytes             d0  PASSABLE      uint index into the message's handles
 *   cc       RESIZABLE: uint size, f64 maximum,   d1  INSTANCE      name string, the value its serialize() gave
 *            bytes                                d2  BODY          only as the whole message, see above
 *   d3, d4   LATER_OBJECT, LATER_ARRAY: nested too deeply to stand here. After the root, all that were announced follow in order.
 *
 * Objects are numbered in the order in which their tags appear (a VIEW takes two numbers, its own and its ArrayBuffer's), so that
 * a REFERENCE needs no label at the thing it names.
 *
 * Worked example, `{ id: 123, name: 'task-123', ok: true }`:
 *
 *   00 bc 0b 82 69 64 84 6e 61 6d 65 82 6f 6b 7b 88 74 61 73 6b 2d 31 32 33 b3
 *   |  |  |  |        |              |        |  |                          true
 *   |  |  |  'id'     'name'         'ok'     |  'task-123'
 *   |  |  key block of 11 bytes               123
 *   |  OBJECT
 *   no references
 */

export const FLAG_REFERENCES = 0x01;

export const TAG_SHORT_STRING = 0x80;
export const TAG_SHORT_ARRAY = 0xa0;
export const TAG_UNDEFINED = 0xb0;
export const TAG_NULL = 0xb1;
export const TAG_FALSE = 0xb2;
export const TAG_TRUE = 0xb3;
export const TAG_INT8 = 0xb4;
export const TAG_INT16 = 0xb5;
export const TAG_INT32 = 0xb6;
export const TAG_FLOAT64 = 0xb7;
export const TAG_BIGINT64 = 0xb8;
export const TAG_BIGINT = 0xb9;
export const TAG_LATIN1 = 0xba;
export const TAG_UTF16 = 0xbb;
export const TAG_OBJECT = 0xbc;
export const TAG_OBJECT_AGAIN = 0xbd;
export const TAG_DICTIONARY = 0xbe;
export const TAG_ARRAY = 0xbf;
export const TAG_INT32S = 0xc0;
export const TAG_FLOAT64S = 0xc1;
export const TAG_SPARSE = 0xc2;
export const TAG_HOLE = 0xc3;
export const TAG_ARRAY_PLUS = 0xc4;
export const TAG_REFERENCE = 0xc5;
export const TAG_DATE = 0xc6;
export const TAG_REGEXP = 0xc7;
export const TAG_MAP = 0xc8;
export const TAG_SET = 0xc9;
export const TAG_BOXED = 0xca;
export const TAG_BUFFER = 0xcb;
export const TAG_RESIZABLE = 0xcc;
export const TAG_VIEW = 0xcd;
export const TAG_VIEW_ON = 0xce;
export const TAG_ERROR = 0xcf;
export const TAG_PASSABLE = 0xd0;
export const TAG_INSTANCE = 0xd1;
export const TAG_BODY = 0xd2;
export const TAG_LATER_OBJECT = 0xd3;
export const TAG_LATER_ARRAY = 0xd4;

/** Where the raw bytes of a BODY message start; 8, so that they are as aligned as the message is. */
export const BODY_OFFSET = 8;
