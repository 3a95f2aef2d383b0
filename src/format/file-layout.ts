/**
 * Where each byte of a torrent lives, and what each piece is checked against. Built once from a Metainfo; storage, the
 * picker and the disk workers ask it per block, so look-ups are binary searches and allocate nothing.
 * Offsets count from the torrent's first byte, padding included; lengths are bytes.
 */
import { assert } from '../base/assert.js';
import { toHex } from '../base/bytes.js';
import { LIMITS } from '../base/limits.js';
import type { PieceHashes, SpanVisitor, StorageLayout } from '../host/storage.js';
import { HASH_BYTES, pieceLeafCount } from './merkle.js';
import type { Metainfo, MetainfoFile } from './metainfo.js';

/** Where each byte of a torrent lives, by piece and by file. Look-ups are binary searches and allocate nothing. */
export class FileLayout implements StorageLayout {
  /** In offset order, padding included. */
  readonly files: readonly MetainfoFile[];
  /** Bytes of every piece but short ones: piece i begins at i × pieceLength. */
  readonly pieceLength: number;
  /** Pieces of the torrent. */
  readonly pieceCount: number;
  readonly #offsets: Float64Array;
  readonly #endBytes: number;
  /** v2 alone: pieces end where their file ends. Otherwise only the last one is short. */
  readonly #endsWithFile: boolean;
  /** Null without padding: then all of a piece is data. */
  readonly #dataBytes: Uint32Array | null;

  /** Takes time and memory that grow with files and pieces: make one a torrent. */
  constructor(metainfo: Metainfo) {
    const last = metainfo.files[metainfo.files.length - 1]!;
    this.files = metainfo.files;
    this.pieceLength = metainfo.pieceLength;
    this.pieceCount = metainfo.pieceCount;
    this.#offsets = Float64Array.from(metainfo.files, (file) => file.offsetBytes);
    this.#endBytes = last.offsetBytes + last.lengthBytes;
    this.#endsWithFile = metainfo.v1Pieces === null;
    const hasPadding = metainfo.files.some(({ padding }) => padding);
    this.#dataBytes = hasPadding ? dataBytesOfPieces(metainfo, this.#endBytes) : null;
  }

