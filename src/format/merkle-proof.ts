/**
 * Stretches of a row of a Merkle tree with the hashes that prove them (BEP 52): behind the stretch stand the siblings of
 * the nodes on its way to the root, bottom to top. The row above which the stretch is one node has the first of them.
 * Rows are as in merkle.ts: one array of 32-byte hashes, `height` rows above the leaves, padding left out. Pure.
 */
import { HASH_BYTES, merkleRoot, padHash } from './merkle.js';

/** A part of a row: `length`, a power of two, hashes from `index` on, a multiple of it. */
export interface RowRange {
  readonly index: number;
  readonly length: number;
}

/** @returns `length` hashes of the row from `index` on, those behind its end being padding. */
export function hashesAt(row: Uint8Array, height: number, { index, length }: RowRange): Uint8Array {
  const hashes = new Uint8Array(length * HASH_BYTES);
  const known = row.subarray(index * HASH_BYTES, (index + length) * HASH_BYTES);
  hashes.set(known);
  for (let at = known.length; at < hashes.length; at += HASH_BYTES) hashes.set(padHash(height), at);
  return hashes;
}

/** @returns the node above `length` hashes of the row from `index` on, for which they need not be there. */
export function nodeAbove(row: Uint8Array, height: number, { index, length }: RowRange): Uint8Array {
  const known = row.subarray(index * HASH_BYTES, (index + length) * HASH_BYTES);
  return known.length === 0 ? padHash(height + Math.log2(length)) : merkleRoot(known, { height, width: length });
}

/**
 * @returns the siblings on the way up from a stretch, bottom to top, up to the row `top` rows above the leaves, that row
 * included; none when the stretch is all of it.
 */
export function siblingsOf(row: Uint8Array, height: number, range: RowRange, top: number): Uint8Array[] {
  const siblings: Uint8Array[] = [];
  let { length } = range;
  let node = range.index / length;
  for (let rowHeight = height + Math.log2(length); rowHeight <= top; rowHeight++) {
    const sibling = node % 2 === 0 ? node + 1 : node - 1;
    siblings.push(nodeAbove(row, height, { index: sibling * length, length }));
    node = Math.floor(node / 2);
    length *= 2;
  }
  return siblings;
}

/** @returns the root that the stretch and its siblings lead to: to be compared with one that is known. */
export function provenRoot(hashes: Uint8Array, height: number, index: number, siblings: Uint8Array): Uint8Array {
  const length = hashes.length / HASH_BYTES;
  let root = merkleRoot(hashes, { height, width: length });
  let node = index / length;
  for (let at = 0; at < siblings.length; at += HASH_BYTES) {
    const sibling = siblings.subarray(at, at + HASH_BYTES);
    const pair = new Uint8Array(2 * HASH_BYTES);
    pair.set(root, node % 2 === 0 ? 0 : HASH_BYTES);
    pair.set(sibling, node % 2 === 0 ? HASH_BYTES : 0);
    root = merkleRoot(pair);
    node = Math.floor(node / 2);
  }
  return root;
}
