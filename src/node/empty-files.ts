/**
 * Makes a torrent's empty files: no piece would. Called by OpenStorage when it opens, when the selection changes, and
 * before each write as long as one is missing.
 */
import { DtorrentError } from '../base/errors.js';
import type { DiskPool } from './disk-pool.js';
import type { DiskFile } from './open-files.js';

/** Made at a time, so that a torrent of a million keeps no thread for long. */
const FILES_PER_JOB = 256;

export class EmptyFiles {
  readonly #directory: string;
  readonly #pool: DiskPool;
  readonly #diskFile: (index: number) => DiskFile;
  #indices: readonly number[] = [];
  /** How many of #indices are there. */
  #made = 0;

  constructor(options: {
    readonly directory: string;
    readonly pool: DiskPool;
    readonly diskFile: (index: number) => DiskFile;
  }) {
    this.#directory = options.directory;
    this.#pool = options.pool;
    this.#diskFile = options.diskFile;
  }

  /** Those that have to be there. */
  set(indices: readonly number[]): void {
    this.#indices = indices;
    this.#made = 0;
  }

  /** Makes what is missing. `done` runs inside the call when nothing is. */
  create(done: (error: DtorrentError | null) => void): void {
    const indices = this.#indices;
    const start = this.#made;
    const batch = indices.slice(start, start + FILES_PER_JOB);
    if (batch.length === 0) {
      done(null);
      return;
    }
    const files = batch.map((index) => this.#diskFile(index));
    this.#pool.submit({ kind: 'create-empty', directory: this.#directory, files }, (result) => {
      if (result instanceof DtorrentError) {
        done(result);
        return;
      }
      // Several writes may have tried at once: whoever got further counts.
      if (indices === this.#indices) this.#made = Math.max(this.#made, start + batch.length);
      this.create(done);
    });
  }
}
