/**
 * What is really on a node's disk, compared with the content byte by byte: the one thing that an engine cannot get wrong
 * for both. Bytes that have rotted count as right, because no node can know. Answers that are good are kept: good pieces
 * do not change. Where the bytes of files that are not wanted lie, see format/file-placement.ts.
 */
import { FileLayout } from '../format/file-layout.js';
import { FilePlacement, partsNameOf } from '../format/file-placement.js';
import { infoHashHex } from '../format/infohash.js';
import type { MemoryDisk } from '../sim/storage/memory-disk.js';
import { LAB_DIRECTORY } from './lab-node.js';
import type { LabTorrent } from './lab-torrent.js';

export class GroundTruth {
  readonly #torrent: LabTorrent;
  readonly #layout: FileLayout;
  readonly #disk: MemoryDisk;
  readonly #paths: readonly string[];
  readonly #isKnownGood: Uint8Array;

  constructor(torrent: LabTorrent, disk: MemoryDisk) {
    const { metainfo } = torrent;
    this.#torrent = torrent;
    this.#layout = new FileLayout(metainfo);
    this.#disk = disk;
    // The parts file's index is one past the last file.
    const files = this.#layout.files.map(({ path }) => path.join('/'));
    this.#paths = [...files, partsNameOf(infoHashHex(metainfo.infoHash))].map((path) => `${LAB_DIRECTORY}/${path}`);
    this.#isKnownGood = new Uint8Array(metainfo.pieceCount);
  }

  /** Whether all of the piece is there and right, but for what has rotted. */
  hasPiece(piece: number): boolean {
    if (piece >= this.#isKnownGood.length) return false;
    if (this.#isKnownGood[piece] === 1) return true;
    if (!this.#compare(piece, (path, offset, expected) => this.#isRight(path, offset, expected))) return false;
    this.#isKnownGood[piece] = 1;
    return true;
  }

  /** Whether a byte of the piece has rotted since it was written. */
  isRotten(piece: number): boolean {
    return !this.#compare(piece, (path, offset, expected) => !this.#disk.isRotten(path, offset, expected.length));
  }

  /** @returns the path of the first file that is not whole and right, but for what has rotted. */
  firstWrongFile(): string | null {
    for (const [index, bytes] of [...this.#torrent.files.values()].entries()) {
      const path = this.#paths[index]!;
      if (!this.#disk.has(path) || this.#disk.lengthBytes(path) !== bytes.length) return path;
      if (!this.#isRight(path, 0, bytes)) return path;
    }
    return null;
  }

  /** @returns whether `check` is true for every stretch of the piece. */
  #compare(piece: number, check: (path: string, offset: number, expected: Uint8Array) => boolean): boolean {
    const content = this.#torrent.pieceBytes(piece);
    const placement = new FilePlacement(this.#layout, null);
    for (const [index, { lengthBytes }] of this.#layout.files.entries()) {
      if (lengthBytes > 0 && !this.#disk.has(this.#paths[index]!)) placement.setAside(index, true);
    }
    let position = 0;
    let isRight = true;
    placement.forEachSpan(piece, 0, content.length, (index, offset, length) => {
      isRight = isRight && check(this.#paths[index]!, offset, content.subarray(position, position + length));
      position += length;
    });
    return isRight;
  }

  #isRight(path: string, offset: number, expected: Uint8Array): boolean {
    if (this.#disk.lengthBytes(path) < offset + expected.length) return false;
    return (
      equal(this.#disk.view(path, offset, expected.length), expected) ||
      this.#disk.isRotten(path, offset, expected.length)
    );
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
