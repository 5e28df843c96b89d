/** The addon's fork server, over its clients' sockets: test/fixtures/native/fork-server.mjs is one, with children that do as they are told. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/platform/addon.js';
import type { ExitStatus } from '../../src/platform/platform.js';
import { withWatchdog } from '../helpers/watchdog.js';

const result = loadAddon();
if ('reason' in result) throw new Error(result.reason);
const { addon } = result;

const DAEMON = 1;
const WAIT_MS = 60_000;
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/native/${name}`, import.meta.url));

interface Reply {
  readonly kind: number;
  readonly id: number;
  readonly pid: number;
  readonly status: number;
  readonly fds: readonly number[];
}

/** A client's end of a server's socket, used synchronously. */
class Client {
  /** Started with their descriptors open. */
  readonly kept: Reply[] = [];
  readonly #replies: Reply[] = [];
  #nextId = 1;
  #isClosed = false;
  readonly socket: number;

  constructor(socket: number) {
    this.socket = socket;
  }

  request(task: string, argument: unknown, { flags = 0, out = nowhere, err = nowhere } = {}): number {
    const id = this.#nextId++;
    this.requestRaw(id, flags, Buffer.from(JSON.stringify({ task, argument })), [out, err]);
    return id;
  }

  requestRaw(id: number, flags: number, payload: Uint8Array, fds: readonly number[]): void {
    const deadline = performance.now() + WAIT_MS;
    while (!this.tryRequest(id, flags, payload, fds)) {
      if (performance.now() > deadline) throw new Error('the server takes no request');
      this.#receive(1);
    }
  }

  /** False when the socket is full. */
  tryRequest(id: number, flags: number, payload: Uint8Array, fds: readonly number[]): boolean {
    const bytes = new Uint8Array(8 + payload.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, id, true);
    view.setUint32(4, flags, true);
    bytes.set(payload, 8);
    return addon.sendDatagram(this.socket, bytes, fds);
  }

