/** Proofs of stretches of a Merkle row (BEP 52): the true one leads to the root, and no other one does. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bytesEqual, concatBytes } from '../../../src/base/bytes.js';
import { sha256 } from '../../../src/base/crypto.js';
import { merkleRoot } from '../../../src/format/merkle.js';
import { hashesAt, provenRoot, siblingsOf } from '../../../src/format/merkle-proof.js';
import { Dice } from '../dice.js';
import type { FuzzTarget } from '../target.js';

const HASHES_MAX = 20;

export const merkleProofTarget: FuzzTarget = {
  name: 'merkle-proof',
  inputs: fc.uint8Array({ minLength: 4, maxLength: 12 }),
  samples: [new Uint8Array(8)],
  bytesMax: 20,
  check,
};

function check(input: Uint8Array): void {
  const dice = new Dice(input);
  const count = 1 + dice.below(HASHES_MAX);
  const height = dice.below(4);
  const row = concatBytes(Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i))));
  let width = 1;
  while (width < count) width *= 2;
  const length = 2 ** dice.below(Math.log2(width) + 1);
  const index = length * dice.below(width / length);
  const root = merkleRoot(row, { height });
  const top = height + Math.log2(width) - 1;
  const hashes = hashesAt(row, height, { index, length });
  const siblings = concatBytes(siblingsOf(row, height, { index, length }, top));
  assert.equal(siblings.length / 32, Math.log2(width / length));
  assert.deepEqual(provenRoot(hashes, height, index, siblings), root);

  const all = concatBytes([hashes, siblings]);
  all[(dice.byte() * 256 + dice.byte()) % all.length]! ^= 1 << dice.below(8);
  const forged = provenRoot(all.subarray(0, hashes.length), height, index, all.subarray(hashes.length));
  assert.ok(!bytesEqual(forged, root), 'a changed hash leads elsewhere');
}
