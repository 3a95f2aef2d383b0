/**
 * Who spoils one block of a v2 piece (BEP 52): found out by the hashes that an honest peer tells, before the piece has
 * been fetched again. Whole engine, scripted peers, virtual time.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { pieceHashesOf } from '../../format/file-layout.js';
import { wireHashes } from '../../format/infohash.js';
import { hashesAt } from '../../format/merkle-proof.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import { Simulator } from '../../sim/simulator.js';
import { BLOCK, downloading, type Scene, wait } from '../testing/peer-scenes.js';
import { contentOf, RawPeer } from '../testing/raw-peer.js';
import type { SimTorrent } from '../testing/sim-swarm.js';
import { StoreScene } from '../testing/store-scene.js';
import { leavesOf, makeV2Torrent } from '../testing/v2-torrent.js';
import { FileTrees } from './file-trees.js';
import { LeafFetcher } from './leaf-fetcher.js';

/** One piece of 60 blocks, the last of which is short: no power of two. */
const SHAPE = { lengthBytes: 60 * BLOCK - 100, pieceLength: 64 * BLOCK };
const KINDS = ['v2', 'hybrid'] as const;

/** What a peer says when it is asked for hashes. */
type Habit = 'tells' | 'refuses' | 'keeps silent' | 'lies';

interface Sender {
  readonly peer: RawPeer;
  /** Blocks that were asked of it, in order. */
  readonly asked: number[];
}

/** Has everything and sends what it is asked for, the blocks that are `spoiled` with a wrong byte. */
function sender(
  scene: Scene,
  torrent: SimTorrent,
  habit: Habit,
  spoiled: (block: number) => boolean = () => false,
): Sender {
  const peer = new RawPeer(scene.simulator, { fast: true, v2: true }).dial(scene.engine);
  peer.handshake(wireHashes(torrent.metainfo.infoHash).at(-1)!);
  const asked: number[] = [];
  peer.onRequest = (piece, begin, length) => {
    const block = begin / BLOCK;
    asked.push(block);
    const bytes = contentOf(torrent, piece, begin, length);
    if (spoiled(block)) bytes[0]! ^= 1;
    peer.send((say) => say.pieceHeader(piece, begin, length)).sendBytes(bytes);
  };
  peer.onHashRequest = (range) => answer(peer, torrent, range, habit);
  peer.send((say) => {
    say.haveAll();
    say.unchoke();
  });
  return { peer, asked };
}

function answer(peer: RawPeer, torrent: SimTorrent, range: HashRange, habit: Habit): void {
  const hashes = hashesAt(leavesOf(torrent.files.get('a.bin')!), 0, range);
  if (habit === 'lies') hashes[5]! ^= 1;
  if (habit === 'refuses') peer.send((say) => say.hashReject(range));
  else if (habit !== 'keeps silent') peer.send((say) => say.hashes(range, hashes));
}

function start(torrent: SimTorrent): Scene {
  const link = (): { latencyMs: number; bytesPerMs: number; lossRatio: number } => ({
    latencyMs: 20,
    bytesPerMs: 100,
    lossRatio: 0,
  });
  return downloading({ torrent, simulator: new Simulator({ seed: 7, link }) });
}

/** Until the piece has failed. */
function fail({ simulator, engine }: Scene): void {
  assert.ok(simulator.run(() => engine.count('pieceFailed') === 1, { maxVirtualMs: 60_000 }));
}

/** Spoils the first block that is asked of it, whenever it is asked for that one. */
function liar(scene: Scene, torrent: SimTorrent, habit: Habit = 'keeps silent'): Sender {
  const made: Sender = sender(scene, torrent, habit, (block) => block === made.asked[0]);
  return made;
}

for (const kind of KINDS) {
  for (const isAskedFirst of [false, true]) {
    const asked = isAskedFirst ? 'asked for the hashes first' : 'not asked for the hashes';
    test(`who spoils one block of a ${kind} piece is banned before it is fetched again, and he alone (${asked})`, () => {
      const torrent = makeV2Torrent({ kind, ...SHAPE });
      const scene = start(torrent);
      const early = isAskedFirst ? liar(scene, torrent) : null;
      const good = [sender(scene, torrent, 'tells'), sender(scene, torrent, 'tells')];
      const bad = early ?? liar(scene, torrent);
      fail(scene);
      for (const each of [bad, ...good]) assert.ok(each.asked.length > 0, 'all three have a part in it');
      const maxVirtualMs = isAskedFirst ? LIMITS.leafFetchTimeoutMs + 1000 : 1000;
      assert.ok(scene.simulator.run(() => bad.peer.isClosed, { maxVirtualMs }));
      assert.deepEqual(bad.peer.reasonsIn(scene.engine), ['banned']);
      assert.equal(scene.engine.count('pieceVerified'), 0);
      assert.ok(
        good.every(({ peer }) => !peer.isClosed && !peer.peerIn(scene.added).isSuspect),
        'the others are cleared',
      );
      assert.ok(scene.simulator.run(() => scene.added.phase === 'seeding', { maxVirtualMs: 60_000 }));
      assert.equal(scene.engine.count('pieceFailed'), 1);
      assert.ok(scene.engine.has(torrent));
    });
  }
}

