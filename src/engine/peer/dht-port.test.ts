/** PORT messages (BEP 5): who is told of our DHT node, and whose nodes we hear of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey } from '../../base/address.js';
import { fromHex } from '../../base/bytes.js';
import { decodeReserved } from '../../protocol/wire/handshake.js';
import { downloading, fromMagnet, join, type Scene, seeding, wait } from '../testing/peer-scenes.js';
import type { RawPeer } from '../testing/raw-peer.js';
import { makeSimTorrent } from '../testing/sim-swarm.js';

const WITH_DHT = { dht: true };

test('two sides that have a DHT node tell each other its port', () => {
  const { scene, nodes } = withNode(downloading({ settings: WITH_DHT }));
  const peer = join(scene.simulator, scene.engine, { dht: true });
  peer.send((encoder) => encoder.port(4444));
  wait(scene.simulator, 1000);
  assert.equal(saysDht(peer), true);
  assert.deepEqual(peer.heard('port'), ['port 7004']);
  assert.deepEqual(nodes, [`${peer.host.ipv4}:4444`]);
});

test('the port told is that of the family of the connection', () => {
  const { scene } = withNode(seeding({ settings: WITH_DHT }));
  const peer = join(scene.simulator, scene.engine, { dht: true });
  wait(scene.simulator, 1000);
  assert.deepEqual(peer.heard('port'), ['port 7004']);
  assert.equal(scene.added.dhtPort(6), 7006);
});

test('who does not say that it has a DHT node is not told of ours', () => {
  const { scene } = withNode(downloading({ settings: WITH_DHT }));
  const peer = join(scene.simulator, scene.engine);
  wait(scene.simulator, 1000);
  assert.deepEqual(peer.heard('port'), []);
});

test('a peer names one node and no more, and never port 0', () => {
  const { scene, nodes } = withNode(downloading({ settings: WITH_DHT }));
  const peer = join(scene.simulator, scene.engine, { dht: true });
  peer.send((encoder) => {
    for (const port of [0, 1, 2, 3]) encoder.port(port);
  });
  wait(scene.simulator, 1000);
  assert.deepEqual(nodes, [`${peer.host.ipv4}:1`]);
  assert.equal(peer.isClosed, false);
});

test('without a DHT node of ours nobody is told of one, and nobody is heard', () => {
  const { scene, nodes } = withNode(downloading({ settings: { dht: false } }));
  const peer = join(scene.simulator, scene.engine, { dht: true });
  peer.send((encoder) => encoder.port(4444));
  wait(scene.simulator, 1000);
  assert.equal(saysDht(peer), false);
  assert.deepEqual(peer.heard('port'), []);
  assert.deepEqual(nodes, []);
});

test('a private torrent has nothing to do with the DHT', () => {
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 40_000 }, pieceLength: 16_384, isPrivate: true });
  const { scene, nodes } = withNode(downloading({ torrent, settings: WITH_DHT }));
  const peer = join(scene.simulator, scene.engine, { dht: true }, torrent);
  peer.send((encoder) => encoder.port(4444));
  wait(scene.simulator, 1000);
  assert.equal(saysDht(peer), false);
  assert.deepEqual(peer.heard('port'), []);
  assert.deepEqual(nodes, []);
});

test('a magnet is taken for public until its metadata says otherwise', () => {
  const { scene, nodes } = withNode(fromMagnet(false, WITH_DHT));
  const peer = join(scene.simulator, scene.engine, { dht: true });
  peer.send((encoder) => encoder.port(4444));
  wait(scene.simulator, 1000);
  assert.equal(saysDht(peer), true);
  assert.deepEqual(peer.heard('port'), ['port 7004']);
  assert.equal(nodes.length, 1);
});

/** The engine has a node at port 7004 and 7006, and hears of those in `nodes`. */
function withNode(scene: Scene): { readonly scene: Scene; readonly nodes: readonly string[] } {
  const nodes: string[] = [];
  Object.assign(scene.engine.session.surroundings, {
    dhtPort: (family: number) => 7000 + family,
    onDhtNode: (address: Address) => nodes.push(addressKey(address)),
  });
  return { scene, nodes };
}

function saysDht(peer: RawPeer): boolean {
  const [, reserved] = peer.heard('handshake')[0]!.split(' ');
  return decodeReserved(fromHex(reserved!)!).dht;
}
