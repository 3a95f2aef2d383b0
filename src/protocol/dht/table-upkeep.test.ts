/** How a node comes to know others and keeps knowing them, seen from the network. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCompact } from '../../base/address.js';
import { fromUtf8 } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import { encodeNodes } from './compact-nodes.js';
import { decodeKrpc, encodeKrpcQuery } from './krpc.js';
import { randomIdInBucket } from './routing-table.js';
import { DhtNetwork, publicAddress, type TestDht } from './testing/dht-network.js';
import { RawNode } from './testing/raw-node.js';

const MINUTE_MS = 60_000;
const TARGET = sha1(fromUtf8('a target'));

function isKnown(by: TestDht, node: RawNode): boolean {
  return by.node.table.has(toCompact(node.address));
}

/** One that has known others for a while. */
function settled(): { network: DhtNetwork; server: TestDht } {
  const network = new DhtNetwork({ seed: 8 });
  const [server] = network.addMany(24) as [TestDht];
  network.run(15 * MINUTE_MS);
  return { network, server };
}

/** One that knows many besides, who are not there: those it will notice later. */
function crowded(): { network: DhtNetwork; server: TestDht } {
  const scene = settled();
  const { table, id } = scene.server.node;
  for (let i = 0; i < 64; i++) {
    const contact = randomIdInBucket(id, 1, scene.network.random);
    table.onAnswer(contact, toCompact(publicAddress(5000 + i)), 50, scene.network.now);
  }
  return scene;
}

/** Of an id that is not near that of `server`. */
function stranger(network: DhtNetwork, server: TestDht, index: number): RawNode {
  const node = new RawNode(network, publicAddress(3000 + index));
  node.id.set(randomIdInBucket(server.node.id, 0, network.random));
  return node;
}

test('who asks us is asked in turn when it has stayed for a while, and kept when it answers', () => {
  const { network, server } = crowded();
  const node = stranger(network, server, 1);
  node.ask(server, 'ping');
  network.run(MINUTE_MS);
  assert.deepEqual([node.queries.length, isKnown(server, node)], [0, false]);
  network.run(3 * MINUTE_MS);
  assert.equal(isKnown(server, node), true);
});

test('who asks and does not answer, or is read-only, is not kept', () => {
  const { network, server } = settled();
  const silent = stranger(network, server, 1);
  silent.answer = () => null;
  silent.ask(server, 'ping');
  const readOnly = stranger(network, server, 2);
  readOnly.ask(server, 'ping', {}, { isReadOnly: true });
  network.run(10 * MINUTE_MS);
  assert.deepEqual([isKnown(server, silent), isKnown(server, readOnly)], [false, false]);
  assert.equal(readOnly.queries.length, 0);
});

test('who asks a node that knows few is asked at once, and again soon: it may be behind a router', () => {
  const { network, server } = settled();
  const node = stranger(network, server, 1);
  node.ask(server, 'ping');
  network.run(250);
  assert.deepEqual([node.queries.length, isKnown(server, node)], [1, true]);
  node.answer = () => null;
  network.run(12 * MINUTE_MS);
  assert.equal(isKnown(server, node), false);
});

test('of many who ask at one time so many are asked at once, the others later', () => {
  const { network, server } = settled();
  const nodes = Array.from({ length: 100 }, (_, i) => stranger(network, server, i));
  const hosts = new Set(nodes.map(({ address }) => address.host));
  let asked = 0;
  network.onPacket = (packet, from, to) => {
    if (from === server.address && hosts.has(to.host) && decodeKrpc(packet)?.kind === 'query') asked++;
  };
  for (const { id, address } of nodes) {
    network.send(encodeKrpcQuery(fromUtf8('aa'), 'ping', { id }, { isReadOnly: false }), address, server.address);
  }
  network.run(102);
  assert.equal(asked, LIMITS.dhtStrangersAtOnceMax);
  network.run(3 * MINUTE_MS);
  assert.ok(asked > LIMITS.dhtStrangersAtOnceMax + 4, `${asked}`);
});

test('who asks on and on and does not answer is asked once', () => {
  const { network, server } = settled();
  const node = stranger(network, server, 1);
  node.answer = () => null;
  for (let i = 0; i < 20; i++) {
    node.ask(server, 'ping');
    network.run(10_000);
  }
  assert.equal(node.queries.length, 1);
});

test('a neighbour is asked at once', () => {
  const { network, server } = crowded();
  const node = stranger(network, server, 1);
  node.id.set(randomIdInBucket(server.node.id, 40, network.random));
  node.ask(server, 'ping');
  network.run(2000);
  assert.equal(isKnown(server, node), true);
});

