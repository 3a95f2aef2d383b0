import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { ByteBudget, SlotPool } from '../../base/slot-pool.js';
import { type PickedBlock, TestPickerPeer } from '../testing/picker-peer.js';
import { PiecePicker } from './piece-picker.js';
import { ENDGAME_REQUESTERS_MAX, ENDGAME_SOONER, STALLED_MS } from './repeat-requests.js';

const BLOCK = LIMITS.blockBytes;

interface Options {
  readonly pieceCount?: number;
  readonly blocksPerPiece?: number;
  readonly slots?: number;
  /** Of a slot; default: a whole piece. */
  readonly slotBlocks?: number;
  readonly isSequential?: boolean;
  readonly paddingBlocks?: number;
  /** Pieces that are there already, so that the random start is over. */
  readonly had?: readonly number[];
}

const RANDOM_START_OVER = [0, 1, 2, 3];

interface SetUp {
  readonly picker: PiecePicker;
  readonly pool: SlotPool;
  /** Extents that the picker wants to have written because memory is short. */
  readonly spilled: [piece: number, extent: number][];
  readonly peer: (has?: Has) => TestPickerPeer;
}

function setUp(options: Options = {}): SetUp {
  const { pieceCount = 12, blocksPerPiece = 4, slots = 100, paddingBlocks = 0 } = options;
  const pieceLength = blocksPerPiece * BLOCK;
  const slotBytes = (options.slotBlocks ?? blocksPerPiece) * BLOCK;
  const pool = new SlotPool(slotBytes, new ByteBudget(slots * slotBytes));
  const spilled: [number, number][] = [];
  const picker = new PiecePicker({
    geometry: {
      pieceLength,
      pieceCount,
      pieceBytes: () => pieceLength,
      dataBytes: () => pieceLength - paddingBlocks * BLOCK,
    },
    slots: pool,
    random: new SeededRandom(7),
    isSequential: options.isSequential ?? false,
    spill: (piece, extent) => spilled.push([piece, extent]),
  });
  for (const piece of options.had ?? []) picker.markHave(piece);
  let number = 0;
  return {
    picker,
    pool,
    spilled,
    peer: (has = 'all') => {
      const peer = new TestPickerPeer(++number, pieceCount, has);
      picker.addPeer(peer);
      return peer;
    },
  };
}

type Has = Iterable<number> | 'all';

function piecesOf(blocks: readonly PickedBlock[]): number[] {
  return [...new Set(blocks.map(([piece]) => piece))];
}

/** Fetches and verifies one whole piece. */
function fetchPiece(picker: PiecePicker, peer: TestPickerPeer, piece: number): void {
  for (const block of [...peer.requests]) if (block[0] === piece) peer.deliver(picker, block);
  assert.equal(picker.partial(piece)?.isComplete, true);
  picker.pieceVerified(piece);
}

test('rarest first: the piece that fewest peers have is begun before others', () => {
  const { picker, peer } = setUp({ had: RANDOM_START_OVER });
  peer('all');
  peer([4, 5, 6, 7, 8, 9, 11]);
  const picked = peer([4, 5, 6, 7, 8, 9, 10, 11]).ask(picker, 4);
  assert.deepEqual(piecesOf(picked), [10]);
  assert.equal(picker.availability(10), 2);
  assert.equal(picker.availability(4), 3);
});

test('a seed is given the rarest piece as well', () => {
  const { picker, peer } = setUp({ had: RANDOM_START_OVER });
  peer([4, 5, 6, 7, 9, 10, 11]);
  assert.deepEqual(piecesOf(peer('all').ask(picker, 4)), [8]);
});

test('the first pieces are drawn at random, not by rarity', () => {
  const begun = new Set<number>();
  for (let i = 0; i < 40; i++) {
    const { picker, peer } = setUp({ pieceCount: 4 + i });
    for (let rare = 1; rare < 3; rare++) peer([...Array(4 + i).keys()].filter((piece) => piece !== 0));
    begun.add(peer('all').ask(picker, 1)[0]![0]);
  }
  assert.ok(begun.size > 5, `only ${[...begun]}`);
});

test('a started piece is finished before another is begun', () => {
  const { picker, peer } = setUp();
  const only = peer('all');
  const [first] = only.ask(picker, 1);
  const next = only.ask(picker, 3);
  assert.deepEqual(piecesOf(next), [first![0]]);
  assert.deepEqual(
    next.map(([, block]) => block),
    [1, 2, 3],
  );
  assert.notEqual(only.ask(picker, 1)[0]![0], first![0]);
});

