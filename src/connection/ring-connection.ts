/** Connections between the processes of a family: over rings in shared memory. Objects cross as in queues, shared ones too. */
import { currentAgent } from '../arena/agent.js';
import type { Deadline } from '../arena/waiting.js';
import { BLOCK_CONNECTION } from '../memory/block.js';
import { closedError, type Handle, onRebuild, unbindShared } from '../memory/handle.js';
import { Holders } from '../memory/holders.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { isInt } from '../queue/message.js';
import type { Watch } from '../util/waitable.js';
import { Connection, making, NOTHING } from './connection.js';
import { Inlet, Outlet, type Take } from './lane.js';
import { BytesParcel, bytesOf, load, takeBytes, takeValue, unload, valueOf } from './parcels.js';
import { readEnd } from './pipe-block.js';

/** `fileno` of an end: above all descriptors that there can be, and the sentinels of threads. */
const FIRST_NUMBER = 2 ** 31;

type Received = Uint8Array | typeof NOTHING;

/** One end of a pipe. */
export class RingConnection extends Connection implements Passable {
  readonly #handle: Handle;
  /** Where the other end's block is. */
  readonly #receiver: number;
  readonly #inlet: Inlet | undefined;
  readonly #outlet: Outlet | undefined;

  /** Stands for the end of this handle. REQUIRES: this agent holds it. */
  constructor(handle: Handle) {
    const agent = currentAgent();
    const { inlet, outlet, other } = readEnd(handle);
    super(making, { readable: inlet !== 0, writable: outlet !== 0 });
    const others = new Holders(agent, other);
    this.#handle = handle;
    this.#receiver = other.offset;
    this.#inlet = inlet === 0 ? undefined : new Inlet(agent, inlet, handle.offset, others);
    this.#outlet = outlet === 0 ? undefined : new Outlet(agent, outlet, handle.offset, others);
  }

  [handleOf](): Handle {
    if (this.closed) throw closedError('connection');
    return this.#handle;
  }

  protected override sendValue(value: unknown, deadline: Deadline, signal: AbortSignal | undefined): true | Promise<boolean> {
    const outlet = this.#outlet as Outlet;
    const mayGoFirst = !outlet.hasWaiting;
    if (mayGoFirst && isInt(value) && outlet.putInt(value, undefined)) return true;
    const message = load(value, this.#receiver);
    if (mayGoFirst && outlet.tryPut(message, undefined)) {
      unload(message);
      return true;
    }
    return outlet.put(message.detach(), deadline, signal);
  }

  protected override sendValueSync(value: unknown, deadline: Deadline): boolean {
    const outlet = this.#outlet as Outlet;
    if (isInt(value) && outlet.putInt(value, deadline)) return true;
    const message = load(value, this.#receiver);
    try {
      if (outlet.tryPut(message, deadline) || outlet.putSync(message, deadline)) return true;
      message.cancel();
      return false;
    } finally {
      unload(message);
    }
  }

  protected override receiveValue(deadline: Deadline, signal: AbortSignal | undefined): unknown {
    const inlet = this.#inlet as Inlet;
    const taken = inlet.hasWaiting ? NOTHING : inlet.take(takeValue, undefined);
    return taken === NOTHING ? inlet.get(takeValue, deadline, signal).then(valueOf) : valueOf(taken);
  }

  protected override receiveValueSync(deadline: Deadline): unknown {
    const inlet = this.#inlet as Inlet;
    const taken = inlet.take(takeValue, deadline);
    return valueOf(taken === NOTHING ? inlet.getSync(takeValue, deadline) : taken);
  }

  protected sendMessage(message: Uint8Array, deadline: Deadline, signal: AbortSignal | undefined): true | Promise<boolean> {
    const outlet = this.#outlet as Outlet;
    if (!outlet.hasWaiting && outlet.tryPut(new BytesParcel(message), undefined)) return true;
    return outlet.put(new BytesParcel(message.slice()), deadline, signal);
  }

  protected sendMessageSync(message: Uint8Array, deadline: Deadline): boolean {
    const outlet = this.#outlet as Outlet;
    const parcel = new BytesParcel(message);
    return outlet.tryPut(parcel, deadline) || outlet.putSync(parcel, deadline);
  }

  protected receiveMessage(deadline: Deadline, signal: AbortSignal | undefined, maxLength: number): Received | Promise<Received> {
    const inlet = this.#inlet as Inlet;
    const take = this.#takeAtMost(maxLength);
    const taken = inlet.hasWaiting ? NOTHING : inlet.take(take, undefined);
    return taken === NOTHING ? inlet.get(take, deadline, signal).then(bytesOf) : bytesOf(taken);
  }

  protected receiveMessageSync(deadline: Deadline, maxLength: number): Received {
    const inlet = this.#inlet as Inlet;
    const take = this.#takeAtMost(maxLength);
    const taken = inlet.take(take, deadline);
    return bytesOf(taken === NOTHING ? inlet.getSync(take, deadline) : taken);
  }

  protected pollMessage(deadline: Deadline, signal: AbortSignal | undefined): boolean | Promise<boolean> {
    const inlet = this.#inlet as Inlet;
    return inlet.isReady() || (deadline > performance.now() && inlet.poll(deadline, signal));
  }

  protected pollMessageSync(deadline: Deadline): boolean {
    return (this.#inlet as Inlet).pollSync(deadline);
  }

  protected watchMessage(): Watch {
    return (this.#inlet as Inlet).watch();
  }

  protected number(): number {
    return FIRST_NUMBER + this.#handle.offset / 64;
  }

  protected closeTransport(): void {
    this.#inlet?.close();
    this.#outlet?.close();
    unbindShared(this, this.#handle);
  }

  protected describeTransport(): string {
    return `pipe ${this.number()}`;
  }

  #takeAtMost(maxLength: number): Take {
    return (ring) => takeBytes(ring, maxLength, (length) => this.refuseLength(length, maxLength));
  }
}

onRebuild(BLOCK_CONNECTION, (handle) => new RingConnection(handle));
