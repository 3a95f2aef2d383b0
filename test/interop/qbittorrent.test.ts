/**
 * Data and metadata to and from qbittorrent-nox 4.5. The tests with a tracker are of v1 torrents: libtorrent 2.0.8 asks
 * for both hashes of a hybrid one, and when it is told of a peer by the second while it shakes hands by the first, it
 * closes that connection and comes back minutes later.
 */
import { Qbittorrent } from '../harness/qbittorrent.js';
import { testTransfers } from './transfers.js';

testTransfers({
  client: 'qBittorrent',
  requires: 'qbittorrent-nox',
  start: Qbittorrent.start,
  tree: { 'a.bin': 2_500_000, 'sub/b.bin': 700_001, 'sub/empty': 0 },
  toldKind: 'hybrid',
});
