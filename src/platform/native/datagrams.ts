import type { Addon } from '../addon.js';
import type { Datagrams, DescriptorWatch } from '../platform.js';

/** Unix sockets of type SOCK_SEQPACKET, and libuv's watching of descriptors. */
export class NativeDatagrams implements Datagrams {
  readonly pair: Datagrams['pair'];
  readonly send: Datagrams['send'];
  readonly receive: Datagrams['receive'];
  readonly close: Datagrams['close'];
  readonly #addon: Addon;

  constructor(addon: Addon) {
    this.#addon = addon;
    this.pair = addon.socketPair;
    this.send = addon.sendDatagram;
    this.receive = addon.receiveDatagram;
    this.close = addon.closeDescriptor;
  }

  watch(fd: number, onReadable: () => void): DescriptorWatch {
    const { watchOpen, watchSetRef, watchClose } = this.#addon;
    const watch = watchOpen(fd, onReadable);
    return { setRef: (on) => watchSetRef(watch, on), close: () => watchClose(watch) };
  }
}
