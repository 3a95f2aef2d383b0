/**
 * Bytes of one file in order, each as soon as its piece is verified (never before) and read back from the storage. Keeps
 * a window of pieces ahead of its position, and says by when it needs each of them. Made by TorrentReaders; all methods
 * run inside a turn. Positions are bytes from the torrent's first, times monotonic ms.
 */
import { assert } from '../../base/assert.js';
import type { DtorrentError } from '../../base/errors.js';
import { RateMeter } from '../../base/rate.js';
import type { Turn } from '../turn.js';
import type { TorrentData } from './torrent-data.js';

/** The window: this much time at the rate of reading, within these bounds. */
const WINDOW_MS = 10_000;
const WINDOW_BYTES_MIN = 4 * 1024 * 1024;
const WINDOW_BYTES_MAX = 64 * 1024 * 1024;
/** However small the pieces are: no more of them. */
const WINDOW_PIECES_MAX = 512;
/** However large they are: the one being read and the next. */
const WINDOW_PIECES_MIN = 2;
/** Of what is handed out at a time. */
const CHUNK_BYTES_MAX = 256 * 1024;
/** Taken for the rate of reading until some of it has been seen, and at the least. */
const RATE_START = 1024 * 1024;
const RATE_MIN = 16 * 1024;

/** A chunk, null at the end or after close(), or why there is no more. */
export type ReadResult = Uint8Array | null | DtorrentError;

/** All readers of a torrent, as one of them sees them. */
export interface ReaderOwner {
  readonly turn: Turn;
  /** Null while it is not known what is there, or the torrent pauses. */
  readonly data: TorrentData | null;
  /** Its window has moved on. */
  onReaderMoved(reader: Reader): void;
  onReaderClosed(reader: Reader): void;
}

export class Reader {
  /** Index in the layout. */
  readonly fileIndex: number;
  /** One behind the last byte. */
  readonly endBytes: number;
  readonly #owner: ReaderOwner;
  readonly #rate = new RateMeter();
  /** Of the next byte to be handed out. */
  #position: number;
  /** No piece of the range before this one is missing. */
  #firstMissing = 0;
  #pending: ((result: ReadResult) => void) | null = null;
  #isReading = false;
  #isClosed = false;
  #error: DtorrentError | null = null;

  /** @internal */
  constructor(
    owner: ReaderOwner,
    range: { readonly fileIndex: number; readonly startBytes: number; readonly endBytes: number },
  ) {
    this.#owner = owner;
    this.fileIndex = range.fileIndex;
    this.#position = range.startBytes;
    this.endBytes = range.endBytes;
  }

  /** Asks for the next bytes, up to 256 KiB. `done` is called once, in a turn, perhaps inside the call; one at a time. */
  read(done: (result: ReadResult) => void): void {
    assert(this.#pending === null, 'a reader is asked for one chunk at a time');
    if (this.#isClosed) {
      done(this.#error);
      return;
    }
    this.#pending = done;
    this.advance();
  }

  /** Idempotent. What was asked for and has not come ends with null. */
  close(): void {
    this.#end(null);
  }

  /** Ends it with an error, which is what every later read gets. */
  fail(error: DtorrentError): void {
    this.#end(error);
  }

  /** What is there may be another set of pieces than before. */
  onChecked(): void {
    this.#firstMissing = 0;
    this.advance();
  }

  /** A piece has come, or the data: what is waited for may be there. */
  advance(): void {
    const { data } = this.#owner;
    if (this.#pending === null || this.#isReading) return;
    if (this.#position === this.endBytes) {
      this.close();
      return;
    }
    if (data === null) return;
    const { pieceLength } = data.layout;
    const piece = Math.floor(this.#position / pieceLength);
    if (!data.have.has(piece)) return;
    const begin = this.#position - piece * pieceLength;
    const length = Math.min(CHUNK_BYTES_MAX, data.pieceBytes(piece) - begin, this.endBytes - this.#position);
    const chunk = new Uint8Array(length);
    this.#isReading = true;
    data.storage.read(piece, begin, chunk, (error) => {
      this.#owner.turn.run(() => this.#onRead(data, chunk, error));
    });
  }

  /** Whether anything is still to be fetched for it. */
  isFetching(data: TorrentData): boolean {
    return !this.#isClosed && this.#firstMissingPiece(data) < this.#endPiece(data);
  }

  /** Adds the pieces of the window that are missing, each with the time by which it is needed; the earlier one counts. */
  addDeadlines(data: TorrentData, now: number, deadlines: Map<number, number>): void {
    const { pieceLength } = data.layout;
    const rate = this.#rate.totalBytes === 0 ? RATE_START : Math.max(this.#rate.rateBytesPerSecond(now), RATE_MIN);
    const windowBytes = Math.min(Math.max((rate * WINDOW_MS) / 1000, WINDOW_BYTES_MIN), WINDOW_BYTES_MAX);
    const first = Math.floor(this.#position / pieceLength);
    const pieces = Math.ceil(windowBytes / pieceLength);
    const end = first + Math.max(Math.min(pieces, WINDOW_PIECES_MAX), WINDOW_PIECES_MIN);
    for (let piece = first; piece < Math.min(end, this.#endPiece(data)); piece++) {
      if (data.have.has(piece)) continue;
      const neededInMs = (Math.max(piece * pieceLength - this.#position, 0) / rate) * 1000;
      deadlines.set(piece, Math.min(deadlines.get(piece) ?? Number.POSITIVE_INFINITY, now + neededInMs));
    }
  }

  #onRead(data: TorrentData, chunk: Uint8Array, error: DtorrentError | null): void {
    this.#isReading = false;
    const done = this.#pending;
    if (done === null) return;
    if (this.#owner.data !== data) {
      // The torrent paused under it; what comes after that is read anew.
      this.advance();
      return;
    }
    if (error !== null) {
      // A failing disk pauses the torrent, and this waits for it to come back; anything else ends both.
      data.onReadError(error);
      if (this.#owner.data === data) this.fail(error);
      return;
    }
    const { pieceLength } = data.layout;
    const piece = Math.floor(this.#position / pieceLength);
    this.#position += chunk.length;
    this.#rate.add(chunk.length, this.#owner.turn.now);
    this.#pending = null;
    if (Math.floor(this.#position / pieceLength) !== piece) this.#owner.onReaderMoved(this);
    done(chunk);
  }

  #end(error: DtorrentError | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#error = error;
    const done = this.#pending;
    this.#pending = null;
    this.#owner.onReaderClosed(this);
    done?.(error);
  }

  #firstMissingPiece(data: TorrentData): number {
    const end = this.#endPiece(data);
    this.#firstMissing = Math.max(this.#firstMissing, Math.floor(this.#position / data.layout.pieceLength));
    while (this.#firstMissing < end && data.have.has(this.#firstMissing)) this.#firstMissing++;
    return this.#firstMissing;
  }

  #endPiece(data: TorrentData): number {
    return Math.ceil(this.endBytes / data.layout.pieceLength);
  }
}