test('slow peers share a piece', () => {
  const { picker, peer } = setUp();
  const piece = peer('all').ask(picker, 1)[0]![0];
  assert.deepEqual(peer('all').ask(picker, 1), [[piece, 1]]);
});

test('a fast peer has its piece to itself while there are others to begin', () => {
  const { picker, peer } = setUp({ pieceCount: 3 });
  const fast = peer('all');
  const piece = fast.ask(picker, 1, { isFast: true })[0]![0];
  const slow = peer('all');
  const others = slow.ask(picker, 8);
  assert.equal(others.length, 8);
  assert.ok(!piecesOf(others).includes(piece));
  // Nothing else left to do: better shared than idle.
  assert.deepEqual(piecesOf(slow.ask(picker, 1)), [piece]);
});

test('a fast peer does not join pieces that others are asked for, but takes over abandoned ones', () => {
  const { picker, peer } = setUp();
  const slow = peer('all');
  const piece = slow.ask(picker, 1)[0]![0];
  const fast = peer('all');
  assert.notEqual(fast.ask(picker, 4, { isFast: true })[0]![0], piece);
  slow.releaseAll(picker);
  assert.equal(fast.ask(picker, 4, { isFast: true })[0]![0], piece);
});

test('a piece is nobody’s own any more when its fast peer gave its requests back or left', () => {
  for (const leaves of [false, true]) {
    const { picker, peer } = setUp();
    const fast = peer('all');
    const piece = fast.ask(picker, 2, { isFast: true })[0]![0];
    fast.deliver(picker, fast.requests[0]!);
    if (leaves) picker.removePeer(fast);
    fast.releaseAll(picker);
    assert.deepEqual(piecesOf(peer('all').ask(picker, 1)), [piece]);
    picker.verify();
  }
});

test('with too many unfinished pieces everyone helps to finish them', () => {
  const { picker, peer } = setUp({ pieceCount: 40 });
  const peers = Array.from({ length: 4 }, () => peer('all'));
  // Seven pieces are begun and left alone: more than one and a half a peer.
  for (let i = 0; i < 7; i++) peers[i % 3]!.ask(picker, 1, { isFast: true });
  for (const each of peers.slice(0, 3)) each.ask(picker, 3 * 7, { isFast: true });
  for (const each of peers.slice(0, 3)) {
    for (const request of [...each.requests].filter(([, block]) => block > 0)) each.release(picker, request);
  }
  const begun = Array.from({ length: 40 }, (_, piece) => piece).filter((piece) => picker.partial(piece) !== null);
  assert.ok(begun.length > 1.5 * 4, `only ${begun.length}`);
  const helped = peers[3]!.ask(picker, 1, { isFast: true });
  assert.ok(begun.includes(helped[0]![0]));
});

test('a snubbed peer shares started pieces, and otherwise begins common ones', () => {
  const { picker, peer } = setUp({ had: RANDOM_START_OVER });
  peer([5, 6, 7, 8, 9, 10, 11]);
  peer([5]);
  const snubbed = peer('all');
  assert.deepEqual(piecesOf(snubbed.ask(picker, 1, { isSnubbed: true })), [5]);
  const fast = peer([4]);
  fast.ask(picker, 1, { isFast: true });
  const second = peer([4, 5, 6]);
  for (let i = 0; i < 3; i++) snubbed.ask(picker, 1, { isSnubbed: true });
  assert.deepEqual(second.ask(picker, 1, { isSnubbed: true }), [[4, 1]]);
});

test('sequential: pieces go by index, started ones first, a higher priority before all', () => {
  const { picker, peer } = setUp({ isSequential: true, pieceCount: 20, blocksPerPiece: 1 });
  picker.markHave(0);
  const all = peer('all');
  assert.deepEqual(piecesOf(all.ask(picker, 3)), [1, 2, 3]);
  assert.deepEqual(piecesOf(peer([9, 5, 17]).ask(picker, 2)), [5, 9]);
  picker.setPriority(12, 7);
  picker.setPriority(10, 7);
  assert.deepEqual(piecesOf(all.ask(picker, 4)), [10, 12, 4, 6]);
  all.release(picker, [2, 0]);
  assert.deepEqual(piecesOf(all.ask(picker, 1)), [2]);
});

