/**
 * What is wanted of a torrent's pieces, told to the picker: by the selection, and for a while by readers, also of files
 * that are not selected. Owned by TorrentData. Invariant: a piece that only readers want has READER_PRIORITY and is in
 * `#borrowed`; every other piece has the priority that its files give it.
 */
import type { FilePriorities, PiecePriorities } from '../data/file-priorities.js';
import type { PiecePicker } from './piece-picker.js';

/** Order among urgent pieces is by deadline; to peers that can do nothing for those, the selection comes first. */
const READER_PRIORITY = 1;

export class PieceDemand {
  readonly #picker: PiecePicker;
  readonly #borrowed = new Set<number>();

  constructor(picker: PiecePicker, files: FilePriorities) {
    this.#picker = picker;
    const { first, priorities } = files.ofPieces();
    picker.setPriorities(first, priorities);
  }

  /** Everything selected is had. */
  get isSelectionHad(): boolean {
    return this.#picker.wantedMissing === this.#borrowed.size;
  }

  onSelectionChanged({ first, priorities }: PiecePriorities): void {
    const wanted = priorities.slice();
    for (const piece of this.#picker.urgent.pieces) {
      const place = piece - first;
      if (place < 0 || place >= wanted.length) continue;
      if (wanted[place]! > 0) this.#borrowed.delete(piece);
      else {
        this.#borrowed.add(piece);
        wanted[place] = READER_PRIORITY;
      }
    }
    this.#picker.setPriorities(first, wanted);
  }

  /** Pieces that readers need, and by when, in monotonic ms; none that we have. */
  setUrgent(deadlines: ReadonlyMap<number, number>): void {
    this.#picker.urgent.replace(deadlines);
    for (const piece of [...this.#borrowed]) {
      if (deadlines.has(piece)) continue;
      this.#borrowed.delete(piece);
      this.#picker.setPriority(piece, 0);
    }
    for (const piece of deadlines.keys()) {
      if (this.#picker.priority(piece) > 0) continue;
      this.#borrowed.add(piece);
      this.#picker.setPriority(piece, READER_PRIORITY);
    }
  }

  onVerified(piece: number, now: number): void {
    this.#picker.urgent.onVerified(piece, now);
    // Its priority no longer matters, but it is to be what its files say.
    if (this.#borrowed.delete(piece)) this.#picker.setPriority(piece, 0);
  }
}
