/** Which files are downloaded, and what changes when a person changes his mind: whole swarms in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Link } from '../sim/network/internet.js';
import { Simulator } from '../sim/simulator.js';
import { MemoryDisk } from '../sim/storage/memory-disk.js';
import { BLOCK, join, lastExtensionHandshake, wait } from './testing/peer-scenes.js';
import { DOWNLOADS, makeSimTorrent, SimEngine, type SimTorrent } from './testing/sim-swarm.js';
import type { Torrent } from './torrent.js';

const PIECE = 2 * BLOCK;
/** Pieces 0 to 4 are of a; 5 of a and b; 6 to 9 of b; 10 of b, c and d; 11 to 15 of d. */
const TORRENT = makeSimTorrent({
  lengths: { 'a.bin': 5.5 * PIECE, 'b.bin': 5 * PIECE, 'c.txt': 100, 'd.bin': 5 * PIECE },
  pieceLength: PIECE,
});
const ALL = ['a.bin', 'b.bin', 'c.txt', 'd.bin'];
const SLOW: Link = { latencyMs: 20, bytesPerMs: 20, lossRatio: 0 };

test('files that are not selected never appear on disk, and the rest is whole', () => {
  const { simulator, seed } = seeding();
  const leecher = new SimEngine(simulator);
  const added = leecher.add(TORRENT.metainfo, { from: [seed], select: ['b.bin'] });
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  assert.deepEqual(onDisk(leecher), ['b.bin']);
  assert.ok(isWhole(leecher, 'b.bin'));
  assert.deepEqual(piecesOf(added), [5, 6, 7, 8, 9, 10]);
  const stats = added.stats(simulator.now);
  assert.equal(stats.bytesTotal, 5 * PIECE);
  assert.equal(stats.bytesDone, 5 * PIECE);
  assert.equal(stats.pieceCount, 16);
  assert.equal(leecher.count('completed'), 1);
});

test('a selection of nothing but a small file in the middle costs one piece', () => {
  const { simulator, seed } = seeding();
  const leecher = new SimEngine(simulator);
  const added = leecher.add(TORRENT.metainfo, { from: [seed], select: ['3'] });
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  assert.deepEqual(onDisk(leecher), ['c.txt']);
  assert.equal(added.stats(simulator.now).downloadedBytes, PIECE);
});

test('a magnet link says what to select, unless the caller says it', () => {
  const { simulator, seed } = seeding();
  const magnet = { ...TORRENT.magnet, select: [{ first: 3, last: 3 }] };
  const obedient = new SimEngine(simulator);
  const added = obedient.add(magnet, { from: [seed] });
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  assert.deepEqual(onDisk(obedient), ['d.bin']);
  const other = new SimEngine(simulator);
  const again = other.add(magnet, { from: [seed], select: ['a*'] });
  assert.ok(simulator.run(() => again.phase === 'seeding', { maxVirtualMs: 60_000 }));
  assert.deepEqual(onDisk(other), ['a.bin']);
});

test('a selection that fits none of the files of a magnet fails it, and says so', () => {
  const { simulator, seed } = seeding();
  const leecher = new SimEngine(simulator);
  const added = leecher.add(TORRENT.magnet, { from: [seed], select: ['*.iso'] });
  assert.ok(simulator.run(() => added.phase === 'failed', { maxVirtualMs: 60_000 }));
  assert.equal(added.error?.code, 'EOPTION');
  assert.match(added.error.message, /"\*\.iso" selects none of the 4 files of content/);
  assert.deepEqual(onDisk(leecher), []);
});

test('a file that is deselected in the middle is fetched no further; one that is selected comes', () => {
  const { simulator, leecher, added } = halfWay(['a.bin']);
  set(leecher, added, { 'a.bin': 0, 'd.bin': 4 });
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  assert.ok(isWhole(leecher, 'd.bin'));
  assert.deepEqual(onDisk(leecher), ['a.bin', 'd.bin'], 'what was begun stays');
  assert.ok(piecesOf(added).filter((piece) => piece < 5).length < 5);
});

