import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, fromHex, fromUtf8, toHex } from '../base/bytes.js';
import { sha256 } from '../base/crypto.js';
import { DtorrentError } from '../base/errors.js';
import {
  HASH_BYTES,
  isPieceLayerOf,
  leafCountOf,
  merkleRoot,
  padHash,
  pieceLayerHeight,
  pieceLayerRoot,
  pieceLeafCount,
} from './merkle.js';
import { runSteps } from './steps.js';
import { contentOf } from './testing/example-torrents.js';

const BLOCK = 16 * 1024;

function leavesOf(content: Uint8Array): Uint8Array[] {
  const leaves: Uint8Array[] = [];
  for (let i = 0; i < content.length; i += BLOCK) leaves.push(sha256(content.subarray(i, i + BLOCK)));
  return leaves;
}

/** The definition, spelled out: every padding leaf is there and is hashed. */
function slowRoot(row: readonly Uint8Array[]): Uint8Array {
  if (row.length === 1) return row[0]!;
  const parents: Uint8Array[] = [];
  for (let i = 0; i < row.length; i += 2) parents.push(sha256(concatBytes([row[i]!, row[i + 1]!])));
  return slowRoot(parents);
}

function paddedTo(width: number, row: readonly Uint8Array[]): Uint8Array[] {
  return [...row, ...Array.from({ length: width - row.length }, () => new Uint8Array(HASH_BYTES))];
}

test('the hashes of subtrees without data are those of BEP 52', () => {
  assert.equal(toHex(padHash(0)), '0'.repeat(64));
  assert.equal(toHex(padHash(1)), 'f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b');
  assert.equal(toHex(padHash(2)), 'db56114e00fdd4c1f85c892bf35ac9a89289aaecb1ebd0a96cde606a748b5d71');
  assert.equal(toHex(padHash(6)), 'd88ddfeed400a8755596b21942c1497e114c302e6118290f91e6772976041fa1');
  assert.equal(toHex(padHash(10)), 'ffff0ad7e659772f9534c195c815efc4014ef1e1daed4404c06385d11192e92b');
  assert.equal(toHex(padHash(12)), 'b7d05f875f140027ef5118a2247bbb84ce8f2f0f1123623085daf7960c329f5f');
  assert.equal(padHash(47).length, HASH_BYTES);
  assert.throws(() => padHash(48), DtorrentError);
});

test('a file of 62 blocks has the known leaves, piece layer and root', () => {
  const leaves = leavesOf(contentOf('single.bin', 1_000_000));
  const root = '4d87fa502e81fbcf118fbd0f137594e3285f9455e74752c6b039f757b726dcbd';
  assert.equal(toHex(leaves[0]!), 'c4e27cb36afa8e013a40908b869df98387bf115bc582d8c0e5cdc9aad6ca3531');
  assert.equal(toHex(leaves[61]!), '94d9c4489432778dcbd744d45b4cdbd3c9b432f4da896d40f21d60efdf08100b');
  assert.equal(toHex(merkleRoot(concatBytes(leaves))), root);

  const pieces = Array.from({ length: 16 }, (_, i) => concatBytes(leaves.slice(4 * i, 4 * i + 4)));
  const layer = concatBytes(pieces.map((piece) => merkleRoot(piece, { width: 4 })));
  const prefixes = '2d083e1e b7a31094 290330f7 028b1d70 7590e441 79e2d87b 0040f6a8 cca205a1';
  assert.equal(prefixes, Array.from({ length: 8 }, (_, i) => toHex(layer.subarray(32 * i, 32 * i + 4))).join(' '));
  assert.equal(toHex(layer.subarray(480)), '7bb11baa4383c4f5a568901004452e73f862ac7b6dc43689ef4954da2ad9c729');
  assert.equal(toHex(pieceLayerRoot(layer, 65536)), root);
  assert.ok(runSteps(isPieceLayerOf({ root: fromHex(root)!, lengthBytes: 1_000_000, pieceLength: 65536 }, layer)));
});

test('the last piece of a file and a layer of an odd number of pieces are padded, each with its own hash', () => {
  const leaves = leavesOf(contentOf('b.bin', 70_000));
  const pieces = [0, 2, 4].map((i) => merkleRoot(concatBytes(leaves.slice(i, i + 2)), { width: 2 }));
  assert.deepEqual(pieces.map(toHex), [
    '4520aa91df0d558258979fc413183a723dd7204fbc5cf630abfb6a6350934c40',
    '910d297e2305de393cf6e022f564db6304c34eb77d57aec31fc7cc17108019d0',
    'dac413075200f4cbc12fcd4e0e30d94df0b1b487a5bdf5f466a15e75e8a10282',
  ]);
  const root = '94042bee5809ace450c42f364935695e89f469788ab5b7de05622947e639b01b';
  assert.equal(toHex(pieceLayerRoot(concatBytes(pieces), 32768)), root);
});