test('of those who ask a node that has just begun nobody is forgotten, whenever they ask', () => {
  for (const pauseMs of [10, 50, 100, 200, 300, 400]) {
    const network = new DhtNetwork({ seed: 12 });
    const server = network.add(publicAddress(0));
    const [first, second] = [1, 2].map((i) => stranger(network, server, i)) as [RawNode, RawNode];
    first.ask(server, 'ping');
    network.run(pauseMs);
    second.ask(server, 'ping');
    network.run(3000);
    assert.deepEqual([isKnown(server, first), isKnown(server, second)], [true, true], `${pauseMs} ms apart`);
  }
});

test('a flood of strangers makes us ask no more than a few', () => {
  const { network, server } = crowded();
  const nodes = Array.from({ length: 200 }, (_, i) => stranger(network, server, i));
  for (const node of nodes) node.ask(server, 'ping');
  network.run(30 * MINUTE_MS);
  const asked = nodes.filter(({ queries }) => queries.length > 0).length;
  assert.ok(asked > 10 && asked <= LIMITS.dhtStrangersMax, `${asked} nodes`);
});

test('nodes that are only named are asked before they are kept', () => {
  const network = new DhtNetwork({ seed: 9 });
  const server = network.add(publicAddress(0));
  const [teller, named, ghost] = [1, 2, 3].map((i) => stranger(network, server, i)) as [RawNode, RawNode, RawNode];
  network.detach(ghost.address);
  teller.answer = () => ({ nodes: encodeNodes([named, ghost], 4) });
  server.do((dht, now) => dht.addNode(teller.address, now));
  network.run(MINUTE_MS);
  assert.deepEqual([isKnown(server, teller), isKnown(server, named), isKnown(server, ghost)], [true, true, false]);
});

test('every node is asked whether it is there before a quarter of an hour is over, and one that is not is let go', () => {
  const { network, server } = settled();
  const before = server.node.table.size;
  const good = server.node.table.goodCount(network.now);
  assert.equal(good, before);
  const leaving = network.dhts.filter((_, i) => i > 0 && i % 2 === 0);
  for (const each of leaving) each.vanish();
  network.run(120 * MINUTE_MS);
  const known = leaving.filter(({ address }) => server.node.table.has(toCompact(address)));
  assert.equal(known.length, 0);
  assert.ok(server.node.table.size >= before - leaving.length - 1);
});

test('while nothing at all is heard, nobody is let go for it', () => {
  const { network, server } = settled();
  const before = server.node.table.size;
  const receive = server.receive;
  server.receive = () => {};
  network.run(60 * MINUTE_MS);
  assert.equal(server.node.table.size, before);
  server.receive = receive;
  network.run(20 * MINUTE_MS);
  assert.ok(server.node.table.goodCount(network.now) >= before - 2);
});

test('a node that knows nobody and has nobody to begin with is quiet', () => {
  const network = new DhtNetwork({ seed: 10 });
  const server = network.add(publicAddress(0));
  network.run(60 * MINUTE_MS);
  assert.equal(network.packets, 0);
  assert.ok(server.node.nextDeadline() > network.now + MINUTE_MS);
});

test('a well-known node that is silent is asked again and again, and more and more seldom', () => {
  const network = new DhtNetwork({ seed: 11 });
  const server = network.add(publicAddress(0));
  const router = new RawNode(network, publicAddress(1));
  router.answer = () => null;
  server.do((dht, now) => dht.addBootstrap([router.address], now));
  network.run(10 * MINUTE_MS);
  assert.ok(router.queries.length >= 8 && router.queries.length <= 30, `${router.queries.length} queries`);
  router.answer = () => ({});
  network.run(10 * MINUTE_MS);
  assert.equal(isKnown(server, router), false, 'it is not kept');
  assert.equal(server.node.closest(TARGET, 8, network.now).length, 0);
});

test('a private network forms at once around the one node that all of it begins with', () => {
  const network = new DhtNetwork({ seed: 13 });
  const router = network.add(publicAddress(0));
  const dhts = Array.from({ length: 100 }, (_, i) => network.add(publicAddress(1 + i)));
  for (const each of dhts) each.do((dht, now) => dht.addBootstrap([router.address], now));
  network.run(3000);
  assert.ok(router.node.table.size >= 32, `the first node knows ${router.node.table.size}`);
  const placed = dhts.filter(({ node }) => node.table.size >= 8).length;
  assert.ok(placed >= 75, `${placed} nodes know eight others`);
  network.run(17_000);
  for (const { node } of dhts) assert.ok(node.table.size >= 8, `${node.table.size} nodes`);
});

test('a node that has settled sends no more than a query each five seconds', () => {
  const { network, server } = crowded();
  network.run(5 * MINUTE_MS);
  let queries = 0;
  network.onPacket = (packet, from) => {
    if (from === server.address && decodeKrpc(packet)?.kind === 'query') queries++;
  };
  network.run(10 * MINUTE_MS);
  assert.ok(queries > 10 && queries <= 10 * 12 + 20, `${queries} queries`);
});
