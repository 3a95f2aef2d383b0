/**
 * ByteStream over net.Socket. Bytes arrive through `onread` where possible (half the CPU of `data` events), in a
 * buffer that on POSIX all sockets share: a read and its callback are one synchronous step there.
 * Invariant: after close() the handler hears onClose, once, and nothing else; no callback runs inside a call.
 * A handler that throws has a bug: its stream is closed with EINTERNAL and the bug is logged; the process lives on.
 * Made by TcpTransport.
 */
import type { OnReadOpts, Socket } from 'node:net';
import { type Address, formatHostPort } from '../base/address.js';
import { viewOf } from '../base/bytes.js';
import { DtorrentError, toDtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { wide } from '../base/wide.js';
import type { Log } from '../host/log.js';
import type { ByteStream, ByteStreamHandler } from '../host/network.js';
import { networkError } from './system-error.js';

/** For a stream that nobody has taken over yet. */
export const IGNORING_HANDLER: ByteStreamHandler = {
  onOpen() {},
  onData() {},
  onWritten() {},
  onClose() {},
};

export interface TcpStreamOwner {
  readonly log: Log;
  /** The socket is gone; called before the handler's onClose. */
  onStreamClosed(stream: TcpStream): void;
}

/** The two ends of a stream. */
export interface TcpEnds {
  readonly remote: Address;
  /** Local IP that was asked for; '' = the system's choice. */
  readonly boundHost: string;
}

type StreamState = 'connecting' | 'open' | 'closing' | 'closed';

export class TcpStream implements ByteStream {
  handler: ByteStreamHandler;
  readonly remote: Address;
  readonly boundHost: string;
  readonly #owner: TcpStreamOwner;
  #state: StreamState;
  #socket: Socket | null = null;
  #error: DtorrentError | null = null;
  #acceptedBytes = wide(0);
  #reportedBytes = wide(0);
  #dialTimeout: NodeJS.Timeout | undefined;

  constructor(ends: TcpEnds, state: 'connecting' | 'open', handler: ByteStreamHandler, owner: TcpStreamOwner) {
    this.remote = ends.remote;
    this.boundHost = ends.boundHost;
    this.handler = handler;
    this.#state = state;
    this.#owner = owner;
  }

  get bufferedBytes(): number {
    return this.#socket?.writableLength ?? 0;
  }

  get isClosed(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  write(chunk: Uint8Array): boolean {
    if (this.isClosed || this.#socket === null) return false;
    if (chunk.length > 0) {
      this.#acceptedBytes += chunk.length;
      this.#socket.write(chunk, this.#onChunkWritten);
    }
    return this.#socket.writableLength <= LIMITS.streamHighWaterBytes;
  }

  cork(): void {
    this.#socket?.cork();
  }

  uncork(): void {
    if (!this.isClosed) this.#socket?.uncork();
  }

  pause(): void {
    if (!this.isClosed) this.#socket?.pause();
  }

  resume(): void {
    if (!this.isClosed) this.#socket?.resume();
  }

  close(): void {
    if (this.isClosed) return;
    this.#state = 'closing';
    clearTimeout(this.#dialTimeout);
    if (this.#socket === null) process.nextTick(() => this.#finish());
    else this.#socket.destroy();
  }

  /** Closes with a reason, which onClose tells. The first reason counts. */
  fail(error: DtorrentError): void {
    if (this.isClosed) return;
    this.#error = error;
    this.close();
  }

  /**
   * Ends it because its local address must not be used any more. An orderly end would go on sending what is queued, and
   * then a FIN until somebody confirms it; a reset is one packet at most, and none while it connects.
   */
  abandon(): void {
    if (this.isClosed) return;
    const wasOpen = this.#state === 'open';
    const message = `lost the connection to ${formatHostPort(this.remote)}: ${this.boundHost} is not to be used any more`;
    this.#error = new DtorrentError('ENETWORK', message);
    this.#state = 'closing';
    clearTimeout(this.#dialTimeout);
    if (this.#socket === null) process.nextTick(() => this.#finish());
    else if (wasOpen) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /** What to pass as net's `onread`. */
  readInto(buffer: Uint8Array): OnReadOpts {
    return {
      buffer,
      callback: (length, filled) => {
        this.#receive(length === filled.length ? filled : viewOf(filled, 0, length));
        return true; // pausing goes through pause(), which stops the handle
      },
    };
  }

  /** Gives the stream its socket. Without `usesOnread` the bytes are taken from `data` events. */
  attach(socket: Socket, usesOnread: boolean): void {
    this.#socket = socket;
    socket.on('error', (error) => this.#onError(error));
    socket.on('close', () => this.#finish());
    socket.on('end', () => this.close()); // a peer's FIN: nobody half-closes in BitTorrent
    if (!usesOnread) {
      socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
      socket.resume(); // the server hands it over paused
    }
    if (this.#state === 'connecting') socket.once('connect', () => this.#onConnect());
  }

  /** Fails the stream unless it connects within `timeoutMs`. */
  limitDial(timeoutMs: number): void {
    this.#dialTimeout = setTimeout(() => {
      const seconds = Math.round(timeoutMs / 100) / 10;
      this.fail(
        new DtorrentError(
          'ETIMEOUT',
          `cannot connect to ${formatHostPort(this.remote)}: no answer within ${seconds} seconds`,
        ),
      );
    }, timeoutMs);
  }

  #onConnect(): void {
    clearTimeout(this.#dialTimeout);
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    try {
      this.handler.onOpen();
    } catch (error) {
      this.#failForBug(error);
    }
  }

  #receive(chunk: Uint8Array): void {
    if (this.#state !== 'open') return;
    try {
      this.handler.onData(chunk);
    } catch (error) {
      this.#failForBug(error);
    }
  }

  /**
   * One function for every chunk, so that a write makes no closure: what the socket still holds tells how far it is.
   * After a batch it is called once per chunk, and reports once.
   */
  readonly #onChunkWritten = (error?: Error | null): void => {
    if (error || this.#state !== 'open' || this.#socket === null) return;
    const writtenBytes = this.#acceptedBytes - this.#socket.writableLength;
    if (writtenBytes === this.#reportedBytes) return;
    this.#reportedBytes = writtenBytes;
    try {
      this.handler.onWritten(writtenBytes);
    } catch (thrown) {
      this.#failForBug(thrown);
    }
  };

  #onError(error: Error): void {
    const doing = this.#state === 'connecting' ? 'cannot connect to' : 'lost the connection to';
    this.fail(networkError(`${doing} ${formatHostPort(this.remote)}`, error));
  }

  #failForBug(thrown: unknown): void {
    const error = toDtorrentError(thrown);
    this.#owner.log.write('error', `a stream's handler threw: ${error.stack ?? error.message}`);
    this.fail(new DtorrentError('EINTERNAL', `internal error: ${error.message}`, { cause: thrown }));
  }

  #finish(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#dialTimeout);
    this.#socket = null;
    this.#owner.onStreamClosed(this);
    try {
      this.handler.onClose(this.#error);
    } catch (thrown) {
      this.#owner.log.write('error', `a stream's handler threw: ${toDtorrentError(thrown).stack}`);
    }
  }
}
