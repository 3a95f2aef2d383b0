import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { ByteBudget, SlotPool } from '../../base/slot-pool.js';
import {
  FORMER_SESSION,
  FREE,
  NOBODY,
  ON_DISK,
  type PartialPiece,
  RECEIVED,
  RECEIVING,
  REQUESTED,
} from './partial-piece.js';
import { PartialPieces, type PieceSizes } from './partial-pieces.js';

const BLOCK = LIMITS.blockBytes;
const FOUR_BLOCKS = { pieceBytes: 4 * BLOCK, dataBytes: 4 * BLOCK };
const WHOLE = { isRestored: false };

interface Options {
  /** Of a slot; pieces have four. */
  readonly slotBlocks?: number;
  readonly slots?: number;
}

function setUp({ slotBlocks = 4, slots = 100 }: Options = {}): { partials: PartialPieces; pool: SlotPool } {
  const pool = new SlotPool(slotBlocks * BLOCK, new ByteBudget(slots * slotBlocks * BLOCK));
  return { pool, partials: new PartialPieces({ pieceCount: 10, pieceLength: 4 * BLOCK, slots: pool }) };
}

/** Begun, and its first extent has memory. */
function beginOpen(partials: PartialPieces, piece: number, sizes: PieceSizes = FOUR_BLOCKS): PartialPiece {
  const partial = partials.begin(piece, sizes, WHOLE);
  assert.equal(partials.next(partial), 0);
  return partial;
}

function receive(partials: PartialPieces, partial: PartialPiece, block: number, peer = 1): void {
  partials.request(partial, block);
  assert.ok(partials.start(partial, block, peer));
  partials.finish(partial, block);
}

test('a block goes from free over requested and receiving to received', () => {
  const { partials } = setUp();
  const partial = beginOpen(partials, 3);
  assert.equal(partials.get(3), partial);
  assert.equal(partials.next(partial), 0);
  partials.request(partial, 0);
  assert.equal(partial.blockState[0], REQUESTED);
  assert.equal(partials.next(partial), 1);
  assert.equal(partials.start(partial, 0, 77), true);
  assert.equal(partial.blockState[0], RECEIVING);
  partials.finish(partial, 0);
  assert.equal(partial.blockState[0], RECEIVED);
  assert.equal(partial.contributor[0], 77);
  assert.equal(partial.outstandingCount, 0);
  assert.equal(partial.isIdle, true);
  partials.verify();
});

test('a block that is arriving from one peer is not taken from another', () => {
  const { partials } = setUp();
  const partial = beginOpen(partials, 3);
  partials.request(partial, 0);
  partials.request(partial, 0);
  assert.equal(partials.start(partial, 0, 1), true);
  assert.equal(partials.start(partial, 0, 2), false);
  partials.finish(partial, 0);
  assert.equal(partials.start(partial, 0, 2), false);
  assert.equal(partials.start(partial, 4, 2), false, 'beyond the last block');
  partials.release(partial, 0);
  assert.equal(partial.blockState[0], RECEIVED);
  partials.verify();
});

test('a released block is free only when nobody else is asked for it', () => {
  const { partials } = setUp();
  const partial = beginOpen(partials, 3);
  partials.request(partial, 2);
  partials.request(partial, 2);
  partials.release(partial, 2);
  assert.equal(partial.blockState[2], REQUESTED);
  partials.release(partial, 2);
  assert.equal(partial.blockState[2], FREE);
  partials.release(partial, 2);
  assert.equal(partial.outstandingCount, 0);
  partials.verify();
});

test('a block cut short goes back to whoever else is asked for it, or to nobody', () => {
  const { partials } = setUp();
  const partial = beginOpen(partials, 3);
  partials.request(partial, 0);
  partials.start(partial, 0, 5);
  partials.abort(partial, 0);
  assert.equal(partial.blockState[0], REQUESTED);
  partials.release(partial, 0);
  assert.equal(partial.blockState[0], FREE);
  assert.equal(partial.contributor[0], NOBODY);
  partials.verify();
});

test('padding blocks count as received and are zeros', () => {
  const { partials, pool } = setUp();
  const slot = pool.acquire()!;
  slot.bytes.fill(0xff);
  pool.release(slot);
  const partial = beginOpen(partials, 0, { pieceBytes: 4 * BLOCK - 100, dataBytes: BLOCK + 1 });
  const { bytes } = partial.extentOf(0).slot!;
  assert.deepEqual([...partial.blockState], [FREE, FREE, RECEIVED, RECEIVED]);
  assert.equal(partial.receivedCount, 2);
  assert.equal(partial.hasBytes, false);
  assert.ok(bytes.subarray(2 * BLOCK, 4 * BLOCK - 100).every((byte) => byte === 0));
  assert.ok(bytes.subarray(0, 2 * BLOCK).every((byte) => byte === 0xff));
  partials.verify();
});

