/** Who has a place in a swarm and who has to give it up: scripted peers, most of them of no use, in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { wireHashes } from '../../format/infohash.js';
import type { SimHost } from '../../sim/sim-host.js';
import type { Simulator } from '../../sim/simulator.js';
import type { CloseReason } from '../peer/close-reason.js';
import { BLOCK, dialled, downloading, HASH, join, type Scene, seeding, TORRENT, wait } from '../testing/peer-scenes.js';
import { RawPeer } from '../testing/raw-peer.js';
import { makeSimTorrent, SimEngine, type SimTorrent } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';
import type { CandidateSource } from './candidates.js';

const MINUTE_MS = 60_000;

/** Lets time pass; whoever is scripted says so often enough that it is still there. */
function idleFor(simulator: Simulator, ms: number, peers: readonly RawPeer[], isDone = (): boolean => false): void {
  const end = simulator.now + ms;
  while (simulator.now < end && !isDone()) {
    for (const peer of peers) if (!peer.isClosed) peer.send((encoder) => encoder.keepAlive());
    simulator.run(isDone, { maxVirtualMs: Math.min(MINUTE_MS, end - simulator.now) });
    wait(simulator, 0);
  }
}

/** Has everything, chokes us for ever, and stays. */
function idlers(scene: Scene, count: number, torrent = TORRENT): RawPeer[] {
  const peers = Array.from({ length: count }, () => {
    const peer = new RawPeer(scene.simulator, { fast: true }).dial(scene.engine);
    return peer.handshake(wireHashes(torrent.metainfo.infoHash)[0]!).send((encoder) => encoder.haveAll());
  });
  wait(scene.simulator, 1000);
  return peers;
}

function tell(engine: SimEngine, added: Torrent, from: SimEngine, source: CandidateSource = 'tracker'): void {
  const address = makeAddress(from.host.ipv4!, from.session.listenPort)!;
  engine.session.context.turn.run(() => added.addPeers([address], source));
}

function seedOf(simulator: Simulator, torrent: SimTorrent = TORRENT): SimEngine {
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  seed.add(torrent.metainfo, { isTrusted: true });
  return seed;
}

function reasons(engine: SimEngine): Map<CloseReason, number> {
  const counts = new Map<CloseReason, number>();
  for (const event of engine.events) {
    if (event.type !== 'peerDisconnected') continue;
    const reason = event.reason as CloseReason;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}

// ---- one peer id, several connections ----

for (const isGreater of [false, true]) {
  const who = isGreater ? 'less than ours' : 'greater than ours';
  test(`who says the peer id of another, ${who}, does not take his place, nor keep him out`, () => {
    const { simulator, engine, added } = downloading();
    const honestId = new Uint8Array(20).fill(isGreater ? 0 : 0xff);
    const honest = new RawPeer(simulator).listen(6881, () => honest.handshake(HASH, honestId));
    dialled(engine, added, honest);
    wait(simulator, 20_000);
    const impostor = new RawPeer(simulator).dial(engine).handshake(HASH, honestId);
    wait(simulator, 1000);
    assert.deepEqual([honest.isClosed, impostor.isClosed], [false, false]);
    const isThere = (): boolean => [...added.swarm.peers].some((peer) => peer.remote.host === honest.host.ipv4);
    honest.close();
    wait(simulator, 100_000);
    assert.ok(isThere(), 'dialled again, although the impostor is there');
    const again = new RawPeer(simulator, { host: impostor.host }).dial(engine).handshake(HASH, honestId);
    wait(simulator, 1000);
    assert.deepEqual([impostor.isClosed, again.isClosed], [false, true], 'once a machine');
    const other = new RawPeer(simulator).dial(engine, { family: 6 }).handshake(HASH, honestId);
    wait(simulator, 1000);
    assert.deepEqual([isThere(), other.isClosed], [true, true], 'nor by the other family');
  });
}

// ---- a full house ----

test('a dial that gets through after others have taken the last places does not make one peer too many', () => {
  const { simulator, engine, added } = downloading({ settings: { maxPeers: 4 } });
  const listeners = [1, 2, 3].map(() => new RawPeer(simulator, { fast: true }).listen(6881));
  for (const listener of listeners) dialled(engine, added, listener);
  wait(simulator, 1000);
  for (let i = 0; i < 4; i++) join(simulator, engine, { fast: true });
  wait(simulator, 1000);
  assert.equal(engine.session.peers(added).length, 4);
  for (const listener of listeners) listener.handshake(HASH);
  wait(simulator, 1000);
  assert.equal(engine.session.peers(added).length, 4);
});

test('a hundred idle peers that take every place do not keep a seed out that dials us', () => {
  const scene = downloading();
  const { simulator, engine, added } = scene;
  const idle = idlers(scene, 100);
  assert.equal(added.swarm.peers.size, 100);
  idleFor(simulator, 3 * MINUTE_MS, idle);
  assert.equal(added.swarm.peers.size, 100, 'while there is nobody else they may stay');
  const seed = seedOf(simulator);
  tell(seed, [...seed.session.torrents][0]!, engine, 'user');
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: MINUTE_MS }));
  assert.equal(reasons(engine).get('replaced'), 1);
});