test('a higher priority goes before rarity, priority 0 is never fetched', () => {
  const { picker, peer } = setUp({ had: RANDOM_START_OVER, blocksPerPiece: 1 });
  peer([4]);
  peer([4]);
  const all = peer('all');
  picker.setPriority(4, 7);
  for (const piece of [5, 6, 7, 8, 9]) picker.setPriority(piece, 0);
  assert.equal(picker.wantedMissing, 3);
  const picked = piecesOf(all.ask(picker, 10));
  assert.equal(picked[0], 4);
  assert.deepEqual([...picked].sort(), [10, 11, 4]);
  picker.verify();
});

test('interest counts what the peer has and we want: have, priority and verification change it', () => {
  const { picker, peer } = setUp({ pieceCount: 4, blocksPerPiece: 1 });
  const some = peer([1]);
  assert.equal(picker.isInteresting(some), true);
  picker.markHave(1);
  assert.equal(picker.isInteresting(some), false);
  picker.onPeerHave(some, 2);
  picker.onPeerHave(some, 2);
  assert.equal(some.pieces.has(2), true);
  assert.equal(some.pick.interestingCount, 1);
  picker.setPriority(2, 0);
  assert.equal(picker.isInteresting(some), false);
  assert.deepEqual(some.ask(picker, 5), []);
  picker.setPriority(2, 4);
  some.ask(picker, 1);
  assert.equal(picker.isInteresting(some), true, 'in flight is still missing');
  fetchPiece(picker, some, 2);
  assert.equal(picker.isInteresting(some), false);
});

test('a piece in flight that is no longer wanted is dropped once nobody is asked for it', () => {
  const { picker, pool, peer } = setUp({ pieceCount: 2 });
  const all = peer('all');
  const [first] = all.ask(picker, 2);
  picker.setPriority(first![0], 0);
  assert.notEqual(picker.partial(first![0]), null);
  all.deliver(picker, first!);
  all.releaseAll(picker);
  assert.equal(picker.partial(first![0]), null);
  assert.equal(pool.inUse, 0);
  picker.verify();
});

test('without a free buffer peers share what is begun', () => {
  const { picker, peer } = setUp({ slots: 1 });
  const piece = peer('all').ask(picker, 1, { isFast: true })[0]![0];
  const second = peer('all');
  assert.deepEqual(second.ask(picker, 9, { isFast: true }), [
    [piece, 1],
    [piece, 2],
    [piece, 3],
  ]);
  assert.deepEqual(second.ask(picker, 1), []);
});

test('a buffer is given back when its piece is verified or has failed', () => {
  const { picker, pool, peer } = setUp({ slots: 1, pieceCount: 2 });
  const all = peer('all');
  const piece = all.ask(picker, 4)[0]![0];
  fetchPiece(picker, all, piece);
  assert.equal(pool.inUse, 0);
  const other = all.ask(picker, 4)[0]![0];
  for (const block of [...all.requests]) all.deliver(picker, block);
  picker.pieceFailed(other);
  assert.equal(pool.inUse, 0);
  assert.equal(picker.have.count, 1);
  assert.equal(all.ask(picker, 4).length, 4);
});

test('a begun piece of which nothing came gives up its buffer at once when another peer could use it', () => {
  const { picker, peer } = setUp({ slots: 1, had: RANDOM_START_OVER });
  const first = peer([5]);
  first.ask(picker, 2);
  first.releaseAll(picker);
  assert.deepEqual(piecesOf(peer([6]).ask(picker, 1)), [6]);
  picker.verify();
});

test('a piece of which something came waits for its peer, but not for ever', () => {
  const { picker, peer } = setUp({ slots: 1, had: RANDOM_START_OVER });
  const first = peer([5]);
  first.ask(picker, 2);
  first.deliver(picker, first.requests[0]!);
  first.releaseAll(picker);
  const second = peer([6]);
  let asked = 0;
  while (second.ask(picker, 1).length === 0) assert.ok(++asked < 100);
  assert.equal(asked, 20);
});

test('a piece of which something came is given up at once when its last peer has gone', () => {
  const { picker, peer } = setUp({ slots: 1, had: RANDOM_START_OVER });
  const first = peer([5]);
  first.ask(picker, 2);
  first.deliver(picker, first.requests[0]!);
  first.releaseAll(picker);
  picker.removePeer(first);
  assert.deepEqual(piecesOf(peer([6]).ask(picker, 1)), [6]);
});