test('a piece of nothing but padding still asks for its first block', () => {
  const { partials } = setUp();
  const partial = beginOpen(partials, 0, { pieceBytes: 2 * BLOCK, dataBytes: 0 });
  assert.equal(partial.freeCount, 1);
  assert.equal(partial.isComplete, false);
});

test('discarding keeps padding, and what the named peer sent', () => {
  const { partials } = setUp();
  const partial = beginOpen(partials, 0, { pieceBytes: 4 * BLOCK, dataBytes: 3 * BLOCK });
  for (const [block, peer] of [1, 2, 2].entries()) receive(partials, partial, block, peer);
  partials.discardReceived(partial, 2);
  assert.deepEqual([...partial.blockState], [FREE, RECEIVED, RECEIVED, RECEIVED]);
  partials.discardReceived(partial, NOBODY);
  assert.deepEqual([...partial.blockState], [FREE, FREE, FREE, RECEIVED]);
  partials.verify();
});

test('objects of ended pieces are used again, and start clean', () => {
  const { partials } = setUp();
  const first = beginOpen(partials, 1);
  const other = beginOpen(partials, 2);
  partials.request(first, 0);
  partials.start(first, 0, 9);
  partials.end(first);
  assert.equal(partials.get(1), null);
  assert.equal(partials.get(2), other);
  const second = beginOpen(partials, 5, { pieceBytes: 10, dataBytes: 10 });
  assert.equal(second, first);
  assert.equal(second.blockCount, 1);
  assert.equal(second.freeCount, 1);
  assert.equal(second.contributor[0], NOBODY);
  partials.verify();
});

test('a piece takes memory with the first block that is asked for, and gives it back when it ends', () => {
  const { partials, pool } = setUp({ slots: 1 });
  const first = partials.begin(0, FOUR_BLOCKS, WHOLE);
  const second = partials.begin(1, FOUR_BLOCKS, WHOLE);
  assert.equal(pool.inUse, 0);
  assert.equal(partials.hasNext(second), true);
  assert.equal(partials.next(first), 0);
  assert.equal(pool.inUse, 1);
  assert.equal(partials.hasNext(second), false);
  assert.equal(partials.next(second), -1);
  assert.equal(partials.start(second, 0, 1), false, 'nowhere to put it');
  partials.end(first);
  assert.equal(partials.next(second), 0);
  partials.verify();
});

test('a piece larger than a slot is spilled: an extent that is written gives its memory to the next', () => {
  const { partials, pool } = setUp({ slotBlocks: 2, slots: 1 });
  const partial = beginOpen(partials, 0);
  assert.equal(partial.isSpilled, true);
  assert.equal(partials.spilledBlocks, 4);
  receive(partials, partial, 0);
  receive(partials, partial, 1);
  assert.equal(partials.next(partial), -1, 'the only slot is taken');
  partials.startWriting(partial, 0);
  assert.equal(partials.next(partial), -1);
  partials.finishWriting(partial, 0, { isStored: true });
  assert.deepEqual([...partial.blockState], [ON_DISK, ON_DISK, FREE, FREE]);
  assert.equal(partials.next(partial), 2);
  receive(partials, partial, 2);
  receive(partials, partial, 3);
  assert.equal(partial.isComplete, true);
  assert.equal(partial.isReadyToVerify, false);
  partials.startWriting(partial, 1);
  partials.finishWriting(partial, 1, { isStored: true });
  assert.equal(partial.isReadyToVerify, true);
  assert.equal(pool.inUse, 0);
  partials.verify();
  partials.end(partial);
  assert.equal(partials.spilledBlocks, 0);
});

test('blocks of open extents are asked for before another extent takes memory', () => {
  const { partials, pool } = setUp({ slotBlocks: 2 });
  const partial = beginOpen(partials, 0);
  for (let block = 0; block < 3; block++) {
    assert.equal(partials.next(partial), block);
    partials.request(partial, block);
  }
  assert.equal(pool.inUse, 2);
  partials.release(partial, 1);
  assert.equal(partials.next(partial), 1);
  partials.request(partial, 1);
  assert.equal(partials.next(partial), 3);
  partials.verify();
});

test('an extent that could not be written is to be fetched again', () => {
  const { partials, pool } = setUp({ slotBlocks: 2 });
  const partial = beginOpen(partials, 0);
  receive(partials, partial, 0);
  receive(partials, partial, 1);
  partials.startWriting(partial, 0);
  partials.finishWriting(partial, 0, { isStored: false });
  assert.deepEqual([...partial.blockState], [FREE, FREE, FREE, FREE]);
  assert.equal(pool.inUse, 0);
  partials.verify();
});

