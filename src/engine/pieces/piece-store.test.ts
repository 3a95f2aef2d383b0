import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bitfield } from '../../base/bitfield.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { makeSimTorrent } from '../testing/sim-swarm.js';
import { StoreScene } from '../testing/store-scene.js';

const BLOCK = LIMITS.blockBytes;
/** Two pieces of four blocks, the last of them short. */
const TORRENT = makeSimTorrent({ lengths: { 'a.bin': 5 * BLOCK, 'b.bin': 3 * BLOCK - 100 }, pieceLength: 4 * BLOCK });
const WHOLE = { slotBytes: 4 * BLOCK, slots: 4 };
const HALVES = { slotBytes: 2 * BLOCK, slots: 4 };
const NO_DISK = new DtorrentError('EDISKFULL', 'the disk is full');

function bits(text: string): Uint8Array {
  const field = new Bitfield(text.length);
  for (const [i, bit] of [...text].entries()) if (bit === '1') field.add(i);
  return field.bytes;
}

/** Fetches until there is nothing to ask for. */
function fetchAll(scene: StoreScene, peer = scene.peer()): void {
  while (scene.fetch(peer) !== null || scene.picker.wantedMissing > scene.picker.inFlight.length) scene.settle();
  scene.settle();
}

test('a piece that fits a slot is hashed in memory and written once', () => {
  const scene = new StoreScene(TORRENT, WHOLE);
  fetchAll(scene);
  assert.deepEqual(scene.stored, [0, 1]);
  assert.deepEqual(scene.operations, ['write', 'write']);
  assert.equal(scene.pool.inUse, 0);
});

test('a larger piece is written extent by extent, and had only once it has been verified on disk', () => {
  const scene = new StoreScene(TORRENT, HALVES);
  const peer = scene.peer();
  for (let i = 0; i < 4; i++) scene.fetch(peer);
  assert.equal(scene.picker.partial(0)?.isComplete, true);
  assert.equal(scene.picker.have.has(0), false);
  scene.settle();
  assert.deepEqual(scene.operations, ['write', 'write', 'verify']);
  assert.deepEqual(scene.stored, [0]);
  assert.ok(scene.picker.have.has(0));
  fetchAll(scene, peer);
  assert.ok(scene.isOnDisk(1, 0, 4 * BLOCK - 100));
  assert.equal(scene.pool.inUse, 0);
});

test('one slot is enough for a piece of two', () => {
  const scene = new StoreScene(TORRENT, { slotBytes: 2 * BLOCK, slots: 1 });
  const peer = scene.peer();
  assert.deepEqual(
    [scene.fetch(peer), scene.fetch(peer)],
    [
      [0, 0],
      [0, 1],
    ],
  );
  assert.equal(scene.fetch(peer), null, 'the storage has the memory');
  scene.settle();
  assert.deepEqual(scene.fetch(peer), [0, 2]);
  scene.settle();
  fetchAll(scene, peer);
  assert.deepEqual(scene.stored, [0, 1]);
});

test('a spilled piece that fails on disk is fetched again', () => {
  const scene = new StoreScene(TORRENT, HALVES);
  const peer = scene.peer();
  scene.fetch(peer, { isBad: true });
  for (let i = 0; i < 3; i++) scene.fetch(peer);
  scene.settle();
  assert.deepEqual(scene.bad, [0]);
  assert.deepEqual(scene.guilty, [peer.number]);
  assert.equal(scene.picker.have.has(0), false);
  fetchAll(scene, peer);
  assert.deepEqual(scene.stored.sort(), [0, 1]);
});

test('a spilled piece whose file has gone is an error of the disk, and nobody is to blame', () => {
  const scene = new StoreScene(TORRENT, HALVES);
  const peer = scene.peer();
  for (let i = 0; i < 4; i++) scene.fetch(peer);
  scene.disk.remove('/downloads/content/a.bin');
  scene.settle();
  assert.deepEqual(scene.bad, []);
  assert.deepEqual(scene.stored, []);
  assert.deepEqual(
    scene.errors.map((error) => error.code),
    ['EFILEIO'],
  );
});

