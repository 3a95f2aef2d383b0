/** Whole engines against each other in virtual time, without a socket or a sleep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../base/address.js';
import type { Clock } from '../host/clock.js';
import { Simulator } from '../sim/simulator.js';
import type { EngineEvent } from './events.js';
import { Session } from './session.js';
import { resolveSettings } from './settings.js';
import { DOWNLOADS, makeSimTorrent, SimEngine } from './testing/sim-swarm.js';
import type { Torrent } from './torrent.js';

const SMALL = { lengths: { 'a.bin': 300_000, 'empty.txt': 0, 'sub/b.bin': 123_457 }, pieceLength: 32_768 };
const HOUR_MS = 3_600_000;

test('two engines exchange a torrent', () => {
  const simulator = new Simulator({ seed: 1 });
  const torrent = makeSimTorrent(SMALL);
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  const seeding = seed.add(torrent.metainfo);
  simulator.run(() => seeding.phase === 'seeding');

  const leecher = new SimEngine(simulator);
  const download = leecher.add(torrent.metainfo, { from: [seed] });
  assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
  assert.ok(leecher.has(torrent));
  assert.equal(leecher.count('completed'), 1);
  assert.equal(leecher.count('pieceVerified'), torrent.metainfo.pieceCount);
  const stats = leecher.session.stats(download);
  assert.equal(stats.bytesDone, torrent.metainfo.totalLength);
  assert.equal(stats.wastedBytes, 0);
  assert.equal(seed.session.stats(seeding).uploadedBytes, torrent.metainfo.totalLength);
});

test('a magnet gives metadata first, then data', () => {
  const simulator = new Simulator({ seed: 2 });
  // Enough pieces that the info dictionary has more than one block of 16 KiB.
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 1000 * 16_384 + 5 }, pieceLength: 16_384 });
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  seed.add(torrent.metainfo);

  const leecher = new SimEngine(simulator);
  const download = leecher.add(torrent.magnet, { from: [seed] });
  assert.equal(download.phase, 'metadata');
  assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
  assert.equal(leecher.count('metadata'), 1);
  assert.ok(leecher.has(torrent));
});

test('a download goes on from what is on disk, and fetches only what is missing or damaged', () => {
  const simulator = new Simulator({ seed: 3 });
  const torrent = makeSimTorrent(SMALL);
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  seed.add(torrent.metainfo);
  const leecher = new SimEngine(simulator);
  leecher.give(torrent);
  leecher.host.disk.corrupt(`${DOWNLOADS}/content/a.bin`, 40_000);
  const download = leecher.add(torrent.metainfo, { from: [seed] });
  assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
  assert.ok(leecher.has(torrent));
  assert.equal(leecher.session.stats(download).downloadedBytes, 32_768);
});

test('twelve leechers and one seed all finish, also by trading among themselves', () => {
  const simulator = new Simulator({ seed: 4, link: () => ({ latencyMs: 20, bytesPerMs: 200, lossRatio: 0 }) });
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 4_000_000 }, pieceLength: 65_536 });
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  const seeding = seed.add(torrent.metainfo);
  const engines: SimEngine[] = [seed];
  const downloads: Torrent[] = [];
  for (let i = 0; i < 12; i++) {
    const leecher = new SimEngine(simulator);
    downloads.push(leecher.add(torrent.metainfo, { from: [...engines] }));
    engines.push(leecher);
  }
  let mostUnchoked = 0;
  const isDone = (): boolean => {
    let unchoked = 0;
    for (const peer of seeding.swarm.peers) if (peer.isUnchoked && peer.isInterested) unchoked++;
    mostUnchoked = Math.max(mostUnchoked, unchoked);
    return downloads.every((download) => download.phase === 'seeding');
  };
  assert.ok(simulator.run(isDone, { maxVirtualMs: HOUR_MS }));
  for (const engine of engines) assert.ok(engine.has(torrent));
  assert.ok(mostUnchoked <= 5, `four slots and one optimistic, seen ${mostUnchoked}`);
  const fromSeed = seed.session.stats(seeding).uploadedBytes;
  assert.ok(fromSeed < 6 * 4_000_000, `the seed sent ${fromSeed} bytes: the leechers hardly traded`);
});

test('a seed whose disk rots is banned by whoever it sends the bad piece to, and the rest comes from another', () => {
  const simulator = new Simulator({ seed: 5 });
  const torrent = makeSimTorrent(SMALL);
  const bad = new SimEngine(simulator);
  bad.give(torrent);
  bad.add(torrent.metainfo, { isTrusted: true });
  bad.host.disk.corrupt(`${DOWNLOADS}/content/a.bin`, 5);
  const leecher = new SimEngine(simulator);
  const download = leecher.add(torrent.metainfo, { from: [bad] });
  simulator.run(10_000);
  assert.equal(download.phase, 'downloading');
  assert.ok(leecher.count('pieceFailed') >= 1);
  assert.deepEqual(
    leecher.events.flatMap((event) => (event.type === 'peerDisconnected' ? [event.reason] : [])),
    ['banned'],
  );
  const good = new SimEngine(simulator);
  good.give(torrent);
  good.add(torrent.metainfo, { from: [leecher] });
  assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
  assert.ok(leecher.has(torrent));
});

test('peers that dial each other at the same time end up with one connection', () => {
  const simulator = new Simulator({ seed: 6 });
  const torrent = makeSimTorrent(SMALL);
  const a = new SimEngine(simulator);
  const b = new SimEngine(simulator);
  const onA = a.add(torrent.metainfo, { from: [b] });
  const onB = b.add(torrent.metainfo, { from: [a] });
  simulator.run(60_000);
  assert.equal(onA.swarm.peers.size, 1);
  assert.equal(onB.swarm.peers.size, 1);
});

test('a torrent that is told of itself as a peer does not keep the connection, nor dial again', () => {
  const simulator = new Simulator({ seed: 7 });
  const torrent = makeSimTorrent(SMALL);
  const engine = new SimEngine(simulator);
  const added = engine.add(torrent.metainfo, { from: [engine] });
  simulator.run(10 * 60_000);
  assert.equal(added.swarm.peers.size, 0);
  const selves = engine.events.filter(
    (event) => event.type === 'peerDisconnected' && event.reason === 'self-connection',
  );
  assert.ok(selves.length <= 2, 'one attempt, seen from both ends');
});

test('two seeds part: neither can have anything the other wants', () => {
  const simulator = new Simulator({ seed: 8 });
  const torrent = makeSimTorrent(SMALL);
  const a = new SimEngine(simulator);
  const b = new SimEngine(simulator);
  a.give(torrent);
  b.give(torrent);
  const onA = a.add(torrent.metainfo);
  simulator.run(1000);
  b.add(torrent.metainfo, { from: [a] });
  simulator.run(5000);
  assert.equal(onA.swarm.peers.size, 0);
  assert.ok(b.events.some((event) => event.type === 'peerDisconnected' && event.reason === 'both-complete'));
});

test('a peer that asks for a torrent we do not have is turned away', () => {
  const simulator = new Simulator({ seed: 9 });
  const a = new SimEngine(simulator);
  a.add(makeSimTorrent(SMALL).metainfo);
  const b = new SimEngine(simulator);
  const other = b.add(makeSimTorrent({ ...SMALL, pieceLength: 16_384 }).metainfo, { from: [a] });
  simulator.run(60_000);
  assert.equal(other.swarm.peers.size, 0);
});

test('the memory for pieces in flight stays within its setting', () => {
  const simulator = new Simulator({ seed: 10 });
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 12_000_000 }, pieceLength: 262_144 });
  const engines = [new SimEngine(simulator), new SimEngine(simulator), new SimEngine(simulator)];
  for (const engine of engines) {
    engine.give(torrent);
    engine.add(torrent.metainfo, { isTrusted: true });
  }
  const leecher = new SimEngine(simulator, { writeCacheBytes: 1024 * 1024 });
  const download = leecher.add(torrent.metainfo, { from: engines });
  const budget = leecher.session.context.writeBudget;
  const isDone = (): boolean => {
    assert.ok(budget.usedBytes <= budget.limitBytes);
    return download.phase === 'seeding';
  };
  assert.ok(simulator.run(isDone, { maxVirtualMs: HOUR_MS }));
  assert.ok(leecher.has(torrent));
  assert.equal(budget.usedBytes, 0, 'given back when nothing is left to download');
});

test("the memory that a torrent does not need any more, though it is not complete, is other torrents'", () => {
  const simulator = new Simulator({ seed: 12, link: () => ({ latencyMs: 20, bytesPerMs: 200, lossRatio: 0 }) });
  const first = makeSimTorrent({ lengths: { a: 6_000_000, b: 100_000 }, pieceLength: 262_144 });
  const second = makeSimTorrent({ lengths: { c: 6_000_000 }, pieceLength: 262_144 });
  const seeds = Array.from({ length: 6 }, () => new SimEngine(simulator));
  for (const seed of seeds) {
    for (const torrent of [first, second]) {
      seed.give(torrent);
      seed.add(torrent.metainfo, { isTrusted: true });
    }
  }
  const leecher = new SimEngine(simulator, { writeCacheBytes: 1024 * 1024 });
  const done = leecher.add(first.metainfo, { from: seeds, select: ['a'] });
  assert.ok(simulator.run(() => done.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
  const download = leecher.add(second.metainfo, { from: seeds });
  const hasAllMemory = (): boolean => download.data?.fetching?.slots.inUse === 4;
  assert.ok(simulator.run(hasAllMemory, { maxVirtualMs: 5000 }));
});

test('stop leaves nothing behind: no connection, no timer, no file', () => {
  const simulator = new Simulator({ seed: 11 });
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 4_000_000 }, pieceLength: 65_536 });
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  seed.add(torrent.metainfo);
  const leecher = new SimEngine(simulator);
  const download = leecher.add(torrent.metainfo, { from: [seed] });
  simulator.run(() => (download.data?.bytesDone ?? 0) > 500_000);
  leecher.stop(simulator);
  assert.equal(download.phase, 'stopped');
  seed.stop(simulator);
  simulator.run(1000 * HOUR_MS);
  assert.ok(simulator.isIdle);
});

test('the same seed gives the same run, another seed another', () => {
  const trace = (seed: number): string => {
    const simulator = new Simulator({ seed });
    const torrent = makeSimTorrent({ lengths: { 'a.bin': 1_000_000 }, pieceLength: 16_384 });
    const a = new SimEngine(simulator);
    a.give(torrent);
    a.add(torrent.metainfo);
    const b = new SimEngine(simulator);
    const c = new SimEngine(simulator);
    const downloads = [b.add(torrent.metainfo, { from: [a] }), c.add(torrent.metainfo, { from: [a, b] })];
    assert.ok(simulator.run(() => downloads.every((download) => download.phase === 'seeding')));
    return JSON.stringify([simulator.now, b.events, c.events]);
  };
  assert.equal(trace(77), trace(77));
  assert.notEqual(trace(77), trace(78));
});

test('a host that allows few streams has fewer of those that have not said what they want', () => {
  const simulator = new Simulator({ seed: 11 });
  const host = simulator.createHost();
  Object.assign(host.network, { streamsMax: 40 });
  const session = new Session(host, resolveSettings(), () => {});
  session.start((error) => assert.equal(error, null));
  simulator.run(() => session.listenPort !== 0);
  const address = makeAddress(host.ipv4!, session.listenPort)!;
  const crowd = simulator.createHost();
  let closed = 0;
  const silent = { onOpen() {}, onData() {}, onWritten() {}, onClose: () => closed++ };
  for (let i = 0; i < 30; i++) crowd.network.dial(address, { bindHost: '', timeoutMs: 1000 }, silent);
  simulator.run(() => false, { maxVirtualMs: 100 });
  assert.equal(30 - closed, 10);
});

test('a process that was stopped for ten minutes hears what its peers have said before it judges their silence', () => {
  const simulator = new Simulator({ seed: 12, link: () => ({ latencyMs: 5, bytesPerMs: 50, lossRatio: 0 }) });
  const torrent = makeSimTorrent(SMALL);
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  seed.add(torrent.metainfo);
  const host = simulator.createHost();
  const { clock } = host;
  let stoppedMs = 0;
  const jumping: Clock = {
    now: () => clock.now() + stoppedMs,
    unixTime: () => clock.unixTime(),
    wakeAt: (deadline, fn) => clock.wakeAt(deadline - stoppedMs, fn),
  };
  const events: EngineEvent[] = [];
  const settings = resolveSettings({ downloadDir: DOWNLOADS });
  const session = new Session({ ...host, clock: jumping }, settings, (event) => events.push(event));
  session.start(() => {});
  const download = session.add(torrent.metainfo, {
    downloadDir: DOWNLOADS,
    peers: [{ host: seed.host.ipv4!, port: seed.session.listenPort }],
    isSequential: false,
    isTrusted: false,
    isRecheck: false,
    isPaused: null,
    selection: null,
    isSuperSeed: false,
  });
  session.begin(download);
  assert.ok(simulator.run(() => (download.data?.have.count ?? 0) > 3, { maxVirtualMs: HOUR_MS }));
  stoppedMs = 600_000;
  assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
  const reasons = events.flatMap((event) => (event.type === 'peerDisconnected' ? [event.reason] : []));
  assert.ok(!reasons.includes('idle'), reasons.join());
});

test('a bug in what is done with a reply of the disk fails its torrent, which would else go on half done', () => {
  const first = makeSimTorrent(SMALL);
  const second = makeSimTorrent({ lengths: { 'c.bin': 300_000 }, pieceLength: 32_768 });
  const plants: Record<string, (torrent: Torrent) => void> = {
    'a piece is stored': (torrent) => {
      torrent.data!.picker.pieceVerified = planted;
    },
    'everything is checked': (torrent) => {
      torrent.swarm.attachData = planted;
    },
  };
  for (const [when, plant] of Object.entries(plants)) {
    const simulator = new Simulator({ seed: 13 });
    const seed = new SimEngine(simulator);
    for (const torrent of [first, second]) {
      seed.give(torrent);
      seed.add(torrent.metainfo, { isTrusted: true });
    }
    const leecher = new SimEngine(simulator);
    const broken = leecher.add(first.metainfo, { from: [seed] });
    if (when === 'a piece is stored') simulator.run(() => broken.phase === 'downloading');
    leecher.isAudited = false;
    plant(broken);
    const whole = leecher.add(second.metainfo, { from: [seed] });
    assert.ok(
      simulator.run(() => broken.phase === 'failed', { maxVirtualMs: 60_000 }),
      when,
    );
    assert.equal(broken.error?.code, 'EINTERNAL');
    assert.equal(broken.swarm.peers.size, 0);
    assert.ok(
      simulator.run(() => whole.phase === 'seeding', { maxVirtualMs: HOUR_MS }),
      'others go on',
    );
    leecher.stop(simulator);
  }
});

function planted(): never {
  throw new Error('planted');
}
