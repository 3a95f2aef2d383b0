/** How far the hashing of a new torrent is: one line on stderr, redrawn in place, only for someone who watches. */
import { formatPercent, formatSize, shareOf } from './formats.js';
import type { OutputStream } from './view.js';

const INTERVAL_MS = 100;

interface HashingLineOptions {
  readonly stderr: OutputStream;
  /** False with --quiet and --json. */
  readonly enabled: boolean;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export class HashingLine {
  readonly #options: HashingLineOptions;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(options: HashingLineOptions) {
    this.#options = options;
  }

  readonly show = (progress: { readonly bytesHashed: number; readonly bytesTotal: number }): void => {
    const { stderr, enabled, now } = this.#options;
    if (!enabled || stderr.isTTY !== true || now() - this.#shownAt < INTERVAL_MS) return;
    this.#shownAt = now();
    const percent = formatPercent(shareOf(progress.bytesHashed, progress.bytesTotal));
    stderr.write(`\rhashing ${percent} of ${formatSize(progress.bytesTotal)}\x1b[K`);
  };

  readonly clear = (): void => {
    if (this.#shownAt > Number.NEGATIVE_INFINITY) this.#options.stderr.write('\r\x1b[K');
  };
}