test('while other pieces are finished an idle one is kept for sixteen of them', () => {
  const { picker, peer } = setUp({ slots: 2, pieceCount: 60, blocksPerPiece: 2, had: RANDOM_START_OVER });
  const idle = peer([5]);
  idle.ask(picker, 2);
  idle.deliver(picker, [5, 0]);
  idle.releaseAll(picker);
  const busy = peer(Array.from({ length: 54 }, (_, i) => 6 + i));
  let finished = 0;
  while (picker.partial(5) !== null) {
    const [block] = busy.ask(picker, 2);
    busy.ask(picker, 4);
    if (picker.partial(5) === null) break;
    fetchPiece(picker, busy, block![0]);
    finished++;
  }
  assert.equal(finished, 16);
});

test('end game: blocks are asked of several peers, but not of too many, and never twice of one', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 2 });
  // Each answers in a third of the time of the one before.
  const peers = Array.from({ length: 6 }, (_, i) => peerThatTakes(3 ** (7 - i)));
  function peerThatTakes(blockMs: number): TestPickerPeer {
    const made = peer('all');
    made.blockMs = blockMs;
    return made;
  }
  assert.equal(peers[0]!.ask(picker, 1).length, 1);
  assert.equal(picker.isEndgame, false);
  assert.deepEqual(peers[1]!.ask(picker, 1), [[0, 1]]);
  assert.equal(picker.isEndgame, true);
  const requesters = [1, 1];
  for (const each of peers.slice(2)) for (const [, block] of each.ask(picker, 9)) requesters[block]!++;
  assert.deepEqual(requesters, [ENDGAME_REQUESTERS_MAX, ENDGAME_REQUESTERS_MAX]);
  for (const each of peers) assert.equal(each.requests.length, 1);
  picker.verify();
});

test('end game: any number of peers that do not answer do not keep a block from one that does', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 1 });
  for (let i = 0; i < 5; i++) {
    const silent = peer('all');
    silent.ask(picker, 1);
    silent.blockMs = 2 * STALLED_MS;
    silent.hasAnswered = false;
  }
  const newcomer = peer('all');
  newcomer.hasAnswered = false;
  assert.deepEqual(newcomer.ask(picker, 1), [], 'there are enough of its kind');
  assert.deepEqual(peer('all').ask(picker, 1), [[0, 0]]);
  picker.verify();
});

test('end game: the block that would come last is taken over, by one that has nothing else to send', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 16 });
  const [slow, slower, idle] = [peer('all'), peer('all'), peer('all')];
  slow.ask(picker, 12);
  slower.blockMs = 10_000;
  slower.ask(picker, 4);
  assert.deepEqual(idle.ask(picker, 9), [[0, 15]]);
  assert.deepEqual(idle.ask(picker, 9), [], 'it has something to send');
  assert.deepEqual(slow.ask(picker, 9), []);
});

test('end game: a block that is about to come is not asked for twice', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 4 });
  const first = peer('all');
  first.ask(picker, 4);
  const second = peer('all');
  second.blockMs = (4 * first.blockMs) / ENDGAME_SOONER;
  assert.deepEqual(second.ask(picker, 9), []);
  second.blockMs--;
  assert.deepEqual(second.ask(picker, 9), [[0, 3]]);
});

test('end game: what a second peer is about to send is not asked of a third', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 1 });
  const [slow, second, third] = [peer('all'), peer('all'), peer('all')];
  slow.blockMs = 60_000;
  slow.ask(picker, 1);
  assert.equal(second.ask(picker, 1).length, 1);
  assert.equal(third.ask(picker, 1).length, 0);
  second.blockMs = 30_000;
  assert.equal(third.ask(picker, 1).length, 1, 'it has turned out to be slow too');
});

