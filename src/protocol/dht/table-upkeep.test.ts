/** How a node comes to know others and keeps knowing them, seen from the network. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCompact } from '../../base/address.js';
import { fromUtf8 } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import { encodeNodes } from './compact-nodes.js';
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

/** Of an id that is not near that of `server`. */
function stranger(network: DhtNetwork, server: TestDht, index: number): RawNode {
  const node = new RawNode(network, publicAddress(3000 + index));
  node.id.set(randomIdInBucket(server.node.id, 0, network.random));
  return node;
}

test('who asks us is asked in turn when it has stayed for a while, and kept when it answers', () => {
  const { network, server } = settled();
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

test('a neighbour is asked at once', () => {
  const { network, server } = settled();
  const node = stranger(network, server, 1);
  node.id.set(randomIdInBucket(server.node.id, 40, network.random));
  node.ask(server, 'ping');
  network.run(2000);
  assert.equal(isKnown(server, node), true);
});

test('a flood of strangers makes us ask no more than a few', () => {
  const { network, server } = settled();
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
