/**
 * How much of each file is verified, and of the wanted ones together. Bytes; padding counts for nothing. Told by
 * TorrentData of every verified piece, once. Invariant: `wantedDone` and `wantedTotal` are the sums over the files
 * that are wanted.
 */
import { assert } from '../../base/assert.js';
import { wide } from '../../base/wide.js';
import type { FileLayout } from '../../format/file-layout.js';

export class FileProgress {
  wantedDone: number = wide(0);
  wantedTotal: number = wide(0);
  readonly #layout: FileLayout;
  readonly #done: Float64Array;
  /** Null = all are. */
  #wanted: Uint8Array | null = null;

  /** `wanted`: 1 a file, null = all. */
  constructor(layout: FileLayout, wanted: Uint8Array | null) {
    this.#layout = layout;
    this.#done = new Float64Array(layout.files.length);
    this.setWanted(wanted);
  }

  /** Verified bytes of the file. */
  bytesDone(file: number): number {
    return this.#done[file]!;
  }

  addPiece(piece: number): void {
    this.#layout.forEachSpan(piece, 0, this.#layout.pieceBytes(piece), (file, _, length) => {
      if (this.#layout.files[file]!.padding) return;
      this.#done[file]! += length;
      assert(this.#done[file]! <= this.#layout.files[file]!.lengthBytes, 'a piece counts once for its files');
      if (this.#isWanted(file)) this.wantedDone += length;
    });
  }

  setWanted(wanted: Uint8Array | null): void {
    this.#wanted = wanted;
    this.wantedDone = 0;
    this.wantedTotal = 0;
    for (const [index, file] of this.#layout.files.entries()) {
      if (file.padding || !this.#isWanted(index)) continue;
      this.wantedDone += this.#done[index]!;
      this.wantedTotal += file.lengthBytes;
    }
  }

  #isWanted(file: number): boolean {
    return this.#wanted === null || this.#wanted[file] === 1;
  }
}
