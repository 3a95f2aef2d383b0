import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes, fromHex, toHex } from '../../base/bytes.js';
import { sha256 } from '../../base/crypto.js';
import { FileLayout, pieceHashesOf } from '../../format/file-layout.js';
import { HASH_BYTES } from '../../format/merkle.js';
import { parseMetainfo } from '../../format/metainfo.js';
import {
  contentOf,
  HYBRID_TORRENT,
  LAYER_B,
  ROOT_B,
  ROOT_C,
  V2_TORRENT,
} from '../../format/testing/example-torrents.js';
import { downloading } from '../testing/peer-scenes.js';
import { StoreScene } from '../testing/store-scene.js';
import { makeV2Torrent } from '../testing/v2-torrent.js';
import { FileTrees } from './file-trees.js';

/** Of the torrents of the reference creator: a.txt is piece 0, b.bin pieces 1 to 3, sub/c.bin piece 4. */
function treesOf(torrent: Uint8Array): FileTrees {
  const metainfo = parseMetainfo(torrent);
  const { files, pieceLength } = new FileLayout(metainfo);
  const { storage } = new StoreScene(makeV2Torrent({ kind: 'v2', lengthBytes: 1, pieceLength: 16_384 }), {
    slotBytes: 16_384,
    slots: 1,
  });
  const { turn } = downloading().engine.session.context;
  return new FileTrees({ files, pieceLength, hashes: pieceHashesOf(metainfo)!, storage, turn });
}

for (const [name, torrent] of [
  ['v2', V2_TORRENT],
  ['hybrid', HYBRID_TORRENT],
] as const) {
  test(`the leaves of each piece of a ${name} torrent are asked for by its file`, () => {
    const trees = treesOf(torrent);
    const told = [1, 2, 3, 4].map((piece) => {
      const { piecesRoot, ...rest } = trees.leafRangeOf(piece);
      return { root: toHex(piecesRoot), ...rest };
    });
    assert.deepEqual(told, [
      { root: ROOT_B, baseLayer: 0, index: 0, length: 2, proofLayers: 0 },
      { root: ROOT_B, baseLayer: 0, index: 2, length: 2, proofLayers: 0 },
      { root: ROOT_B, baseLayer: 0, index: 4, length: 2, proofLayers: 0 },
      { root: ROOT_C, baseLayer: 0, index: 0, length: 1, proofLayers: 0 },
    ]);
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((piece) => trees.dataBytes(piece)),
      [1000, 32_768, 32_768, 4464, 16_384],
    );
  });

  test(`leaves of a ${name} torrent are known by the hash of their piece, with or without padding`, () => {
    const trees = treesOf(torrent);
    const last = sha256(contentOf('b.bin', 70_000).subarray(65_536));
    assert.ok(trees.areLeavesOf(3, last));
    assert.ok(trees.areLeavesOf(3, concatBytes([last, new Uint8Array(HASH_BYTES)])));
    assert.ok(!trees.areLeavesOf(3, concatBytes([last, last])));
    assert.ok(!trees.areLeavesOf(2, last));
  });

  test(`the piece layer of a ${name} torrent is that of the reference creator`, () => {
    const asked = { piecesRoot: fromHex(ROOT_B)!, baseLayer: 1, index: 0, length: 4, proofLayers: 0 };
    let told: Uint8Array | null = null;
    treesOf(torrent).find(
      asked,
      () => false,
      (hashes) => {
        told = hashes;
      },
    );
    const padding = toHex(sha256(new Uint8Array(64)));
    assert.equal(toHex(told!), LAYER_B.join('') + padding);
  });
}
