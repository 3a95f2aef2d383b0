/** The DHT as its owner uses it: networks of two to two hundred nodes in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey } from '../../base/address.js';
import { fromUtf8 } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';
import type { AnnounceSummary, PeersSummary } from './operations.js';
import { DhtNetwork, loopbackAddress, type TestDht } from './testing/dht-network.js';

const HASH = sha1(fromUtf8('a torrent'));

interface Found {
  readonly peers: string[];
  summary: PeersSummary | null;
}

function getPeers(network: DhtNetwork, by: TestDht): Found {
  const found: Found = { peers: [], summary: null };
  by.do((dht, now) =>
    dht.getPeers(
      HASH,
      {
        onPeers: (addresses: readonly Address[]) => found.peers.push(...addresses.map(addressKey)),
        onDone: (summary) => {
          found.summary = summary;
        },
      },
      now,
    ),
  );
  assert.ok(network.run(60_000, () => found.summary !== null));
  return found;
}

function announce(network: DhtNetwork, by: TestDht, port: number): AnnounceSummary {
  let done: AnnounceSummary | null = null;
  by.do((dht, now) =>
    dht.announce(
      HASH,
      { port, isImpliedPort: false, isSeed: true },
      {
        onPeers: () => {},
        onDone: (summary) => {
          done = summary;
        },
      },
      now,
    ),
  );
  assert.ok(network.run(60_000, () => done !== null));
  return done!;
}

test('of two nodes one finds what the other has announced', () => {
  const network = new DhtNetwork({ seed: 1 });
  const [a, b] = network.addMany(2) as [TestDht, TestDht];
  network.run(5000);
  assert.equal(announce(network, b, 7000).stored, 1);
  assert.deepEqual(getPeers(network, a).peers, [`${b.address.host}:7000`]);
  assert.equal(announce(network, a, 7001).stored, 1);
  const both = [`${a.address.host}:7001`, `${b.address.host}:7000`];
  assert.deepEqual(getPeers(network, b).peers.sort(), both.sort());
});

for (const addressOf of [undefined, loopbackAddress]) {
  test(`twenty nodes ${addressOf === undefined ? 'of all the world' : 'of one machine'} find each other, and peers`, () => {
    const network = new DhtNetwork({ seed: 2 });
    const dhts = network.addMany(20, addressOf);
    network.run(60_000);
    for (const { node } of dhts) {
      node.table.verify();
      assert.ok(node.table.size >= 8, `${node.table.size} nodes`);
    }
    assert.ok(announce(network, dhts[7]!, 7000).stored >= 8);
    assert.ok(announce(network, dhts[8]!, 7001).stored >= 8);
    for (const each of dhts) {
      const { peers, summary } = getPeers(network, each);
      assert.deepEqual(peers.sort(), [`${dhts[7]!.address.host}:7000`, `${dhts[8]!.address.host}:7001`].sort());
      assert.ok(summary!.queries <= 20, `${summary!.queries} queries`);
    }
  });
}
