import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { FileLayout } from '../../format/file-layout.js';
import { v1Torrent } from '../../format/testing/v1-torrent.js';
import { FilePriorities } from './file-priorities.js';
import { FileProgress } from './file-progress.js';

function layoutOf(lengths: readonly number[], pieceLength: number): FileLayout {
  return new FileLayout(v1Torrent(lengths, pieceLength));
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

test('everything is wanted to begin with', () => {
  const priorities = new FilePriorities(layoutOf([30, -10, 0, 5], 10));
  assert.deepEqual([...priorities.ofFile], [4, 0, 4, 4]);
  assert.equal(priorities.isEverythingWanted, true);
  assert.equal(priorities.wantedFiles, null);
  assert.deepEqual([...priorities.ofPieces().priorities], [4, 4, 4, 4, 4], 'the piece of padding too');
});

test('a piece is wanted as much as the most wanted file that it touches', () => {
  const priorities = new FilePriorities(layoutOf([15, 10, 15], 10));
  assert.deepEqual(priorities.assign(Uint8Array.of(0, 7, 1)), { first: 0, priorities: Uint8Array.of(0, 7, 7, 1) });
  assert.deepEqual([...priorities.wantedFiles!], [0, 1, 1]);
});

test('only the pieces of the files that changed are told again', () => {
  const priorities = new FilePriorities(layoutOf([20, 15, 15, 10], 10));
  priorities.assign(Uint8Array.of(4, 4, 4, 0));
  assert.deepEqual(priorities.assign(Uint8Array.of(4, 1, 4, 0)), { first: 2, priorities: Uint8Array.of(1, 4) });
  assert.equal(priorities.assign(Uint8Array.of(4, 1, 4, 0)), null);
});

test('pieces of nothing but padding are wanted as long as every file is', () => {
  const priorities = new FilePriorities(layoutOf([10, -20, 10], 10));
  assert.deepEqual([...priorities.assign(Uint8Array.of(4, 0, 0))!.priorities], [4, 0, 0, 0]);
  assert.deepEqual([...priorities.assign(Uint8Array.of(1, 9, 7))!.priorities], [1, 4, 4, 7]);
});

test('a change of an empty file changes no piece, but it is wanted or not', () => {
  const priorities = new FilePriorities(layoutOf([10, 0, 10, 10], 10));
  priorities.assign(Uint8Array.of(4, 4, 0, 4));
  assert.equal(priorities.assign(Uint8Array.of(4, 0, 0, 4)), null);
  assert.deepEqual([...priorities.wantedFiles!], [1, 0, 0, 1]);
});

test('priorities of all of 10 000 files over 100 000 pieces cost a few steps for each, not for each pair', () => {
  let steps = 0;
  class CountingLayout extends FileLayout {
    override firstPieceOf(file: number): number {
      steps++;
      return super.firstPieceOf(file);
    }
    override lastPieceOf(file: number): number {
      steps++;
      return super.lastPieceOf(file);
    }
  }
  const files = new Array<number>(10_000).fill(160);
  const priorities = new FilePriorities(new CountingLayout(v1Torrent(files, 16)));
  const changed = priorities.assign(Uint8Array.from(files, (_, index) => index % 8));
  assert.equal(changed!.priorities.length, 100_000);
  assert.deepEqual([...changed!.priorities.subarray(70, 90)], [...Array(10).fill(7), ...Array(10).fill(0)]);
  assert.ok(steps < 100_000, `${steps} steps`);
});

for (const seed of SEEDS) {
  test(`agrees with looking at every byte, for any files and any selections (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const lengths = Array.from({ length: 1 + randomBelow(random, 12) }, () => randomBelow(random, 40) - 10);
    lengths.push(1);
    const layout = layoutOf(lengths, 1 + randomBelow(random, 20));
    const priorities = new FilePriorities(layout);
    const progress = new FileProgress(layout, null);
    const ofPieces = priorities.ofPieces().priorities;
    const have = new Set<number>();
    for (let step = 0; step < 40; step++) {
      const next = Uint8Array.from(lengths, () => Math.max(0, randomBelow(random, 10) - 2));
      const changed = priorities.assign(next);
      if (changed !== null) ofPieces.set(changed.priorities, changed.first);
      progress.setWanted(priorities.wantedFiles);
      const piece = randomBelow(random, layout.pieceCount);
      if (!have.has(piece)) progress.addPiece(piece);
      have.add(piece);
      const isAll = lengths.every((length, file) => length < 0 || next[file]! > 0);
      const expected = new Array<number>(layout.pieceCount).fill(-1);
      const done = lengths.map(() => 0);
      for (let at = 0; at < layout.files.reduce((sum, file) => sum + file.lengthBytes, 0); at++) {
        const file = layout.fileAt(at);
        if (lengths[file]! < 0) continue;
        const ofByte = Math.floor(at / layout.pieceLength);
        expected[ofByte] = Math.max(expected[ofByte]!, next[file]!);
        if (have.has(ofByte)) done[file]!++;
      }
      assert.deepEqual(
        [...ofPieces],
        expected.map((priority) => (priority >= 0 ? priority : isAll ? 4 : 0)),
      );
      const sum = (of: (file: number) => number): number =>
        lengths.reduce((total, length, file) => total + (length > 0 && next[file]! > 0 ? of(file) : 0), 0);
      assert.deepEqual(
        lengths.map((_, file) => progress.bytesDone(file)),
        done,
      );
      assert.equal(
        progress.wantedDone,
        sum((file) => done[file]!),
      );
      assert.equal(
        progress.wantedTotal,
        sum((file) => lengths[file]!),
      );
    }
  });
}
