import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TorrentHistory } from './torrent-history.js';

const NOTHING = { uploadedBytes: 0, downloadedBytes: 0 };

test('a first run counts from nothing', () => {
  const history = new TorrentHistory(1000);
  history.setSeeding(true, 5000);
  assert.deepEqual(history.totals({ uploadedBytes: 7, downloadedBytes: 8 }, 7999), {
    uploadedBytes: 7,
    downloadedBytes: 8,
    seedingSeconds: 2,
    addedUnixTime: 1000,
    completedUnixTime: null,
  });
});

test('a later run adds to what the record says, and keeps when it all began', () => {
  const history = new TorrentHistory(9000);
  const record = {
    uploadedBytes: 100,
    downloadedBytes: 200,
    seedingSeconds: 60,
    addedUnixTime: 1000,
    completedUnixTime: 2000,
  };
  history.restore(record);
  history.onFinished(9500);
  assert.deepEqual(history.totals(NOTHING, 0), record);
  assert.equal(history.totals({ uploadedBytes: 1, downloadedBytes: 2 }, 0).uploadedBytes, 101);
});

test('only time spent seeding counts', () => {
  const history = new TorrentHistory(0);
  history.setSeeding(true, 1000);
  history.setSeeding(true, 2000);
  history.setSeeding(false, 4000);
  assert.equal(history.seedingMs(100_000), 3000);
  history.setSeeding(true, 100_000);
  assert.equal(history.seedingMs(100_500), 3500);
});

test('totals stay integers whatever a record says', () => {
  const history = new TorrentHistory(0);
  const max = Number.MAX_SAFE_INTEGER;
  history.restore({ ...history.totals(NOTHING, 0), uploadedBytes: max, downloadedBytes: max, seedingSeconds: max });
  history.setSeeding(true, 0);
  const totals = history.totals({ uploadedBytes: 5, downloadedBytes: 5 }, 10_000);
  for (const value of [totals.uploadedBytes, totals.downloadedBytes, totals.seedingSeconds]) assert.equal(value, max);
});
