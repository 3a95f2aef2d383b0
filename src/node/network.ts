/** The Network port on real sockets. Made by nodeHost; everything it opened is gone once close() has resolved. */
import { platform } from 'node:process';
import type { Address } from '../base/address.js';
import type { DtorrentError } from '../base/errors.js';
import type { Log } from '../host/log.js';
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
import { BoundResolver } from './bound-resolver.js';
import { defaultGateways } from './gateways.js';
import { handlesClosed } from './handles-closed.js';
import { HttpClient } from './http.js';
import { localInterfaces } from './local-interfaces.js';
import { resolveHost } from './resolve.js';
import { TcpTransport } from './tcp.js';
import { TextRecords } from './text-records.js';
import { UdpSocket } from './udp.js';

export class NodeNetwork implements Network {
  readonly streamsMax: number;
  readonly #log: Log;
  readonly #tcp: TcpTransport;
  readonly #boundResolver = new BoundResolver();
  readonly #http = new HttpClient({ boundResolver: this.#boundResolver });
  readonly #textRecords = new TextRecords();
  readonly #datagramSockets = new Set<UdpSocket>();

  constructor(log: Log, streamsMax: number = Number.POSITIVE_INFINITY) {
    this.#log = log;
    this.streamsMax = streamsMax;
    const isPosix = platform !== 'win32';
    this.#tcp = new TcpTransport({ log, sharesReadBuffer: isPosix, movesAcceptedSockets: isPosix });
  }

  interfaces(): readonly LocalInterface[] {
    return localInterfaces();
  }

  dial(to: Address, options: DialOptions, handler: ByteStreamHandler): ByteStream {
    return this.#tcp.dial(to, options, handler);
  }

  listen(options: ListenOptions, handler: ListenerHandler): Listener {
    return this.#tcp.listen(options, handler);
  }

  openDatagramSocket(options: DatagramOptions, handler: DatagramHandler): DatagramSocket {
    const socket = new UdpSocket(options, handler, this.#log, (closed) => this.#datagramSockets.delete(closed));
    this.#datagramSockets.add(socket);
    socket.open();
    return socket;
  }

  resolve(
    host: string,
    done: (result: readonly Address[] | DtorrentError) => void,
    from: readonly string[] = [],
  ): void {
    if (from.length === 0) resolveHost(host, done);
    else this.#boundResolver.resolve(host, from, done);
  }

  gateways(): readonly Gateway[] {
    return defaultGateways();
  }

  resolveText(
    host: string,
    done: (result: readonly string[] | DtorrentError) => void,
    from: readonly string[] = [],
  ): void {
    this.#textRecords.resolve(host, done, from);
  }

  httpGet(request: HttpRequest, done: (result: HttpResponse | DtorrentError) => void): HttpExchange {
    return this.#http.get(request, done);
  }

  abandon(host: string): void {
    this.#tcp.abandon(host);
    this.#http.abandon(host);
    this.#boundResolver.abandon(host);
    this.#textRecords.abandon(host);
  }

  /** Closes what is still open. Use nothing of this network afterwards. */
  async close(): Promise<void> {
    for (const socket of this.#datagramSockets) socket.close();
    this.#boundResolver.close();
    this.#textRecords.close();
    await Promise.all([new Promise<void>((resolve) => this.#tcp.close(resolve)), this.#http.close()]);
    await handlesClosed();
  }
}