test('an idle extent that is written keeps what had come of it, and asks for the rest later', () => {
  const { partials } = setUp({ slotBlocks: 2 });
  const partial = beginOpen(partials, 0);
  receive(partials, partial, 1);
  assert.equal(partial.idleExtent(), 0);
  partials.startWriting(partial, 0);
  assert.equal(partial.idleExtent(), -1);
  assert.equal(partial.isIdle, false, 'the storage has memory of it');
  assert.throws(() => partials.end(partial), { code: 'EINTERNAL' });
  partials.finishWriting(partial, 0, { isStored: true });
  assert.deepEqual([...partial.blockState], [FREE, ON_DISK, FREE, FREE]);
  assert.equal(partials.next(partial), 0);
  partials.verify();
});

test('a last piece that fits a slot is whole, though the others are spilled', () => {
  const { partials } = setUp({ slotBlocks: 2 });
  assert.equal(beginOpen(partials, 9, { pieceBytes: BLOCK + 7, dataBytes: BLOCK + 7 }).isSpilled, false);
});

test('restored blocks are on disk, and padding is not asked for', () => {
  const { partials, pool } = setUp();
  const sizes = { pieceBytes: 4 * BLOCK, dataBytes: 3 * BLOCK };
  const partial = partials.begin(0, sizes, { isRestored: true });
  partials.restore(partial, 1);
  assert.deepEqual([...partial.blockState], [FREE, ON_DISK, FREE, ON_DISK]);
  assert.equal(partial.contributor[1], FORMER_SESSION);
  assert.equal(pool.inUse, 0);
  assert.equal(partial.isSpilled, true);
  partials.discardReceived(partial, NOBODY);
  assert.deepEqual([...partial.blockState], [FREE, FREE, FREE, ON_DISK]);
  partials.verify();
});

test('a whole piece that is spilled goes on as one that always was', () => {
  const { partials } = setUp();
  const partial = beginOpen(partials, 0, { pieceBytes: 4 * BLOCK, dataBytes: 3 * BLOCK });
  receive(partials, partial, 0);
  partials.spill(partial);
  partials.verify();
  partials.startWriting(partial, 0);
  partials.finishWriting(partial, 0, { isStored: true });
  assert.deepEqual([...partial.blockState], [ON_DISK, FREE, FREE, ON_DISK]);
  partials.verify();
});

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`the counts agree with the states after random changes (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const slotBlocks = 1 + (seed % 4);
    const { partials, pool } = setUp({ slotBlocks, slots: 3 });
    for (let step = 0; step < 5000; step++) {
      const piece = randomBelow(random, 6);
      const block = randomBelow(random, 4);
      const partial = partials.get(piece);
      if (partial === null) begin(partials, random, piece);
      else change(partials, partial, block, random);
      partials.verify();
    }
    for (const partial of [...partials.all]) {
      for (let index = 0; index < partial.extentCount; index++) {
        if (partial.extents[index]!.isWriting) partials.finishWriting(partial, index, { isStored: false });
      }
      partials.end(partial);
    }
    assert.equal(pool.inUse, 0);
  });
}

function begin(partials: PartialPieces, random: SeededRandom, piece: number): void {
  const dataBytes = randomBelow(random, 4 * BLOCK + 1);
  const isRestored = randomBelow(random, 3) === 0;
  const partial = partials.begin(piece, { pieceBytes: 4 * BLOCK, dataBytes }, { isRestored });
  if (isRestored && partial.freeCount > 1) partials.restore(partial, 1);
}

/** Whatever is allowed in the state that the block and its extent are in. */
function change(partials: PartialPieces, partial: PartialPiece, block: number, random: SeededRandom): void {
  const state = partial.blockState[block]!;
  const index = partial.extentIndexOf(block);
  const extent = partial.extents[index]!;
  const action = randomBelow(random, 11);
  if (action < 2) {
    const next = partials.next(partial);
    if (next >= 0) partials.request(partial, next);
    else if (state === REQUESTED && partial.requestCount[block]! < 3) partials.request(partial, block);
  } else if (action === 2) partials.release(partial, block);
  else if (action < 5) partials.start(partial, block, randomBelow(random, 3));
  else if (action === 5) {
    if (state === RECEIVING) partials.finish(partial, block);
  } else if (action === 6) {
    if (state === RECEIVING) partials.abort(partial, block);
  } else if (action === 7) {
    if (partial.writingCount === 0 && randomBelow(random, 20) === 0) partials.end(partial);
    else if (randomBelow(random, 5) === 0) partials.discardReceived(partial, randomBelow(random, 3));
  } else if (action === 8) {
    const canWrite = partial.isSpilled && extent.isOpen && extent.missingCount === extent.freeCount;
    if (canWrite) partials.startWriting(partial, index);
  } else if (action === 9) {
    if (extent.isWriting) partials.finishWriting(partial, index, { isStored: randomBelow(random, 3) > 0 });
  } else if (randomBelow(random, 10) === 0) partials.spill(partial);
}
