/**
 * The uploading half of a peer connection: queued requests become PIECE messages, as fast as the socket takes them.
 * A block is a 13-byte header and a view of a cached chunk, never copied; the chunk stays pinned until the stream says
 * that it is written. Called by Peer inside turns.
 */
import { LIMITS } from '../../base/limits.js';
import { RateMeter } from '../../base/rate.js';
import {
  type Chunk,
  type ChunkSource,
  type ChunkWaiter,
  READ_CHUNK_BYTES,
  type ReadCache,
} from '../data/read-cache.js';
import type { TorrentData } from '../data/torrent-data.js';
import { type RateLimiter, RateUser } from '../swarm/rate-limiter.js';
import { FastGrants } from './fast-grants.js';
import type { PeerConnection } from './peer-connection.js';
import { UploadQueue } from './upload-queue.js';

/**
 * How much is given to the socket ahead of what it has sent: enough to keep it busy between two turns, and no more than
 * goes out in this time, because what the socket has can no longer be taken back by a cancel or a choke, and everything
 * said later waits behind it. On a slow link a megabyte is half a minute.
 */
const SEND_AHEAD_MS = 500;
export const SEND_BUFFER_BYTES_MIN: number = 2 * LIMITS.blockBytes;
/** The bound on what one peer pins. */
export const SEND_BUFFER_BYTES_MAX: number = 1024 * 1024;
/** How far ahead of the socket chunks are read, in chunks and in queued requests looked at. */
const READ_AHEAD_CHUNKS = 2;
const READ_AHEAD_REQUESTS = 128;
/** Longer than one block takes on a very slow line. */
const IDLE_MS = 20_000;
const PADDING = new Uint8Array(LIMITS.requestBytesMax);

export type RequestVerdict = 'queued' | 'refused' | 'abuse';

export class PeerUpload implements ChunkWaiter {
  readonly rate: RateMeter = new RateMeter();
  /** Pieces that the peer may fetch while we choke it. */
  readonly grants: FastGrants = new FastGrants();
  /** When a block last left; -Infinity = never. */
  lastSentAtMs: number = Number.NEGATIVE_INFINITY;
  /** Blocks are paid for when they are sent. */
  readonly turns: RateUser;
  readonly #queue = new UploadQueue();
  readonly #cache: ReadCache;
  readonly #limiter: RateLimiter;
  readonly #wantsFlush: () => void;
  /** Borrowed chunks in stream order, each with the stream offset behind its last borrowed byte. */
  readonly #pinned: Chunk[] = [];
  readonly #pinnedUntil: number[] = [];
  #invalidRequests = 0;

  /** `wantsFlush`: more can be sent now; called inside a turn. */
  constructor(cache: ReadCache, limiter: RateLimiter, wantsFlush: () => void) {
    this.#cache = cache;
    this.#limiter = limiter;
    this.turns = new RateUser(wantsFlush);
    this.#wantsFlush = wantsFlush;
  }

  /** For a while nothing has gone to it, and we do not keep it waiting: it asks for nothing, or does not read. */
  isIdle(connection: PeerConnection, now: number): boolean {
    const waitsForUs = this.#queue.count > 0 && connection.bufferedBytes === 0;
    return now - this.lastSentAtMs >= IDLE_MS && !waitsForUs;
  }

  get queuedRequests(): number {
    return this.#queue.count;
  }

  /** Chunks that the stream borrows, each as often as it is pinned by this peer. */
  get pinnedChunks(): readonly Chunk[] {
    return this.#pinned;
  }

