/** Data and metadata to and from deluged 2.0.3. */
import { Deluge } from '../harness/deluge.js';
import { testTransfers } from './transfers.js';

testTransfers({
  client: 'Deluge',
  requires: 'deluged',
  start: Deluge.start,
  tree: { 'a.bin': 2_500_000, 'sub/b.bin': 700_001, 'sub/empty': 0 },
  toldKind: 'hybrid',
});