test('requests for what is no longer wanted are withdrawn, and interest is restated', () => {
  const simulator = new Simulator({ seed: 5 });
  const leecher = new SimEngine(simulator);
  const added = leecher.add(TORRENT.metainfo);
  assert.ok(simulator.run(() => added.phase === 'downloading', { maxVirtualMs: 10_000 }));
  const peer = join(simulator, leecher, { fast: true, extensions: true }, TORRENT);
  peer.bitfield(16, [0, 1, 2, 3, 4]).send((encoder) => encoder.unchoke());
  wait(simulator, 500);
  assert.equal(peer.heard('interested').length, 1);
  const asked = (): string[] => peer.heard('request').map((line) => line.slice('request '.length));
  const before = asked();
  assert.ok(before.length > 0);
  set(leecher, added, { 'a.bin': 0 });
  wait(simulator, 500);
  const cancelled = peer.heard('cancel').map((line) => line.slice('cancel '.length));
  assert.deepEqual(new Set(cancelled), new Set(before));
  assert.equal(peer.heard('not-interested').length, 1);
  assert.equal(peer.peerIn(added).download.pipeline.count, 0);
  assert.equal(asked().length, before.length);
  set(leecher, added, { 'a.bin': 7 });
  wait(simulator, 500);
  assert.equal(peer.heard('interested').length, 2);
  assert.ok(asked().length > before.length);
});

test('with everything deselected the torrent is finished, and there is nothing on disk', () => {
  const { simulator, seed } = seeding();
  const leecher = new SimEngine(simulator);
  const added = leecher.add(TORRENT.metainfo);
  assert.ok(simulator.run(() => added.phase === 'downloading', { maxVirtualMs: 10_000 }));
  set(leecher, added, Object.fromEntries(ALL.map((name) => [name, 0])));
  assert.equal(added.phase, 'seeding');
  assert.deepEqual([added.stats(0).bytesDone, added.stats(0).bytesTotal], [0, 0]);
  connect(leecher, added, seed);
  wait(simulator, 20_000);
  assert.equal(added.swarm.downloadedBytes, 0);
  assert.deepEqual(onDisk(leecher), []);
});

test('more that is selected after the end is fetched from those we had parted with, and completed is told again', () => {
  const { simulator, seed } = seeding();
  const leecher = new SimEngine(simulator);
  const added = leecher.add(TORRENT.metainfo, { from: [seed], select: ['a.bin'] });
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  wait(simulator, 2000);
  assert.equal(added.swarm.peers.size, 0, 'two that want nothing part');
  set(leecher, added, { 'd.bin': 4 });
  assert.equal(added.phase, 'downloading');
  assert.ok(
    simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 10_000 }),
    'without waiting for a retry',
  );
  assert.deepEqual(onDisk(leecher), ['a.bin', 'd.bin']);
  assert.equal(leecher.count('completed'), 2);
  const phases = leecher.events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
  assert.deepEqual(phases.slice(-4), ['downloading', 'seeding', 'downloading', 'seeding']);
});

test('peers are told each time whether we want anything more (BEP 21)', () => {
  const simulator = new Simulator({ seed: 6 });
  const leecher = new SimEngine(simulator);
  const added = leecher.add(TORRENT.metainfo, { select: ['c.txt'] });
  assert.ok(simulator.run(() => added.phase === 'downloading', { maxVirtualMs: 10_000 }));
  const peer = join(simulator, leecher, { fast: true, extensions: true }, TORRENT).serve(TORRENT);
  peer.bitfield(16, [0, 1, 10]).send((encoder) => encoder.unchoke());
  wait(simulator, 100);
  assert.equal(added.phase, 'seeding');
  assert.equal(lastExtensionHandshake(peer).isUploadOnly, true);
  set(leecher, added, { 'a.bin': 4 });
  wait(simulator, 100);
  assert.equal(lastExtensionHandshake(peer).isUploadOnly, false);
  assert.deepEqual(peer.heard('extended 0').length, 3);
});

