/**
 * What goes over the socket between a fork server and its clients. The loop of the server is native code (native/os/fork_server.h), so what it reads
 * and writes has fixed places; all else is JSON. Numbers are little-endian.
 *
 * - Client, first of all: the settings, JSON.
 * - Server, when it has done as they say: a greeting, kind 0 and JSON.
 * - Client: requests, each with the child's stdout and stderr as descriptors. u32 id, u32 flags, then what the child is to get.
 * - Server: replies of 16 bytes. u32 kind, u32 id, i32 pid, i32 status. A child's start carries its pidfd.
 */

/** What a server finds its first client's socket, and the region, under. */
export const CLIENT_FD = 3;
export const REGION_FD = 4;

export interface Settings {
  readonly argv: readonly string[];
  /** NODE_OPTIONS of the client; the server was started without some of them. */
  readonly nodeOptions: string | undefined;
  /** Modules that the user wants loaded before the first fork. */
  readonly preload: readonly string[];
  /** The module of the first target: loaded too, unless it leaves something behind that children cannot share. */
  readonly target: string | null;
}

export interface Greeting {
  /** Why this server cannot fork; then it ends. */
  readonly unable?: string;
  /** It is the fault of these modules: another server, which does not load them, may be able. */
  readonly leaveOut?: readonly string[];
}

export type Reply =
  | { readonly kind: 'greeting'; readonly greeting: Greeting }
  | { readonly kind: 'started'; readonly id: number; readonly pid: number }
  /** `status` is an exit code, or minus a signal's number. */
  | { readonly kind: 'ended'; readonly id: number; readonly pid: number; readonly status: number }
  /** `errno`: what `fork` said. */
  | { readonly kind: 'failed'; readonly id: number; readonly errno: number };

const KINDS = ['greeting', 'started', 'ended', 'failed'] as const;
const DAEMON = 1;
const REQUEST_HEADER = 8;
const GREETING_HEADER = 4;

export function encodeRequest(id: number, isDaemon: boolean, payload: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(REQUEST_HEADER + Buffer.byteLength(payload));
  bytes.writeUInt32LE(id, 0);
  bytes.writeUInt32LE(isDaemon ? DAEMON : 0, 4);
  bytes.write(payload, REQUEST_HEADER);
  return bytes;
}

export function encodeGreeting(greeting: Greeting): Uint8Array {
  return Buffer.concat([Buffer.alloc(GREETING_HEADER), Buffer.from(JSON.stringify(greeting))]);
}

export function decodeReply(bytes: Uint8Array): Reply {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = KINDS[view.readUInt32LE(0)];
  if (kind === 'greeting') return { kind, greeting: JSON.parse(view.toString('utf8', GREETING_HEADER)) as Greeting };
  const [id, pid, status] = [view.readUInt32LE(4), view.readInt32LE(8), view.readInt32LE(12)];
  if (kind === 'started') return { kind, id, pid };
  if (kind === 'ended') return { kind, id, pid, status };
  return { kind: 'failed', id, errno: status };
}