for (const [name, shape] of Object.entries({ whole: WHOLE, spilled: HALVES })) {
  test(`a ${name} piece that cannot be written is told of, and comes again`, () => {
    const scene = new StoreScene(TORRENT, shape);
    const peer = scene.peer();
    scene.fault = () => NO_DISK;
    for (let i = 0; i < 4; i++) scene.fetch(peer);
    scene.settle();
    assert.ok(scene.errors.length > 0 && scene.errors.every((error) => error === NO_DISK));
    assert.deepEqual(scene.bad, []);
    assert.equal(scene.pool.inUse, 0);
    scene.fault = () => null;
    fetchAll(scene, peer);
    assert.deepEqual(scene.stored.sort(), [0, 1]);
  });
}

test('memory of an idle extent is written out when another peer needs it', () => {
  const scene = new StoreScene(TORRENT, { slotBytes: 2 * BLOCK, slots: 1 });
  const gone = scene.peer([0]);
  scene.fetch(gone);
  scene.picker.removePeer(gone);
  const other = scene.peer([1]);
  assert.equal(scene.fetch(other), null);
  scene.settle();
  assert.ok(scene.isOnDisk(0, 0, BLOCK));
  assert.deepEqual(scene.fetch(other), [1, 0]);
  for (let i = 0; i < 3; i++) {
    scene.settle();
    scene.fetch(other);
  }
  scene.settle();
  const last = scene.peer([0]);
  assert.deepEqual(scene.fetch(last), [0, 1], 'block 0 is there');
  scene.settle();
  fetchAll(scene, last);
  assert.deepEqual(scene.stored, [1, 0]);
});

test('an idle extent of which nothing has come gives its memory up without a write', () => {
  const scene = new StoreScene(TORRENT, { slotBytes: 2 * BLOCK, slots: 1 });
  const gone = scene.peer([0]);
  gone.ask(scene.picker, 1);
  gone.releaseAll(scene.picker);
  scene.picker.removePeer(gone);
  const other = scene.peer([1]);
  scene.fetch(other);
  assert.deepEqual(scene.fetch(other), [1, 0]);
  assert.deepEqual(scene.operations, []);
});

// ---- who is to blame ----

for (const [name, shape] of Object.entries({ whole: WHOLE, spilled: HALVES })) {
  test(`of several senders of a bad ${name} piece the liar alone is guilty, once the piece is good`, () => {
    const scene = new StoreScene(TORRENT, shape);
    const [honest, liar] = [scene.peer([0]), scene.peer([0])];
    for (const isBad of [false, true]) {
      scene.fetch(honest);
      scene.fetch(liar, { isBad });
    }
    scene.settle();
    assert.deepEqual(scene.bad, [0]);
    assert.deepEqual(scene.guilty, [], 'either may have done it');
    assert.deepEqual([honest.pick.isSuspect, liar.pick.isSuspect], [true, true]);
    scene.picker.removePeer(liar);
    while (scene.fetch(honest) !== null) scene.settle();
    scene.settle();
    assert.deepEqual(scene.stored, [0]);
    assert.deepEqual(scene.guilty, [liar.number], 'also when he has gone');
    assert.equal(honest.pick.isSuspect, false);
  });

  test(`the only sender of a bad ${name} piece is guilty at once`, () => {
    const scene = new StoreScene(TORRENT, shape);
    const liar = scene.peer([0]);
    for (const isBad of [false, true, false, false]) scene.fetch(liar, { isBad });
    scene.settle();
    assert.deepEqual(scene.guilty, [liar.number]);
  });

  test(`the only sender of the rest of a restored ${name} piece is not guilty of what was there before`, () => {
    const scene = new StoreScene(TORRENT, shape);
    scene.disk.write('/downloads/content/a.bin', new Uint8Array(5 * BLOCK));
    assert.equal(scene.picker.restorePartial(0, bits('1110')), true);
    const peer = scene.peer([0]);
    scene.fetch(peer);
    scene.settle();
    assert.deepEqual(scene.bad, [0]);
    while (scene.fetch(peer) !== null) scene.settle();
    scene.settle();
    assert.deepEqual(scene.stored, [0]);
    assert.deepEqual(scene.guilty, []);
    assert.equal(peer.pick.isSuspect, false);
  });
}