test('two finished sides part, whatever they are finished with', () => {
  const { simulator } = seeding();
  const [one, two] = [new SimEngine(simulator), new SimEngine(simulator)] as const;
  for (const [engine, name] of [
    [one, 'a.bin'],
    [two, 'd.bin'],
  ] as const) {
    engine.host.disk.write(`${DOWNLOADS}/content/${name}`, TORRENT.files.get(`content/${name}`)!);
  }
  // Pieces that the two files share with others are missing, so they begin by wanting something.
  const first = one.add(TORRENT.metainfo, { select: ['a.bin'] });
  const second = two.add(TORRENT.metainfo, { select: ['d.bin'], from: [one] });
  wait(simulator, 5000);
  assert.deepEqual([first.phase, second.phase], ['downloading', 'downloading']);
  assert.equal(first.swarm.peers.size, 1);
  set(one, first, { 'a.bin': 0 });
  set(two, second, { 'd.bin': 0 });
  wait(simulator, 1000);
  assert.deepEqual([first.swarm.peers.size, second.swarm.peers.size], [0, 0]);
});

test('what a priority says is fetched first', () => {
  const simulator = new Simulator({ seed: 8 });
  const leecher = new SimEngine(simulator);
  const added = leecher.add(TORRENT.metainfo);
  assert.ok(simulator.run(() => added.phase === 'downloading', { maxVirtualMs: 10_000 }));
  set(leecher, added, { 'd.bin': 7, 'a.bin': 1 });
  // Without the fast extension: nothing comes out of turn while it chokes us.
  const peer = join(simulator, leecher, {}, TORRENT).serve(TORRENT);
  peer.bitfield(16, [...Array(16).keys()]).send((encoder) => encoder.unchoke());
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  const order = leecher.events.flatMap((event) => (event.type === 'pieceVerified' ? [event.piece] : []));
  assert.deepEqual(new Set(order.slice(0, 6)), new Set([10, 11, 12, 13, 14, 15]));
  assert.deepEqual(new Set(order.slice(-5)), new Set([0, 1, 2, 3, 4]));
});

test('the selection outlives the check of what is on disk, and counts what was there', () => {
  const { simulator } = seeding();
  const engine = new SimEngine(simulator);
  engine.give(TORRENT);
  engine.host.disk.remove(`${DOWNLOADS}/content/d.bin`);
  const added = engine.add(TORRENT.metainfo, { select: ['a.bin', 'b.bin'] });
  assert.ok(simulator.run(() => added.phase === 'downloading', { maxVirtualMs: 10_000 }));
  // Piece 10 has bytes of b and of d, which is gone.
  assert.deepEqual(piecesOf(added), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(added.stats(0).bytesDone, 10 * PIECE);
  assert.equal(added.stats(0).bytesTotal, 10.5 * PIECE);
});

test('what was selected outlives a run, unless the next one says otherwise', () => {
  const { simulator, seed } = seeding();
  const state = new Map<string, Uint8Array>();
  const disk = new MemoryDisk();
  const run = (select: readonly string[], change?: Readonly<Record<string, number>>): number[] => {
    const engine = new SimEngine(simulator, {}, { disk, state });
    const added = engine.add(TORRENT.magnet, { from: [seed], select });
    assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
    const priorities = [...added.files!.ofFile];
    if (change !== undefined) set(engine, added, change);
    engine.stop(simulator);
    return priorities;
  };
  assert.deepEqual(run(['c.txt'], { 'd.bin': 6 }), [0, 0, 4, 0]);
  assert.deepEqual(run([]), [0, 0, 4, 6]);
  assert.deepEqual(run(['1']), [4, 0, 0, 0]);
  assert.deepEqual(run([]), [4, 0, 0, 0]);
});

test('of 10 000 files and 100 000 pieces a few, all and none can be selected, all at once', () => {
  const lengths = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`d${index % 100}/${index}`, 160]));
  const torrent = makeSimTorrent({ lengths, pieceLength: 16 });
  assert.equal(torrent.metainfo.pieceCount, 100_000);
  const simulator = new Simulator({ seed: 7 });
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  seed.add(torrent.metainfo, { isTrusted: true });
  const leecher = new SimEngine(simulator);
  const added = leecher.add(torrent.metainfo, { from: [seed], select: ['d7/*7', '10000', '**/5??5'] });
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 600_000 }));
  const count = added.files!.ofFile.filter((priority) => priority > 0).length;
  assert.ok(count > 100 && count < 300);
  assert.equal(piecesOf(added).length, 10 * count);
  assert.equal(added.stats(0).bytesDone, 160 * count);
  const setAll = (of: (index: number) => number): void => {
    const next = Uint8Array.from({ length: 10_000 }, (_, index) => of(index));
    leecher.session.context.turn.run(() => added.setFilePriorities(next));
    added.data!.picker.verify();
  };
  setAll((index) => index % 8);
  assert.equal(added.phase, 'downloading');
  assert.equal(added.stats(0).bytesTotal, 8750 * 160);
  setAll(() => 0);
  assert.equal(added.phase, 'seeding');
  setAll(() => 4);
  assert.equal(added.data!.picker.wantedMissing, 100_000 - 10 * count);
});

