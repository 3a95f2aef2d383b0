/** The DHT as its owner uses it: networks of two to two hundred nodes in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey, makeAddress, toCompact } from '../../base/address.js';
import { fromUtf8 } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import { randomBelow } from '../../base/random.js';
import { decodeKrpc } from './krpc.js';
import { commonPrefixBits, compareDistance } from './node-id.js';
import type { AnnounceSummary, PeersSummary } from './operations.js';
import { DhtNetwork, loopbackAddress, publicAddress, type TestDht } from './testing/dht-network.js';
import { Liar, type LiarKind } from './testing/liar.js';
import { RawNode } from './testing/raw-node.js';

const HASH = sha1(fromUtf8('a torrent'));

interface Found {
  readonly peers: string[];
  summary: PeersSummary | null;
}

function getPeers(network: DhtNetwork, by: TestDht, infoHash: Uint8Array = HASH): Found {
  const found: Found = { peers: [], summary: null };
  by.do((dht, now) =>
    dht.getPeers(
      infoHash,
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

function announce(network: DhtNetwork, by: TestDht, port: number, infoHash: Uint8Array = HASH): AnnounceSummary {
  let done: AnnounceSummary | null = null;
  by.do((dht, now) =>
    dht.announce(
      infoHash,
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
  assert.deepEqual(
    [a.dht.isReachable(network.now), network.add(publicAddress(2)).dht.isReachable(network.now)],
    [true, false],
  );
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

function hashOf(text: string): Uint8Array {
  return sha1(fromUtf8(text));
}

test('in a network of two hundred nodes an announce reaches the eight that are closest, and a newcomer finds it', () => {
  const network = new DhtNetwork({ seed: 1 });
  const dhts = network.addMany(200);
  network.run(120_000);
  for (let i = 0; i < 10; i++) {
    const infoHash = hashOf(`torrent ${i}`);
    const announcer = dhts[7 * i]!;
    const reached = new Set<string>();
    network.onPacket = (packet, from, to) => {
      const message = from === announcer.address ? decodeKrpc(packet) : null;
      if (message?.kind === 'query' && message.method === 'announce_peer') reached.add(to.host);
    };
    const { stored } = announce(network, announcer, 7000, infoHash);
    // One that is too close to be there by accident, as once in 256 times an honest one is, does not count.
    assert.ok(stored === 8 || stored === 9, `${stored} took it`);
    const others = dhts.filter((each) => each !== announcer);
    const closest = others.sort((a, b) => compareDistance(infoHash, a.node.id, b.node.id)).slice(0, 8);
    const missed = closest.filter(({ address }) => !reached.has(address.host)).length;
    assert.ok(missed <= 1, `${missed} of the closest were missed`);
    const newcomer = network.add(publicAddress(1000 + i));
    newcomer.do((dht, now) => dht.addBootstrap([dhts[0]!.address], now));
    const { peers, summary } = getPeers(network, newcomer, infoHash);
    assert.deepEqual(peers, [`${announcer.address.host}:7000`]);
    assert.ok(summary!.queries <= 20 && summary!.elapsedMs < 1500, JSON.stringify(summary));
  }
});

test('that a fifth of the nodes have gone and that packets get lost only makes it take longer', () => {
  const network = new DhtNetwork({ seed: 201, lossPerMille: 20 });
  const dhts = network.addMany(100);
  network.run(120_000);
  const infoHash = hashOf('a torrent that lives on');
  assert.ok(announce(network, dhts[1]!, 7000, infoHash).stored >= 6);
  for (const [i, each] of dhts.entries()) if (i % 5 === 2) each.vanish();
  const living = dhts.filter((_, i) => i % 5 !== 2);
  for (let i = 0; i < 10; i++) {
    const { peers, summary } = getPeers(network, living[10 + 5 * i]!, infoHash);
    assert.deepEqual(peers, [`${dhts[1]!.address.host}:7000`]);
    assert.ok(summary!.queries <= 40 && summary!.elapsedMs < 8000, JSON.stringify(summary));
  }
});

for (const kind of ['ghosts', 'sybils'] satisfies LiarKind[]) {
  test(`a twentieth of liars who name ${kind} keep nobody from finding anything`, () => {
    const network = new DhtNetwork({ seed: 202 });
    const dhts = network.addMany(100);
    const gang: Liar[] = [];
    for (let i = 0; i < 5; i++) gang.push(new Liar(network, publicAddress(3000 + i), { kind, gang }));
    for (const liar of gang) for (const each of dhts) liar.introduce(each.address);
    network.run(120_000);
    for (let i = 0; i < 15; i++) {
      const infoHash = hashOf(`torrent ${i}`);
      const [announcer, seeker] = [dhts[randomBelow(network.random, 100)]!, dhts[randomBelow(network.random, 100)]!];
      assert.ok(announce(network, announcer, 7000, infoHash).stored >= 6);
      const { peers, summary } = getPeers(network, seeker, infoHash);
      assert.deepEqual(peers, [`${announcer.address.host}:7000`]);
      assert.ok(summary!.queries <= 50 && summary!.elapsedMs < 8000, JSON.stringify(summary));
    }
  });
}

test('many nodes behind one IP are a network when that is allowed', () => {
  const network = new DhtNetwork({ seed: 203 });
  const at = (i: number): Address => makeAddress('127.0.0.1', 7000 + i)!;
  const dhts = Array.from({ length: 12 }, (_, i) => network.add(at(i), { allowSameIp: true }));
  for (const each of dhts.slice(1)) each.do((dht, now) => dht.addBootstrap([at(0)], now));
  network.run(60_000);
  assert.ok(announce(network, dhts[3]!, 9000).stored >= 8);
  assert.deepEqual(getPeers(network, dhts[9]!).peers, ['127.0.0.1:9000']);
});

test('with both families a lookup goes to both networks, and peers of both are found', () => {
  const network = new DhtNetwork({ seed: 204 });
  const v6Address = (i: number): Address => makeAddress(`2001:db8:${(i + 1).toString(16)}::1`, 6881)!;
  const v4 = network.addMany(10);
  const v6 = Array.from({ length: 10 }, (_, i) => network.add(v6Address(i)));
  for (const each of v6.slice(1)) each.do((dht, now) => dht.addBootstrap([v6[0]!.address], now));
  const both = network.add(publicAddress(50));
  const node6 = both.open(v6Address(50));
  both.do((dht, now) => dht.addBootstrap([v4[0]!.address, v6[0]!.address], now));
  network.run(60_000);
  announce(network, v4[5]!, 4000);
  announce(network, v6[5]!, 6000);
  assert.deepEqual(
    getPeers(network, both).peers.sort(),
    [`${v4[5]!.address.host}:4000`, `[${v6[5]!.address.host}]:6000`].sort(),
  );
  // Whoever knows one network tells of the other to who asks for both.
  const newcomer = network.add(publicAddress(51));
  const newcomer6 = newcomer.open(v6Address(51));
  newcomer.do((dht, now) => dht.addBootstrap([both.address], now));
  network.run(60_000);
  assert.ok(newcomer6.table.size >= 3, `${newcomer6.table.size} nodes`);
  both.do((dht, now) => dht.close(node6, now));
  assert.deepEqual(getPeers(network, both).peers, [`${v4[5]!.address.host}:4000`]);
});

test('several addresses are several nodes with ids far apart, and one target is the matter of one of them', () => {
  const network = new DhtNetwork({ seed: 205 });
  network.addMany(20);
  const many = network.add(publicAddress(60));
  const nodes = [many.node, many.open(publicAddress(61)), many.open(publicAddress(62))];
  for (const [i, a] of nodes.entries()) {
    for (const b of nodes.slice(i + 1)) assert.ok(commonPrefixBits(a.id, b.id) < 8);
  }
  many.do((dht, now) => dht.addBootstrap([network.dhts[0]!.address], now));
  network.run(60_000);
  const asking = new Set<string>();
  network.onPacket = (packet, from) => {
    const message = decodeKrpc(packet);
    if (message?.kind === 'query' && (message.method === 'get_peers' || message.method === 'announce_peer')) {
      asking.add(from.host);
    }
  };
  announce(network, many, 7000);
  assert.equal(asking.size, 1);
});

test('what a run has known the next one begins with', () => {
  const network = new DhtNetwork({ seed: 206 });
  const dhts = network.addMany(30);
  network.run(60_000);
  announce(network, dhts[3]!, 7000);
  const leaving = dhts[20]!;
  const snapshot = leaving.dht.snapshot(network.now);
  leaving.vanish();
  const again = network.add(leaving.address);
  assert.equal(
    again.do((dht, now) => dht.restore(snapshot, now)),
    true,
  );
  assert.deepEqual(again.node.id, leaving.node.id);
  assert.deepEqual(getPeers(network, again).peers, [`${dhts[3]!.address.host}:7000`]);
  assert.equal(again.dht.restore(fromUtf8('no snapshot'), network.now), false);
  // From another address the id would not be ours.
  const elsewhere = network.add(publicAddress(70));
  elsewhere.do((dht, now) => dht.restore(snapshot, now));
  assert.notDeepEqual(elsewhere.node.id, leaving.node.id);
  assert.equal(getPeers(network, elsewhere).peers.length, 1);
});

test('without a socket, and when it is closed, whatever is asked ends', () => {
  const network = new DhtNetwork({ seed: 207 });
  const lonely = network.add(publicAddress(0));
  let ends = 0;
  const listener = {
    onPeers: () => {},
    onDone: () => {
      ends++;
    },
  };
  lonely.do((dht, now) => dht.getPeers(HASH, listener, now));
  lonely.do((dht, now) => dht.close(lonely.node, now));
  assert.equal(ends, 1);
  lonely.do((dht, now) => dht.getPeers(HASH, listener, now));
  assert.equal(ends, 1, 'not inside the call');
  network.run(1000);
  assert.equal(ends, 2);
  assert.equal(network.packets, 0);
});

test('with its socket everything ends that a node has under way', () => {
  const network = new DhtNetwork({ seed: 211 });
  const dhts = network.addMany(10);
  network.run(30_000);
  const closing = dhts[4]!;
  const ended: string[] = [];
  const end = (name: string) => (): void => {
    ended.push(name);
  };
  const options = { port: 7000, isImpliedPort: true, isSeed: false };
  closing.do((dht, now) => {
    dht.announce(HASH, options, { onPeers: () => {}, onDone: end('announce') }, now);
    dht.index({ onSamples: () => {}, onDone: end('index') }, now);
    dht.ping(publicAddress(500), { onDone: end('ping') }, now);
  });
  network.run(100);
  closing.do((dht, now) => dht.close(closing.node, now));
  assert.deepEqual(ended.sort(), ['announce', 'index', 'ping']);
  network.onPacket = (_packet, from) => assert.notEqual(from.host, closing.address.host);
  network.run(60_000);
});

test('a lookup that begins before anybody is known waits for the first', () => {
  const network = new DhtNetwork({ seed: 208 });
  const dhts = network.addMany(10);
  network.run(30_000);
  announce(network, dhts[3]!, 7000);
  const newcomer = network.add(publicAddress(80));
  const found: string[] = [];
  newcomer.do((dht, now) =>
    dht.getPeers(HASH, { onPeers: (peers) => found.push(...peers.map(addressKey)), onDone: () => {} }, now),
  );
  network.run(10_000);
  newcomer.do((dht, now) => dht.addNode(dhts[5]!.address, now));
  network.run(10_000);
  assert.deepEqual(found, [`${dhts[3]!.address.host}:7000`]);
});

test('so many well-known nodes are remembered, and so many that may be nodes are asked', () => {
  const network = new DhtNetwork({ seed: 209 });
  const lonely = network.add(publicAddress(0));
  const nodes = Array.from(
    { length: LIMITS.dhtBootstrapNodesMax + 50 },
    (_, i) => new RawNode(network, publicAddress(1 + i)),
  );
  const silence = () => null;
  for (const node of nodes) node.answer = silence;
  for (const { address } of nodes) lonely.do((dht, now) => dht.addNode(address, now));
  network.run(600_000);
  const pinged = nodes.filter(({ queries }) => queries.length > 0).length;
  assert.ok(pinged <= LIMITS.dhtBootstrapNodesMax && pinged >= 100, `${pinged} nodes`);
  lonely.do((dht, now) =>
    dht.addBootstrap(
      nodes.map(({ address }) => address),
      now,
    ),
  );
  assert.equal(lonely.node.bootstrap(network.now).length, LIMITS.dhtBootstrapNodesMax);
});

test('the statistics tell what is known, kept and spent', () => {
  const network = new DhtNetwork({ seed: 210 });
  const dhts = network.addMany(20);
  network.run(120_000);
  announce(network, dhts[3]!, 7000);
  const stats = dhts.map(({ dht }) => dht.stats(network.now));
  assert.ok(stats.every(({ goodNodes, tableNodes }) => goodNodes > 8 && goodNodes <= tableNodes));
  assert.ok(stats.every(({ networkNodes }) => networkNodes > 8 && networkNodes < 60));
  assert.equal(stats.filter(({ storedInfoHashes }) => storedInfoHashes === 1).length, 8);
  assert.equal(
    stats.reduce((sum, { packetsOut }) => sum + packetsOut, 0),
    network.packets,
  );
  assert.ok(dhts.every(({ node, address }) => !node.table.has(toCompact(address))));
});