test('a bad piece that cannot be read back has nobody to blame, and is fetched again', () => {
  const scene = new StoreScene(TORRENT, HALVES);
  const [honest, liar] = [scene.peer([0]), scene.peer([0])];
  scene.fault = (operation) => (operation === 'read' ? new DtorrentError('EFILEIO', 'unreadable') : null);
  for (const isBad of [false, true]) {
    scene.fetch(honest);
    scene.fetch(liar, { isBad });
  }
  scene.settle();
  assert.deepEqual(scene.bad, [0]);
  while (scene.fetch(honest) !== null) scene.settle();
  scene.settle();
  assert.deepEqual(scene.stored, [0]);
  assert.deepEqual([scene.guilty, scene.errors], [[], []]);
});

test('partials that are saved while a bad piece is read back wait for that', () => {
  const scene = new StoreScene(TORRENT, HALVES);
  const peers = [scene.peer([0]), scene.peer([0])];
  for (let i = 0; i < 4; i++) scene.fetch(peers[i % 2]!, { isBad: i === 0 });
  assert.deepEqual(scene.savePartials(), []);
  assert.deepEqual(scene.bad, [0]);
});

// ---- across restarts ----

for (const [name, shape] of Object.entries({ whole: WHOLE, spilled: HALVES })) {
  test(`blocks of unfinished ${name} pieces are saved, and only the others are fetched in the next session`, () => {
    const scene = new StoreScene(TORRENT, shape);
    const [first, second] = [scene.peer([0]), scene.peer([1])];
    for (let i = 0; i < 3; i++) scene.fetch(first);
    scene.fetch(second);
    const saved = scene.savePartials();
    assert.deepEqual(saved, [
      { piece: 0, blocks: bits('1110') },
      { piece: 1, blocks: bits('1000') },
    ]);
    assert.equal(scene.pool.inUse, 0);
    assert.ok(scene.isOnDisk(0, 0, 3 * BLOCK) && scene.isOnDisk(1, 0, BLOCK));

    const next = new StoreScene(TORRENT, { ...shape, disk: scene.disk });
    for (const { piece, blocks } of saved) assert.equal(next.picker.restorePartial(piece, blocks), true);
    assert.equal(next.pool.inUse, 0, 'what is on disk takes no memory');
    const peer = next.peer();
    const fetched = [next.fetch(peer), next.fetch(peer), next.fetch(peer), next.fetch(peer)];
    assert.deepEqual(fetched, [
      [0, 3],
      [1, 1],
      [1, 2],
      [1, 3],
    ]);
    next.settle();
    assert.deepEqual(next.stored.sort(), [0, 1]);
    assert.ok(next.isOnDisk(0, 0, 4 * BLOCK) && next.isOnDisk(1, 0, 4 * BLOCK - 100));
  });
}

test('partials that are saved while a piece is being stored wait for it', () => {
  for (const shape of [WHOLE, HALVES]) {
    const scene = new StoreScene(TORRENT, shape);
    const peer = scene.peer();
    for (let i = 0; i < 5; i++) scene.fetch(peer);
    assert.deepEqual(scene.savePartials(), [{ piece: 1, blocks: bits('1000') }]);
    assert.ok(scene.picker.have.has(0));
  }
});

test('what could not be written is not saved, and what was there before is', () => {
  const scene = new StoreScene(TORRENT, HALVES);
  const peer = scene.peer();
  scene.fetch(peer);
  scene.fetch(peer);
  scene.settle();
  scene.fetch(peer);
  scene.fault = () => NO_DISK;
  assert.deepEqual(scene.savePartials(), [{ piece: 0, blocks: bits('1100') }]);
});

test('there is nothing to save of pieces of which nothing has come', () => {
  const scene = new StoreScene(TORRENT, WHOLE);
  const peer = scene.peer();
  peer.ask(scene.picker, 2);
  peer.releaseAll(scene.picker);
  assert.deepEqual(scene.savePartials(), []);
});

