/**
 * TCP: dialling and listening. Dialled sockets read through net's public `onread`. Accepted ones have no public way to
 * it, and reading them by `data` events costs 2–3 times the CPU (1 GiB over loopback: 0.7–1.0 s instead of 0.25 s), so
 * they are moved to a socket made on their handle, which Node does not document; where that is not possible they
 * stay on `data` events. Called by NodeNetwork.
 */
import { connect, createServer, type OnReadOpts, type Server, Socket } from 'node:net';
import { type Address, formatHostPort, makeAddress } from '../base/address.js';
import { toDtorrentError } from '../base/errors.js';
import { newReadBuffer } from '../base/read-buffer.js';
import type { Log } from '../host/log.js';
import type {
  ByteStream,
  ByteStreamHandler,
  DialOptions,
  Listener,
  ListenerHandler,
  ListenOptions,
} from '../host/network.js';
import { networkError, systemErrorCode } from './system-error.js';
import { IGNORING_HANDLER, TcpStream, type TcpStreamOwner } from './tcp-stream.js';

const SHARED_READ_BUFFER_BYTES = 256 * 1024;
const OWN_READ_BUFFER_BYTES = 64 * 1024;

export interface TcpOptions {
  readonly log: Log;
  /** On Windows the kernel holds a socket's read buffer between reads, so each needs its own. */
  readonly sharesReadBuffer: boolean;
  /** Whether accepted sockets may use `onread`, see above. */
  readonly movesAcceptedSockets: boolean;
}

export class TcpTransport implements TcpStreamOwner {
  readonly log: Log;
  readonly #options: TcpOptions;
  readonly #streams = new Set<TcpStream>();
  readonly #listeners = new Set<TcpListener>();
  #sharedReadBuffer: Uint8Array | null = null;
  #onEmpty: (() => void) | null = null;

  constructor(options: TcpOptions) {
    this.log = options.log;
    this.#options = options;
  }