test('a hundred idle peers that take every place make room for candidates that wait to be dialled', () => {
  const scene = downloading();
  const { simulator, engine, added } = scene;
  const idle = idlers(scene, 100);
  tell(engine, added, seedOf(simulator));
  const startedAtMs = simulator.now;
  idleFor(simulator, 20 * MINUTE_MS, idle, () => added.phase === 'seeding');
  assert.equal(added.phase, 'seeding');
  assert.ok(simulator.now - startedAtMs <= 7 * MINUTE_MS, `${simulator.now - startedAtMs} ms`);
  assert.ok(reasons(engine).get('turned-over')! <= 20);
});

test('with the same idle peers and nobody waiting all of them stay for hours', () => {
  const scene = downloading({ settings: { maxPeersPerTorrent: 10 } });
  const idle = idlers(scene, 10);
  idleFor(scene.simulator, 120 * MINUTE_MS, idle);
  assert.equal(scene.added.swarm.peers.size, 10);
});

test('a peer that feeds us is not replaced, and a newcomer is refused when all do', () => {
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 10_000 * BLOCK }, pieceLength: BLOCK });
  const scene = downloading({ torrent, settings: { maxPeersPerTorrent: 4 } });
  const { simulator, engine, added } = scene;
  const feeders = Array.from({ length: 4 }, () => {
    const peer = join(simulator, engine, { fast: true }, torrent);
    // A block in ten seconds.
    peer.onRequest = (piece, begin, length) => {
      simulator.after(10_000, () => {
        if (!peer.isClosed) peer.sendBlock(torrent, piece, begin, length);
      });
    };
    return peer.send((encoder) => encoder.haveAll()).send((encoder) => encoder.unchoke());
  });
  idleFor(simulator, 5 * MINUTE_MS, feeders);
  const newcomer = join(simulator, engine, { fast: true }, torrent);
  wait(simulator, 1000);
  assert.equal(newcomer.isClosed, true);
  assert.equal(added.swarm.peers.size, 4);
  assert.equal(reasons(engine).size, 0);
});

test('the only peer that has a piece is not replaced although it chokes us', () => {
  const scene = downloading({ settings: { maxPeersPerTorrent: 3 } });
  const { simulator, engine, added } = scene;
  const rare = join(simulator, engine).bitfield(20, [7, 8]);
  const common = [1, 2].map(() => join(simulator, engine).bitfield(20, [1, 2]));
  idleFor(simulator, 5 * MINUTE_MS, [rare, ...common]);
  const newcomers = [1, 2, 3].map(() => {
    const newcomer = join(simulator, engine).bitfield(20, [1, 2]);
    wait(simulator, 1000);
    return newcomer;
  });
  assert.equal(rare.isClosed, false);
  assert.deepEqual(
    common.map((peer) => peer.isClosed),
    [true, true],
  );
  assert.equal(newcomers.filter((peer) => peer.isClosed).length, 1);
  assert.equal(added.swarm.peers.size, 3);
});

test('whoever dials on and on replaces no more than a few peers a minute', () => {
  const scene = downloading({ settings: { maxPeersPerTorrent: 50 } });
  const { simulator, engine, added } = scene;
  const idle = idlers(scene, 50);
  idleFor(simulator, 3 * MINUTE_MS, idle);
  const host = simulator.createHost();
  for (let i = 0; i < 200; i++) {
    new RawPeer(simulator, { host }).dial(engine).handshake(HASH);
    wait(simulator, 200);
  }
  assert.equal(reasons(engine).get('replaced'), LIMITS.replacedPeersPerMinuteMax);
  assert.equal(added.swarm.peers.size, 50);
});

