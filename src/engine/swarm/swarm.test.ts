/** Who is dialled and who is let in, and what a torrent that fails leaves behind: whole sessions in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { wireHashes } from '../../format/infohash.js';
import { Simulator } from '../../sim/simulator.js';
import { MemoryDisk } from '../../sim/storage/memory-disk.js';
import { type MemoryOperation, MemoryStorageFactory } from '../../sim/storage/memory-storage.js';
import type { Settings } from '../settings.js';
import { RawPeer } from '../testing/raw-peer.js';
import { makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';

const LARGE = makeSimTorrent({ lengths: { 'a.bin': 20 * 32_768 }, pieceLength: 32_768 });
const SMALL = makeSimTorrent({ lengths: { 'b.bin': 3 * 16_384 }, pieceLength: 16_384 });
/** Nobody is there. */
const NOBODY = Array.from({ length: 10 }, (_, index) => `12.0.0.${index + 1}`);

test('only so many addresses that do not answer are tried at one time, each until the dial times out', () => {
  const { simulator, engine, added, dials } = downloading({ maxHalfOpen: 3 });
  name(engine, added, NOBODY);
  simulator.run(() => {
    assert.ok(added.swarm.peers.size <= 3);
    return dials.length === 10;
  });
  const times = dials.map((dial) => dial.atMs);
  for (let i = 3; i < 10; i++) assert.equal(times[i]! - times[i - 3]!, LIMITS.dialTimeoutMs);
  assert.equal(new Set(dials.map((dial) => dial.host)).size, 10, 'each once before any is tried again');
});

test('the half-open limit is one for all torrents, and they take turns', () => {
  const { simulator, engine, added, dials } = downloading({ maxHalfOpen: 2 });
  const other = engine.add(SMALL.metainfo);
  simulator.run(() => other.phase === 'downloading');
  name(engine, added, NOBODY.slice(0, 5));
  name(engine, other, NOBODY.slice(5));
  simulator.run(() => {
    assert.ok(added.swarm.peers.size + other.swarm.peers.size <= 2);
    return dials.length === 6;
  });
  assert.ok(dials.filter(({ host }) => NOBODY.indexOf(host) >= 5).length >= 2);
});

test('an address that a person named is tried again soon, and then at longer intervals', () => {
  const { simulator, engine, added, dials } = downloading({});
  name(engine, added, ['12.0.0.1']);
  simulator.run(simulator.now + 600_000);
  const waitsMs = dials.slice(1).map((dial, i) => dial.atMs - dials[i]!.atMs - LIMITS.dialTimeoutMs);
  const expected = [5000, 120_000, 180_000];
  for (const [i, waitMs] of expected.entries()) {
    assert.ok(waitsMs[i]! >= waitMs && waitsMs[i]! <= waitMs + 1000, `${waitsMs} is not ${expected}`);
  }
});

test('a dial that finds our own peer id gives its place among the dials and the peers back', () => {
  const { simulator, engine, added } = downloading({ maxHalfOpen: 1, maxPeers: 1 });
  const hash = wireHashes(LARGE.metainfo.infoHash)[0]!;
  const mirror = new RawPeer(simulator);
  mirror.listen(6881, () => mirror.handshake(hash, added.swarm.localPeerId));
  name(engine, added, [mirror.host.ipv4!]);
  simulator.run(simulator.now + 1000);
  assert.deepEqual(mirror.reasonsIn(engine), ['self-connection']);
  const peers = [1, 2].map(() => {
    const peer = new RawPeer(simulator);
    return peer.listen(6881, () => peer.handshake(hash));
  });
  for (const peer of peers) name(engine, added, [peer.host.ipv4!]);
  simulator.run(simulator.now + 60_000);
  assert.deepEqual(
    peers.map((peer) => peer.openedAtMs !== null),
    [true, false],
    'one can be dialled, and then maxPeers is reached',
  );
});

test('a torrent takes no more peers than its setting says, and one more when one has left', () => {
  const { simulator, engine } = downloading({ maxPeersPerTorrent: 2 });
  const [first, second, third] = [join(simulator, engine), join(simulator, engine), join(simulator, engine)];
  assert.deepEqual([first.isClosed, second.isClosed, third.isClosed], [false, false, true]);
  assert.deepEqual(third.reasonsIn(engine), []);
  first.close();
  simulator.run(simulator.now + 100);
  assert.equal(join(simulator, engine).isClosed, false);
});

test('all torrents together take no more peers than the setting says', () => {
  const { simulator, engine } = downloading({ maxPeers: 2 });
  const other = engine.add(SMALL.metainfo);
  simulator.run(() => other.phase === 'downloading');
  const first = join(simulator, engine);
  const onOther = join(simulator, engine, SMALL);
  const third = join(simulator, engine);
  const fourth = join(simulator, engine, SMALL);
  assert.deepEqual(
    [first, onOther, third, fourth].map((peer) => peer.isClosed),
    [false, false, true, true],
  );
  onOther.close();
  simulator.run(simulator.now + 100);
  assert.equal(join(simulator, engine).isClosed, false, 'whichever torrent it is for');
});

