/**
 * Where a torrent's bytes lie when not all of its files are wanted: in their own file when that is wanted or was there
 * before; else, where they share a piece with another file, aside in the parts file, which has one slot of pieceLength
 * for each such piece. A slot is the piece's rank among them, so there is no index that could be lost.
 * Pure bookkeeping, told what is on disk; called by both storages. Offsets and lengths are bytes.
 */
import { EMPTY_BYTES } from '../base/bytes.js';
import type { SpanVisitor, StorageLayout } from '../host/storage.js';

/** Name of the parts file, in the download directory. */
export function partsNameOf(infoHashHex: string): string {
  return `.${infoHashHex}.parts`;
}

/** A stretch of a file that lies in the parts file as long as the file is aside. */
export interface AsideStretch {
  readonly partsOffsetBytes: number;
  readonly fileOffsetBytes: number;
  readonly lengthBytes: number;
}

/** Of nearly every torrent. */
const NOTHING_ASIDE: Uint8Array = EMPTY_BYTES;

export class FilePlacement {
  /** Stands for the parts file where a file's index is given: one past the last file. */
  readonly partsIndex: number;
  readonly #layout: StorageLayout;
  #wanted: Uint8Array | null = null;
  /** 1 = not on disk, and what there is of it lies in the parts file. Never set for padding and empty files. */
  #aside: Uint8Array = NOTHING_ASIDE;
  #asideCount = 0;
  /** Pieces with bytes of several stored files, ascending; null = not asked for yet. */
  #shared: Uint32Array | null = null;

  constructor(layout: StorageLayout, wanted: Uint8Array | null) {
    this.#layout = layout;
    this.partsIndex = layout.files.length;
    this.setWanted(wanted);
  }

  /** Copies; null = all. What is aside stays aside until it is said to be in its file. */
  setWanted(wanted: Uint8Array | null): void {
    this.#wanted = wanted === null ? null : wanted.slice();
  }

  /** False for padding. */
  isWanted(index: number): boolean {
    return !this.#layout.files[index]!.padding && (this.#wanted === null || this.#wanted[index] !== 0);
  }

  isAside(index: number): boolean {
    return this.#aside[index] === 1;
  }

  /** It was found that the file is, or is not, on disk. Nothing changes for one that never lies aside. */
  setAside(index: number, isAside: boolean): void {
    const { padding, lengthBytes } = this.#layout.files[index]!;
    if (padding || lengthBytes === 0 || isAside === this.isAside(index)) return;
    if (this.#aside === NOTHING_ASIDE) this.#aside = new Uint8Array(this.#layout.files.length);
    this.#aside[index] = isAside ? 1 : 0;
    this.#asideCount += isAside ? 1 : -1;
  }

  /** Whether any byte has its place in the parts file. */
  get needsParts(): boolean {
    for (let i = this.#aside.indexOf(1); i >= 0; i = this.#aside.indexOf(1, i + 1)) {
      if (this.asideStretches(i).length > 0) return true;
    }
    return false;
  }

  /** Length of the parts file if every slot were full. */
  get partsBytesMax(): number {
    return this.#sharedPieces().length * this.#layout.pieceLength;
  }

  /** Like StorageLayout.forEachSpan; what lies aside is visited as stretches of `partsIndex`. */
  forEachSpan(piece: number, begin: number, length: number, visit: SpanVisitor): void {
    const slot = this.#asideCount === 0 ? -1 : this.#slotOf(piece);
    if (slot < 0) {
      this.#layout.forEachSpan(piece, begin, length, visit);
      return;
    }
    let partsOffset = slot * this.#layout.pieceLength + begin;
    this.#layout.forEachSpan(piece, begin, length, (index, fileOffsetBytes, lengthBytes) => {
      if (this.isAside(index)) visit(this.partsIndex, partsOffset, lengthBytes);
      else visit(index, fileOffsetBytes, lengthBytes);
      partsOffset += lengthBytes;
    });
  }

  /** The wanted files that are still aside. */
  wantedAside(): number[] {
    const indices: number[] = [];
    for (let i = this.#aside.indexOf(1); i >= 0; i = this.#aside.indexOf(1, i + 1)) {
      if (this.isWanted(i)) indices.push(i);
    }
    return indices;
  }

  /**
   * Files that have to leave the parts file before `piece` can be written: wanted ones, and unwanted ones with a piece
   * to themselves, which is written only when it was under way as the selection changed. A write would make the file,
   * and a file that is on disk is looked at nowhere else.
   */
  asideBefore(piece: number): readonly number[] {
    if (this.#asideCount === 0) return NONE;
    const indices: number[] = [];
    const isShared = this.#slotOf(piece) >= 0;
    this.#layout.forEachSpan(piece, 0, this.#layout.pieceBytes(piece), (index) => {
      if (this.isAside(index) && (!isShared || this.isWanted(index))) indices.push(index);
    });
    return indices;
  }

  /** The at most two stretches of a file, in its order, that the parts file has room for. */
  asideStretches(index: number): AsideStretch[] {
    const { offsetBytes, lengthBytes } = this.#layout.files[index]!;
    const { pieceLength } = this.#layout;
    const end = offsetBytes + lengthBytes;
    const stretches: AsideStretch[] = [];
    const first = Math.floor(offsetBytes / pieceLength);
    const last = Math.floor((end - 1) / pieceLength);
    for (const piece of first === last ? [first] : [first, last]) {
      const slot = this.#slotOf(piece);
      if (slot < 0) continue;
      const from = Math.max(offsetBytes, piece * pieceLength);
      const to = Math.min(end, (piece + 1) * pieceLength);
      stretches.push({
        partsOffsetBytes: slot * pieceLength + from - piece * pieceLength,
        fileOffsetBytes: from - offsetBytes,
        lengthBytes: to - from,
      });
    }
    return stretches;
  }

  /** @returns -1 when the piece has bytes of one stored file at most. */
  #slotOf(piece: number): number {
    const shared = this.#sharedPieces();
    let low = 0;
    let high = shared.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (shared[middle]! < piece) low = middle + 1;
      else high = middle;
    }
    return shared[low] === piece ? low : -1;
  }

  #sharedPieces(): Uint32Array {
    this.#shared ??= sharedPieces(this.#layout);
    return this.#shared;
  }
}

const NONE: readonly number[] = [];

function sharedPieces({ files, pieceLength }: StorageLayout): Uint32Array {
  const shared: number[] = [];
  let lastOfPrevious = -1;
  for (const { padding, offsetBytes, lengthBytes } of files) {
    if (padding || lengthBytes === 0) continue;
    const first = Math.floor(offsetBytes / pieceLength);
    if (first === lastOfPrevious && shared[shared.length - 1] !== first) shared.push(first);
    lastOfPrevious = Math.floor((offsetBytes + lengthBytes - 1) / pieceLength);
  }
  return Uint32Array.from(shared);
}