  /** The first reply that is there or comes. */
  next(): Reply {
    if (this.#replies.length === 0 && !this.#receive(WAIT_MS)) throw new Error('no reply');
    const reply = this.#replies.shift() as Reply;
    for (const fd of reply.fds) closeSync(fd);
    return reply;
  }

  /** All that was received and all that the server wrote before it died. */
  drain(): Reply[] {
    try {
      while (this.#receive(WAIT_MS)) {}
    } catch {
      // Its end, by now: it is dead.
    }
    return this.#replies.splice(0);
  }

  /** The next reply of this kind to this request; others are kept. */
  reply(id: number, kind: number): Reply {
    for (;;) {
      const index = this.#replies.findIndex((one) => one.id === id && one.kind === kind);
      if (index >= 0) return this.#replies.splice(index, 1)[0] as Reply;
      if (!this.#receive(WAIT_MS)) throw new Error(`no reply ${kind} to request ${id}; there are ${JSON.stringify(this.#replies)}`);
    }
  }

  /** Started, with the descriptor closed unless it is wanted. */
  started(id: number, keep = false): Reply {
    const reply = this.reply(id, STARTED);
    if (!keep) for (const fd of reply.fds) closeSync(fd);
    return reply;
  }

  ended(id: number): number {
    return this.reply(id, ENDED).status;
  }

  run(task: string, argument: unknown, options = {}): number {
    const id = this.request(task, argument, options);
    this.started(id);
    return this.ended(id);
  }

  close(): void {
    if (!this.#isClosed) closeSync(this.socket);
    this.#isClosed = true;
  }

  #receive(timeoutMs: number): boolean {
    const datagram = addon.receiveDatagram(this.socket, timeoutMs);
    if (datagram === null) return false;
    const { bytes, fds } = datagram;
    if (bytes.length === 0) throw new Error('the server is gone');
    const view = new DataView(bytes.buffer);
    this.#replies.push({
      kind: view.getUint32(0, true),
      id: view.getUint32(4, true),
      pid: view.getInt32(8, true),
      status: view.getInt32(12, true),
      fds: fds ?? [],
    });
    return true;
  }
}

const STARTED = 1;
const ENDED = 2;
const NOT_FORKED = 3;

let nowhere = -1;
beforeAll(() => {
  nowhere = openSync('/dev/null', 'w');
  return () => closeSync(nowhere);
});

interface Running {
  readonly process: ChildProcess;
  readonly client: Client;
  readonly ended: Promise<ExitStatus>;
}

const running: Running[] = [];
afterEach(async () => {
  for (const { process, client, ended } of running.splice(0)) {
    client.close();
    await withWatchdog(WAIT_MS, () => `the server ${process.pid} outlives its clients`, ended);
  }
});

/** A server with this test as its client; gone with the test. `shell`: what is done before it begins. */
function startServer(shell = '', user: SpawnOptions = {}): Running {
  const [mine, its] = addon.socketPair();
  const server = spawn('sh', ['-c', `${shell}\nexec "$0" "$1"`, process.execPath, fixture('fork-server.mjs')], {
    ...user,
    stdio: ['ignore', 'ignore', 'inherit', its],
    env: { ...process.env, NODE_OPTIONS: undefined, VITEST: undefined },
  });
  closeSync(its);
  const ended = new Promise<ExitStatus>((resolve) => {
    server.once('exit', (code, signal) => resolve({ code, signal } as unknown as ExitStatus));
  });
  const started = { process: server, client: new Client(mine), ended };
  running.push(started);
  return started;
}

interface Pipe {
  /** For a child; closed here by read(). */
  readonly end: number;
  /** What is there now. */
  poll(): string;
  /** All until nobody has the other end any more. */
  read(): string;
}

const pipes: number[] = [];
afterEach(() => {
  for (const fd of pipes.splice(0)) closeSync(fd);
});

/** What a child writes to. Sockets do for it: Node makes no pipe without a process. */
function pipe(): Pipe {
  const [mine, its] = addon.socketPair();
  pipes.push(mine);
  let isOpen = true;
  let text = '';
  const receive = (timeoutMs: number): number => {
    const datagram = addon.receiveDatagram(mine, timeoutMs);
    text += Buffer.from(datagram?.bytes ?? []).toString();
    return datagram === null ? -1 : datagram.bytes.length;
  };
  return {
    end: its,
    poll() {
      while (receive(0) > 0) {}
      return text;
    },
    read() {
      if (isOpen) closeSync(its);
      isOpen = false;
      for (;;) {
        const length = receive(WAIT_MS);
        if (length === -1) throw new Error(`the pipe has not ended after ${JSON.stringify(text)}`);
        if (length === 0) return text;
      }
    },
  };
}

/** A further client of the same server: one of its children opens the door to it. */
function lend(client: Client): Client {
  const [mine, its] = addon.socketPair();
  try {
    expect(client.run('lend', null, { out: its })).toBe(0);
    return new Client(addon.receiveDatagram(mine, WAIT_MS)?.fds?.[0] as number);
  } finally {
    closeSync(mine);
    closeSync(its);
  }
}

/** Resolves when the condition holds, which whoever calls bounds in time. */
async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('a fork server', () => {
  it('forks children that end with their codes', () => {
    const { client } = startServer();
    expect([0, 1, 42, 255].map((code) => client.run('exit', code))).toEqual([0, 1, 42, 255]);
  });

  it('tells of signals as negative numbers, and the descriptor of the child tells of its end', () => {
    const { client } = startServer();
    const id = client.request('stay', null);
    const { pid, fds } = client.started(id, true);
    const pidfd = fds[0] as number;
    expect(addon.pidfdWait(pidfd, 0)).toBeUndefined();
    expect(isAlive(pid)).toBe(true);
    expect(addon.pidfdSignal(pidfd, 9)).toBe(true);
    expect(client.ended(id)).toBe(-9);
    // Not our child: newer kernels tell how it ended, others do not.
    expect([null, { code: null, signal: 9 }]).toContainEqual(addon.pidfdWait(pidfd, WAIT_MS));
    expect(addon.pidfdSignal(pidfd, 9)).toBe(false);
    closeSync(pidfd);
    expect(client.run('kill', 'SIGTERM')).toBe(-15);
  });

  for (const kind of ['garbage', 'jit', 'wasm', 'worker', 'fetch']) {
    it(`has children that can do anything: ${kind}`, () => {
      const { client } = startServer();
      const ids = Array.from({ length: 4 }, () => client.request('work', kind));
      for (const id of ids) client.started(id);
      expect(ids.map((id) => client.ended(id))).toEqual([9, 9, 9, 9]);
    });
  }

  it('gives each child its own stdout and stderr, and no stdin', () => {
    const { client } = startServer();
    const out = pipe();
    const err = pipe();
    expect(client.run('write', { out: 'to out', err: 'to err' }, { out: out.end, err: err.end })).toBe(0);
    expect(out.read()).toBe('to out');
    expect(err.read()).toBe('to err');
  });

  it('ignores SIGINT, which its children do not', async () => {
    const { client, process: server } = startServer();
    expect(client.run('exit', 0)).toBe(0);
    server.kill('SIGINT');
    expect(client.run('exit', 3)).toBe(3);
    expect(client.run('kill', 'SIGINT')).toBe(-2);
  });

  it('gives every child the same number of descriptors, however many siblings run', () => {
    const { client } = startServer();
    const seen: string[] = [];
    const staying: number[] = [];
    for (let i = 0; i < 4; i++) {
      const out = pipe();
      client.run('descriptors', null, { out: out.end });
      seen.push(out.read());
      for (let k = 0; k < 10; k++) staying.push(client.request('stay', null, { flags: DAEMON }));
    }
    for (const id of staying) client.started(id);
    expect(new Set(seen).size).toBe(1);
    expect(JSON.parse(seen[0] as string).fds).toBeGreaterThan(3);
  });

  it('keeps nothing open of children that have ended', () => {
    const { client, process: server } = startServer();
    client.run('exit', 0);
    const count = () => readdirSync(`/proc/${server.pid}/fd`).length;
    const before = count();
    const ids = Array.from({ length: 30 }, () => client.request('exit', 0));
    for (const id of ids) client.started(id);
    for (const id of ids) client.ended(id);
    expect(count()).toBe(before);
  });

  it('has two hundred children at a time, and takes the daemons with its last client', async () => {
    const { client, process: server, ended } = startServer();
    const ids = Array.from({ length: 200 }, () => client.request('stay', null, { flags: DAEMON }));
    const pids = ids.map((id) => client.started(id).pid);
    expect(new Set(pids).size).toBe(200);
    expect(pids.every(isAlive)).toBe(true);
    client.close();
    expect(await ended).toEqual({ code: 0, signal: null });
    await withWatchdog(
      WAIT_MS,
      () => pids.filter(isAlive),
      eventually(() => !pids.some(isAlive)),
    );
    expect(server.exitCode).toBe(0);
  });

  it('lets children that are no daemons live on', async () => {
    const { client, ended } = startServer();
    const id = client.request('stay', null);
    const { pid, fds } = client.started(id, true);
    client.close();
    await ended;
    expect(addon.pidfdWait(fds[0] as number, 0)).toBeUndefined();
    expect(isAlive(pid)).toBe(true);
    addon.pidfdSignal(fds[0] as number, 9);
    expect(addon.pidfdWait(fds[0] as number, WAIT_MS)).not.toBeUndefined();
    closeSync(fds[0] as number);
  });

  it('that is killed takes its daemons along, and no child runs that its client has not heard of', async () => {
    for (let round = 0; round < 8; round++) {
      const { client, process: server, ended } = startServer();
      client.run('exit', 0);
      const out = pipe();
      for (let i = 0; i < 20; i++) client.request('stay', null, { flags: i % 2, out: out.end });
      // Killed at some point of its work, another one each time.
      for (let i = 0; i < round; i++) client.kept.push(client.started(2 + i, true));
      const known = client.kept.splice(0);
      server.kill('SIGKILL');
      expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
      const heard = [...known, ...client.drain()].flatMap(({ fds }) => fds);
      for (const fd of heard) {
        addon.pidfdSignal(fd, 9);
        expect(addon.pidfdWait(fd, WAIT_MS)).not.toBeUndefined();
        closeSync(fd);
      }
      // Those that were not heard of end too, or else this would not: and none of them has written.
      const ran = out.read().split('\n').length - 1;
      expect(ran).toBeLessThanOrEqual(heard.length);
    }
  });

  it('serves its own children through the door', () => {
    const { client } = startServer();
    expect(client.run('nested', { task: 'exit', argument: 33 })).toBe(33);
    expect(client.run('nested', { task: 'nested', argument: { task: 'exit', argument: 34 } })).toBe(34);
  });

  it('outlives its first client while another is there', async () => {
    const { client, process: server, ended } = startServer();
    const second = lend(client);
    client.close();
    expect(second.run('exit', 8)).toBe(8);
    expect(server.exitCode).toBeNull();
    second.close();
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  it('takes along the daemons of a client that goes, and no others', async () => {
    const { client } = startServer();
    const second = lend(client);
    const [daemon, other] = [DAEMON, 0].map((flags) => second.started(second.request('stay', null, { flags }), true));
    const mine = client.request('stay', null, { flags: DAEMON });
    const { pid } = client.started(mine);
    second.close();
    expect(addon.pidfdWait(daemon?.fds[0] as number, WAIT_MS)).not.toBeUndefined();
    // The server has looked at its children by now.
    expect(client.run('exit', 0)).toBe(0);
    expect([other?.pid as number, pid].map(isAlive)).toEqual([true, true]);
    addon.pidfdSignal(other?.fds[0] as number, 9);
    for (const fd of [daemon?.fds[0], other?.fds[0]]) closeSync(fd as number);
  });

  it('serves others while a client reads nothing', () => {
    const { client } = startServer();
    const silent = lend(client);
    // Each is refused, and so many answers do not fit into its socket.
    for (let i = 0; i < 2000; i++) {
      while (!silent.tryRequest(i, 0, new Uint8Array(1), [])) client.run('exit', 1);
    }
    expect(client.run('exit', 5)).toBe(5);
    // None is lost, and all are in order.
    const answers = Array.from({ length: 2000 }, () => silent.next());
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 2000 }, (_, i) => i));
    expect(new Set(answers.map(({ kind, status }) => `${kind} ${status}`))).toEqual(new Set([`${NOT_FORKED} 22`]));
    silent.close();
  });

  it('starts no child whose client has no room for the news, until it has', () => {
    const { client } = startServer();
    const silent = lend(client);
    for (let i = 0; i < 500; i++) {
      while (!silent.tryRequest(i, 0, new Uint8Array(1), [])) client.run('exit', 1);
    }
    const out = pipe();
    silent.request('write', { out: 'I run', err: '' }, { out: out.end });
    // By now the server has forked the one above, which waits.
    expect(client.run('exit', 5)).toBe(5);
    expect(out.poll()).toBe('');
    for (let i = 0; i < 500; i++) silent.next();
    expect(silent.next().kind).toBe(STARTED);
    expect(out.read()).toBe('I run');
    silent.close();
  });

  it('keeps the news for a client while its user has too many descriptors under way', async ({ skip }) => {
    // The limit is not root's.
    const user = process.geteuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const crowd = fixture('descriptors-under-way.mjs');
    if (spawnSync('test', ['-r', crowd], user).status !== 0) skip('no other user can read these files');
    const { client, process: server } = startServer('ulimit -n 100', user);
    expect(client.run('exit', 0)).toBe(0);
    const others = spawn(process.execPath, [crowd], { ...user, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(others, 'exit');
    try {
      await withWatchdog(WAIT_MS, () => 'none are under way', once(others.stdout, 'data'));
      const id = client.request('exit', 7);
      await withWatchdog(
        WAIT_MS,
        () => 'no child',
        eventually(() => readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8') !== ''),
      );
      others.kill('SIGKILL');
      client.started(id);
      expect(client.ended(id)).toBe(7);
    } finally {
      others.kill('SIGKILL');
      await ended;
    }
  });

  it('refuses what it cannot serve', () => {
    const { client } = startServer();
    client.requestRaw(5, 0, new Uint8Array(10), []);
    expect(client.reply(5, NOT_FORKED).status).toBe(22);
    client.requestRaw(6, 0, new Uint8Array(10), [nowhere]);
    expect(client.reply(6, NOT_FORKED).status).toBe(22);
    expect(client.run('exit', 6)).toBe(6);
  });

  it('hands over sixty kilobytes of payload verbatim', () => {
    const { client } = startServer();
    const text = 'x'.repeat(60_000);
    const out = pipe();
    expect(client.run('write', { out: text, err: '' }, { out: out.end })).toBe(0);
    expect(out.read()).toBe(text);
  });
});
