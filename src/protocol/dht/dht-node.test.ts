/** What one node makes of packets that are wrong, forged, too many or not for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress, toCompact } from '../../base/address.js';
import { fromLatin1, fromUtf8 } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import { encodeNodes } from './compact-nodes.js';
import { encodeKrpcError, encodeKrpcQuery, encodeKrpcResponse, type KrpcQuery } from './krpc.js';
import { isSecureId } from './node-id.js';
import type { LookupSummary } from './operations.js';
import { DhtNetwork, publicAddress, type TestDht } from './testing/dht-network.js';
import { RawNode } from './testing/raw-node.js';

const HASH = sha1(fromUtf8('a torrent'));

function scene(): { network: DhtNetwork; server: TestDht; peer: RawNode } {
  const network = new DhtNetwork({ seed: 20, latencyMsMax: 20 });
  return { network, server: network.add(publicAddress(0)), peer: new RawNode(network, publicAddress(1)) };
}

function ping({ network, server, peer }: ReturnType<typeof scene>): number | null {
  let result: { readonly rttMs: number | null } | null = null;
  server.do((dht, now) => {
    const onDone = (rttMs: number | null): void => {
      result = { rttMs };
    };
    return dht.ping(peer.address, { onDone }, now);
  });
  network.run(10_000, () => result !== null);
  return (result as { readonly rttMs: number | null } | null)!.rttMs;
}

test('packets of others are left to others', () => {
  const { server, peer, network } = scene();
  for (const packet of ['', '\x41\x00', 'hello', '\x00\x00\x00\x01', 'd', 'x1:y1:qe']) {
    assert.equal(server.node.receive(fromLatin1(packet), peer.address, network.now), false);
  }
  assert.equal(server.node.receive(fromLatin1('d1:xe'), peer.address, network.now), true);
  assert.equal(server.dht.stats(network.now).packetsDropped, 1);
});

test('a node that answers is kept, and its round trip is known', () => {
  const all = scene();
  const rttMs = ping(all)!;
  assert.ok(rttMs >= 20 && rttMs <= 42, `${rttMs} ms`);
  assert.equal(all.server.node.table.has(toCompact(all.peer.address)), true);
});

test('an answer from another endpoint, or to another query, is none', () => {
  for (const forge of [
    ({ network }: ReturnType<typeof scene>, query: KrpcQuery, answer: Uint8Array, to: TestDht) => {
      assert.equal(query.method, 'ping');
      network.send(answer, publicAddress(2), to.address);
    },
    ({ network, peer }: ReturnType<typeof scene>, _query: KrpcQuery, answer: Uint8Array, to: TestDht) =>
      network.send(answer, { ...peer.address, port: 1 }, to.address),
  ]) {
    const all = scene();
    all.peer.answer = (query) => {
      const answer = encodeKrpcResponse(query.transactionId, { id: all.peer.id }, toCompact(all.server.address));
      forge(all, query, answer, all.server);
      return null;
    };
    assert.equal(ping(all), null);
    assert.equal(all.server.node.table.size, 0);
    assert.equal(all.server.dht.stats(all.network.now).packetsDropped, 1);
  }
  const all = scene();
  all.peer.answer = (query) => {
    const other = Uint8Array.of(query.transactionId[0]! ^ 1, query.transactionId[1]!);
    all.peer.send(encodeKrpcResponse(other, { id: all.peer.id }, toCompact(all.server.address)), all.server.address);
    return null;
  };
  assert.equal(ping(all), null);
});

test('an error, and an answer without an id, end a query at once or never', () => {
  const all = scene();
  all.peer.answer = (query) => {
    const error = { code: 202, text: 'not today' };
    all.peer.send(encodeKrpcError(query.transactionId, error, toCompact(all.server.address)), all.server.address);
    return null;
  };
  const before = all.network.now;
  assert.equal(ping(all), null);
  assert.ok(all.network.now - before < 100);
  all.peer.answer = () => ({ id: fromUtf8('short') });
  assert.equal(ping(all), null);
});

test('a node that changes its id is let go, and not listened to for a while', () => {
  const all = scene();
  assert.notEqual(ping(all), null);
  all.network.random.fill(all.peer.id);
  assert.equal(ping(all), null);
  assert.equal(all.server.node.table.size, 0);
  assert.equal(ping(all), null);
  all.network.run(1_800_000);
  assert.notEqual(ping(all), null);
});

test('a node that answers with our own id is not kept', () => {
  const all = scene();
  all.peer.id.set(all.server.node.id);
  assert.equal(ping(all), null);
  assert.equal(all.server.node.table.size, 0);
});

test('addresses that nobody can have are not asked, whoever names them', () => {
  const { network, server, peer } = scene();
  const nodes = ['0.0.0.0', '127.0.0.1', '10.0.0.1', '224.0.0.1', '255.255.255.255'].map((host, i) => ({
    id: sha1(Uint8Array.of(i)),
    address: makeAddress(host, 6881)!,
  }));
  peer.answer = () => ({ nodes: encodeNodes([...nodes, { id: HASH, address: makeAddress('192.0.2.7', 0)! }], 4) });
  const sentTo = new Set<string>();
  network.onPacket = (_packet, from, to) => {
    if (from === server.address) sentTo.add(to.host);
  };
  let summary: LookupSummary | null = null;
  server.do((dht, now) => {
    dht.addNode(peer.address, now);
    const onDone = (done: LookupSummary): void => {
      summary = done;
    };
    return dht.getPeers(HASH, { onPeers: () => {}, onDone }, now);
  });
  network.run(60_000, () => summary !== null);
  assert.deepEqual([...sentTo], [peer.address.host]);
});

test('who asks too much is not answered', () => {
  const { network, server, peer } = scene();
  for (let i = 0; i < 2 * LIMITS.dhtQueriesPerWindowMax; i++) {
    peer.send(encodeKrpcQuery(fromLatin1('aa'), 'ping', { id: peer.id }, { isReadOnly: true }), server.address);
  }
  network.run(1000);
  assert.equal(peer.answers.length, LIMITS.dhtQueriesPerWindowMax);
});

test('answers cost no more than their share of the line, however many ask', () => {
  const { network, server } = scene();
  let bytes = 0;
  network.onPacket = (packet, from) => {
    if (from === server.address) bytes += packet.length;
  };
  const began = network.now;
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 200; i++) {
      const packet = encodeKrpcQuery(
        fromLatin1('aa'),
        'get_peers',
        { id: HASH, info_hash: HASH },
        { isReadOnly: true },
      );
      network.send(packet, publicAddress(100 + 200 * round + i), server.address);
    }
    network.run(500);
  }
  const seconds = (network.now - began) / 1000;
  const most = (seconds + 3) * LIMITS.dhtUploadBytesPerSecondMax + LIMITS.dhtReplyBytesMax;
  assert.ok(bytes > most / 2 && bytes <= most, `${bytes} bytes in ${seconds} s`);
});

test('a read-only node answers nobody, says so, and finds peers all the same', () => {
  const network = new DhtNetwork({ seed: 21 });
  network.addMany(20);
  network.run(30_000);
  const reader = network.add(publicAddress(500), { isReadOnly: true });
  let readOnlyQueries = 0;
  network.onPacket = (packet, from) => {
    if (from === reader.address) {
      assert.match(Buffer.from(packet).toString('latin1'), /2:roi1e/);
      readOnlyQueries++;
    }
  };
  let summary: LookupSummary | null = null;
  reader.do((dht, now) => {
    dht.addBootstrap([network.dhts[0]!.address], now);
    const onDone = (done: LookupSummary): void => {
      summary = done;
    };
    return dht.getPeers(HASH, { onPeers: () => {}, onDone }, now);
  });
  assert.ok(network.run(60_000, () => summary !== null));
  assert.ok(readOnlyQueries >= 8);
  assert.equal(new RawNode(network, publicAddress(501)).ask(reader, 'ping'), null);
  network.run(600_000);
  assert.ok(network.dhts.slice(0, 20).every(({ node }) => !node.table.has(toCompact(reader.address))));
});

test('every answer tells who has what address, and our own id follows when it is another one', () => {
  const votes: string[] = [];
  const network = new DhtNetwork({ seed: 22 });
  const server = network.add(publicAddress(0), { onAddressVote: (ip, { host }) => votes.push(`${ip} by ${host}`) });
  const peer = new RawNode(network, publicAddress(1));
  ping({ network, server, peer });
  assert.deepEqual(votes, [`${server.address.host} by ${peer.address.host}`]);
  const before = server.node.id;
  server.do((dht, now) => dht.setExternalIp(4, server.address.host, now));
  assert.equal(server.node.id, before, 'it was known already');
  server.do((dht, now) => dht.setExternalIp(4, '124.31.75.21', now));
  assert.notDeepEqual(server.node.id, before);
  assert.ok(isSecureId(server.node.id, Uint8Array.of(124, 31, 75, 21)));
  network.run(10_000);
  assert.equal(server.node.table.has(toCompact(peer.address)), true, 'whom we knew we know again');
});
