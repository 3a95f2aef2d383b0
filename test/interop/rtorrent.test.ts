/** Data and metadata to and from rtorrent 0.9.8. Of a hybrid torrent it knows the v1 half, and stores the padding. */
import { test } from 'node:test';
import { Rtorrent } from '../harness/rtorrent.js';
import { type TransferTests, testTransfers, uploadTold } from './transfers.js';

const TESTS: TransferTests = {
  client: 'rtorrent',
  requires: 'rtorrent',
  start: Rtorrent.start,
  tree: { 'a.bin': 2_500_000, 'sub/b.bin': 700_001, 'sub/empty': 0 },
  toldKind: 'v1',
};

testTransfers(TESTS);

test('rtorrent downloads the v1 half of a hybrid torrent from dtorrent, padding too', async (t) => {
  await uploadTold(t, { ...TESTS, toldKind: 'hybrid' });
});
