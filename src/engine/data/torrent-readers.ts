/**
 * The readers of one torrent: what all of them need next becomes the deadlines of its pieces, and what they are waiting
 * for is handed on as it is verified. Owned by Torrent, so that readers outlive a pause that ends by itself. Every
 * method runs inside a turn.
 */

import type { DtorrentError } from '../../base/errors.js';
import { RareSet } from '../../base/rarely-filled.js';
import type { Turn } from '../turn.js';
import { Reader, type ReaderOwner } from './reader.js';
import type { TorrentData } from './torrent-data.js';

export interface TorrentReadersHandler {
  /** More, less or other pieces are needed now. */
  onReadersChanged(): void;
}

export class TorrentReaders implements ReaderOwner {
  readonly turn: Turn;
  data: TorrentData | null = null;
  readonly #handler: TorrentReadersHandler;
  readonly #readers = new RareSet<Reader>();
  /** Files that are being read, by index in the layout. Another set whenever they change. */
  #files: ReadonlySet<number> = new RareSet();

  constructor(turn: Turn, handler: TorrentReadersHandler) {
    this.turn = turn;
    this.#handler = handler;
  }

  /** Whether some reader needs, now or later, a piece that is missing. */
  get isFetching(): boolean {
    const { data } = this;
    if (data === null) return false;
    for (const reader of this.#readers) if (reader.isFetching(data)) return true;
    return false;
  }

  /** `startBytes` to `endBytes` (not included) lie in the file and count from the torrent's first byte. */
  open(range: { readonly fileIndex: number; readonly startBytes: number; readonly endBytes: number }): Reader {
    const reader = new Reader(this, range);
    this.#readers.add(reader);
    this.#noteFiles();
    this.#changed();
    return reader;
  }

  /** It is known what is there: readers may go on. */
  attach(data: TorrentData): void {
    this.data = data;
    for (const reader of [...this.#readers]) reader.onChecked();
    if (this.#readers.size > 0) this.#changed();
  }

  /** The torrent pauses; readers wait. */
  detach(): void {
    this.data = null;
  }

  /** The torrent has ended, or pauses until somebody says otherwise. */
  fail(error: DtorrentError): void {
    this.data = null;
    for (const reader of [...this.#readers]) reader.fail(error);
  }

  onPieceVerified(): void {
    for (const reader of [...this.#readers]) reader.advance();
  }

  // ---- ReaderOwner ----

  onReaderMoved(): void {
    this.#changed();
  }

  onReaderClosed(reader: Reader): void {
    this.#readers.delete(reader);
    this.#noteFiles();
    this.#changed();
  }

  #noteFiles(): void {
    this.#files = new Set(Array.from(this.#readers, (reader) => reader.fileIndex));
  }

  #changed(): void {
    const { data } = this;
    if (data === null) return;
    const deadlines = new Map<number, number>();
    for (const reader of this.#readers) reader.addDeadlines(data, this.turn.now, deadlines);
    data.setUrgent(deadlines, this.#files);
    this.#handler.onReadersChanged();
  }
}