test('before the end game only what others keep waiting for is asked again, of one that has nothing else to send', () => {
  const { picker, peer, pool } = setUp({ pieceCount: 3, blocksPerPiece: 2, slots: 1 });
  const slow = peer('all');
  slow.blockMs = STALLED_MS / 2;
  slow.ask(picker, 2);
  const idle = peer('all');
  assert.equal(pool.hasRoom, false);
  assert.deepEqual(idle.ask(picker, 9), [], 'no memory for another piece, and nothing takes too long');
  slow.blockMs += 1;
  idle.hasAnswered = false;
  assert.deepEqual(idle.ask(picker, 9), [], 'it may be another one that does not answer');
  idle.hasAnswered = true;
  assert.deepEqual(idle.ask(picker, 9), [[slow.pieceAt(0), 1]]);
  assert.equal(picker.isEndgame, false);
  const [block] = idle.requests;
  assert.equal(idle.deliver(picker, block!), 'more');
  assert.ok(picker.isAskedElsewhere(...block!), 'the slow one is to hear a cancel');
  slow.release(picker, block!);
  assert.ok(!picker.isAskedElsewhere(...block!));
  picker.verify();
});

test('an arriving block that is set aside can be had from others, or from its sender in the end', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 2 });
  const [slow, other] = [peer('all'), peer('all')];
  slow.ask(picker, 2);
  picker.startBlock(slow.number, 0, 1)!.fill(7, BLOCK, BLOCK + 3);
  slow.blockMs = 60_000;
  assert.deepEqual(other.ask(picker, 1), [[0, 0]], 'not the one that is coming');
  const copy = picker.setAsideBlock(0, 1);
  assert.deepEqual([copy.length, ...copy.subarray(0, 4)], [BLOCK, 7, 7, 7, 0]);
  other.deliver(picker, [0, 0]);
  assert.deepEqual(other.ask(picker, 1), [[0, 1]]);
  assert.notEqual(picker.startBlock(slow.number, 0, 1), null, 'its sender was the first after all');
  assert.equal(picker.finishBlock(slow.number, 0, 1), 'piece-complete');
  assert.equal(other.deliver(picker, [0, 1]), null);
  picker.verify();
});

test('end game begins only when every wanted block is asked for, and lasts until the last piece is stored', () => {
  const { picker, peer } = setUp({ pieceCount: 2, blocksPerPiece: 1 });
  const all = peer('all');
  all.ask(picker, 1);
  assert.equal(picker.isEndgame, false);
  all.ask(picker, 1);
  assert.equal(picker.isEndgame, true);
  for (const block of [...all.requests]) all.deliver(picker, block);
  assert.equal(picker.isEndgame, true, 'peers are still to be sent cancels');
  picker.pieceVerified(0);
  picker.pieceVerified(1);
  assert.equal(picker.isEndgame, false);
  assert.equal(picker.isComplete, true);
});

test('end game: the second copy of a block is refused and its request forgotten', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 2 });
  const first = peer('all');
  const second = peer('all');
  first.ask(picker, 2);
  second.blockMs = 1;
  assert.deepEqual(second.ask(picker, 2), [[0, 1]]);
  assert.equal(first.deliver(picker, [0, 1]), 'more');
  assert.equal(second.deliver(picker, [0, 1]), null);
  assert.deepEqual(second.ask(picker, 2), [[0, 0]]);
  assert.equal(second.deliver(picker, [0, 0]), 'piece-complete');
  picker.verify();
});

test('a block goes to the buffer of its piece, and who sent it is known', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 2 });
  const first = peer('all');
  const second = peer('all');
  first.ask(picker, 1);
  second.ask(picker, 1);
  assert.equal(picker.startBlock(first.number, 0, 0), picker.partial(0)?.extentOf(0).slot?.bytes);
  assert.equal(picker.finishBlock(first.number, 0, 0), 'more');
  second.deliver(picker, [0, 1]);
  assert.deepEqual(picker.partial(0)!.contributors(), [first.number, second.number]);
  assert.equal(picker.startBlock(first.number, 99, 0), null);
});

test('a block cut off in the middle is asked for again', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 1 });
  const first = peer('all');
  first.ask(picker, 1);
  picker.startBlock(first.number, 0, 0);
  picker.abortBlock(0, 0);
  first.releaseAll(picker);
  picker.removePeer(first);
  picker.verify();
  assert.deepEqual(peer('all').ask(picker, 1), [[0, 0]]);
});

