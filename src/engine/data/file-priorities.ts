/**
 * How much each file of a torrent is wanted, and what that makes of its pieces: a piece is wanted as much as the most
 * wanted file it touches. Owned by Torrent, so that it outlives a pause; told to the picker and the storage.
 * Priorities go from 0 (skip) over 1 (last) to 7 (first); 4 is the default. Padding has 0 and counts for nothing, but
 * pieces of nothing but padding are wanted as long as every file is. Cost: O(files + pieces of the files changed).
 */
import { assert } from '../../base/assert.js';
import type { FileLayout } from '../../format/file-layout.js';
import { PRIORITY_DEFAULT, PRIORITY_MAX } from '../pieces/rarity-order.js';

/** New priorities of the pieces from `first` on, one byte each. */
export interface PiecePriorities {
  readonly first: number;
  readonly priorities: Uint8Array;
}

export class FilePriorities {
  readonly #layout: FileLayout;
  #ofFile: Uint8Array;

  /** Everything is wanted. */
  constructor(layout: FileLayout) {
    this.#layout = layout;
    this.#ofFile = Uint8Array.from(layout.files, (file) => (file.padding ? 0 : PRIORITY_DEFAULT));
  }

  /** One byte a file of the layout. Read it; change it through `assign`. */
  get ofFile(): Uint8Array {
    return this.#ofFile;
  }

  get isEverythingWanted(): boolean {
    return this.#layout.files.every((file, index) => file.padding || this.#ofFile[index]! > 0);
  }

  /** As it is unless someone says otherwise. */
  get isEverythingAlike(): boolean {
    return this.#layout.files.every((file, index) => file.padding || this.#ofFile[index] === PRIORITY_DEFAULT);
  }

  /** 1 for each file that is wanted, as the storage takes it; null = all are. */
  get wantedFiles(): Uint8Array | null {
    return this.isEverythingWanted ? null : this.#ofFile.map((priority) => Math.min(priority, 1));
  }

  /** Of the files that are wanted, together. */
  get wantedBytes(): number {
    return this.#layout.files.reduce((sum, file, index) => sum + (this.#ofFile[index]! > 0 ? file.lengthBytes : 0), 0);
  }

  /** @returns for `assign`: the files that have a 1 in `chosen` wanted as much as they are now, and no others. */
  selected(chosen: Uint8Array): Uint8Array {
    return chosen.map((isChosen, index) => (isChosen === 0 ? 0 : this.#ofFile[index]! || PRIORITY_DEFAULT));
  }

  /** Takes `next`, one byte a file; what it says of padding is ignored. @returns null when no piece changes. */
  assign(next: Uint8Array): PiecePriorities | null {
    const { files, pieceCount } = this.#layout;
    assert(next.length === files.length, 'one priority a file');
    const wasEverythingWanted = this.isEverythingWanted;
    const before = this.#ofFile;
    this.#ofFile = next.map((priority, index) => (files[index]!.padding ? 0 : priority));
    let first = pieceCount;
    let last = -1;
    for (const [index, priority] of this.#ofFile.entries()) {
      assert(priority <= PRIORITY_MAX, 'a file priority is 0 to 7');
      if (priority === before[index] || files[index]!.lengthBytes === 0) continue;
      first = Math.min(first, this.#layout.firstPieceOf(index));
      last = Math.max(last, this.#layout.lastPieceOf(index));
    }
    if (wasEverythingWanted !== this.isEverythingWanted) return this.ofPieces(0, pieceCount - 1);
    return last < 0 ? null : this.ofPieces(first, last);
  }

  /** Of the pieces `first` to `last`. */
  ofPieces(first = 0, last: number = this.#layout.pieceCount - 1): PiecePriorities {
    const { files, pieceLength } = this.#layout;
    const priorities = new Uint8Array(last - first + 1);
    if (this.isEverythingWanted) priorities.fill(PRIORITY_DEFAULT);
    const isTouched = new Uint8Array(priorities.length);
    const endBytes = (last + 1) * pieceLength;
    for (let i = this.#layout.fileAt(first * pieceLength); i < files.length && files[i]!.offsetBytes < endBytes; i++) {
      if (files[i]!.padding) continue;
      const end = Math.min(this.#layout.lastPieceOf(i), last);
      for (let piece = Math.max(this.#layout.firstPieceOf(i), first); piece <= end; piece++) {
        const place = piece - first;
        priorities[place] = Math.max(isTouched[place] === 1 ? priorities[place]! : 0, this.#ofFile[i]!);
        isTouched[place] = 1;
      }
    }
    return { first, priorities };
  }
}