test('where all torrents together have every place, one that has nobody gets one', () => {
  const scene = downloading({ settings: { maxPeers: 20 } });
  const { simulator, engine } = scene;
  const idle = idlers(scene, 20);
  const other = makeSimTorrent({ lengths: { 'b.bin': 3 * BLOCK }, pieceLength: BLOCK });
  const hungry = engine.add(other.metainfo);
  tell(engine, hungry, seedOf(simulator, other));
  const startedAtMs = simulator.now;
  idleFor(simulator, 10 * MINUTE_MS, idle, () => hungry.phase === 'seeding');
  assert.equal(hungry.phase, 'seeding');
  assert.ok(simulator.now - startedAtMs <= 3 * MINUTE_MS);
  assert.equal(reasons(engine).get('replaced'), 1);
});

test('where all torrents together have every place, a newcomer to one replaces the least worth of any', () => {
  const scene = downloading({ settings: { maxPeers: 10 } });
  const { simulator, engine } = scene;
  const idle = idlers(scene, 10);
  idleFor(simulator, 3 * MINUTE_MS, idle);
  const other = makeSimTorrent({ lengths: { 'b.bin': 3 * BLOCK }, pieceLength: BLOCK });
  const added = engine.add(other.metainfo);
  wait(simulator, 1000);
  const newcomer = join(simulator, engine, {}, other);
  wait(simulator, 1000);
  assert.equal(newcomer.isClosed, false);
  assert.equal(added.swarm.peers.size, 1);
  assert.equal(idle.filter((peer) => peer.isClosed).length, 1);
});

test('peers that want nothing and have nothing go after ten minutes where places are short', () => {
  for (const maxPeersPerTorrent of [5, 50]) {
    const scene = seeding({ settings: { maxPeersPerTorrent } });
    const { simulator, engine } = scene;
    const idle = Array.from({ length: 5 }, () => join(simulator, engine).bitfield(20, [1, 2, 3]));
    idleFor(simulator, LIMITS.indifferenceTimeoutMs - MINUTE_MS, idle);
    assert.equal(reasons(engine).size, 0);
    idleFor(simulator, 2 * MINUTE_MS, idle);
    assert.ok(maxPeersPerTorrent === 5 ? reasons(engine).get('mutual-disinterest')! > 0 : reasons(engine).size === 0);
  }
});

test('while we seed, peers that wait for their turn are not turned over', () => {
  const scene = seeding({ settings: { maxPeersPerTorrent: 10, uploadLimit: 100 } });
  const { simulator, engine, added } = scene;
  const waiting = Array.from({ length: 10 }, () =>
    join(simulator, engine, { fast: true }).send((encoder) => encoder.interested()),
  );
  wait(simulator, 1000);
  tell(engine, added, new SimEngine(simulator));
  idleFor(simulator, 30 * MINUTE_MS, waiting);
  assert.deepEqual([...reasons(engine)], []);
  const newcomer = join(simulator, engine, { fast: true });
  wait(simulator, 1000);
  assert.deepEqual([...reasons(engine)], []);
  assert.equal(newcomer.isClosed, true);
});

// ---- peers that only waste ----

test('a peer that lets itself be asked and sends nothing is let go after minutes, and dialled again ever more seldom', () => {
  const { simulator, engine, added } = downloading();
  const peer = new RawPeer(simulator, { fast: true });
  const openedAtMs: number[] = [];
  peer.listen(6881, () => {
    openedAtMs.push(simulator.now);
    peer
      .handshake(HASH)
      .send((encoder) => encoder.haveAll())
      .send((encoder) => encoder.unchoke());
  });
  engine.session.context.turn.run(() => added.addPeers([makeAddress(peer.host.ipv4!, 6881)!], 'tracker'));
  wait(simulator, 1000);
  const endsAtMs = simulator.now + 40 * MINUTE_MS;
  while (simulator.now < endsAtMs) {
    peer.send((encoder) => encoder.keepAlive());
    wait(simulator, 30_000);
  }
  assert.deepEqual([...reasons(engine).keys()], ['no-blocks']);
  const pauses = openedAtMs.slice(1).map((ms, i) => ms - openedAtMs[i]! - LIMITS.owedBlockTimeoutMs);
  for (const [i, pause] of pauses.entries()) {
    const expected = MINUTE_MS * (i + 1);
    assert.ok(pause >= expected && pause <= expected + 5000, `pauses ${pauses}`);
  }
  assert.equal(openedAtMs.length, LIMITS.dialAttemptsMax);
});