  /** See Network.dial. */
  dial(to: Address, options: DialOptions, handler: ByteStreamHandler): ByteStream {
    const stream = new TcpStream({ remote: to, boundHost: options.bindHost }, 'connecting', handler, this);
    this.#streams.add(stream);
    try {
      const socket = connect({
        host: to.host,
        port: to.port,
        family: to.family,
        noDelay: true,
        onread: stream.readInto(this.#readBuffer()),
        ...(options.bindHost === '' ? {} : { localAddress: options.bindHost }),
      });
      stream.attach(socket, true);
      stream.limitDial(options.timeoutMs);
    } catch (error) {
      stream.fail(networkError(`cannot connect to ${formatHostPort(to)}`, error)); // a bindHost that is no IP
    }
    return stream;
  }

  /** See Network.listen. */
  listen(options: ListenOptions, handler: ListenerHandler): Listener {
    const listener = new TcpListener(this, options, handler);
    this.#listeners.add(listener);
    listener.start();
    return listener;
  }

  /** See Network.abandon. */
  abandon(host: string): void {
    for (const stream of this.#streams) if (stream.boundHost === host) stream.abandon();
  }

  /** Closes every stream and listener; `done` once nothing is left open. */
  close(done: () => void): void {
    for (const listener of this.#listeners) listener.close();
    for (const stream of this.#streams) stream.close();
    if (this.#streams.size === 0) process.nextTick(done);
    else this.#onEmpty = done;
  }

  onStreamClosed(stream: TcpStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0 || this.#onEmpty === null) return;
    process.nextTick(this.#onEmpty);
    this.#onEmpty = null;
  }

  /** @internal */
  forgetListener(listener: TcpListener): void {
    this.#listeners.delete(listener);
  }

  /** @internal the socket of a new incoming connection, not yet reading. */
  adopt(accepted: Socket, boundHost: string, handler: ListenerHandler): void {
    const remote = peerAddress(accepted);
    if (remote === null) {
      accepted.on('error', () => {}); // gone before it was accepted
      accepted.destroy();
      return;
    }
    const stream = new TcpStream({ remote, boundHost }, 'open', IGNORING_HANDLER, this);
    this.#streams.add(stream);
    const moved = this.#options.movesAcceptedSockets
      ? moveToOnread(accepted, stream.readInto(this.#readBuffer()))
      : null;
    stream.attach(moved ?? accepted, moved !== null);
    try {
      handler.onConnection(stream);
    } catch (thrown) {
      const error = toDtorrentError(thrown);
      this.log.write('error', `a listener's handler threw: ${error.stack ?? error.message}`);
      stream.fail(error);
    }
    if (stream.handler === IGNORING_HANDLER) stream.close();
  }

  /** @internal whether accepted sockets are to be handed over before they read. */
  get movesAcceptedSockets(): boolean {
    return this.#options.movesAcceptedSockets;
  }

  #readBuffer(): Uint8Array {
    if (!this.#options.sharesReadBuffer) return newReadBuffer(OWN_READ_BUFFER_BYTES);
    this.#sharedReadBuffer ??= newReadBuffer(SHARED_READ_BUFFER_BYTES);
    return this.#sharedReadBuffer;
  }
}

class TcpListener implements Listener {
  readonly #transport: TcpTransport;
  readonly #handler: ListenerHandler;
  readonly #port: number;
  readonly #boundHost: string;
  readonly #server: Server;
  #host: string;
  #state: 'starting' | 'listening' | 'closed' = 'starting';

  constructor(transport: TcpTransport, options: ListenOptions, handler: ListenerHandler) {
    this.#transport = transport;
    this.#handler = handler;
    this.#port = options.port;
    this.#boundHost = options.host;
    this.#host = options.host === '' ? '::' : options.host;
    this.#server = createServer({ noDelay: true, pauseOnConnect: transport.movesAcceptedSockets });
    this.#server.on('connection', (socket) => this.#onConnection(socket));
    this.#server.on('listening', () => this.#onListening());
    this.#server.on('error', (error) => this.#onError(error, options.host === ''));
  }

  start(): void {
    // '::' without ipv6Only takes IPv4 too; those peers appear as ::ffff:a.b.c.d, which makeAddress folds to IPv4.
    try {
      this.#server.listen({ host: this.#host, port: this.#port });
    } catch (error) {
      process.nextTick(() => this.#onError(error, false));
    }
  }

  close(): void {
    if (this.#state === 'listening') this.#server.close();
    this.#state = 'closed';
    this.#transport.forgetListener(this);
  }

  #onListening(): void {
    if (this.#state === 'closed') {
      this.#server.close(); // closed while the bind was under way
      return;
    }
    this.#state = 'listening';
    const bound = this.#server.address();
    this.#handler.onListening(typeof bound === 'object' && bound !== null ? bound.port : this.#port);
  }

  #onConnection(socket: Socket): void {
    if (this.#state === 'listening') this.#transport.adopt(socket, this.#boundHost, this.#handler);
    else socket.destroy();
  }

  #onError(error: unknown, isAnyHost: boolean): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'listening') {
      // accept() failed, out of descriptors as a rule: that connection is lost, the listener is not.
      this.#transport.log.write('warn', networkError('cannot accept a connection', error).message);
      return;
    }
    const systemCode = systemErrorCode(error);
    if (isAnyHost && this.#host === '::' && (systemCode === 'EAFNOSUPPORT' || systemCode === 'EADDRNOTAVAIL')) {
      this.#host = '0.0.0.0'; // a machine without IPv6
      this.start();
      return;
    }
    this.close();
    this.#handler.onError(networkError(`cannot listen on ${describeEndpoint(this.#host, this.#port)}`, error));
  }
}

/** `TCP port 6881`, or the address when one was asked for. */
function describeEndpoint(host: string, port: number): string {
  return host === '::' || host === '0.0.0.0' ? `TCP port ${port}` : formatHostPort({ host, port });
}

function peerAddress(socket: Socket): Address | null {
  if (socket.remoteAddress === undefined || socket.remotePort === undefined) return null;
  return makeAddress(socket.remoteAddress.split('%')[0]!, socket.remotePort); // without the zone: fe80::1%eth0
}

/** The undocumented part. @returns null, with `accepted` untouched, where Node is not as expected. */
function moveToOnread(accepted: Socket, onread: OnReadOpts): Socket | null {
  const holder = accepted as unknown as { _handle?: { useUserBuffer?: unknown } | null };
  const handle = holder._handle;
  if (handle === undefined || handle === null || typeof handle.useUserBuffer !== 'function') return null;
  const moved = new Socket({ handle, onread, allowHalfOpen: false } as ConstructorParameters<typeof Socket>[0]);
  holder._handle = null; // the old object must never close what is no longer its own
  return moved;
}
