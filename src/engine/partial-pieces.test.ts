import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../base/limits.js';
import { randomBelow, SeededRandom } from '../base/random.js';
import type { Slot } from '../base/slot-pool.js';
import { FREE, NOBODY, PartialPieces, RECEIVED, RECEIVING, REQUESTED } from './partial-pieces.js';

const BLOCK = LIMITS.blockBytes;
const FOUR_BLOCKS = { pieceBytes: 4 * BLOCK, dataBytes: 4 * BLOCK };

function slot(): Slot {
  const buffer = new SharedArrayBuffer(4 * BLOCK);
  return { buffer, bytes: new Uint8Array(buffer).fill(0xff) };
}

test('a block goes from free over requested and receiving to received', () => {
  const partials = new PartialPieces(10, 4);
  const partial = partials.begin(3, slot(), FOUR_BLOCKS);
  assert.equal(partials.get(3), partial);
  assert.equal(partial.nextFree(), 0);
  partials.request(partial, 0);
  assert.equal(partial.blockState[0], REQUESTED);
  assert.equal(partial.nextFree(), 1);
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
  const partials = new PartialPieces(10, 4);
  const partial = partials.begin(3, slot(), FOUR_BLOCKS);
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
  const partials = new PartialPieces(10, 4);
  const partial = partials.begin(3, slot(), FOUR_BLOCKS);
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
  const partials = new PartialPieces(10, 4);
  const partial = partials.begin(3, slot(), FOUR_BLOCKS);
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
  const partials = new PartialPieces(10, 4);
  const buffer = slot();
  const partial = partials.begin(0, buffer, { pieceBytes: 4 * BLOCK - 100, dataBytes: BLOCK + 1 });
  assert.deepEqual([...partial.blockState], [FREE, FREE, RECEIVED, RECEIVED]);
  assert.equal(partial.receivedCount, 2);
  assert.equal(partial.hasBytes, false);
  assert.ok(buffer.bytes.subarray(2 * BLOCK, 4 * BLOCK - 100).every((byte) => byte === 0));
  assert.ok(buffer.bytes.subarray(0, 2 * BLOCK).every((byte) => byte === 0xff));
  partials.verify();
});

test('a piece of nothing but padding still asks for its first block', () => {
  const partials = new PartialPieces(10, 4);
  const partial = partials.begin(0, slot(), { pieceBytes: 2 * BLOCK, dataBytes: 0 });
  assert.equal(partial.freeCount, 1);
  assert.equal(partial.isComplete, false);
});

test('discarding keeps padding, and what the named peer sent', () => {
  const partials = new PartialPieces(10, 4);
  const partial = partials.begin(0, slot(), { pieceBytes: 4 * BLOCK, dataBytes: 3 * BLOCK });
  for (const [block, peer] of [1, 2, 2].entries()) {
    partials.request(partial, block);
    partials.start(partial, block, peer);
    partials.finish(partial, block);
  }
  partials.discardReceived(partial, 2);
  assert.deepEqual([...partial.blockState], [FREE, RECEIVED, RECEIVED, RECEIVED]);
  partials.discardReceived(partial, NOBODY);
  assert.deepEqual([...partial.blockState], [FREE, FREE, FREE, RECEIVED]);
  partials.verify();
});

test('objects of ended pieces are used again, and start clean', () => {
  const partials = new PartialPieces(10, 4);
  const first = partials.begin(1, slot(), FOUR_BLOCKS);
  const other = partials.begin(2, slot(), FOUR_BLOCKS);
  partials.request(first, 0);
  partials.start(first, 0, 9);
  partials.end(first);
  assert.equal(partials.get(1), null);
  assert.equal(partials.get(2), other);
  const second = partials.begin(5, slot(), { pieceBytes: 10, dataBytes: 10 });
  assert.equal(second, first);
  assert.equal(second.blockCount, 1);
  assert.equal(second.freeCount, 1);
  assert.equal(second.contributor[0], NOBODY);
  partials.verify();
});

for (const seed of [1, 2, 3, 4]) {
  test(`the counts agree with the states after random changes (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const partials = new PartialPieces(6, 4);
    for (let step = 0; step < 5000; step++) {
      const piece = randomBelow(random, 6);
      const block = randomBelow(random, 4);
      const action = randomBelow(random, 8);
      const partial = partials.get(piece);
      if (partial === null) {
        partials.begin(piece, slot(), { pieceBytes: 4 * BLOCK, dataBytes: randomBelow(random, 4 * BLOCK + 1) });
      } else if (action < 2) {
        if (partial.blockState[block]! <= REQUESTED && partial.requestCount[block]! < 3)
          partials.request(partial, block);
      } else if (action === 2) partials.release(partial, block);
      else if (action < 5) partials.start(partial, block, randomBelow(random, 3));
      else if (action === 5) {
        if (partial.blockState[block] === RECEIVING) partials.finish(partial, block);
      } else if (action === 6) {
        if (partial.blockState[block] === RECEIVING) partials.abort(partial, block);
      } else if (randomBelow(random, 20) === 0) partials.end(partial);
      else if (randomBelow(random, 5) === 0) partials.discardReceived(partial, randomBelow(random, 3));
      partials.verify();
    }
  });
}
