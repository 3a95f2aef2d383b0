/** Torrents that find each other in the DHT alone: whole sessions on simulated hosts, in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8 } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { DhtNetwork } from '../testing/dht-network.js';
import { overhear } from '../testing/overheard.js';
import { makeSimTorrent } from '../testing/sim-swarm.js';
import { parseBootstrap } from './dht-service.js';

const TORRENT = makeSimTorrent({ lengths: { 'a.bin': 5 * 16_384 }, pieceLength: 16_384 });
const PRIVATE = makeSimTorrent({ lengths: { 'p.bin': 5 * 16_384 }, pieceLength: 16_384, isPrivate: true });
test('a magnet without a tracker completes through the DHT alone', () => {
  const scene = new DhtNetwork();
  scene.seed(TORRENT);
  const leecher = scene.engine();
  const added = leecher.add(TORRENT.magnet);
  scene.simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 300_000 });
  assert.equal(added.phase, 'seeding');
  assert.ok(leecher.has(TORRENT));
});

test('a peer that the DHT has named is shown with that source', () => {
  const scene = new DhtNetwork();
  scene.seed(TORRENT);
  const leecher = scene.engine();
  const added = leecher.add(TORRENT.magnet);
  scene.simulator.run(() => added.swarm.peers.size > 0 && [...added.swarm.peers][0]!.isHandshakeDone);
  assert.deepEqual(
    leecher.session.peers(added).map(({ source }) => source),
    ['dht'],
  );
});

test('an engine that was there before finds peers without any node to begin with', () => {
  const scene = new DhtNetwork();
  const state = new Map<string, Uint8Array>();
  const first = scene.engine({}, { state });
  scene.simulator.run(scene.simulator.now + 30_000);
  first.stop(scene.simulator);
  assert.ok(state.has('dht'));
  scene.seed(TORRENT);
  const again = scene.engine({ dhtBootstrap: '' }, { state });
  const added = again.add(TORRENT.magnet);
  scene.simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 300_000 });
  assert.equal(added.phase, 'seeding');
});

test('a record that cannot be read is told, and the DHT begins anew', () => {
  const scene = new DhtNetwork();
  const engine = scene.engine({}, { state: new Map([['dht', fromUtf8('nonsense')]]) });
  scene.simulator.run(scene.simulator.now + 30_000);
  const warnings = engine.events.filter((event) => event.type === 'warning');
  assert.match(String(warnings[0]?.error.message), /record of the DHT/);
  assert.ok(engine.session.dhtStats()!.goodNodes > 0);
});

test('of a private torrent nothing is said to the DHT', () => {
  const scene = new DhtNetwork();
  const engine = scene.engine();
  const said = overhear(engine, PRIVATE.metainfo);
  engine.give(PRIVATE);
  engine.add(PRIVATE.metainfo);
  scene.simulator.run(scene.simulator.now + 40 * 60_000);
  assert.equal(said.dht, 0);
  assert.ok(engine.session.dhtStats()!.goodNodes > 0, 'the engine itself is a node all the same');
});

test('without --dht nobody is asked', () => {
  const scene = new DhtNetwork();
  const engine = scene.engine({ dht: false });
  engine.add(TORRENT.magnet);
  scene.simulator.run(scene.simulator.now + 60_000);
  assert.equal(engine.session.dhtStats(), null);
});

test('a UDP port that is taken is no reason to do without the DHT', () => {
  const scene = new DhtNetwork();
  const seed = scene.seed(TORRENT);
  const leecher = scene.engine();
  const handler = { onListening: () => {}, onDatagram: () => {}, onError: () => {} };
  leecher.host.network.openDatagramSocket({ host: '', port: leecher.session.listenPort }, handler);
  const added = leecher.add(TORRENT.magnet);
  scene.simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 300_000 });
  assert.equal(added.phase, 'seeding');
  assert.notEqual(leecher.session.dht!.port(4), leecher.session.listenPort);
  assert.equal(seed.session.dht!.port(4), seed.session.listenPort);
});

test('a socket that cannot be had is told once, and tried again until it can', () => {
  const scene = new DhtNetwork();
  const engine = scene.engine();
  const { network } = engine.host;
  const open = network.openDatagramSocket.bind(network);
  let isRefused = true;
  network.openDatagramSocket = (options, handler) => {
    const refusing = { ...handler, onListening: () => handler.onError(new DtorrentError('ENETWORK', 'no socket')) };
    return open(options, isRefused ? refusing : handler);
  };
  scene.pass(20_000);
  assert.equal(engine.count('warning'), 1);
  isRefused = false;
  scene.pass(30_000);
  assert.ok(engine.session.dhtStats()!.goodNodes > 0);
  assert.equal(engine.count('warning'), 1);
});

test('at most so many names are begun with', () => {
  const names = (count: number): string => Array.from({ length: count }, (_, i) => `n${i}.example:6881`).join(', ');
  assert.equal(parseBootstrap(names(LIMITS.dhtBootstrapNamesMax)).length, LIMITS.dhtBootstrapNamesMax);
  assert.equal(parseBootstrap(names(LIMITS.dhtBootstrapNamesMax + 1)).length, LIMITS.dhtBootstrapNamesMax);
  assert.deepEqual(parseBootstrap(''), []);
  assert.deepEqual(parseBootstrap('[2001:db8::1]:1, nonsense,a.example:2'), [
    { host: '2001:db8::1', port: 1 },
    { host: 'a.example', port: 2 },
  ]);
});