// ---- storage that fails ----

test('a write that fails pauses its torrent with an event and gives its memory back; the others go on', () => {
  const { simulator, engine, large, small } = withFault('write', 5);
  const seed = new SimEngine(simulator);
  seed.give(LARGE);
  seed.add(LARGE.metainfo, { from: [engine] });
  assert.ok(simulator.run(() => large.phase === 'paused', { maxVirtualMs: 60_000 }));
  simulator.run(simulator.now + 1000);
  const errors = engine.events.flatMap((event) => (event.type === 'torrentPaused' ? [event.error?.code] : []));
  assert.deepEqual(errors, ['EDISKFULL']);
  assert.equal(large.swarm.peers.size, 0);
  assert.equal(engine.session.context.writeBudget.usedBytes, 0);

  const other = new SimEngine(simulator);
  other.give(SMALL);
  other.add(SMALL.metainfo, { from: [engine] });
  assert.ok(simulator.run(() => small.phase === 'seeding', { maxVirtualMs: 60_000 }));
  engine.stop(simulator);
});

test('a check that fails pauses its torrent, each time it is tried again', () => {
  const { simulator, engine, large, small } = withFault('verify', 5, true);
  simulator.run(simulator.now + 60_000);
  assert.equal(large.phase, 'paused');
  assert.equal(engine.count('torrentPaused'), 3, 'at once, after 10 s, after 20 s more');
  assert.equal(engine.count('torrentResumed'), 0);
  assert.equal(small.phase, 'seeding');
  engine.stop(simulator);
});

test('a read that fails pauses its torrent and closes its peers', () => {
  const { simulator, engine, large } = withFault('read', 5, true);
  simulator.run(() => large.phase === 'seeding');
  const peer = join(simulator, engine).send((encoder) => encoder.interested());
  simulator.run(simulator.now + 100);
  peer.send((encoder) => {
    encoder.request(4, 0, 16_384);
    encoder.request(5, 0, 16_384);
  });
  simulator.run(simulator.now + 1000);
  assert.equal(large.phase, 'paused');
  assert.deepEqual(peer.reasonsIn(engine), ['torrent-stopped']);
  engine.stop(simulator);
});

interface Dial {
  readonly host: string;
  readonly atMs: number;
}

interface Scene {
  readonly simulator: Simulator;
  readonly engine: SimEngine;
  readonly added: Torrent;
  /** Every dial of the engine. */
  readonly dials: readonly Dial[];
}

function downloading(settings: Partial<Settings>): Scene {
  const simulator = new Simulator({ seed: 1 });
  const engine = new SimEngine(simulator, settings);
  const { network } = engine.host;
  const dials: Dial[] = [];
  const dial = network.dial.bind(network);
  network.dial = (to, options, handler) => {
    dials.push({ host: to.host, atMs: simulator.now });
    return dial(to, options, handler);
  };
  const added = engine.add(LARGE.metainfo);
  simulator.run(() => added.phase === 'downloading');
  return { simulator, engine, added, dials };
}

/** The fault is one of the larger torrent: the smaller has no such piece. */
function withFault(
  operation: MemoryOperation,
  piece: number,
  isComplete = false,
): { simulator: Simulator; engine: SimEngine; large: Torrent; small: Torrent } {
  const simulator = new Simulator({ seed: 2 });
  const disk = new MemoryDisk();
  const fault = (at: MemoryOperation, number: number): DtorrentError | null =>
    at === operation && number === piece ? new DtorrentError('EDISKFULL', 'no space left') : null;
  const storage = new MemoryStorageFactory({ defer: (fn) => simulator.defer(fn), disk, fault });
  const engine = new SimEngine(simulator, {}, { disk, storage });
  if (isComplete) for (const torrent of [LARGE, SMALL]) engine.give(torrent);
  return { simulator, engine, large: engine.add(LARGE.metainfo), small: engine.add(SMALL.metainfo) };
}

function name(engine: SimEngine, torrent: Torrent, ips: readonly string[], port = 6881): void {
  const addresses = ips.map((ip) => makeAddress(ip, port)!);
  engine.session.context.turn.run(() => torrent.addPeers(addresses, 'user'));
}

/** A scripted peer that has dialled and said its handshake, and has heard what the engine makes of it. */
function join(simulator: Simulator, engine: SimEngine, torrent = LARGE): RawPeer {
  const peer = new RawPeer(simulator).dial(engine).handshake(wireHashes(torrent.metainfo.infoHash)[0]!);
  simulator.run(simulator.now + 100);
  return peer;
}
