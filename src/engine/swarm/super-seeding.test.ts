/** BEP 16: what a super-seed says and shows, and that the first copy costs little more upload than its size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bitfield } from '../../base/bitfield.js';
import { SeededRandom } from '../../base/random.js';
import { Simulator } from '../../sim/simulator.js';
import { BLOCK, join, lastExtensionHandshake, type Scene, TORRENT, wait } from '../testing/peer-scenes.js';
import type { RawPeer } from '../testing/raw-peer.js';
import { makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';
import { ENOUGH_COPIES, type ShownPeer, SuperSeeding } from './super-seeding.js';

// ---- how much is uploaded before others have everything ----

const PIECES = 120;
const LARGE = makeSimTorrent({ lengths: { 'a.bin': PIECES * 16_384 }, pieceLength: 16_384 });

/** @returns what the seed has uploaded, in copies, when the others have one together. */
function copiesUploaded(options: {
  readonly seed: number;
  readonly leechers: number;
  readonly isSuperSeed: boolean;
}): number {
  const link = { latencyMs: 30, bytesPerMs: 1000, lossRatio: 0 };
  const simulator = new Simulator({ seed: options.seed, link: () => link });
  const engine = new SimEngine(simulator, { uploadLimit: 50_000 });
  engine.give(LARGE);
  const added = engine.add(LARGE.metainfo, { isSuperSeed: options.isSuperSeed });
  simulator.run(() => added.phase === 'seeding');
  const others: SimEngine[] = [];
  const torrents = Array.from({ length: options.leechers }, () => {
    const other = new SimEngine(simulator, { uploadLimit: 75_000 });
    const torrent = other.add(LARGE.metainfo, { from: [engine, ...others] });
    others.push(other);
    return torrent;
  });
  const isThere = (piece: number): boolean => torrents.some((torrent) => torrent.data?.have.has(piece) === true);
  let missing = 0;
  const hasCopy = (): boolean => {
    while (missing < PIECES && isThere(missing)) missing++;
    return missing === PIECES;
  };
  runUntil(simulator, hasCopy);
  const { uploadedBytes } = engine.session.stats(added);
  runUntil(simulator, () => torrents.every(({ phase }) => phase === 'seeding'));
  wait(simulator, 2000);
  assert.equal(added.swarm.isSuperSeeding, false, 'it is over');
  return uploadedBytes / (PIECES * 16_384);
}

/** Looks five times a second: after each callback would be dear. */
function runUntil(simulator: Simulator, isDone: () => boolean): void {
  const endMs = simulator.now + 600_000;
  while (!isDone()) {
    assert.ok(simulator.now < endMs, 'it does not come to an end');
    wait(simulator, 200);
  }
}

for (const leechers of [4, 12]) {
  test(`with ${leechers} leechers a super-seed uploads hardly more than one copy, a seed more`, () => {
    const superSeed = copiesUploaded({ seed: 1, leechers, isSuperSeed: true });
    const seed = copiesUploaded({ seed: 1, leechers, isSuperSeed: false });
    assert.ok(superSeed >= 1 && superSeed <= 1.1, `super-seed: ${superSeed} copies`);
    assert.ok(seed >= superSeed + 0.1, `seed: ${seed} copies, super-seed ${superSeed}`);
  });
}

// ---- what it says ----

function superSeeding(): Scene {
  const simulator = new Simulator({ seed: 7 });
  const engine = new SimEngine(simulator);
  engine.give(TORRENT);
  const added = engine.add(TORRENT.metainfo, { isSuperSeed: true });
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 10_000 }));
  return { simulator, engine, added };
}

function shownTo(peer: RawPeer): number[] {
  return peer.heard('have').map((line) => Number(line.split(' ')[1]));
}

test('it says that it has nothing, allows nothing, does not say that it only uploads, and shows one piece', () => {
  const { simulator, engine } = superSeeding();
  const peer = join(simulator, engine, { fast: true, extensions: true }).send((encoder) => encoder.haveNone());
  const plain = join(simulator, engine).bitfield(20, []);
  wait(simulator, 2000);
  assert.deepEqual(peer.heard('have-none'), ['have-none']);
  assert.deepEqual(peer.heard('allowed-fast'), []);
  assert.notEqual(lastExtensionHandshake(peer).isUploadOnly, true);
  assert.deepEqual(plain.heard('bitfield'), []);
  assert.equal(shownTo(peer).length, 1);
  assert.equal(shownTo(plain).length, 1);
  assert.notEqual(shownTo(peer)[0], shownTo(plain)[0]);
});

test('it serves what it has shown, and nothing else', () => {
  const { simulator, engine } = superSeeding();
  const peer = join(simulator, engine, { fast: true }).send((encoder) => encoder.haveNone());
  wait(simulator, 2000);
  peer.send((encoder) => encoder.interested());
  wait(simulator, 2000);
  const shown = shownTo(peer);
  const hidden = [0, 1, 2, 3].find((piece) => !shown.includes(piece))!;
  peer.send((encoder) => {
    encoder.request(shown[0]!, 0, BLOCK);
    encoder.request(hidden, 0, BLOCK);
  });
  wait(simulator, 1000);
  assert.equal(peer.heard(`block-end ${shown[0]}`).length, 1);
  assert.deepEqual(peer.heard('reject'), [`reject ${hidden} 0 ${BLOCK}`]);
});

