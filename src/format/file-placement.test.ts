import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hybridTorrent, v1Torrent, wantedFiles } from '../host/testing/test-torrent.js';
import { FilePlacement } from './file-placement.js';

/** Pieces of 100: A 0-1, B 1, C 1-4, pad 4, D 5. Shared is piece 1, of A, B and C. */
const TORRENT = v1Torrent(
  [
    { path: ['a'], lengthBytes: 150 },
    { path: ['b'], lengthBytes: 20 },
    { path: ['empty'], lengthBytes: 0 },
    { path: ['c'], lengthBytes: 300 },
    { path: ['.pad', '30'], lengthBytes: 30, padding: true },
    { path: ['d'], lengthBytes: 60 },
  ],
  100,
);
const [A, B, EMPTY, C, PAD, D] = [0, 1, 2, 3, 4, 5] as const;

function place(wanted: readonly number[], missing: readonly number[]): FilePlacement {
  const placement = new FilePlacement(TORRENT.layout, wantedFiles(TORRENT, wanted));
  for (const index of missing) placement.setAside(index, true);
  return placement;
}

function spans(placement: FilePlacement, piece: number, begin: number, length: number): number[][] {
  const visited: number[][] = [];
  placement.forEachSpan(piece, begin, length, (...span) => visited.push(span));
  return visited;
}

describe('FilePlacement', () => {
  test('what lies aside lies in the slot of its piece, at its place in the piece', () => {
    const placement = place([A], [A, B, C, D]);
    placement.setAside(A, false);
    assert.equal(placement.partsIndex, 6);
    assert.equal(placement.partsBytesMax, 100);
    assert.deepEqual(spans(placement, 1, 10, 80), [
      [A, 110, 40],
      [6, 50, 20],
      [6, 70, 20],
    ]);
  });

  test('a piece of one file has no slot, padding or not: its bytes are nowhere but in the file', () => {
    const placement = place([], [A, B, C, D]);
    assert.deepEqual(spans(placement, 0, 0, 100), [[A, 0, 100]]);
    assert.deepEqual(spans(placement, 4, 0, 100), [
      [C, 230, 70],
      [PAD, 0, 30],
    ]);
  });

  test('a file has at most two stretches aside, at its beginning and at its end', () => {
    const placement = place([], [A, B, C, D]);
    assert.deepEqual(placement.asideStretches(A), [{ partsOffsetBytes: 0, fileOffsetBytes: 100, lengthBytes: 50 }]);
    assert.deepEqual(placement.asideStretches(B), [{ partsOffsetBytes: 50, fileOffsetBytes: 0, lengthBytes: 20 }]);
    assert.deepEqual(placement.asideStretches(C), [{ partsOffsetBytes: 70, fileOffsetBytes: 0, lengthBytes: 30 }]);
    assert.deepEqual(placement.asideStretches(D), []);
    const both = v1Torrent(
      [10, 285, 10].map((lengthBytes, i) => ({ path: [`f${i}`], lengthBytes })),
      100,
    );
    assert.deepEqual(new FilePlacement(both.layout, null).asideStretches(1), [
      { partsOffsetBytes: 10, fileOffsetBytes: 0, lengthBytes: 90 },
      { partsOffsetBytes: 100, fileOffsetBytes: 190, lengthBytes: 95 },
    ]);
  });

  test('the parts file is needed as long as a file aside shares a piece', () => {
    const placement = place([], [B, D]);
    assert.equal(placement.needsParts, true);
    placement.setAside(B, false);
    assert.equal(placement.isAside(D), true);
    assert.equal(placement.needsParts, false);
  });

  test('before a piece is written, wanted files leave the parts file, and all do for a piece of their own', () => {
    const placement = place([B], [A, B, C, D]);
    assert.deepEqual(placement.asideBefore(0), [A]);
    assert.deepEqual(placement.asideBefore(1), [B]);
    assert.deepEqual(placement.asideBefore(4), [C]);
    placement.setAside(B, false);
    assert.deepEqual(placement.asideBefore(1), []);
    assert.deepEqual(placement.wantedAside(), []);
    placement.setWanted(null);
    assert.deepEqual(placement.wantedAside(), [A, C, D]);
  });

  test('padding and empty files are never aside, and padding is never wanted', () => {
    const placement = place([], [EMPTY, PAD]);
    assert.equal(placement.isAside(EMPTY), false);
    assert.equal(placement.isAside(PAD), false);
    placement.setWanted(null);
    assert.equal(placement.isWanted(PAD), false);
    assert.equal(placement.isWanted(EMPTY), true);
  });

  test('a selection is copied', () => {
    const wanted = wantedFiles(TORRENT, [A]);
    const placement = new FilePlacement(TORRENT.layout, wanted);
    wanted.fill(1);
    assert.equal(placement.isWanted(B), false);
  });

  test('where files start with a piece of their own no slot exists', () => {
    const { layout } = hybridTorrent();
    const placement = new FilePlacement(layout, new Uint8Array(layout.files.length));
    for (const index of layout.files.keys()) placement.setAside(index, true);
    assert.equal(placement.partsBytesMax, 0);
    assert.equal(placement.needsParts, false);
  });
});
