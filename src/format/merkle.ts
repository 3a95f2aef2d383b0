/**
 * SHA-256 Merkle trees of v2 files (BEP 52). Leaves are the hashes of 16 KiB blocks; a row is padded to a power of two
 * with what a subtree without any data would have there: 32 zero bytes in the leaf row, their hashes further up.
 * A row is one array of 32-byte hashes; `height` counts rows above the leaves, `width` counts hashes in a row.
 * Called where torrents are read, created and verified.
 */
import { assert } from '../base/assert.js';
import { bytesEqual } from '../base/bytes.js';
import { sha256 } from '../base/crypto.js';
import { LIMITS } from '../base/limits.js';
import type { Steps } from './steps.js';

/** Length of every node of the tree. */
export const HASH_BYTES = 32;

export interface RowShape {
  /** Hashes in the row with padding, a power of two; default: the next one that holds the row. */
  readonly width?: number;
  /** Default 0: the row is leaves. */
  readonly height?: number;
}

/** @returns the 32-byte root above `row`, which has at least one hash and is left as it is. */
export function merkleRoot(
  row: Uint8Array,
  { width = widthFor(row.length / HASH_BYTES), height = 0 }: RowShape = {},
): Uint8Array {
  let count = row.length / HASH_BYTES;
  assert(Number.isInteger(count) && count >= 1 && count <= width, 'a Merkle row fits its width');
  assert(Number.isInteger(Math.log2(width)), 'the width of a Merkle row is a power of two');
  const nodes = new Uint8Array(row);
  const lastPair = new Uint8Array(2 * HASH_BYTES);
  for (let rowHeight = height; 2 ** (rowHeight - height) < width; rowHeight++) {
    const parents = Math.ceil(count / 2);
    for (let i = 0; i < parents; i++) {
      let pair = nodes.subarray(2 * i * HASH_BYTES, 2 * (i + 1) * HASH_BYTES);
      if (2 * i + 1 === count) {
        lastPair.set(pair.subarray(0, HASH_BYTES));
        lastPair.set(padHash(rowHeight), HASH_BYTES);
        pair = lastPair;
      }
      // The parent lands on hashes that are used up.
      nodes.set(sha256(pair), i * HASH_BYTES);
    }
    count = parents;
  }
  return nodes.slice(0, HASH_BYTES);
}

/** @returns the hash of a subtree that is all padding, `height` rows high (0 to 47). Shared: do not write to it. */
export function padHash(height: number): Uint8Array {
  const hash = PAD_HASHES[height];
  assert(hash !== undefined, 'no Merkle tree is that high');
  return hash;
}

/** @returns the width of the leaf row of a file of `lengthBytes` (from 1), a power of two. */
export function leafCountOf(lengthBytes: number): number {
  return widthFor(Math.ceil(lengthBytes / LIMITS.blockBytes));
}

/**
 * @returns the leaves below the hash of one piece: all of a piece's blocks, or those of the file's own tree when the
 * file is no longer than a piece, because then the piece's hash is the root (BEP 52).
 */
export function pieceLeafCount(fileLengthBytes: number, pieceLength: number): number {
  return Math.min(leafCountOf(fileLengthBytes), pieceLength / LIMITS.blockBytes);
}

/** @returns how many rows the piece layer is above the leaves. `pieceLength` is a power of two from 16 KiB on. */
export function pieceLayerHeight(pieceLength: number): number {
  return Math.log2(pieceLength / LIMITS.blockBytes);
}

/** @returns the root of a file from the hashes of all its pieces. */
export function pieceLayerRoot(layer: Uint8Array, pieceLength: number): Uint8Array {
  return merkleRoot(layer, { height: pieceLayerHeight(pieceLength) });
}

/** What a piece layer is checked against. */
export interface LayeredFileShape {
  /** 32 bytes. */
  readonly root: Uint8Array;
  readonly lengthBytes: number;
  readonly pieceLength: number;
}

/**
 * Whether `layer` has one hash for each piece of the file and leads to its root, in steps of a few milliseconds: a large
 * file has hundreds of thousands of pieces. Nothing is hashed for a wrong size.
 */
export function* isPieceLayerOf(
  { root, lengthBytes, pieceLength }: LayeredFileShape,
  layer: Uint8Array,
): Steps<boolean> {
  const pieceCount = Math.ceil(lengthBytes / pieceLength);
  if (pieceCount === 0 || layer.length !== pieceCount * HASH_BYTES) return false;
  return bytesEqual(yield* layerRootSteps(layer, pieceLength), root);
}

/** pieceLayerRoot, one aligned part of the layer after the other. */
function* layerRootSteps(layer: Uint8Array, pieceLength: number): Steps<Uint8Array> {
  const stepBytes = STEP_HASHES * HASH_BYTES;
  if (layer.length <= stepBytes) return pieceLayerRoot(layer, pieceLength);
  const height = pieceLayerHeight(pieceLength);
  const roots = new Uint8Array(Math.ceil(layer.length / stepBytes) * HASH_BYTES);
  for (let i = 0; i * stepBytes < layer.length; i++) {
    const part = layer.subarray(i * stepBytes, (i + 1) * stepBytes);
    roots.set(merkleRoot(part, { width: STEP_HASHES, height }), i * HASH_BYTES);
    yield;
  }
  return merkleRoot(roots, { height: height + Math.log2(STEP_HASHES) });
}

/** A power of two; some three milliseconds. */
const STEP_HASHES = 2048;

function widthFor(count: number): number {
  let width = 1;
  while (width < count) width *= 2;
  return width;
}

/** More rows than a file of 2^53 bytes has. */
const PAD_HASH_COUNT = 48;
const PAD_HASHES: readonly Uint8Array[] = padHashes();

function padHashes(): Uint8Array[] {
  const hashes = [new Uint8Array(HASH_BYTES)];
  while (hashes.length < PAD_HASH_COUNT) {
    const pair = new Uint8Array(2 * HASH_BYTES);
    pair.set(hashes[hashes.length - 1]!);
    pair.copyWithin(HASH_BYTES, 0, HASH_BYTES);
    hashes.push(new Uint8Array(sha256(pair)));
  }
  return hashes;
}