test('a piece that failed is fetched from one peer alone, so that the next failure has one culprit', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 4 });
  const good = peer('all');
  const bad = peer('all');
  good.ask(picker, 2);
  bad.ask(picker, 2);
  for (const each of [good, bad]) for (const block of [...each.requests]) each.deliver(picker, block);
  assert.deepEqual(picker.partial(0)!.contributors(), [good.number, bad.number]);
  picker.pieceFailed(0);
  bad.ask(picker, 1);
  assert.deepEqual(good.ask(picker, 4), []);
  bad.deliver(picker, [0, 0]);
  // It leaves in the middle: what it sent does not mix with what comes from the next.
  picker.removePeer(bad);
  assert.equal(good.ask(picker, 4).length, 4);
  for (const block of [...good.requests]) good.deliver(picker, block);
  assert.deepEqual(picker.partial(0)!.contributors(), [good.number]);
  picker.pieceVerified(0);
  assert.equal(picker.isComplete, true);
});

test('a piece that failed while others were still asked for it accepts nothing but its next owner’s blocks', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 2 });
  const first = peer('all');
  const second = peer('all');
  first.ask(picker, 2);
  second.blockMs = 1;
  second.ask(picker, 2);
  for (const block of [...first.requests]) first.deliver(picker, block);
  picker.pieceFailed(0);
  picker.verify();
  assert.equal(second.deliver(picker, [0, 1]), null);
  assert.equal(second.ask(picker, 2).length, 2);
  for (const block of [...second.requests]) second.deliver(picker, block);
  assert.deepEqual(picker.partial(0)!.contributors(), [second.number]);
});

test('a failed piece whose owner is choked waits for it, and goes to someone else the later the more it has sent', () => {
  for (const sent of [1, 6]) {
    const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 8 });
    const owner = peer('all');
    owner.ask(picker, 8);
    for (const block of [...owner.requests]) owner.deliver(picker, block);
    picker.pieceFailed(0);
    owner.ask(picker, sent);
    for (const block of [...owner.requests]) owner.deliver(picker, block);
    const next = peer('all');
    for (let asked = 0; asked < sent; asked++) assert.deepEqual(next.ask(picker, 9), []);
    if (sent === 6) {
      assert.equal(owner.ask(picker, 1).length, 1, 'it came back in time');
      owner.releaseAll(picker);
      for (let asked = 0; asked < sent; asked++) assert.deepEqual(next.ask(picker, 9), []);
    }
    assert.equal(next.ask(picker, 9).length, 8);
    picker.verify();
  }
});

// ---- parole ----

/** A piece of two peers has failed: both are suspects. */
function suspects(
  options: Options = {},
): SetUp & { readonly a: TestPickerPeer; readonly b: TestPickerPeer; readonly failed: number } {
  const scene = setUp({ pieceCount: 8, blocksPerPiece: 2, ...options });
  const [a, b] = [scene.peer('all'), scene.peer('all')];
  const [failed] = a.ask(scene.picker, 1)[0]!;
  b.ask(scene.picker, 1);
  for (const each of [a, b]) for (const block of [...each.requests]) each.deliver(scene.picker, block);
  scene.picker.pieceFailed(failed);
  return { ...scene, a, b, failed };
}

test('whoever sent a part of a failed piece is a suspect, and has pieces to himself', () => {
  const { picker, peer, a, b } = suspects();
  assert.deepEqual([a.pick.isSuspect, b.pick.isSuspect], [true, true]);
  const mine = a.ask(picker, 1)[0]![0];
  const his = b.ask(picker, 1)[0]![0];
  assert.notEqual(mine, his);
  const innocent = peer('all');
  const others = piecesOf(innocent.ask(picker, 99));
  assert.ok(!others.includes(mine) && !others.includes(his));
  assert.equal(others.length, 6);
  assert.equal(innocent.pick.isSuspect, false);
  picker.verify();
});

test('a suspect does not join what others share, and takes over what they have left only after a while', () => {
  const { picker, peer, a, b } = suspects({ pieceCount: 2 });
  const innocent = peer('all');
  const [first, second] = [a.ask(picker, 1)[0]![0], innocent.ask(picker, 1)[0]![0]];
  assert.notEqual(first, second);
  assert.deepEqual(b.ask(picker, 1), []);
  innocent.deliver(picker, innocent.requests[0]!);
  picker.removePeer(innocent);
  assert.deepEqual(b.ask(picker, 2), [], 'one block has come');
  assert.deepEqual(b.ask(picker, 2), [
    [second, 0],
    [second, 1],
  ]);
  picker.verify();
});

