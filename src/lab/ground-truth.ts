/**
 * What is really on a node's disk, compared with the content byte by byte: the one thing that an engine cannot get wrong
 * for both. Answers that are good are kept, because good pieces do not change, unless the disk itself does them wrong;
 * `forget` is for that.
 */
import { FileLayout } from '../format/file-layout.js';
import type { MemoryDisk } from '../sim/storage/memory-disk.js';
import { LAB_DIRECTORY } from './lab-node.js';
import type { LabTorrent } from './lab-torrent.js';

export class GroundTruth {
  readonly #torrent: LabTorrent;
  readonly #layout: FileLayout;
  readonly #disk: MemoryDisk;
  readonly #isKnownGood: Uint8Array;
  /** Pieces that the disk has spoilt: no node can know. */
  readonly spoilt: Set<number> = new Set();

  constructor(torrent: LabTorrent, disk: MemoryDisk) {
    this.#torrent = torrent;
    this.#layout = new FileLayout(torrent.metainfo);
    this.#disk = disk;
    this.#isKnownGood = new Uint8Array(torrent.metainfo.pieceCount);
  }

  /** Whether all of the piece is there and right. What the disk has spoilt counts as right. */
  hasPiece(piece: number): boolean {
    if (piece >= this.#isKnownGood.length) return false;
    if (this.#isKnownGood[piece] === 1 || this.spoilt.has(piece)) return true;
    if (!this.#isRight(piece)) return false;
    this.#isKnownGood[piece] = 1;
    return true;
  }

  /** Whether every file is there, whole and right, spoilt or not. @returns the path of the first that is not. */
  firstWrongFile(): string | null {
    for (const [path, bytes] of this.#torrent.files) {
      if (bytes.length === 0 && this.#disk.has(`${LAB_DIRECTORY}/${path}`)) continue;
      if (this.#disk.lengthBytes(`${LAB_DIRECTORY}/${path}`) !== bytes.length) return path;
      if (!equal(this.#disk.view(`${LAB_DIRECTORY}/${path}`, 0, bytes.length), bytes)) return path;
    }
    return null;
  }

  forget(): void {
    this.#isKnownGood.fill(0);
  }

  #isRight(piece: number): boolean {
    const content = this.#torrent.pieceBytes(piece);
    let position = 0;
    let isRight = true;
    this.#layout.forEachSpan(piece, 0, content.length, (index, offset, length) => {
      const path = `${LAB_DIRECTORY}/${this.#layout.files[index]!.path.join('/')}`;
      const expected = content.subarray(position, position + length);
      position += length;
      if (this.#disk.lengthBytes(path) < offset + length) isRight = false;
      else if (!equal(this.#disk.view(path, offset, length), expected)) isRight = false;
    });
    return isRight;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