test('the root of one block is the hash of the block', () => {
  const leaf = sha256(contentOf('a.txt', 1000));
  assert.equal(toHex(merkleRoot(leaf)), '44309ba35182f5a9eddbb33d9e735b3bf244d8af2f424e6e96aba767c1767ca5');
});

test('roots equal those of a tree with all its padding spelled out (random)', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 3 }), fc.nat(), (count, extraRows, seed) => {
      const row = Array.from({ length: count }, (_, i) => sha256(fromUtf8(`${seed} ${i}`)));
      const width = leafCountOf(count * BLOCK) * 2 ** extraRows;
      const given = concatBytes(row);
      const before = toHex(given);
      assert.equal(toHex(merkleRoot(given, { width })), toHex(slowRoot(paddedTo(width, row))));
      assert.equal(toHex(given), before, 'the row was written to');
    }),
  );
});

test('a piece layer leads to the root that the leaves lead to, whatever the piece length (random)', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 0, max: 4 }), fc.nat(), (count, height, seed) => {
      const leaves = Array.from({ length: count }, (_, i) => sha256(fromUtf8(`${seed} ${i}`)));
      const pieceLength = BLOCK * 2 ** height;
      const width = pieceLeafCount(count * BLOCK, pieceLength);
      const pieces: Uint8Array[] = [];
      for (let i = 0; i < count; i += width) {
        pieces.push(merkleRoot(concatBytes(leaves.slice(i, i + width)), { width }));
      }
      const layer = concatBytes(pieces);
      const root = pieces.length === 1 ? layer : pieceLayerRoot(layer, pieceLength);
      assert.equal(toHex(root), toHex(merkleRoot(concatBytes(leaves))));
    }),
  );
});

test('a layer with a wrong size, a wrong hash or a wrong file is not that of the file', () => {
  const layer = concatBytes([1, 2, 3].map((i) => sha256(fromUtf8(`piece ${i}`))));
  const file = { root: pieceLayerRoot(layer, 65536), lengthBytes: 3 * 65536, pieceLength: 65536 };
  assert.equal(runSteps(isPieceLayerOf(file, layer)), true);
  assert.equal(runSteps(isPieceLayerOf(file, layer.subarray(0, 64))), false);
  assert.equal(runSteps(isPieceLayerOf(file, layer.subarray(0, 95))), false);
  assert.equal(runSteps(isPieceLayerOf(file, new Uint8Array(0))), false);
  assert.equal(runSteps(isPieceLayerOf({ ...file, lengthBytes: 0 }, new Uint8Array(0))), false);
  assert.equal(runSteps(isPieceLayerOf({ ...file, pieceLength: 131072 }, layer)), false);
  const damaged = new Uint8Array(layer);
  damaged[95]! ^= 1;
  assert.equal(runSteps(isPieceLayerOf(file, damaged)), false);
});

test('the leaf row of a file is the next power of two of its blocks', () => {
  const counts = [1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 5 * BLOCK].map(leafCountOf);
  assert.deepEqual(counts, [1, 1, 2, 2, 4, 8]);
  assert.equal(leafCountOf(2 ** 45), 2 ** 31);
  assert.deepEqual(
    [1, 3 * BLOCK, 9 * BLOCK].map((length) => pieceLeafCount(length, 4 * BLOCK)),
    [1, 4, 4],
  );
  assert.deepEqual([BLOCK, 2 * BLOCK, 1024 * BLOCK].map(pieceLayerHeight), [0, 1, 10]);
});

test('a row that is empty, cut off or wider than its tree is a bug of the caller', () => {
  assert.throws(() => merkleRoot(new Uint8Array(0)), DtorrentError);
  assert.throws(() => merkleRoot(new Uint8Array(33)), DtorrentError);
  assert.throws(() => merkleRoot(new Uint8Array(96), { width: 2 }), DtorrentError);
  assert.throws(() => merkleRoot(new Uint8Array(96), { width: 5 }), DtorrentError);
});

test('a layer is checked in steps, whatever its length', () => {
  const pieceLength = 16384;
  for (const pieces of [2047, 2048, 2049, 5000]) {
    const layer = new Uint8Array(pieces * 32).map((_, i) => (i * 7 + (i >> 8)) & 0xff);
    const root = pieceLayerRoot(layer, pieceLength);
    const file = { root, lengthBytes: pieces * pieceLength, pieceLength };
    const steps = isPieceLayerOf(file, layer);
    let yields = 0;
    let step = steps.next();
    for (; !step.done; step = steps.next()) yields++;
    assert.equal(step.value, true);
    assert.equal(yields, pieces > 2048 ? Math.ceil(pieces / 2048) : 0);
    layer[layer.length - 1]! ^= 1;
    assert.equal(runSteps(isPieceLayerOf(file, layer)), false);
  }
});
