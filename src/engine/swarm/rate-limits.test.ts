/** The limits of the whole client, measured on whole sessions in virtual time: payload, over ten seconds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { Simulator } from '../../sim/simulator.js';
import { settle, startHandles } from '../testing/handle-scenes.js';
import { BLOCK, seeding, unchokedPeer, wait } from '../testing/peer-scenes.js';
import { makeSimTorrent, SimEngine, type SimTorrent } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';

const KB = 1000;
/** What lasts for more than ten seconds at each rate. */
const SMALL = torrents(2, 400 * KB);
const MIDDLE = torrents(3, 4000 * KB);
const LARGE = torrents(1, 26_000 * KB);

function torrents(count: number, bytes: number): SimTorrent[] {
  return Array.from({ length: count }, (_, i) =>
    makeSimTorrent({ lengths: { [`${bytes}-${i}.bin`]: bytes + i }, pieceLength: 262_144 }),
  );
}

/** So fast, near and far, that only the limit counts: a simulated connection has 256 KiB under way at most. */
function simulator(seed: number): Simulator {
  return new Simulator({ seed, link: (from, to) => ({ latencyMs: hash(from + to), bytesPerMs: 1e6, lossRatio: 0 }) });
}

function hash(text: string): number {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.charCodeAt(0)) % 50;
  return 1 + sum;
}

/** 3 %, or the one block that cannot be cut. */
function assertNear(bytes: number, expected: number, what: string): void {
  const tolerance = Math.max(0.03 * expected, BLOCK);
  assert.ok(Math.abs(bytes - expected) <= tolerance, `${what}: ${bytes} of ${expected} bytes`);
}

interface Totals {
  readonly downloadedBytes: number;
  readonly uploadedBytes: number;
}

function totals(engine: SimEngine): Totals {
  const all = [...engine.session.torrents].map((torrent) => engine.session.stats(torrent));
  const sum = (of: (stats: Totals) => number): number => all.reduce((total, stats) => total + of(stats), 0);
  return { downloadedBytes: sum((s) => s.downloadedBytes), uploadedBytes: sum((s) => s.uploadedBytes) };
}

/** What moves in ten seconds. */
function tenSecondsOf(world: Simulator, engine: SimEngine): Totals {
  const before = totals(engine);
  wait(world, 10_000);
  const after = totals(engine);
  return {
    downloadedBytes: after.downloadedBytes - before.downloadedBytes,
    uploadedBytes: after.uploadedBytes - before.uploadedBytes,
  };
}

function seeds(world: Simulator, count: number, content: readonly SimTorrent[]): SimEngine[] {
  return Array.from({ length: count }, () => {
    const seed = new SimEngine(world);
    for (const torrent of content) {
      seed.give(torrent);
      seed.add(torrent.metainfo, { isTrusted: true });
    }
    return seed;
  });
}

const SCENES: readonly (readonly [limit: number, peers: number, content: readonly SimTorrent[]])[] = [
  [20 * KB, 1, SMALL.slice(1)],
  [20 * KB, 12, SMALL],
  [200 * KB, 1, MIDDLE.slice(2)],
  [200 * KB, 12, MIDDLE],
  [2000 * KB, 1, LARGE],
  [2000 * KB, 8, LARGE],
];

for (const [limit, peers, content] of SCENES) {
  test(`a download limit of ${limit / KB} kB/s is kept, and used: ${content.length} torrents of ${peers} seeds`, () => {
    const world = simulator(limit + peers);
    const from = seeds(world, peers, content);
    const engine = new SimEngine(world, { downloadLimit: limit });
    for (const torrent of content) engine.add(torrent.metainfo, { from });
    wait(world, 1500);
    assertNear(tenSecondsOf(world, engine).downloadedBytes, 10 * limit, 'downloaded');
    for (const torrent of engine.session.torrents) {
      for (const peer of torrent.swarm.peers) assert.equal(peer.isSnubbed, false, 'a peer is blamed for our limit');
    }
  });

  test(`an upload limit of ${limit / KB} kB/s is kept, and used: ${content.length} torrents, ${peers} leechers each`, () => {
    const world = simulator(limit + peers);
    const engine = new SimEngine(world, { uploadLimit: limit });
    for (const torrent of content) {
      engine.give(torrent);
      engine.add(torrent.metainfo, { isTrusted: true });
      for (let i = 0; i < peers; i++) new SimEngine(world).add(torrent.metainfo, { from: [engine] });
    }
    wait(world, 1500);
    const { uploadedBytes } = tenSecondsOf(world, engine);
    assertNear(uploadedBytes, 10 * limit, 'uploaded');
  });
}

test('both limits hold at one time, each for itself', () => {
  const world = simulator(1);
  const [torrent] = MIDDLE as [SimTorrent];
  const from = seeds(world, 2, [torrent]);
  // Those that it serves are not to hear of the seeds.
  const engine = new SimEngine(world, { downloadLimit: 200 * KB, uploadLimit: 100 * KB, pex: false });
  engine.add(torrent.metainfo, { from });
  wait(world, 4000);
  for (let i = 0; i < 3; i++) new SimEngine(world).add(torrent.metainfo, { from: [engine] });
  wait(world, 1500);
  const moved = tenSecondsOf(world, engine);
  assertNear(moved.downloadedBytes, 2000 * KB, 'downloaded');
  assertNear(moved.uploadedBytes, 1000 * KB, 'uploaded');
});

