import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes } from '../base/bytes.js';
import { sha1, sha256 } from '../base/crypto.js';
import { DtorrentError } from '../base/errors.js';
import { SeededRandom } from '../base/random.js';
import { checkPiece } from '../format/piece-check.js';
import { hybridTorrent } from '../host/testing/test-torrent.js';
import { PieceHasher } from './piece-hasher.js';

const LEAF = 16 * 1024;

test('hashes the reference creator’s hybrid, in one chunk or leaf by leaf', () => {
  const { layout, hashes, pieceContent } = hybridTorrent();
  const hasher = new PieceHasher();
  for (let piece = 0; piece < layout.pieceCount; piece++) {
    const content = pieceContent(piece);
    for (const chunkBytes of [LEAF, content.length]) {
      hasher.begin({
        sha1: hashes.v1!.slice(piece * 20, piece * 20 + 20),
        root: hashes.v2!.slice(piece * 32, piece * 32 + 32),
        v2Bytes: hashes.v2PieceBytes(piece),
        leafCount: hashes.v2LeafCount(piece),
      });
      for (let at = 0; at < content.length; at += chunkBytes) hasher.update(content.subarray(at, at + chunkBytes));
      assert.equal(hasher.finish(), 'ok', `piece ${piece}`);
    }
  }
});

test('agrees with the one-shot check for any length, padding and chunks, one hasher for all', () => {
  const hasher = new PieceHasher();
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 * LEAF }),
      fc.integer({ min: 0, max: LEAF }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      (v2Bytes, paddingBytes, chunkLeaves, isDamaged) => {
        const bytes = new Uint8Array(v2Bytes + paddingBytes);
        new SeededRandom(v2Bytes).fill(bytes.subarray(0, v2Bytes));
        const leafCount = 2 ** Math.ceil(Math.log2(Math.ceil(v2Bytes / LEAF)));
        const root = rootBy(bytes, v2Bytes, leafCount);
        const hashes = { v1: sha1(bytes), v2: root, v2PieceBytes: () => v2Bytes, v2LeafCount: () => leafCount };
        if (isDamaged) bytes[v2Bytes - 1]! ^= 1;
        hasher.begin({ sha1: hashes.v1, root, v2Bytes, leafCount });
        let at = 0;
        for (let i = 0; at < bytes.length; i++) {
          const length = chunkLeaves[i % chunkLeaves.length]! * LEAF;
          hasher.update(bytes.subarray(at, at + length));
          at += length;
        }
        assert.equal(hasher.finish(), isDamaged ? 'bad-hash' : 'ok');
        assert.equal(checkPiece(0, bytes, hashes), isDamaged ? 'bad-hash' : 'ok');
      },
    ),
    { numRuns: 50 },
  );
});

test('a piece without a hash to check against is a bug, not a good piece', () => {
  const isBug = (thrown: unknown): boolean => thrown instanceof DtorrentError && thrown.code === 'EINTERNAL';
  assert.throws(() => new PieceHasher().begin({ sha1: null, root: null, v2Bytes: 0, leafCount: 1 }), isBug);
});

/** BEP 52 by its definition, recursively. */
function rootBy(bytes: Uint8Array, v2Bytes: number, leafCount: number): Uint8Array {
  const node = (firstLeaf: number, leaves: number): Uint8Array => {
    if (leaves > 1) {
      const left = node(firstLeaf, leaves / 2);
      return sha256(concatBytes([left, node(firstLeaf + leaves / 2, leaves / 2)]));
    }
    const begin = firstLeaf * LEAF;
    return begin < v2Bytes ? sha256(bytes.subarray(begin, Math.min(begin + LEAF, v2Bytes))) : new Uint8Array(32);
  };
  return node(0, leafCount);
}
