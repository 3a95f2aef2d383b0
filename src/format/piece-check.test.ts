import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { hybridTorrent, v2Torrent } from '../host/testing/test-torrent.js';
import { checkPiece, verdictOf } from './piece-check.js';

test('the reference creator’s pieces are good, and bad with one bit changed', () => {
  for (const { layout, hashes, pieceContent } of [v2Torrent(), hybridTorrent()]) {
    for (let piece = 0; piece < layout.pieceCount; piece++) {
      const content = pieceContent(piece);
      assert.equal(checkPiece(piece, content, hashes), 'ok');
      content[0]! ^= 1;
      assert.equal(checkPiece(piece, content, hashes), 'bad-hash');
    }
  }
});

test('padding counts for the v1 hash alone, so that wrong padding is no piece either way', () => {
  const { hashes, pieceContent } = hybridTorrent();
  const content = pieceContent(0);
  content[content.length - 1] = 1;
  const verdict = checkPiece(0, content, hashes);
  assert.ok(verdict instanceof DtorrentError);
});

test('every kind of hash that is there has to match, and kinds that disagree are an error of the torrent', () => {
  assert.equal(verdictOf({ v1: true, v2: null }), 'ok');
  assert.equal(verdictOf({ v1: null, v2: true }), 'ok');
  assert.equal(verdictOf({ v1: true, v2: true }), 'ok');
  assert.equal(verdictOf({ v1: false, v2: null }), 'bad-hash');
  assert.equal(verdictOf({ v1: null, v2: false }), 'bad-hash');
  assert.equal(verdictOf({ v1: false, v2: false }), 'bad-hash');
  for (const [v1, v2] of [
    [true, false],
    [false, true],
  ] as const) {
    const verdict = verdictOf({ v1, v2 });
    assert.ok(verdict instanceof DtorrentError);
    assert.equal(verdict.code, 'ETORRENT');
  }
});

test('a piece without a hash to check against is a bug, not a good piece', () => {
  const hashes = { v1: null, v2: null, v2PieceBytes: () => 1, v2LeafCount: () => 1 };
  assert.throws(
    () => checkPiece(0, new Uint8Array(1), hashes),
    (thrown) => thrown instanceof DtorrentError && thrown.code === 'EINTERNAL',
  );
});
