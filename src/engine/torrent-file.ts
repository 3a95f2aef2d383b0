/** One file of a torrent as a program sees it: exported as `TorrentFile`, made by TorrentHandle once the metadata is there. */
import { DtorrentError } from '../base/errors.js';
import type { MetainfoFile } from '../format/metainfo.js';
import { FileStream, type StreamOptions } from './data/file-stream.js';
import type { Reader } from './data/reader.js';
import type { PriorityBatch } from './pieces/priority-batch.js';
import { PRIORITY_MAX } from './pieces/rarity-order.js';
import type { Session } from './session.js';
import type { Torrent } from './torrent.js';

/** A file of a torrent, padding left out. */
export class TorrentFile {
  /** Place in `Torrent.files`, from 0. `select` and `dtorrent show` count from 1. */
  readonly index: number;
  /** Safe path below the download directory, with `/`, beginning with the torrent's own directory if it has one. */
  readonly path: string;
  /** Last element of `path`. */
  readonly name: string;
  /** Bytes. */
  readonly length: number;
  readonly #session: Session;
  readonly #torrent: Torrent;
  readonly #priorities: PriorityBatch;
  /** Index among all files of the layout. */
  readonly #layoutIndex: number;

  /** @internal */
  constructor(options: {
    readonly session: Session;
    readonly torrent: Torrent;
    readonly priorities: PriorityBatch;
    readonly index: number;
    readonly layoutIndex: number;
    readonly file: MetainfoFile;
  }) {
    this.#session = options.session;
    this.#torrent = options.torrent;
    this.#priorities = options.priorities;
    this.#layoutIndex = options.layoutIndex;
    this.index = options.index;
    this.path = options.file.path.join('/');
    this.name = options.file.path.at(-1)!;
    this.length = options.file.lengthBytes;
  }

  /** 0 = not to be downloaded, 1 (last) to 7 (first); 4 unless someone changed it. */
  get priority(): number {
    return this.#priorities.get(this.#layoutIndex);
  }

  /** Verified bytes of it that are on disk, 0 to `length`. */
  get bytesDone(): number {
    return this.#torrent.data?.progress.bytesDone(this.#layoutIndex) ?? 0;
  }

  /** Whether all of it is verified and on disk. */
  get isComplete(): boolean {
    return this.#torrent.data !== null && this.bytesDone === this.length;
  }

  /**
   * Its bytes in order, each as soon as it has been verified: fetched before everything else while the torrent downloads
   * (deadlines in time order), read from disk once it is there. A file that is not selected is fetched as far as it is
   * read, and put on disk for it. Each iteration is a reader of its own; several may run at once.
   *
   * Chunks are at most 256 KiB and belong to the caller. Nothing is read ahead of the consumer into memory. Leaving the
   * loop, or an iterator's return(), ends the reader.
   * @throws {DtorrentError} `EOPTION` for a range that is not in the file. The iteration rejects with the reason when the
   * torrent fails, and with `ESTOPPED` when it is stopped, removed or paused, or `signal` aborts. A disk that fails makes
   * it wait, like the torrent, until it is back.
   */
  stream(options: StreamOptions = {}): AsyncIterable<Uint8Array> {
    const { start, end } = checkedRange(options, this);
    const open = (): Reader => this.#torrent.openReader(this.#layoutIndex, start, end);
    return new FileStream({ open, inTurn: (task) => this.#session.inTurn(task), signal: options.signal ?? null });
  }

  /**
   * Changes how much it is wanted: 0 skips it, 1 (last) to 7 (first). Changes of many files in a row are one change of the
   * torrent, in force once the caller awaits something or asks for `stats()` or `phase`.
   * @throws {DtorrentError} `EOPTION` for anything but an integer from 0 to 7.
   */
  setPriority(priority: number): void {
    checkPriority(priority);
    this.#priorities.set(this.#layoutIndex, priority);
  }
}

/** @throws {DtorrentError} `EOPTION` for anything but an integer from 0 to 7. */
export function checkPriority(priority: number): void {
  if (Number.isInteger(priority) && priority >= 0 && priority <= PRIORITY_MAX) return;
  throw new DtorrentError('EOPTION', `a file's priority is an integer from 0 to ${PRIORITY_MAX}, not ${priority}`);
}

/** @returns the range with `end` not included. */
function checkedRange(
  { start = 0, end }: StreamOptions,
  { name, length }: { readonly name: string; readonly length: number },
): { readonly start: number; readonly end: number } {
  for (const offset of [start, end ?? start]) {
    if (Number.isInteger(offset) && offset >= 0) continue;
    throw new DtorrentError('EOPTION', `${offset} is no place in ${name}: start and end are integers from 0 on`);
  }
  if (end !== undefined && end < start) {
    throw new DtorrentError('EOPTION', `cannot read ${name} from ${start} to ${end}: the end comes before the start`);
  }
  // An empty file has no byte to start at, and reading all of it is no mistake.
  if (start >= length && !(start === 0 && end === undefined)) {
    throw new DtorrentError('EOPTION', `cannot read ${name} from ${start} on: it has ${length} bytes`);
  }
  return { start, end: Math.min((end ?? length) + (end === undefined ? 0 : 1), length) };
}
