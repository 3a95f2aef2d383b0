/**
 * The network of an engine that is bound to addresses or interfaces: everything that opens a socket goes through here,
 * and nothing is sent from anywhere else. Callers ask for no address of their own ('') and get one of those that are
 * bound, by family; listeners and datagram sockets are on all of them. Before each operation, and at every look, the
 * interfaces are looked at: what is gone is closed at once, what is back is opened again, at the same port.
 *
 * What is bound is the source of each packet; which way it takes is for the system's routes to say. An address that is
 * gone cannot be sent from at all. One whose interface was set down still can, by Linux's rules, so that streams are
 * reset instead of closed: that is one packet, where an orderly end is sent again until somebody answers.
 * Session looks several times a second.
 */
import { type Address, formatHostPort, makeAddress } from '../base/address.js';
import {
  type Binding,
  type BoundAddress,
  bindingOf,
  describeBindPart,
  parseBindList,
} from '../base/bound-addresses.js';
import { DtorrentError } from '../base/errors.js';
import type { Clock } from '../host/clock.js';
import type {
  ByteStream,
  ByteStreamHandler,
  DatagramHandler,
  DatagramOptions,
  DatagramSocket,
  DialOptions,
  Gateway,
  HttpExchange,
  HttpRequest,
  HttpResponse,
  Listener,
  ListenerHandler,
  ListenOptions,
  LocalInterface,
  Network,
} from '../host/network.js';
import { BoundSockets } from './bound-sockets.js';

/** A look that is as young as this counts as one of now. */
const LOOK_AGE_MS = 20;

/** What has changed since it was last asked. */
export interface BindingChange {
  /** As a person wrote them. */
  readonly gone: readonly string[];
  readonly back: readonly string[];
}

export class BoundNetwork implements Network {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #parts: readonly string[];
  readonly #sockets = new Set<BoundSockets>();
  #binding: Binding;
  #told: readonly string[];
  #lookedAtMs: number;

  /** @param bind addresses and names of interfaces, apart by commas; not empty */
  constructor(network: Network, clock: Clock, bind: string) {
    this.#network = network;
    this.#clock = clock;
    this.#parts = parseBindList(bind);
    this.#binding = bindingOf(this.#parts, network.interfaces());
    this.#told = this.#binding.missing;
    this.#lookedAtMs = clock.now();
  }

  get streamsMax(): number {
    return this.#network.streamsMax ?? Number.POSITIVE_INFINITY;
  }

  /** The addresses that are bound now. */
  all(): readonly BoundAddress[] {
    return this.#binding.addresses;
  }

  /** What was asked for and is not there, as a person wrote it. */
  get missing(): readonly string[] {
    return this.#binding.missing;
  }