test('a download goes on after its partials were saved', () => {
  const scene = new StoreScene(TORRENT, WHOLE);
  const peer = scene.peer();
  scene.fetch(peer);
  scene.savePartials();
  fetchAll(scene, peer);
  assert.deepEqual(scene.stored.sort(), [0, 1]);
});

test('a restored piece that turns out bad is fetched again, though no peer is known to blame', () => {
  const scene = new StoreScene(TORRENT, WHOLE);
  scene.disk.write('/downloads/content/a.bin', new Uint8Array(5 * BLOCK));
  assert.equal(scene.picker.restorePartial(0, bits('1110')), true);
  const peer = scene.peer([0]);
  scene.fetch(peer);
  scene.settle();
  assert.deepEqual(scene.stored, []);
  assert.equal(scene.bad.length, 1);
  fetchAll(scene);
  assert.deepEqual(scene.stored.sort(), [0, 1]);
});

test('a restored piece that is no longer wanted is dropped, and comes whole when it is wanted again', () => {
  const scene = new StoreScene(TORRENT, WHOLE);
  scene.picker.restorePartial(0, bits('1110'));
  scene.picker.setPriority(0, 0);
  assert.equal(scene.picker.partial(0), null);
  assert.equal(scene.picker.restorePartial(0, bits('1110')), false);
  scene.picker.setPriority(0, 4);
  fetchAll(scene);
  assert.deepEqual(scene.stored, [0, 1]);
});

test('what makes no sense is not restored', () => {
  const scene = new StoreScene(TORRENT, WHOLE);
  const { picker } = scene;
  picker.markHave(1);
  for (const [piece, blocks] of [
    [0, bits('0000')],
    [0, bits('1111')],
    [0, bits('111111110')],
    [0, new Uint8Array(0)],
    [0, Uint8Array.of(0b1000_1000)],
    [1, bits('1000')],
    [2, bits('1000')],
    [4_000_000_000, bits('1000')],
  ] as const) {
    assert.equal(picker.restorePartial(piece, blocks), false, `piece ${piece}, ${blocks}`);
  }
  assert.equal(picker.restorePartial(0, bits('1000')), true);
  assert.equal(picker.restorePartial(0, bits('0100')), false, 'twice');
  picker.verify();
});

for (let seed = 1; seed <= 20; seed++) {
  test(`a download that is stopped and restored again and again fetches no block twice (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const pieceLength = (1 + randomBelow(random, 9)) * BLOCK;
    const lengths = { a: 1 + randomBelow(random, 40 * BLOCK), b: 1 + randomBelow(random, 10 * BLOCK) };
    const torrent = makeSimTorrent({ lengths, pieceLength });
    const slotBytes = Math.min(pieceLength, (1 + randomBelow(random, 4)) * BLOCK);
    const fetched = new Set<string>();
    let scene = new StoreScene(torrent, { slotBytes, slots: 2 + randomBelow(random, 4) });
    let sessions = 0;
    while (!scene.picker.isComplete) {
      assert.ok(++sessions < 1000, 'the download does not get on');
      const peers = [scene.peer(), scene.peer()];
      for (let left = randomBelow(random, 30); left > 0; left--) {
        const block = scene.fetch(peers[randomBelow(random, 2)]!);
        if (randomBelow(random, 3) === 0 || block === null) scene.settle();
        if (block === null) continue;
        assert.ok(!fetched.has(String(block)), `block ${block} comes a second time`);
        fetched.add(String(block));
      }
      const saved = scene.savePartials();
      const { have } = scene.picker;
      scene = new StoreScene(torrent, { slotBytes, slots: 4, disk: scene.disk });
      for (let piece = 0; piece < have.length; piece++) if (have.has(piece)) scene.picker.markHave(piece);
      for (const { piece, blocks } of saved) assert.ok(scene.picker.restorePartial(piece, blocks));
    }
    for (let piece = 0; piece < scene.layout.pieceCount; piece++) {
      assert.ok(scene.isOnDisk(piece, 0, scene.layout.pieceBytes(piece)));
    }
  });
}