for (const habit of ['refuses', 'keeps silent', 'lies'] as const) {
  test(`a second peer is asked when the first ${habit}`, () => {
    const torrent = makeV2Torrent({ kind: 'v2', ...SHAPE });
    const scene = start(torrent);
    const first = sender(scene, torrent, habit);
    const second = sender(scene, torrent, 'tells');
    const bad = liar(scene, torrent);
    fail(scene);
    // So that nobody is judged by a good piece.
    for (const { peer } of [first, second, bad]) peer.onRequest = () => {};
    wait(scene.simulator, LIMITS.leafFetchTimeoutMs + 1000);
    const asked = [first, second, bad].map(({ peer }) => peer.heard('hash-request').length);
    assert.deepEqual(asked, [1, 1, 0]);
    assert.deepEqual(first.peer.reasonsIn(scene.engine), habit === 'lies' ? ['bad-hashes'] : []);
    assert.deepEqual(bad.peer.reasonsIn(scene.engine), ['banned']);
    assert.equal(scene.engine.count('pieceVerified'), 0);
  });
}

test('no third peer is asked when two do not tell', () => {
  const torrent = makeV2Torrent({ kind: 'v2', ...SHAPE });
  const scene = start(torrent);
  const silent = [sender(scene, torrent, 'refuses'), sender(scene, torrent, 'keeps silent')];
  const all = [...silent, liar(scene, torrent), sender(scene, torrent, 'tells')];
  fail(scene);
  for (const { peer } of all) peer.onRequest = () => {};
  wait(scene.simulator, 3 * LIMITS.leafFetchTimeoutMs);
  assert.equal(LIMITS.leafFetchTriesMax, silent.length);
  assert.deepEqual(
    all.map(({ peer }) => peer.heard('hash-request').length),
    [1, 1, 0, 0],
  );
});

test('when nobody tells hashes, whoever spoiled a block is found out by the piece that follows', () => {
  const torrent = makeV2Torrent({ kind: 'hybrid', ...SHAPE });
  const scene = start(torrent);
  const bad = liar(scene, torrent);
  const good = [sender(scene, torrent, 'refuses'), sender(scene, torrent, 'refuses')];
  fail(scene);
  assert.ok(scene.simulator.run(() => scene.engine.has(torrent) && bad.peer.isClosed, { maxVirtualMs: 60_000 }));
  assert.deepEqual(bad.peer.reasonsIn(scene.engine), ['banned']);
  assert.ok(good.every(({ peer }) => !peer.reasonsIn(scene.engine).includes('banned')));
});

test('hashes that nobody asked for, of a peer that was not asked too, are ignored', () => {
  const torrent = makeV2Torrent({ kind: 'v2', ...SHAPE });
  const scene = start(torrent);
  const { peer } = sender(scene, torrent, 'tells');
  const piecesRoot = torrent.metainfo.files[0]!.piecesRoot!;
  peer.send((say) =>
    say.hashes({ piecesRoot, baseLayer: 0, index: 0, length: 64, proofLayers: 0 }, new Uint8Array(64 * 32)),
  );
  peer.send((say) => say.hashReject({ piecesRoot, baseLayer: 0, index: 0, length: 64, proofLayers: 0 }));
  wait(scene.simulator, 100);
  assert.ok(!peer.isClosed);
});

test('no more pieces are asked for at one time than the limit says', () => {
  const count = LIMITS.leafFetchesMax + 1;
  const torrent = makeV2Torrent({ kind: 'v2', lengthBytes: count * 2 * BLOCK, pieceLength: 2 * BLOCK });
  const { storage, layout } = new StoreScene(torrent, { slotBytes: 2 * BLOCK, slots: 1 });
  const { turn } = downloading().engine.session.context;
  const { files, pieceLength } = layout;
  const trees = new FileTrees({ files, pieceLength, hashes: pieceHashesOf(torrent.metainfo)!, storage, turn });
  const asked: HashRange[] = [];
  const pieces = { length: count, has: () => true };
  const source = { speaksV2: true, isSuspect: false, pieces, hashes: { ask: (range: HashRange) => asked.push(range) } };
  const told: number[] = [];
  const fetcher = new LeafFetcher({ turn, trees, sources: () => [source], onLeaves: (piece) => told.push(piece) });
  for (let piece = 0; piece < count; piece++) fetcher.fetch(piece);
  assert.equal(asked.length, LIMITS.leafFetchesMax);
  const leaves = leavesOf(torrent.files.get('a.bin')!);
  assert.ok(fetcher.onAnswer(source, asked[5]!, hashesAt(leaves, 0, asked[5]!)));
  assert.deepEqual(told, [5]);
  assert.equal(fetcher.count, LIMITS.leafFetchesMax - 1);
  fetcher.stop();
  assert.equal(fetcher.count, 0);
});