test('a good piece of his own clears a suspect, and so does a verdict', () => {
  const { picker, a, b } = suspects();
  const [block] = a.ask(picker, 2);
  fetchPiece(picker, a, block![0]);
  assert.equal(a.pick.isSuspect, false);
  assert.equal(b.pick.isSuspect, true);
  picker.clearSuspects([b.number]);
  assert.equal(b.pick.isSuspect, false);
});

test('what a suspect has begun is everyone’s when he leaves; what failed stays for one alone', () => {
  const { picker, peer, a, b, failed } = suspects({ pieceCount: 2 });
  for (const each of [a, b]) each.ask(picker, 1);
  for (const each of [a, b]) {
    each.deliver(picker, each.requests[0]!);
    picker.removePeer(each);
  }
  assert.equal(picker.partial(failed)!.isSolo, true);
  assert.equal(picker.partial(1 - failed)!.isSolo, false);
  assert.equal(peer('all').ask(picker, 9).length, 3, 'all of the failed one, the rest of the other');
  picker.verify();
});

test('a suspect is asked for nothing twice in the end game', () => {
  const { picker, peer, a } = suspects({ pieceCount: 2, had: [] });
  a.ask(picker, 9);
  const innocent = peer('all');
  innocent.blockMs = 1e6;
  innocent.ask(picker, 9);
  assert.equal(picker.isEndgame, true);
  assert.deepEqual(a.ask(picker, 9), []);
});

test('allowed fast: only pieces of the set that the peer has and we lack', () => {
  const { picker, peer } = setUp({ pieceCount: 8, blocksPerPiece: 2 });
  picker.markHave(1);
  const choking = peer([0, 1, 2, 3]);
  const picked = choking.askAllowedFast(picker, new Set([1, 2, 7, 99, 0]), 3);
  assert.deepEqual(picked, [
    [2, 0],
    [2, 1],
    [0, 0],
  ]);
  assert.deepEqual(choking.askAllowedFast(picker, new Set([2]), 3), [], 'no end game while choked');
  picker.verify();
});

test('padding is not asked for', () => {
  const { picker, peer } = setUp({ pieceCount: 1, blocksPerPiece: 4, paddingBlocks: 3 });
  const all = peer('all');
  assert.deepEqual(all.ask(picker, 9), [[0, 0]]);
  assert.equal(all.deliver(picker, [0, 0]), 'piece-complete');
  assert.deepEqual(picker.partial(0)!.contributors(), [all.number]);
});

test('a piece that the peer announces later is found, also after it had nothing', () => {
  const { picker, peer } = setUp({ pieceCount: 3000, blocksPerPiece: 1, had: RANDOM_START_OVER });
  peer(Array.from({ length: 2990 }, (_, i) => i));
  const some = peer([4]);
  assert.deepEqual(some.ask(picker, 9), [[4, 0]]);
  assert.deepEqual(some.ask(picker, 9), []);
  picker.onPeerHave(some, 2000);
  assert.deepEqual(some.ask(picker, 9), [[2000, 0]]);
  some.release(picker, [2000, 0]);
  assert.deepEqual(some.ask(picker, 9), [[2000, 0]]);
});

test('what is outstanding to a removed peer can be released before or after, and availability goes with it', () => {
  const { picker, peer } = setUp();
  const seed = peer('all');
  const some = peer([3, 4]);
  assert.equal(picker.availability(3), 2);
  some.ask(picker, 2);
  picker.removePeer(some);
  picker.removePeer(some);
  some.releaseAll(picker);
  picker.removePeer(seed);
  assert.equal(picker.availability(3), 0);
  picker.verify();
});

test('a stopped torrent gives back every buffer but those being written', () => {
  const { picker, pool, peer } = setUp({ pieceCount: 4, blocksPerPiece: 1 });
  const all = peer('all');
  const [first] = all.ask(picker, 3);
  all.deliver(picker, first!);
  picker.partial(first![0])!.isStoring = true;
  picker.releaseSlots();
  assert.equal(pool.inUse, 1);
  picker.pieceVerified(first![0]);
  assert.equal(pool.inUse, 0);
  picker.verify();
});

test('requests released for pieces that are not in flight are ignored', () => {
  const { picker } = setUp();
  picker.releaseRequest(3, 1);
  picker.releaseRequest(4_000_000_000, 1);
  picker.abortBlock(3, 0);
  picker.pieceFailed(3);
  assert.equal(picker.partial(3), null);
  picker.verify();
});

// ---- pieces of several extents ----

