/**
 * What a listener has taken in: peers in the midst of their handshakes, any number side by side, so that none of them holds up the others, and what became
 * of those who are through.
 */
import type { StreamListener, StreamSocket } from '../platform/platform.js';
import { Handshaking } from './handshaking.js';
import { NOTHING } from './connection.js';
import { descriptorsFor, type Side, type Source } from './stream-waiting.js';

/** A connected peer that may be trusted if there is a key, or why it may not. */
export type Outcome = { readonly stream: StreamSocket } | { readonly failure: unknown };

/** Peers in a handshake at once; those beyond wait in the system's queue. */
const MOST_HANDSHAKES = 128;

export class Intake implements Source {
  readonly #listener: StreamListener;
  readonly #key: Uint8Array | undefined;
  readonly #handshakeMs: number;
  readonly #peers = new Set<Handshaking>();
  readonly #outcomes: Outcome[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isAwaited = false;
  /** Since when nobody accepts: a time that is not counted against the peers. */
  #restingSince: number | undefined = performance.now();

  constructor(listener: StreamListener, key: Uint8Array | undefined, handshakeMs: number) {
    this.#listener = listener;
    this.#key = key;
    this.#handshakeMs = handshakeMs;
  }

  /** Goes on with everything as far as it can without waiting. What became of the next peer for whom that is clear. @throws SystemError (EMFILE) */
  next(): Outcome | typeof NOTHING {
    this.#wake();
    for (const peer of this.#peers) this.#advance(peer);
    while (this.#outcomes.length === 0 && this.#peers.size < MOST_HANDSHAKES) {
      const stream = this.#listener.accept();
      if (stream === null) break;
      if (this.#key === undefined) this.#outcomes.push({ stream });
      else this.#advance(new Handshaking(stream, this.#key, performance.now(), this.#handshakeMs));
    }
    if (!this.#isAwaited) this.#rest();
    return this.#outcomes.shift() ?? NOTHING;
  }

  hasOutcome(): boolean {
    return this.#outcomes.length > 0 || this.#listener.hasPending();
  }

  await(readable: boolean, _writable: boolean, onReady: (() => void) | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isAwaited = readable;
    if (readable) this.#wake();
    else this.#rest();
    this.#listener.await(readable && this.#peers.size < MOST_HANDSHAKES, false, onReady);
    for (const { stream, awaits } of this.#peers) stream.await(readable && awaits === 'read', readable && awaits === 'write', onReady);
    if (!readable || this.#peers.size === 0 || onReady === undefined) return;
    this.#timer = setTimeout(onReady, Math.ceil(Math.max(this.#nextDeadline() - performance.now(), 0)));
  }

  park(_side: Side, timeoutMs: number): void {
    this.#wake();
    const readable = this.#peers.size < MOST_HANDSHAKES ? [this.#listener.fd] : [];
    const writable: number[] = [];
    for (const { stream, awaits } of this.#peers) (awaits === 'read' ? readable : writable).push(stream.fd);
    const leftMs = Math.min(timeoutMs, Math.max(this.#nextDeadline() - performance.now(), 0));
    descriptorsFor('To block for a listener').poll(readable, writable, leftMs);
  }

  close(): void {
    this.await(false, false, undefined);
    for (const peer of this.#peers) peer.stream.close();
    this.#peers.clear();
    for (const outcome of this.#outcomes.splice(0)) if ('stream' in outcome) outcome.stream.close();
  }

  #advance(peer: Handshaking): void {
    this.#peers.add(peer);
    try {
      if (!peer.advance(performance.now())) return;
      peer.stream.await(false, false, undefined);
      this.#outcomes.push({ stream: peer.stream });
    } catch (failure) {
      peer.stream.close();
      this.#outcomes.push({ failure });
    }
    this.#peers.delete(peer);
  }

  #nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { deadline } of this.#peers) next = Math.min(next, deadline);
    return next;
  }

  #rest(): void {
    this.#restingSince ??= performance.now();
  }

  #wake(): void {
    if (this.#restingSince === undefined) return;
    const restedMs = performance.now() - this.#restingSince;
    this.#restingSince = undefined;
    for (const peer of this.#peers) peer.deadline += restedMs;
  }
}
