/**
 * `--timeout`: notices when a transfer has made no progress for so long. Progress is bytes checked or verified, or the
 * metadata of a magnet; connecting to peers is none. Times are monotonic ms. Called by TransferSession each tick.
 */
import type { TorrentStats } from '../../index.js';

export class ProgressWatch {
  readonly #timeoutMs: number;
  #last = '';
  #sinceMs: number;

  constructor(options: { readonly timeoutMs: number; readonly now: number }) {
    this.#timeoutMs = options.timeoutMs;
    this.#sinceMs = options.now;
  }

  /** @returns whether the time is over. */
  isOver(stats: TorrentStats, now: number): boolean {
    const state = `${stats.bytesTotal} ${stats.bytesChecked} ${stats.bytesDone} ${stats.piecesDone}`;
    if (state !== this.#last) {
      this.#last = state;
      this.#sinceMs = now;
    }
    return now - this.#sinceMs >= this.#timeoutMs;
  }
}