  /** Looks at the interfaces, and closes and opens what has to be. */
  look(): void {
    this.#lookedAtMs = this.#clock.now();
    const before = this.#binding.addresses;
    this.#binding = bindingOf(this.#parts, this.#network.interfaces(), before);
    const now = this.#binding.addresses;
    for (const { host } of before) {
      if (now.some((address) => address.host === host)) continue;
      for (const sockets of this.#sockets) sockets.drop(host);
      this.#network.abandon(host);
    }
    for (const sockets of this.#sockets) sockets.extend();
  }

  /** @returns what has changed since the last call; null = nothing. */
  takeChange(): BindingChange | null {
    const { missing } = this.#binding;
    const gone = missing.filter((part) => !this.#told.includes(part));
    const back = this.#told.filter((part) => !missing.includes(part));
    this.#told = missing;
    return gone.length + back.length === 0 ? null : { gone, back };
  }

  /** Those that have an address that is bound, with such addresses only. */
  interfaces(): readonly LocalInterface[] {
    this.#lookAgain();
    const isBound = ({ family, host }: BoundAddress): boolean =>
      this.all().some((bound) => bound.host === host || (bound.family === family && isEvery(bound.host)));
    return this.#network
      .interfaces()
      .map((one) => ({ ...one, addresses: one.addresses.filter(isBound) }))
      .filter(({ addresses }) => addresses.length > 0);
  }

  /** Those that a bound address of ours leads to. */
  gateways(): readonly Gateway[] {
    this.#lookAgain();
    const found = this.#network.gateways?.() ?? [];
    return found.filter(({ localHost }) => this.#allOf(localHost).length > 0);
  }

  dial(to: Address, options: DialOptions, handler: ByteStreamHandler): ByteStream {
    const bindHost = this.#hostFor(to.family, options.bindHost);
    if (bindHost !== null) return this.#network.dial(to, { ...options, bindHost }, handler);
    return this.#refusedStream(to, handler);
  }

  listen(options: ListenOptions, handler: ListenerHandler): Listener {
    return this.#openOnAll(options, {
      open: (host, port, told) => {
        return this.#network.listen(
          { host, port },
          { ...told, onConnection: (stream) => handler.onConnection(stream) },
        );
      },
      onListening: (port) => handler.onListening(port),
      onError: (error) => handler.onError(error),
    });
  }

  openDatagramSocket(options: DatagramOptions, handler: DatagramHandler): DatagramSocket {
    const { multicast } = options;
    return this.#openOnAll(options, {
      open: (host, port, told) => {
        const onDatagram = (packet: Uint8Array, from: Address): void => handler.onDatagram(packet, from);
        const bound = { host, port, ...(multicast === undefined ? {} : { multicast }) };
        return this.#network.openDatagramSocket(bound, { ...told, onDatagram });
      },
      onListening: (port) => handler.onListening(port),
      onError: (error) => handler.onError(error),
    });
  }

  resolve(host: string, done: (result: readonly Address[] | DtorrentError) => void): void {
    this.#lookAgain();
    const from = ([4, 6] as const)
      .map((family) => this.all().find((address) => address.family === family)?.host)
      .filter((ip) => ip !== undefined);
    if (from.length > 0) this.#network.resolve(host, done, from);
    else this.#defer(() => done(this.#refusal(`cannot resolve "${host}"`, null)));
  }

  httpGet(request: HttpRequest, done: (result: HttpResponse | DtorrentError) => void): HttpExchange {
    this.#lookAgain();
    const families = new Set(this.all().map(({ family }) => family));
    if (request.family !== 0 || families.size < 2) {
      return this.#httpGet(request, request.family || (families.has(6) ? 6 : 4), done);
    }
    // Bound in both families: which of them the server has is to be found out first.
    let asking: HttpExchange | null = null;
    let isCancelled = false;
    const match = /^https?:\/\/(?:[^/?#\\@]*@)?(\[[^\]]*\]|[^:/?#\\]*)/i.exec(request.url);
    this.resolve(match?.[1] ?? '', (result) => {
      if (isCancelled) return;
      if (result instanceof DtorrentError) done(result);
      else asking = this.#httpGet(request, result[0]?.family ?? 4, done);
    });
    return {
      cancel: () => {
        isCancelled = true;
        asking?.cancel();
      },
    };
  }

  abandon(host: string): void {
    this.#network.abandon(host);
  }

  #httpGet(request: HttpRequest, family: 4 | 6, done: (result: HttpResponse | DtorrentError) => void): HttpExchange {
    const bindHost = this.#hostFor(family, request.bindHost);
    if (bindHost !== null) return this.#network.httpGet({ ...request, family, bindHost }, done);
    const wake = this.#clock.wakeAt(this.#clock.now(), () => done(this.#refusal(`cannot get ${request.url}`, family)));
    return { cancel: () => wake.cancel() };
  }

  #openOnAll(options: ListenOptions, how: ConstructorParameters<typeof BoundSockets>[0]['how']): BoundSockets {
    this.#lookAgain();
    const sockets = new BoundSockets({
      how,
      port: options.port,
      addresses: () => this.#allOf(options.host),
      refusal: () => this.#refusal('cannot bind', null),
      defer: (fn) => this.#defer(fn),
      beforeSend: () => this.#lookAgain(),
      onClosed: () => this.#sockets.delete(sockets),
    });
    this.#sockets.add(sockets);
    sockets.start();
    return sockets;
  }

  #lookAgain(): void {
    if (this.#clock.now() - this.#lookedAtMs >= LOOK_AGE_MS) this.look();
  }

  /** @returns the local IP to send from, or null when nothing may be sent. `asked`: '' = any that is bound. */
  #hostFor(family: 4 | 6, asked: string): string | null {
    this.#lookAgain();
    return this.#allOf(asked).find((address) => address.family === family)?.host ?? null;
  }

  /** What is bound now of what is asked for: '' = all of it, an address = that one or none. */
  #allOf(asked: string): readonly BoundAddress[] {
    const address = makeAddress(asked, 0);
    if (address === null) return this.all();
    const { family, host } = address;
    const isBound = this.all().some((bound) => bound.host === host || (bound.family === family && isEvery(bound.host)));
    return isBound ? [{ family, host }] : [];
  }

  #refusal(doing: string, family: 4 | 6 | null): DtorrentError {
    const [part] = this.missing;
    const reason =
      this.all().length === 0 && part !== undefined
        ? `${describeBindPart(part)} is gone, and nothing is sent until it is back`
        : `no IPv${family ?? '4 or 6'} address is bound`;
    return new DtorrentError('ENETWORK', `${doing}: ${reason}`);
  }

  #refusedStream(to: Address, handler: ByteStreamHandler): ByteStream {
    const stream: ByteStream = {
      handler,
      remote: to,
      bufferedBytes: 0,
      write: () => false,
      cork: () => {},
      uncork: () => {},
      pause: () => {},
      resume: () => {},
      close: () => {
        error = null;
      },
    };
    let error: DtorrentError | null = this.#refusal(`cannot connect to ${formatHostPort(to)}`, to.family);
    this.#defer(() => stream.handler.onClose(error));
    return stream;
  }

  #defer(fn: () => void): void {
    this.#clock.wakeAt(this.#clock.now(), fn);
  }
}

function isEvery(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