const HUGE = { pieceCount: 10, blocksPerPiece: LIMITS.pieceLengthBytesMax / BLOCK, slotBlocks: 4, slots: 3 };

test('spilled pieces are kept up to a limit of blocks; then the one with the least is given up for another', () => {
  const { picker, peer } = setUp(HUGE);
  const first = Uint8Array.from({ length: HUGE.blocksPerPiece / 8 }, (_, i) => (i === 0 ? 0x80 : 0));
  const two = Uint8Array.from(first, (_, i) => (i === 0 ? 0xc0 : 0));
  const kept = LIMITS.spilledBlocksMax / HUGE.blocksPerPiece;
  assert.equal(kept, 8);
  for (let piece = 0; piece < kept; piece++)
    assert.equal(picker.restorePartial(piece, piece === 3 ? first : two), true);
  assert.equal(picker.restorePartial(8, first), false);
  assert.deepEqual(peer([2]).ask(picker, 1), [[2, 2]], 'one that is begun goes on');
  // Nobody has piece 3, so that nothing is lost with it.
  assert.deepEqual(peer([9]).ask(picker, 1), [[9, 0]]);
  assert.equal(picker.partial(3), null);
  picker.verify();
});

test('peers share a spilled piece in flight once there are many', () => {
  const { picker, peer } = setUp({ ...HUGE, slots: 100 });
  const begun = Array.from({ length: 5 }, () => peer('all').ask(picker, 1, { isFast: true })[0]![0]);
  assert.equal(new Set(begun).size, 3, String(begun));
});

test('memory goes to one extent after the other, lowest first', () => {
  const { picker, pool, spilled, peer } = setUp({ pieceCount: 1, blocksPerPiece: 8, slotBlocks: 2, slots: 2 });
  const all = peer('all');
  assert.equal(all.ask(picker, 9).length, 4, 'no memory for more');
  assert.equal(picker.isEndgame, false);
  assert.deepEqual(peer('all').ask(picker, 1), []);
  assert.equal(pool.inUse, 2);
  assert.equal(all.deliver(picker, [0, 3]), 'more');
  assert.equal(all.deliver(picker, [0, 2]), 'extent-complete');
  picker.extentWriting(0, 1);
  assert.deepEqual(all.ask(picker, 9), []);
  assert.equal(picker.extentWritten(0, 1, { isStored: true }), false);
  assert.deepEqual(all.ask(picker, 9), [
    [0, 4],
    [0, 5],
  ]);
  assert.deepEqual(spilled, []);
  picker.verify();
});

test('an idle extent is spilled for whoever lacks memory, one at a time', () => {
  const { picker, spilled, peer } = setUp({ pieceCount: 3, blocksPerPiece: 4, slotBlocks: 2, slots: 2 });
  const idle = [peer([0]), peer([1])];
  for (const each of idle) {
    const [block] = each.ask(picker, 2);
    each.deliver(picker, block!);
    each.releaseAll(picker);
  }
  const other = peer([2]);
  assert.deepEqual(other.ask(picker, 1), []);
  assert.deepEqual(spilled, [[0, 0]]);
  picker.extentWriting(0, 0);
  assert.deepEqual(other.ask(picker, 1), []);
  assert.equal(spilled.length, 1, 'memory is on its way');
  picker.extentWritten(0, 0, { isStored: true });
  assert.deepEqual(other.ask(picker, 1), [[2, 0]]);
  assert.deepEqual(idle[0]!.ask(picker, 1), [], 'none left: the other idle extent has to go');
  assert.deepEqual(spilled[1], [1, 0]);
  picker.verify();
});

test('a late block is asked of a peer once, also when two more peers may be asked for it', () => {
  const { picker, peer } = setUp({ pieceCount: 1 });
  const [stuck, other] = [peer(), peer()];
  const late = new Map([[0, 0]]);
  picker.urgent.replace(late);
  const notePeer = (each: TestPickerPeer, now: number): void => {
    picker.urgent.notePeer(each.pick, each.count, 50, now);
  };
  notePeer(stuck, 0);
  assert.equal(stuck.ask(picker, 4).length, 4);
  // When it was asked for begins to count as soon as somebody looks.
  notePeer(other, 0);
  other.ask(picker, 0);
  notePeer(other, 60_000);
  assert.deepEqual(
    other
      .ask(picker, 10)
      .map(([, block]) => block)
      .sort(),
    [0, 1, 2, 3],
  );
});
