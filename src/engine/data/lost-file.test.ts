import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bitfield } from '../../base/bitfield.js';
import { FileLayout } from '../../format/file-layout.js';
import { v1Torrent } from '../../format/testing/v1-torrent.js';
import type { FileStamp } from '../../host/storage.js';
import { findLostFile } from './lost-file.js';

const GONE: FileStamp = { lengthBytes: -1, modifiedUs: 0 };
/** Files t/f0 of pieces 0 to 2, t/f1 of 2 and 3, padding, and t/f3 of piece 4; pieces of 10 bytes. */
const LAYOUT = new FileLayout(v1Torrent([25, 10, -5, 10], 10));

/** Which file is missed, '' = none. `lengths`: of each file now, -1 = gone. */
function lost(had: readonly number[], lengths: readonly number[], wantedFiles: Uint8Array | null = null): string {
  const have = new Bitfield(LAYOUT.pieceCount);
  for (const piece of had) have.add(piece);
  const stamps = lengths.map((lengthBytes) => ({ lengthBytes, modifiedUs: 1 }));
  const error = findLostFile({ layout: LAYOUT, have, wantedFiles }, [...stamps, GONE], '/d');
  assert.ok(error === null || error.code === 'EFILEIO');
  return error === null ? '' : error.message;
}

test('a file that is not there is missed once we have a piece of it', () => {
  assert.equal(lost([], [-1, -1, 0, -1]), '');
  assert.equal(lost([0, 1], [25, -1, 0, -1]), '');
  assert.match(lost([0, 4], [25, -1, 0, -1]), /^\/d\/t\/f3 is gone: .*put it back$/);
  assert.match(lost([2], [25, -1, 0, -1]), /f1 is gone/);
});

test('a file may be as short as what we have of it, and no shorter', () => {
  assert.equal(lost([0, 1], [20, -1, 0, -1]), '');
  assert.match(lost([0, 1], [19, -1, 0, -1]), /f0 has only 19 bytes left/);
  assert.equal(lost([2], [25, 5, 0, -1]), '');
  assert.match(lost([2], [24, 5, 0, -1]), /f0 has only 24 bytes/);
  assert.match(lost([3], [25, 9, 0, -1]), /f1 has only 9 bytes/);
});

test('what is not wanted may lie aside, so that its file is not missed', () => {
  assert.equal(lost([2], [25, -1, 0, -1], Uint8Array.of(1, 0, 0, 1)), '');
});
