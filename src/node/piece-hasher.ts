/**
 * Hashes one piece as its bytes come by, for v1 (SHA-1, BEP 3), v2 (a Merkle tree of SHA-256 over 16 KiB leaves,
 * BEP 52) or both at once. One is kept per thread and begun anew for each piece: the tree is folded in one buffer.
 */
import { createHash, type Hash, hash } from 'node:crypto';
import { assert } from '../base/assert.js';
import { bytesEqual } from '../base/bytes.js';
import { LIMITS } from '../base/limits.js';
import { HASH_BYTES, merkleRoot } from '../format/merkle.js';
import { type PieceVerdict, verdictOf } from '../format/piece-check.js';

/** What one piece has to hash to; plain data that is sent to workers. At least one kind is present. */
export interface PieceExpectation {
  /** 20 bytes. */
  readonly sha1: Uint8Array | null;
  /** 32 bytes: the root over `leafCount` leaves, a power of two, of which the first hold `v2Bytes`. */
  readonly root: Uint8Array | null;
  readonly v2Bytes: number;
  readonly leafCount: number;
}

const LEAF_BYTES: number = LIMITS.blockBytes;

export class PieceHasher {
  #expected: PieceExpectation = { sha1: null, root: null, v2Bytes: 0, leafCount: 1 };
  #sha1: Hash | null = null;
  #leaves = new Uint8Array(HASH_BYTES);
  #leafCount = 0;
  #v2Left = 0;

  begin(expected: PieceExpectation): void {
    assert(expected.sha1 !== null || expected.root !== null, 'a piece has a hash to be checked against');
    this.#expected = expected;
    this.#sha1 = expected.sha1 === null ? null : createHash('sha1');
    this.#leafCount = 0;
    this.#v2Left = expected.root === null ? 0 : expected.v2Bytes;
    assert(this.#v2Left <= expected.leafCount * LEAF_BYTES, 'a piece has no more leaves than its tree');
    const treeBytes = expected.leafCount * HASH_BYTES;
    if (expected.root !== null && this.#leaves.length < treeBytes) this.#leaves = new Uint8Array(treeBytes);
  }

  /** Takes the next bytes; every chunk but the last is a multiple of 16 KiB. */
  update(chunk: Uint8Array): void {
    this.#sha1?.update(chunk);
    // Beyond v2Bytes there is a hybrid's padding, which v2 does not hash.
    for (let offset = 0; this.#v2Left > 0 && offset < chunk.length; offset += LEAF_BYTES) {
      const leafBytes = Math.min(LEAF_BYTES, this.#v2Left, chunk.length - offset);
      const digest = hash('sha256', chunk.subarray(offset, offset + leafBytes), 'buffer');
      this.#leaves.set(digest, this.#leafCount * HASH_BYTES);
      this.#leafCount++;
      this.#v2Left -= leafBytes;
    }
  }

  finish(): PieceVerdict {
    const { sha1, root } = this.#expected;
    return verdictOf({
      v1: sha1 === null ? null : bytesEqual(this.#sha1!.digest(), sha1),
      v2: root === null ? null : bytesEqual(this.#root(), root),
    });
  }

  #root(): Uint8Array {
    const leaves = this.#leaves.subarray(0, this.#leafCount * HASH_BYTES);
    return merkleRoot(leaves, { width: this.#expected.leafCount });
  }
}
