import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FileLayout } from '../../format/file-layout.js';
import { v1Torrent } from '../../format/testing/v1-torrent.js';
import { FilePriorities } from '../data/file-priorities.js';
import { PriorityBatch } from './priority-batch.js';

test('priorities set one by one are one change, in force once the program lets go of the thread', async () => {
  const { batch, changes } = scene();
  for (let file = 0; file < 3; file++) batch.set(file, file);
  assert.deepEqual(
    [0, 1, 2].map((file) => batch.get(file)),
    [0, 1, 2],
    'what was set is seen at once',
  );
  assert.equal(changes.length, 0);
  await Promise.resolve();
  assert.deepEqual(changes, [[0, 1, 2]]);
  await Promise.resolve();
  assert.equal(changes.length, 1);
});

test('whoever looks at what they do puts them in force, once', async () => {
  const { batch, changes } = scene();
  batch.set(1, 7);
  batch.flush();
  batch.flush();
  assert.deepEqual(changes, [[4, 7, 4]]);
  batch.set(2, 0);
  await Promise.resolve();
  assert.deepEqual(changes, [
    [4, 7, 4],
    [4, 7, 0],
  ]);
});

function scene(): { batch: PriorityBatch; changes: number[][] } {
  const files = new FilePriorities(new FileLayout(v1Torrent([10, 10, 10], 10)));
  const changes: number[][] = [];
  const torrent = {
    files,
    setFilePriorities: (next: Uint8Array): void => {
      files.assign(next);
      changes.push([...next]);
    },
  };
  return { batch: new PriorityBatch({ inTurn: (task) => task() }, torrent), changes };
}