function seeding({ link }: { readonly link?: () => Link } = {}): { simulator: Simulator; seed: SimEngine } {
  const simulator = new Simulator({ seed: 4, ...(link === undefined ? {} : { link }) });
  const seed = new SimEngine(simulator);
  seed.give(TORRENT);
  const added = seed.add(TORRENT.metainfo);
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 10_000 }));
  return { simulator, seed };
}

/** Half of what is selected has come. */
function halfWay(select: readonly string[]): { simulator: Simulator; leecher: SimEngine; added: Torrent } {
  const { simulator, seed } = seeding({ link: () => SLOW });
  const leecher = new SimEngine(simulator);
  const added = leecher.add(TORRENT.metainfo, { from: [seed], select });
  const isHalf = (): boolean => {
    const { bytesDone, bytesTotal } = added.stats(simulator.now);
    return bytesTotal > 0 && bytesDone >= bytesTotal / 3;
  };
  assert.ok(simulator.run(isHalf, { maxVirtualMs: 60_000 }));
  assert.equal(added.phase, 'downloading');
  return { simulator, leecher, added };
}

/** Changes the priorities of the files named. */
function set(engine: SimEngine, torrent: Torrent, priorities: Readonly<Record<string, number>>): void {
  const next = torrent.files!.ofFile.map((priority, index) => priorities[ALL[index]!] ?? priority);
  engine.session.context.turn.run(() => torrent.setFilePriorities(next));
}

function connect(engine: SimEngine, torrent: Torrent, to: SimEngine): void {
  const address = { family: 4 as const, host: to.host.ipv4!, port: to.session.listenPort };
  engine.session.context.turn.run(() => torrent.addPeers([address], 'user'));
}

function onDisk(engine: SimEngine): string[] {
  return ALL.filter((name) => engine.host.disk.has(`${DOWNLOADS}/content/${name}`));
}

function isWhole(engine: SimEngine, name: string, torrent: SimTorrent = TORRENT): boolean {
  const stored = engine.host.disk.read(`${DOWNLOADS}/content/${name}`);
  return stored !== null && Buffer.from(stored).equals(torrent.files.get(`content/${name}`)!);
}

function piecesOf(torrent: Torrent): number[] {
  const { have } = torrent.data!;
  return Array.from({ length: have.length }, (_, piece) => piece).filter((piece) => have.has(piece));
}
