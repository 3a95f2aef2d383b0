/**
 * One listener or datagram socket, as its owner sees it, that is on every bound address, all at the same port. Addresses
 * that come later are joined, those that go are left; the owner hears neither. Made by BoundNetwork.
 * Invariant: onListening is told once, and onError at most once, after which nothing is open.
 */
import type { Address } from '../base/address.js';
import type { BoundAddress } from '../base/bound-addresses.js';
import type { DtorrentError } from '../base/errors.js';
import type { DatagramSocket, Listener } from '../host/network.js';

export interface BoundSocketsOptions {
  readonly how: {
    /** Opens one; no callback inside the call. */
    readonly open: (
      host: string,
      port: number,
      told: { readonly onListening: (port: number) => void; readonly onError: (error: DtorrentError) => void },
    ) => Listener | DatagramSocket;
    readonly onListening: (port: number) => void;
    readonly onError: (error: DtorrentError) => void;
  };
  /** 0 = any that is free on all of them. */
  readonly port: number;
  /** Where to be, now. */
  readonly addresses: () => readonly BoundAddress[];
  readonly refusal: () => DtorrentError;
  readonly defer: (fn: () => void) => void;
  readonly beforeSend: () => void;
  readonly onClosed: () => void;
}

/** For port 0: the port that the first address got may be taken on another. */
const PORT_ATTEMPTS_MAX = 10;

interface Opened extends BoundAddress {
  readonly socket: Listener | DatagramSocket;
  isBound: boolean;
}

export class BoundSockets implements DatagramSocket {
  readonly #options: BoundSocketsOptions;
  readonly #opened = new Map<string, Opened>();
  #port: number;
  #state: 'opening' | 'open' | 'closed' = 'opening';
  #attempts = 0;
  /** While opening: the one that is being bound, and those that come after it. */
  #queue: readonly BoundAddress[] = [];

  constructor(options: BoundSocketsOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  start(): void {
    const wanted = this.#options.addresses();
    if (wanted.length === 0) {
      this.#options.defer(() => this.#fail(this.#options.refusal()));
      return;
    }
    this.#openNext(wanted);
  }

  /** One after the other, so that a port that was chosen for the first is known to the others. */
  #openNext(queue: readonly BoundAddress[]): void {
    this.#queue = queue;
    const [next, ...rest] = queue;
    if (next === undefined) {
      this.#state = 'open';
      this.#options.how.onListening(this.#port);
      return;
    }
    this.#open(next, {
      onBound: () => this.#openNext(rest),
      onError: (error) => {
        const isPortChosen = this.#options.port === 0 && this.#opened.size > 0;
        if (!isPortChosen || ++this.#attempts >= PORT_ATTEMPTS_MAX) {
          this.#fail(error);
          return;
        }
        const again = [...this.#opened.values(), next, ...rest];
        this.#closeAll();
        this.#port = 0;
        this.#openNext(again);
      },
    });
  }

  /** What is bound now: joins what is new. */
  extend(): void {
    if (this.#state !== 'open') return;
    for (const address of this.#options.addresses()) {
      if (this.#opened.has(address.host)) continue;
      // A fresh IPv6 address cannot be bound for a second or two: the next look tries again.
      this.#open(address, { onBound: () => {}, onError: () => {} });
    }
  }

  /** That address is gone. */
  drop(host: string): void {
    const dropped = this.#opened.get(host);
    dropped?.socket.close();
    this.#opened.delete(host);
    if (this.#state !== 'opening' || dropped?.isBound !== false) return;
    // It will not tell any more that it is bound: on with the next one, or, without any, to an end.
    const rest = this.#queue.slice(1);
    this.#options.defer(() => {
      if (this.#state !== 'opening') return;
      if (rest.length > 0 || this.#opened.size > 0) this.#openNext(rest);
      else this.#fail(this.#options.refusal());
    });
  }

  send(packet: Uint8Array, to: Address): void {
    this.#options.beforeSend();
    for (const { family, isBound, socket } of this.#opened.values()) {
      if (family !== to.family || !isBound || !('send' in socket)) continue;
      socket.send(packet, to);
      return;
    }
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#closeAll();
    this.#options.onClosed();
  }

  #open(
    { family, host }: BoundAddress,
    told: { readonly onBound: () => void; readonly onError: (error: DtorrentError) => void },
  ): void {
    const isCurrent = (): boolean => this.#opened.get(host) === opened;
    const socket = this.#options.how.open(host, this.#port, {
      onListening: (port) => {
        if (!isCurrent()) return;
        opened.isBound = true;
        this.#port = port;
        told.onBound();
      },
      onError: (error) => {
        if (!isCurrent()) return;
        this.#opened.delete(host);
        if (opened.isBound) this.#fail(error);
        else told.onError(error);
      },
    });
    const opened: Opened = { family, host, socket, isBound: false };
    this.#opened.set(host, opened);
  }

  #fail(error: DtorrentError): void {
    if (this.#state === 'closed') return;
    this.close();
    this.#options.how.onError(error);
  }

  #closeAll(): void {
    for (const { socket } of this.#opened.values()) socket.close();
    this.#opened.clear();
  }
}
