import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LIMITS } from '../../base/limits.js';
import { UploadQueue } from './upload-queue.js';

function contents(queue: UploadQueue): number[][] {
  return Array.from({ length: queue.count }, (_, i) => [queue.pieceAt(i), queue.beginAt(i), queue.lengthAt(i)]);
}

test('requests leave in the order they came', () => {
  const queue = new UploadQueue();
  queue.push(1, 0, 16384);
  queue.push(1, 16384, 16384);
  queue.shift();
  queue.push(2, 0, 100);
  assert.deepEqual(contents(queue), [
    [1, 16384, 16384],
    [2, 0, 100],
  ]);
});

test('a full queue refuses, and takes again once there is room, also around the end of the ring', () => {
  const queue = new UploadQueue();
  for (let i = 0; i < LIMITS.peerRequestsQueuedMax; i++) assert.ok(queue.push(i, 0, 1));
  assert.equal(queue.push(9999, 0, 1), false);
  queue.shift();
  assert.ok(queue.push(9999, 0, 1));
  assert.equal(queue.pieceAt(0), 1);
  assert.equal(queue.pieceAt(queue.count - 1), 9999);
});

test('a cancel removes the one request that matches exactly', () => {
  const queue = new UploadQueue();
  queue.push(1, 0, 16384);
  queue.push(2, 0, 16384);
  queue.push(3, 0, 16384);
  assert.equal(queue.cancel(2, 0, 16383), false);
  assert.equal(queue.cancel(2, 0, 16384), true);
  assert.equal(queue.cancel(2, 0, 16384), false);
  assert.deepEqual(
    contents(queue).map(([piece]) => piece),
    [1, 3],
  );
});

test('retain drops what is refused and keeps the order of the rest', () => {
  const queue = new UploadQueue();
  for (let i = 0; i < 400; i++) queue.push(i, 0, 1);
  for (let i = 0; i < 390; i++) queue.shift();
  for (let i = 400; i < 700; i++) queue.push(i, 0, 1); // wraps around
  const dropped: number[] = [];
  queue.retain(
    (piece) => piece % 2 === 0,
    (piece) => dropped.push(piece),
  );
  const kept = contents(queue).map(([piece]) => piece!);
  assert.deepEqual(
    kept,
    Array.from({ length: 155 }, (_, i) => 390 + 2 * i),
  );
  assert.deepEqual(
    dropped,
    Array.from({ length: 155 }, (_, i) => 391 + 2 * i),
  );
});

test('the queue agrees with a plain list, whatever is asked for, cancelled and dropped', () => {
  const request = fc.tuple(fc.nat(5), fc.nat(3), fc.integer({ min: 1, max: 2 }));
  const step = fc.tuple(fc.constantFrom('push', 'push', 'push', 'shift', 'cancel', 'retain'), request, fc.nat(600));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const queue = new UploadQueue();
      let list: number[][] = [];
      const same = (a: readonly number[], b: readonly number[]): boolean => a.every((each, i) => each === b[i]);
      for (const [action, given, count] of steps) {
        if (action === 'push') {
          for (let i = 0; i < count; i++) {
            const isTaken = list.length < LIMITS.peerRequestsQueuedMax;
            assert.equal(queue.push(...given), isTaken);
            if (isTaken) list.push([...given]);
          }
        } else if (action === 'shift') {
          const gone = list.splice(0, count);
          for (let i = 0; i < gone.length; i++) queue.shift();
        } else if (action === 'cancel') {
          const index = list.findIndex((each) => same(each, given));
          assert.equal(queue.cancel(...given), index >= 0);
          if (index >= 0) list.splice(index, 1);
        } else {
          const dropped: number[][] = [];
          queue.retain(
            (piece) => piece !== given[0],
            (...each) => dropped.push(each),
          );
          assert.deepEqual(
            dropped,
            list.filter(([piece]) => piece === given[0]),
          );
          list = list.filter(([piece]) => piece !== given[0]);
        }
        assert.deepEqual(contents(queue), list);
      }
    }),
  );
});