test('torrents share the limit evenly, however many peers each of them has', () => {
  const world = simulator(2);
  const [one, other] = MIDDLE as [SimTorrent, SimTorrent];
  const engine = new SimEngine(world, { downloadLimit: 200 * KB });
  const added = [
    engine.add(one.metainfo, { from: seeds(world, 1, [one]) }),
    engine.add(other.metainfo, { from: seeds(world, 10, [other]) }),
  ];
  wait(world, 1500);
  const bytesOf = (torrent: Torrent): number => engine.session.stats(torrent).downloadedBytes;
  const before = added.map(bytesOf);
  wait(world, 10_000);
  for (const [i, torrent] of added.entries()) assertNear(bytesOf(torrent) - before[i]!, 1000 * KB, `torrent ${i}`);
});

test('limits change while data moves, and a torrent is complete once they are gone', () => {
  const world = simulator(3);
  const [torrent] = LARGE as [SimTorrent];
  const from = seeds(world, 2, [torrent]);
  const engine = new SimEngine(world, { downloadLimit: 200 * KB });
  const added = engine.add(torrent.metainfo, { from });
  wait(world, 1500);
  engine.session.setRateLimits({ downloadLimit: 1000 * KB });
  wait(world, 500);
  assertNear(tenSecondsOf(world, engine).downloadedBytes, 10_000 * KB, 'raised');
  engine.session.setRateLimits({ downloadLimit: 50 * KB });
  wait(world, 500);
  assertNear(tenSecondsOf(world, engine).downloadedBytes, 500 * KB, 'lowered');
  engine.session.setRateLimits({ downloadLimit: 0 });
  assert.ok(
    world.run(() => added.phase === 'seeding', { maxVirtualMs: 10_000 }),
    'no limit any more',
  );
  assert.equal(engine.session.stats(added).wastedBytes, 0);
});

test('a limit that is set in the middle of a fast download is met as soon as what was under way has come', () => {
  const link = { latencyMs: 20, bytesPerMs: 5000, lossRatio: 0 };
  const world = new Simulator({ seed: 4, link: () => link });
  const [torrent] = LARGE as [SimTorrent];
  const from = seeds(world, 1, [torrent]);
  const engine = new SimEngine(world);
  engine.add(torrent.metainfo, { from });
  world.run(() => totals(engine).downloadedBytes > 4000 * KB);
  engine.session.setRateLimits({ downloadLimit: 100 * KB });
  wait(world, 5000);
  assertNear(tenSecondsOf(world, engine).downloadedBytes, 1000 * KB, 'after five seconds');
});

test('the public engine sets limits while it runs, and refuses what is none', async () => {
  const [torrent] = MIDDLE as [SimTorrent];
  const { simulator: world, engine, torrent: handle } = await startHandles(torrent);
  engine.setRateLimits({ downloadLimit: 100 * KB });
  wait(world, 5000);
  const before = handle.stats().downloadedBytes;
  wait(world, 10_000);
  assertNear(handle.stats().downloadedBytes - before, 1000 * KB, 'downloaded');
  for (const downloadLimit of [-1, 0.5, Number.NaN, '1M' as unknown as number]) {
    assert.throws(
      () => engine.setRateLimits({ downloadLimit }),
      (error) => error instanceof DtorrentError && error.code === 'EOPTION',
    );
  }
  engine.setRateLimits({ uploadLimit: 5 });
  engine.setRateLimits({ downloadLimit: 0 });
  await settle(world, handle.completed);
  await settle(world, engine.stop());
});

// ---- what a limit must not do ----

test('a peer that waits for its turn to be fed hears keep-alives all the same', () => {
  const { simulator: world, engine, added } = seeding({ settings: { uploadLimit: 40 } });
  const peer = unchokedPeer(world, engine);
  peer.send((encoder) => {
    for (let i = 0; i < 20; i++) encoder.request(15, 0, BLOCK);
  });
  for (let minute = 0; minute < 20; minute++) {
    wait(world, 60_000);
    peer.send((encoder) => encoder.keepAlive());
  }
  assert.equal(peer.isClosed, false);
  const quiet = (20 * 60_000) / LIMITS.keepAliveAfterMs;
  const heard = peer.heard('keep-alive').length;
  assert.ok(heard >= quiet - 6 && heard <= quiet, `${heard} keep-alives`);
  assert.ok(peer.heard('block-end').length <= 4);
  assert.equal(added.swarm.peers.size, 1);
});

test('what a choking peer, or one that leaves, was asked for is asked of others within the limit', () => {
  const world = simulator(5);
  const [torrent] = MIDDLE as [SimTorrent];
  const [good] = seeds(world, 1, [torrent]) as [SimEngine];
  const engine = new SimEngine(world, { downloadLimit: 100 * KB });
  const added = engine.add(torrent.metainfo, { from: [good] });
  wait(world, 1000);
  const before = totals(engine).downloadedBytes;
  for (let i = 0; i < 20; i++) {
    // It lets itself be asked, sends nothing, and goes.
    const [quitter] = seeds(world, 1, [torrent]) as [SimEngine];
    quitter.session.setRateLimits({ uploadLimit: 1 });
    engine.session.context.turn.run(() =>
      added.addPeers([{ family: 4, host: quitter.host.ipv4!, port: quitter.session.listenPort }], 'user'),
    );
    wait(world, 500);
    quitter.stop(world);
  }
  const bytes = totals(engine).downloadedBytes - before;
  assert.ok(bytes >= 0.9 * 1000 * KB && bytes <= 1.03 * 1000 * KB, `${bytes} bytes in ten seconds`);
});