  /** Bytes of the piece on the wire. */
  pieceBytes(piece: number): number {
    if (this.#endsWithFile) return this.dataBytes(piece);
    return this.paddedPieceBytes(piece);
  }

  /**
   * Bytes of the piece with the padding that aligns files. More than pieceBytes only for the last piece of a file in a
   * v2 torrent, where BEP 52 has requests end with the file; libtorrent 2.0.8 asks for whole blocks all the same.
   */
  paddedPieceBytes(piece: number): number {
    return Math.min(this.pieceLength, this.#endBytes - piece * this.pieceLength);
  }

  /**
   * Bytes of the piece before its trailing padding: what has to be downloaded, the rest is zeros. 0 for a piece that is
   * all padding. Equal to pieceBytes for v2 alone, which has no padding on the wire.
   */
  dataBytes(piece: number): number {
    return this.#dataBytes === null ? this.paddedPieceBytes(piece) : this.#dataBytes[piece]!;
  }

  /** Blocks of 16 KiB on the wire, the last one perhaps short. */
  blocksInPiece(piece: number): number {
    return Math.ceil(this.pieceBytes(piece) / LIMITS.blockBytes);
  }

  /** Calls `visit` for each file, padding included, that `length` bytes of `piece` from `begin` lie in, in order. */
  forEachSpan(piece: number, begin: number, length: number, visit: SpanVisitor): void {
    assert(begin >= 0 && length >= 0 && begin + length <= this.pieceBytes(piece), 'a span lies inside its piece');
    let offset = piece * this.pieceLength + begin;
    const end = offset + length;
    if (offset === end) return;
    for (let i = this.fileAt(offset); offset < end; i++) {
      const file = this.files[i]!;
      const spanBytes = Math.min(end, file.offsetBytes + file.lengthBytes) - offset;
      if (spanBytes === 0) continue;
      visit(i, offset - file.offsetBytes, spanBytes);
      offset += spanBytes;
    }
  }

  /** @returns the index of the file, never an empty one, that holds the byte at `offsetBytes` of the torrent. */
  fileAt(offsetBytes: number): number {
    let low = 0;
    let high = this.#offsets.length - 1;
    // The last file that starts here or before: empty files with the same offset stand before it.
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#offsets[middle]! <= offsetBytes) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The first piece with bytes of the file; for an empty file there is none, and this is lastPieceOf + 1. */
  firstPieceOf(fileIndex: number): number {
    return Math.floor(this.files[fileIndex]!.offsetBytes / this.pieceLength);
  }

  /** The last piece with bytes of the file. */
  lastPieceOf(fileIndex: number): number {
    const { offsetBytes, lengthBytes } = this.files[fileIndex]!;
    if (lengthBytes === 0) return this.firstPieceOf(fileIndex) - 1;
    return Math.floor((offsetBytes + lengthBytes - 1) / this.pieceLength);
  }
}

/**
 * @returns what pieces are checked against. `v2` is null while a piece layer is missing, and the whole is null when that
 * leaves nothing to check against: a v2 torrent whose layers are still to be fetched.
 */
export function pieceHashesOf(metainfo: Metainfo): PieceHashes | null {
  const v2 = v2PieceHashes(metainfo);
  if (metainfo.v1Pieces === null && v2 === null) return null;
  return new LayoutPieceHashes(metainfo, v2);
}

const NO_PIECES: Uint32Array = new Uint32Array(0);

class LayoutPieceHashes implements PieceHashes {
  readonly v1: Uint8Array | null;
  readonly v2: Uint8Array | null;
  readonly #metainfo: Metainfo;
  /** v2 files with data, in order, and their first pieces: at most one of them lies in a piece. */
  readonly #files: readonly MetainfoFile[];
  readonly #firstPieces: Uint32Array;

  constructor(metainfo: Metainfo, v2: Uint8Array | null) {
    this.v1 = metainfo.v1Pieces;
    this.v2 = v2;
    this.#metainfo = metainfo;
    this.#files = v2 === null ? [] : metainfo.files.filter((file) => file.piecesRoot !== null);
    this.#firstPieces =
      v2 === null ? NO_PIECES : Uint32Array.from(this.#files, (file) => file.offsetBytes / metainfo.pieceLength);
  }

  v2PieceBytes(piece: number): number {
    const file = this.#fileOf(piece);
    const { pieceLength } = this.#metainfo;
    return Math.min(pieceLength, file.offsetBytes + file.lengthBytes - piece * pieceLength);
  }

  v2LeafCount(piece: number): number {
    return pieceLeafCount(this.#fileOf(piece).lengthBytes, this.#metainfo.pieceLength);
  }

  #fileOf(piece: number): MetainfoFile {
    let low = 0;
    let high = this.#files.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#firstPieces[middle]! <= piece) low = middle;
      else high = middle - 1;
    }
    return this.#files[low]!;
  }
}

/** BEP 52: the file's layer, or its root when the file is no longer than a piece. */
function v2PieceHashes(metainfo: Metainfo): Uint8Array | null {
  if (metainfo.infoHash.v2 === null) return null;
  const hashes = new Uint8Array(metainfo.pieceCount * HASH_BYTES);
  for (const { piecesRoot, lengthBytes, offsetBytes } of metainfo.files) {
    if (piecesRoot === null) continue;
    const ofFile = lengthBytes > metainfo.pieceLength ? metainfo.pieceLayers.get(toHex(piecesRoot)) : piecesRoot;
    if (ofFile === undefined) return null;
    hashes.set(ofFile, (offsetBytes / metainfo.pieceLength) * HASH_BYTES);
  }
  return hashes;
}

/** Cuts from each piece the padding that it ends with. */
function dataBytesOfPieces({ files, pieceLength, pieceCount }: Metainfo, endBytes: number): Uint32Array {
  const dataBytes = new Uint32Array(pieceCount).fill(pieceLength);
  dataBytes[pieceCount - 1] = endBytes - (pieceCount - 1) * pieceLength;
  let runStart = 0;
  for (const { padding, offsetBytes, lengthBytes } of files) {
    if (lengthBytes === 0) continue;
    // Neighbouring paddings count as one run; a file with data starts the next one at its end.
    if (!padding) {
      runStart = offsetBytes + lengthBytes;
      continue;
    }
    const runEnd = offsetBytes + lengthBytes;
    for (let piece = Math.floor(offsetBytes / pieceLength); piece * pieceLength < runEnd; piece++) {
      const pieceEnd = Math.min((piece + 1) * pieceLength, endBytes);
      if (pieceEnd <= runEnd) dataBytes[piece] = Math.max(runStart - piece * pieceLength, 0);
    }
  }
  return dataBytes;
}
