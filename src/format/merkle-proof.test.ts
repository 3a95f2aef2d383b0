import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes, toHex } from '../base/bytes.js';
import { sha256 } from '../base/crypto.js';
import { HASH_BYTES, leafCountOf, merkleRoot, padHash } from './merkle.js';
import { hashesAt, nodeAbove, provenRoot, siblingsOf } from './merkle-proof.js';

/** 62 leaves, as a file of 1,000,000 bytes has. */
const LEAVES = concatBytes(Array.from({ length: 62 }, (_, i) => sha256(Uint8Array.of(i))));
const HEIGHT = Math.log2(leafCountOf(1_000_000));

test('every stretch of a row is proven by its siblings up to the root, padding too', () => {
  const root = toHex(merkleRoot(LEAVES));
  for (let length = 1; length <= 64; length *= 2) {
    for (let index = 0; index < 64; index += length) {
      const hashes = hashesAt(LEAVES, 0, { index, length });
      const siblings = siblingsOf(LEAVES, 0, { index, length }, HEIGHT - 1);
      assert.equal(siblings.length, HEIGHT - Math.log2(length));
      assert.equal(toHex(provenRoot(hashes, 0, index, concatBytes(siblings))), root, `${length} from ${index}`);
    }
  }
});

test('a stretch with one hash changed leads to another root', () => {
  const hashes = hashesAt(LEAVES, 0, { index: 8, length: 4 });
  hashes[40]! ^= 1;
  const siblings = concatBytes(siblingsOf(LEAVES, 0, { index: 8, length: 4 }, HEIGHT - 1));
  assert.notEqual(toHex(provenRoot(hashes, 0, 8, siblings)), toHex(merkleRoot(LEAVES)));
});

test('what lies behind the end of a row is the padding of its height', () => {
  const row = LEAVES.subarray(0, 3 * HASH_BYTES);
  assert.equal(toHex(hashesAt(row, 2, { index: 2, length: 2 }).subarray(HASH_BYTES)), toHex(padHash(2)));
  assert.equal(toHex(nodeAbove(row, 2, { index: 4, length: 4 })), toHex(padHash(4)));
});

test('a stretch that is all of a row has no siblings', () => {
  assert.deepEqual(siblingsOf(LEAVES, 0, { index: 0, length: 64 }, HEIGHT - 1), []);
});