test('when others have everything it says so: the rest is shown, and that it only uploads', () => {
  const { simulator, engine, added } = superSeeding();
  const peer = join(simulator, engine, { fast: true, extensions: true }).send((encoder) => encoder.haveNone());
  wait(simulator, 2000);
  for (let i = 0; i < ENOUGH_COPIES; i++) {
    assert.equal(added.swarm.isSuperSeeding, true);
    join(simulator, engine, { fast: true }).send((encoder) => encoder.haveAll());
    wait(simulator, 2000);
  }
  assert.equal(added.swarm.isSuperSeeding, false);
  assert.equal(new Set(shownTo(peer)).size, 20);
  assert.equal(lastExtensionHandshake(peer).isUploadOnly, true);
  const late = join(simulator, engine, { fast: true });
  wait(simulator, 1000);
  assert.deepEqual(late.heard('have-all'), ['have-all']);
});

test('a torrent that is not complete when it is added does not super-seed', () => {
  const simulator = new Simulator({ seed: 8 });
  const seed = new SimEngine(simulator);
  seed.give(TORRENT);
  seed.add(TORRENT.metainfo);
  const engine = new SimEngine(simulator);
  const added = engine.add(TORRENT.metainfo, { from: [seed], isSuperSeed: true });
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  assert.equal(added.swarm.isSuperSeeding, false);
  const peer = join(simulator, engine, { fast: true });
  wait(simulator, 1000);
  assert.deepEqual(peer.heard('have-all'), ['have-all']);
});

// ---- which piece is shown when ----

class TestPeer implements ShownPeer {
  readonly pieces: Bitfield;
  readonly shown: number[] = [];
  isInterested = true;
  isUnchoked = true;

  constructor(pieceCount: number) {
    this.pieces = new Bitfield(pieceCount);
  }
  showPiece(piece: number): void {
    this.shown.push(piece);
  }
}

function scene(
  pieceCount: number,
  peerCount: number,
): { readonly it: SuperSeeding<TestPeer>; readonly peers: TestPeer[] } {
  const peers = Array.from({ length: peerCount }, () => new TestPeer(pieceCount));
  const availability = (piece: number): number => peers.filter((peer) => peer.pieces.has(piece)).length;
  const it = new SuperSeeding<TestPeer>({ pieceCount, random: new SeededRandom(1), availability });
  for (const peer of peers) it.add(peer);
  it.tick(0);
  return { it, peers };
}

function have(it: SuperSeeding<TestPeer>, peer: TestPeer, piece: number, now: number): void {
  peer.pieces.add(piece);
  it.onHave(peer, piece, now);
}

test('the next piece is shown when the last has turned up at another peer, not before', () => {
  const { it, peers } = scene(10, 2);
  const [a, b] = peers as [TestPeer, TestPeer];
  assert.deepEqual([a.shown.length, b.shown.length], [2, 2]);
  assert.equal(new Set([...a.shown, ...b.shown]).size, 4, 'to each its own');
  have(it, a, a.shown[0]!, 1000);
  it.tick(2000);
  assert.equal(a.shown.length, 2);
  have(it, b, a.shown[0]!, 3000);
  assert.equal(a.shown.length, 3);
  assert.equal(b.shown.length, 2);
});

test('a peer that is choked is shown one piece, and one that is alone need not wait for others', () => {
  const { it, peers } = scene(10, 1);
  const [only] = peers as [TestPeer];
  assert.equal(only.shown.length, 2);
  have(it, only, only.shown[0]!, 1000);
  assert.equal(only.shown.length, 3);
  const choked = new TestPeer(10);
  choked.isUnchoked = false;
  it.add(choked);
  it.tick(2000);
  assert.equal(choked.shown.length, 1);
});

test('the rarest piece comes first, those that are on their way to others counted', () => {
  const { it, peers } = scene(6, 3);
  assert.equal(new Set(peers.flatMap(({ shown }) => shown)).size, 6);
  const late = new TestPeer(6);
  late.pieces.add(0);
  it.add(late);
  it.tick(1000);
  assert.ok(!late.shown.includes(0));
});

test('a piece that does not spread holds its peer up for a minute, one that is not wanted for ten seconds', () => {
  const { it, peers } = scene(20, 2);
  const [slow, bored] = peers as [TestPeer, TestPeer];
  bored.isInterested = false;
  it.tick(9999);
  assert.equal(bored.shown.length, 2);
  it.tick(10_000);
  assert.equal(bored.shown.length, 4);
  it.tick(59_999);
  assert.equal(slow.shown.length, 2);
  it.tick(60_000);
  assert.equal(slow.shown.length, 4);
});

test('what was on its way to a peer that has left is shown to others', () => {
  const { it, peers } = scene(4, 2);
  const [gone, other] = peers as [TestPeer, TestPeer];
  it.remove(gone);
  for (const piece of [...other.shown]) have(it, other, piece, 1000);
  it.tick(1000);
  assert.deepEqual(new Set(other.shown), new Set([0, 1, 2, 3]));
  assert.equal(it.wasShown(gone, gone.shown[0]!), false);
});
