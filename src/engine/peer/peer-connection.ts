/**
 * The stream under one peer: each of its callbacks is a turn, and what the peer has to say is collected by the encoder
 * and leaves in one flush at the end of the turn. Knows how long either side has been silent. Used by Peer.
 * Invariant: nothing is thrown out of a callback, and after close() the handler hears nothing.
 */

import { wide } from '../../base/wide.js';
import type { ByteStream, ByteStreamHandler } from '../../host/network.js';
import { WireEncoder } from '../../protocol/wire/encoder.js';
import type { Deferred, Turn } from '../turn.js';
import { PeerDeadlines, type PeerDue } from './peer-deadlines.js';

/** Every call is made inside a turn. */
export interface PeerConnectionHandler {
  /** A dialled stream is connected. */
  onOpen(): void;
  /** `chunk` is valid only during the call. */
  onBytes(chunk: Uint8Array): void;
  /** Cumulative: what was written before that point is no longer borrowed. */
  onWritten(totalBytes: number): void;
  /** Flushing, and the messages are written: blocks may follow, through write(). */
  writeBlocks(now: number): void;
  /** The remote or the network ended it. */
  onEnd(): void;
  onBug(error: unknown): void;
}

/** So much of what may wait is not kept waiting. */
export const HELD_BYTES_MAX = 4096;

export class PeerConnection implements ByteStreamHandler {
  readonly encoder: WireEncoder = new WireEncoder();
  /** False while a dial is under way. */
  isOpen: boolean;
  /** Given to the stream since the start. */
  givenBytes: number = wide(0);
  readonly #turn: Turn;
  readonly #handler: PeerConnectionHandler;
  readonly #deadlines: PeerDeadlines;
  readonly #flushWork: Deferred;
  #stream: ByteStream | null = null;
  #isClosed = false;
  #writtenBytes = wide(0);
  #heldBytes = 0;

  constructor(options: { readonly turn: Turn; readonly isDialled: boolean; readonly handler: PeerConnectionHandler }) {
    this.#turn = options.turn;
    this.#handler = options.handler;
    this.isOpen = !options.isDialled;
    this.#deadlines = new PeerDeadlines(options.turn.now);
    this.#flushWork = {
      isQueued: false,
      run: (now) => this.#flush(now),
      onBug: (error) => options.handler.onBug(error),
    };
  }

  /** All that was said so far, flushed or not. */
  get saidBytes(): number {
    return this.givenBytes + this.encoder.pendingBytes;
  }

  /** Of it, what the stream has said to be written. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Given to the stream, which has not said yet that it is written. */
  get unwrittenBytes(): number {
    return this.givenBytes - this.#writtenBytes;
  }

  /** Messages that no flush has given to the stream, but for those that may wait: none between turns, once it is open. */
  get unflushedBytes(): number {
    return this.isOpen ? this.encoder.pendingBytes - this.#heldBytes : 0;
  }
  /** Of messages that may wait. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  attach(stream: ByteStream): void {
    this.#stream = stream;
    stream.handler = this;
  }

  /** Written, or about to be, and not handed to the system. */
  get unsentBytes(): number {
    return this.encoder.pendingBytes + this.bufferedBytes;
  }
  /** Given to the stream and not handed to the system. */
  get bufferedBytes(): number {
    return this.#stream?.bufferedBytes ?? 0;
  }

  /** For writeBlocks: `bytes` are borrowed until onWritten has passed them. */
  write(bytes: Uint8Array): void {
    this.givenBytes += bytes.length;
    this.#stream!.write(bytes);
  }

  wantsFlush(): void {
    if (!this.#isClosed) this.#turn.flush(this.#flushWork);
  }

  /** The message of `bytes` that was encoded last may wait for the next flush, which its sender sees to. */
  holdBack(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes >= HELD_BYTES_MAX) this.wantsFlush();
  }

  /** About once a second, on an open connection. Sends keep-alives by itself. @returns why it is to be closed, if so. */
  tick(now: number, { isHandshakeDone }: { readonly isHandshakeDone: boolean }): 'handshake-timeout' | 'idle' | null {
    const due: PeerDue = this.#deadlines.due(now, { isHandshakeDone, unwrittenBytes: this.unwrittenBytes });
    if (due === 'handshake-timeout' || due === 'idle') return due;
    if (due === 'keep-alive') {
      this.encoder.keepAlive();
      this.wantsFlush();
    }
    return null;
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#stream?.close();
  }

  // ---- ByteStreamHandler: each call is a turn ----

  onOpen(): void {
    if (!this.#enter()) return;
    try {
      this.isOpen = true;
      this.#deadlines.openedAtMs = this.#turn.now;
      this.#deadlines.lastReceivedAtMs = this.#turn.now;
      this.#handler.onOpen();
    } catch (error) {
      this.#handler.onBug(error);
    }
    this.#turn.leave();
  }

  onData(chunk: Uint8Array): void {
    if (!this.#enter()) return;
    try {
      this.#deadlines.lastReceivedAtMs = this.#turn.now;
      this.#handler.onBytes(chunk);
    } catch (error) {
      this.#handler.onBug(error);
    }
    this.#turn.leave();
  }

  onWritten(totalBytes: number): void {
    if (!this.#enter()) return;
    try {
      this.#deadlines.lastWrittenAtMs = this.#turn.now;
      this.#writtenBytes = totalBytes;
      this.#handler.onWritten(totalBytes);
    } catch (error) {
      this.#handler.onBug(error);
    }
    this.#turn.leave();
  }

  onClose(): void {
    if (!this.#enter()) return;
    try {
      this.#handler.onEnd();
    } catch (error) {
      this.#handler.onBug(error);
    }
    this.#turn.leave();
  }

  // ---- inside ----

  #enter(): boolean {
    if (this.#isClosed) return false;
    this.#turn.enter();
    return true;
  }

  #flush(now: number): void {
    const stream = this.#stream;
    if (this.#isClosed || stream === null || !this.isOpen) return;
    if (this.unwrittenBytes === 0) this.#deadlines.lastWrittenAtMs = now;
    const givenBefore = this.givenBytes;
    stream.cork();
    const messages = this.encoder.take();
    this.#heldBytes = 0;
    if (messages !== null) this.write(messages);
    this.#handler.writeBlocks(now);
    stream.uncork();
    if (this.givenBytes > givenBefore) this.#deadlines.lastSentAtMs = now;
  }
}