  /** Visits the piece of each queued request, in order. */
  forEachQueued(visit: (piece: number) => void): void {
    for (let i = 0; i < this.#queue.count; i++) visit(this.#queue.pieceAt(i));
  }

  /** Queues a request, or says that it is to be rejected; 'abuse' = once too often. `data` null = nothing known yet. */
  request(
    data: TorrentData | null,
    state: { readonly isChoked: boolean },
    piece: number,
    begin: number,
    length: number,
  ): RequestVerdict {
    if (data === null || !isServable(data, piece, begin, length)) {
      return ++this.#invalidRequests > LIMITS.invalidRequestsMax ? 'abuse' : 'refused';
    }
    if (state.isChoked && !this.grants.take(piece)) return 'refused';
    return this.#queue.push(piece, begin, length) ? 'queued' : 'refused';
  }

  cancel(piece: number, begin: number, length: number): boolean {
    const wasQueued = this.#queue.cancel(piece, begin, length);
    if (this.#queue.count === 0) this.#limiter.leave(this.turns);
    return wasQueued;
  }

  /** Drops queued requests of pieces that `keeps` refuses, telling `dropped` of each. */
  retain(keeps: (piece: number) => boolean, dropped: (piece: number, begin: number, length: number) => void): void {
    this.#queue.retain(keeps, dropped);
    if (this.#queue.count === 0) this.#limiter.leave(this.turns);
  }

  onChunkReady(): void {
    this.#wantsFlush();
  }

  /**
   * Writes queued blocks until the queue is empty, the stream has enough, a chunk has to be read first, or it is
   * another peer's turn.
   */
  pump(connection: PeerConnection, source: ChunkSource, now: number): void {
    const { encoder } = connection;
    const aheadBytes = this.#aheadBytes(now);
    while (this.#queue.count > 0 && connection.bufferedBytes < aheadBytes) {
      const piece = this.#queue.pieceAt(0);
      const begin = this.#queue.beginAt(0);
      const length = this.#queue.lengthAt(0);
      if (!this.#isReadable(source, piece, begin, length)) break;
      if (!this.#limiter.take(this.turns, length)) {
        this.#limiter.wait(this.turns, this.#queue.count * length);
        break;
      }
      this.#queue.shift();
      encoder.pieceHeader(piece, begin, length);
      connection.write(encoder.take()!);
      this.#writeBlock(connection, source, piece, begin, length);
      this.rate.add(length, now);
      this.lastSentAtMs = now;
    }
    this.#readAhead(source);
  }

  /** Cumulative, as the stream reports it: chunks before that point are no longer borrowed. */
  onWritten(totalBytes: number): void {
    let released = 0;
    while (released < this.#pinned.length && this.#pinnedUntil[released]! <= totalBytes) {
      this.#cache.unpin(this.#pinned[released]!);
      released++;
    }
    if (released > 0) {
      this.#pinned.splice(0, released);
      this.#pinnedUntil.splice(0, released);
    }
    if (this.#queue.count > 0) this.#wantsFlush();
  }

  /** The stream is closed: it borrows nothing any more. */
  release(): void {
    this.onWritten(Number.POSITIVE_INFINITY);
    this.retain(
      () => false,
      () => {},
    );
  }

  #aheadBytes(now: number): number {
    const bytes = (this.rate.rateBytesPerSecond(now) * SEND_AHEAD_MS) / 1000;
    return Math.min(Math.max(bytes, SEND_BUFFER_BYTES_MIN), SEND_BUFFER_BYTES_MAX);
  }

  #isReadable(source: ChunkSource, piece: number, begin: number, length: number): boolean {
    const end = Math.min(begin + length, source.pieceBytes(piece));
    if (begin >= end) return true; // all padding
    let isReady = this.#cache.get(source, piece, begin, this) !== null;
    // Peers may ask for blocks that are not aligned: those can span two chunks, and both have to be there.
    const last = end - 1;
    if (Math.floor(begin / READ_CHUNK_BYTES) !== Math.floor(last / READ_CHUNK_BYTES)) {
      isReady = this.#cache.get(source, piece, last, this) !== null && isReady;
    }
    return isReady;
  }

  #writeBlock(connection: PeerConnection, source: ChunkSource, piece: number, begin: number, length: number): void {
    let position = begin;
    const end = Math.min(begin + length, source.pieceBytes(piece));
    while (position < end) {
      const chunk = this.#cache.get(source, piece, position, this)!;
      const from = position % READ_CHUNK_BYTES;
      const count = Math.min(end - position, READ_CHUNK_BYTES - from);
      connection.write(chunk.bytes.subarray(from, from + count));
      this.#pin(chunk, connection.givenBytes);
      position += count;
    }
    // What lies behind the end of a v2 file is zeros that are stored nowhere.
    if (position < begin + length) connection.write(PADDING.subarray(0, begin + length - position));
  }

  #pin(chunk: Chunk, endOffset: number): void {
    const last = this.#pinned.length - 1;
    if (last >= 0 && this.#pinned[last] === chunk) {
      this.#pinnedUntil[last] = endOffset;
      return;
    }
    this.#cache.pin(chunk);
    this.#pinned.push(chunk);
    this.#pinnedUntil.push(endOffset);
  }

  #readAhead(source: ChunkSource): void {
    const count = Math.min(this.#queue.count, READ_AHEAD_REQUESTS);
    let chunks = 0;
    let lastPiece = -1;
    let lastIndex = -1;
    for (let i = 0; i < count && chunks < READ_AHEAD_CHUNKS; i++) {
      const piece = this.#queue.pieceAt(i);
      const begin = this.#queue.beginAt(i);
      const index = Math.floor(begin / READ_CHUNK_BYTES);
      if ((piece === lastPiece && index === lastIndex) || begin >= source.pieceBytes(piece)) continue;
      lastPiece = piece;
      lastIndex = index;
      chunks++;
      this.#cache.prefetch(source, piece, begin);
    }
  }
}

/** Whether we have it and it may be asked for (BEP 3): in range, not empty, not longer than anyone needs. */
function isServable(data: TorrentData, piece: number, begin: number, length: number): boolean {
  if (piece >= data.layout.pieceCount || !data.have.has(piece)) return false;
  return length > 0 && length <= LIMITS.requestBytesMax && begin + length <= data.layout.paddedPieceBytes(piece);
}