test('a peer that rejects whatever it is asked for goes the same way', () => {
  const { simulator, engine } = downloading();
  const peer = join(simulator, engine, { fast: true });
  peer.onRequest = (piece, begin, length) => peer.send((encoder) => encoder.reject(piece, begin, length));
  peer.send((encoder) => encoder.haveAll()).send((encoder) => encoder.unchoke());
  idleFor(simulator, LIMITS.owedBlockTimeoutMs - 5000, [peer]);
  assert.equal(peer.isClosed, false);
  wait(simulator, 10_000);
  assert.deepEqual(peer.reasonsIn(engine), ['no-blocks']);
});

test('our own limit is not held against those who could send', () => {
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 60 * BLOCK }, pieceLength: BLOCK });
  const scene = downloading({ torrent, settings: { downloadLimit: 500 } });
  const { simulator, engine, added } = scene;
  const peers = Array.from({ length: 10 }, () => {
    const peer = join(simulator, engine, { fast: true }, torrent).serve(torrent);
    return peer.send((encoder) => encoder.haveAll()).send((encoder) => encoder.unchoke());
  });
  idleFor(simulator, 20 * MINUTE_MS, peers);
  assert.equal(reasons(engine).size, 0);
  assert.ok(added.data!.have.count >= 30, `${added.data!.have.count} pieces`);
});

test('a peer that unchokes and chokes on and on, and never sends a block, is let go and in the end banned', () => {
  const { simulator, engine } = downloading();
  const host = simulator.createHost();
  for (let visit = 0; visit < LIMITS.misconductsPerHostMax; visit++) {
    const peer = join(simulator, engine, { host }).bitfield(20, [1, 2, 3]);
    for (let i = 0; i < LIMITS.fruitlessUnchokesMax; i++) {
      peer.send((encoder) => encoder.unchoke());
      wait(simulator, 2000);
      peer.send((encoder) => encoder.choke());
      wait(simulator, 2000);
    }
    assert.equal(peer.isClosed, false);
    peer.send((encoder) => encoder.unchoke());
    wait(simulator, 2000);
    peer.send((encoder) => encoder.choke());
    wait(simulator, 2000);
  }
  assert.deepEqual([...reasons(engine)], [['choke-flapping', LIMITS.misconductsPerHostMax]]);
  assertTurnedAway(simulator, engine, host);
});

test('a peer that chokes and unchokes hundreds of times a minute is let go, one whose interest changes as often is not', () => {
  const { simulator, engine } = downloading();
  const [choking, fickle] = [1, 2].map(() => join(simulator, engine).bitfield(20, [1])) as [RawPeer, RawPeer];
  for (let i = 0; i < LIMITS.chokeMessagesPerMinuteMax / 2; i++) {
    choking.send((encoder) => encoder.choke()).send((encoder) => encoder.choke());
    for (let j = 0; j < 100; j++)
      fickle.send((encoder) => encoder.interested()).send((encoder) => encoder.notInterested());
  }
  wait(simulator, 1000);
  assert.equal(choking.isClosed, false);
  choking.send((encoder) => encoder.choke());
  wait(simulator, 1000);
  assert.deepEqual(choking.reasonsIn(engine), ['choke-flapping']);
  assert.equal(fickle.isClosed, false);
});

test('a host that breaks the protocol again and again is banned at every port, and not dialled either', () => {
  const { simulator, engine, added } = downloading();
  const host: SimHost = simulator.createHost();
  for (let visit = 0; visit < LIMITS.misconductsPerHostMax; visit++) {
    join(simulator, engine, { host }).send((encoder) => encoder.have(1_000_000));
    wait(simulator, 1000);
  }
  assert.deepEqual([...reasons(engine)], [['piece-out-of-range', LIMITS.misconductsPerHostMax]]);
  assertTurnedAway(simulator, engine, host);
  const listener = new RawPeer(simulator, { host }).listen(7000);
  engine.session.context.turn.run(() => added.addPeers([makeAddress(host.ipv4!, 7000)!], 'tracker'));
  wait(simulator, 10 * MINUTE_MS);
  assert.equal(listener.openedAtMs, null);
});

function assertTurnedAway(simulator: Simulator, engine: SimEngine, host: SimHost): void {
  const again = join(simulator, engine, { host });
  const other = join(simulator, engine);
  wait(simulator, 1000);
  assert.deepEqual([again.isClosed, other.isClosed], [true, false]);
}
