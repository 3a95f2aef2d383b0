/** Data and metadata to and from WebTorrent 3, without encryption. */
import { WebTorrent } from '../harness/webtorrent.js';
import { testTransfers } from './transfers.js';

testTransfers({
  client: 'WebTorrent',
  requires: 'npm package of the interop tests',
  start: WebTorrent.start,
  tree: { 'a.bin': 2_500_000, 'sub/b.bin': 700_001, 'sub/empty': 0 },
  toldKind: 'v1',
});
