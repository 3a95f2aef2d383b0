import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runBounded } from './bounded-loop.js';

test('all are started in order, no more at once than allowed, and done comes once, last', () => {
  const started: number[] = [];
  const running: (() => void)[] = [];
  let done = 0;
  runBounded({
    count: 5,
    atOnce: 2,
    start: (index, next) => {
      started.push(index);
      running.push(next);
    },
    done: () => done++,
  });
  assert.deepEqual(started, [0, 1]);
  for (let i = 0; i < 5; i++) {
    assert.equal(done, 0);
    assert.ok(running.length <= 2);
    running.shift()!();
  }
  assert.deepEqual(started, [0, 1, 2, 3, 4]);
  assert.equal(done, 1);
});

test('a million that take no time need no deep stack', () => {
  let started = 0;
  let done = 0;
  const start = (_index: number, next: () => void): void => {
    started++;
    next();
  };
  runBounded({ count: 1_000_000, atOnce: 3, start, done: () => done++ });
  assert.equal(started, 1_000_000);
  assert.equal(done, 1);
  runBounded({ count: 0, atOnce: 3, start, done: () => done++ });
  assert.equal(done, 2);
});
