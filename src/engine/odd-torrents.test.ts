/** Torrents and settings at the edges of what is allowed, from seed to leecher in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Simulator } from '../sim/simulator.js';
import { RawPeer } from './testing/raw-peer.js';
import { makeSimTorrent, SimEngine } from './testing/sim-swarm.js';

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;

const SHAPES: Readonly<Record<string, Parameters<typeof makeSimTorrent>[0]>> = {
  'one byte': { lengths: { a: 1 }, pieceLength: 16_384 },
  'one piece': { lengths: { a: 40_000 }, pieceLength: 65_536 },
  'a last block of one byte': { lengths: { a: 3 * 32_768 + 16_385 }, pieceLength: 32_768 },
  'a last piece of one byte': { lengths: { a: 3 * 32_768 + 1 }, pieceLength: 32_768 },
  'pieces of less than a block': { lengths: { a: 5000, b: 0, c: 3000 }, pieceLength: 1000 },
  'a piece length that is no power of two': { lengths: { a: 100_000 }, pieceLength: 20_001 },
  'a thousand files in one piece': {
    lengths: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`f${i}`, i % 3])),
    pieceLength: 16_384,
  },
};

for (const [name, shape] of Object.entries(SHAPES)) {
  test(`a torrent of ${name} is exchanged, by torrent and by magnet`, () => {
    const simulator = new Simulator({ seed: 201 });
    const torrent = makeSimTorrent(shape);
    const seed = new SimEngine(simulator);
    seed.give(torrent);
    seed.add(torrent.metainfo);
    for (const source of [torrent.metainfo, torrent.magnet]) {
      const leecher = new SimEngine(simulator);
      const download = leecher.add(source, { from: [seed] });
      assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
      assert.ok(leecher.has(torrent));
      assert.equal(leecher.session.stats(download).wastedBytes, 0);
    }
  });
}

test('a peer that takes one request at a time (reqq) is sent no more, and gives everything', () => {
  const simulator = new Simulator({ seed: 202 });
  const torrent = makeSimTorrent({ lengths: { a: 300_000 }, pieceLength: 65_536 });
  const leecher = new SimEngine(simulator);
  const download = leecher.add(torrent.metainfo);
  simulator.run(simulator.now + 1000);
  const peer = new RawPeer(simulator, { fast: true, extensions: true });
  let waiting = 0;
  peer.onRequest = (piece, begin, length) => {
    waiting++;
    assert.equal(waiting, 1);
    simulator.after(100, () => {
      waiting--;
      peer.sendBlock(torrent, piece, begin, length);
    });
  };
  peer.dial(leecher).handshake(torrent.metainfo.infoHash.v1!).extensionHandshake({ requestQueue: 1 });
  peer.send((say) => {
    say.haveAll();
    say.unchoke();
  });
  assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
  assert.ok(leecher.has(torrent));
});

test('pieces of 2 MiB and memory for two of them are enough for many peers with parts of the torrent', () => {
  const simulator = new Simulator({ seed: 203 });
  const torrent = makeSimTorrent({ lengths: { a: 9 * MIB + 5 }, pieceLength: 2 * MIB });
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  seed.add(torrent.metainfo);
  const leechers = Array.from({ length: 4 }, () => new SimEngine(simulator, { writeCacheBytes: 4 * MIB }));
  const downloads = leechers.map((leecher) => leecher.add(torrent.metainfo, { from: [seed, ...leechers] }));
  assert.ok(simulator.run(() => downloads.every(({ phase }) => phase === 'seeding'), { maxVirtualMs: HOUR_MS }));
  for (const leecher of leechers) assert.ok(leecher.has(torrent));
});

for (const [writeCacheMib, pieceMib] of [
  [1, 16],
  [64, 16],
  [2, 1],
] as const) {
  test(`pieces of ${pieceMib} MiB come through a write cache of ${writeCacheMib} MiB, whoever has which`, () => {
    const simulator = new Simulator({ seed: 205, link: () => ({ latencyMs: 10, bytesPerMs: 2000, lossRatio: 0 }) });
    const torrent = makeSimTorrent({ lengths: { a: 2 * pieceMib * MIB + 70_000 }, pieceLength: pieceMib * MIB });
    const seed = new SimEngine(simulator);
    seed.give(torrent);
    seed.add(torrent.metainfo);
    const leechers = Array.from({ length: 3 }, () => {
      return new SimEngine(simulator, { writeCacheBytes: writeCacheMib * MIB });
    });
    const downloads = leechers.map((leecher) => leecher.add(torrent.metainfo, { from: [seed, ...leechers] }));
    let mostBytes = 0;
    const isDone = (): boolean => {
      for (const leecher of leechers) mostBytes = Math.max(mostBytes, leecher.session.context.writeBudget.usedBytes);
      return downloads.every(({ phase }) => phase === 'seeding');
    };
    assert.ok(simulator.run(isDone, { maxVirtualMs: HOUR_MS }));
    for (const leecher of leechers) assert.ok(leecher.has(torrent));
    assert.ok(mostBytes > 0 && mostBytes <= writeCacheMib * MIB, `${mostBytes} bytes`);
    for (const leecher of leechers) assert.equal(leecher.session.context.writeBudget.usedBytes, 0);
  });
}

test('a torrent whose peers are gone does not keep the memory that another one needs', () => {
  // Slow enough that the first torrent has all of its memory in unfinished pieces when its seed goes.
  const simulator = new Simulator({ seed: 204, link: () => ({ latencyMs: 20, bytesPerMs: 50, lossRatio: 0 }) });
  const first = makeSimTorrent({ lengths: { a: 8 * MIB }, pieceLength: 512 * 1024 });
  const second = makeSimTorrent({ lengths: { b: 3 * MIB }, pieceLength: 1024 * 1024 });
  const leecher = new SimEngine(simulator, { writeCacheBytes: 2 * MIB });
  const seeds = Array.from({ length: 6 }, () => new SimEngine(simulator));
  for (const seed of seeds) {
    seed.give(first);
    seed.add(first.metainfo, { isTrusted: true });
  }
  const stuck = leecher.add(first.metainfo, { from: seeds });
  const budget = leecher.session.context.writeBudget;
  assert.ok(simulator.run(() => budget.usedBytes > MIB, { maxVirtualMs: 60_000 }));
  for (const seed of seeds) seed.stop(simulator);
  assert.equal(stuck.phase, 'downloading');
  assert.ok(budget.usedBytes > MIB);
  const other = new SimEngine(simulator);
  other.give(second);
  other.add(second.metainfo);
  const download = leecher.add(second.metainfo, { from: [other] });
  assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
});

test('an engine that is stopped while a torrent is being removed stops, and the removal ends too', () => {
  const simulator = new Simulator({ seed: 206 });
  const torrent = makeSimTorrent({ lengths: { a: 400_000 }, pieceLength: 16_384 });
  const engine = new SimEngine(simulator);
  const added = engine.add(torrent.metainfo);
  simulator.run(simulator.now + 1000);
  let isRemoved = false;
  engine.session.remove(added, () => {
    isRemoved = true;
  });
  engine.stop(simulator);
  assert.ok(isRemoved);
});
