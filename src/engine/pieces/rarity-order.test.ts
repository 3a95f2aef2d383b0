import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { PRIORITY_DEFAULT, RarityOrder } from './rarity-order.js';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

function pieces(order: RarityOrder): number[] {
  return Array.from({ length: order.count }, (_, i) => order.pieceAt(i));
}

test('starts with every piece once, shuffled', () => {
  const order = new RarityOrder(1000, new SeededRandom(1));
  order.verify();
  const all = Array.from({ length: 1000 }, (_, piece) => piece);
  assert.notDeepEqual(pieces(order), all);
  assert.deepEqual(
    pieces(order).sort((a, b) => a - b),
    all,
  );
});

test('rarer pieces come first, and pieces nobody announced before those', () => {
  const order = new RarityOrder(4, new SeededRandom(2));
  for (const [piece, peers] of [3, 0, 1, 2].entries()) {
    for (let i = 0; i < peers; i++) order.increment(piece);
  }
  assert.deepEqual(pieces(order), [1, 2, 3, 0]);
  assert.equal(order.announcedStart(PRIORITY_DEFAULT), 1);
  order.decrement(0);
  order.decrement(0);
  order.decrement(0);
  assert.deepEqual(pieces(order).slice(2), [2, 3]);
  assert.equal(order.announcedStart(PRIORITY_DEFAULT), 2);
});

test('a higher priority comes before any rarity', () => {
  const order = new RarityOrder(3, new SeededRandom(3));
  order.increment(2);
  order.setPriority(2, 7);
  order.setPriority(0, 1);
  assert.deepEqual(pieces(order), [2, 1, 0]);
  assert.equal(order.classStart(7), 0);
  assert.equal(order.classEnd(7), 1);
  assert.equal(order.classStart(PRIORITY_DEFAULT), 1);
  assert.equal(order.classEnd(1), 3);
});

test('a piece that is out keeps its availability and comes back at its place', () => {
  const order = new RarityOrder(3, new SeededRandom(4));
  order.increment(0);
  order.remove(0);
  order.remove(0);
  assert.equal(order.count, 2);
  assert.equal(order.has(0), false);
  order.increment(0);
  order.increment(1);
  order.insert(0);
  assert.deepEqual(pieces(order), [2, 1, 0]);
  assert.equal(order.availability(0), 2);
});

test('many priorities at once leave what one by one would', () => {
  const orders = [1, 2].map(() => new RarityOrder(40, new SeededRandom(6)));
  const [atOnce, oneByOne] = orders as [RarityOrder, RarityOrder];
  for (const order of orders) {
    for (let i = 0; i < 60; i++) order.increment((i * i) % 37);
    for (const piece of [0, 20, 39]) order.remove(piece);
  }
  const priorities = Uint8Array.from({ length: 30 }, (_, i) => i % 8);
  atOnce.reorder(5, priorities, (piece) => ![0, 20, 39].includes(piece));
  for (const [i, priority] of priorities.entries()) {
    if (priority === 0) oneByOne.remove(5 + i);
    oneByOne.setPriority(5 + i, priority);
  }
  atOnce.verify();
  const keys = (order: RarityOrder): string[] =>
    pieces(order).map((piece) => `${order.priority(piece)}/${order.availability(piece)}`);
  assert.deepEqual(keys(atOnce), keys(oneByOne));
  assert.deepEqual(new Set(pieces(atOnce)), new Set(pieces(oneByOne)));
  atOnce.insert(20);
  atOnce.increment(20);
  atOnce.verify();
});

test('the last announced of equally rare pieces is not always the first to be picked', () => {
  const first = new Set<number>();
  for (let seed = 0; seed < 50; seed++) {
    const order = new RarityOrder(5, new SeededRandom(seed));
    for (let piece = 0; piece < 5; piece++) order.increment(piece);
    first.add(order.pieceAt(0));
  }
  assert.equal(first.size, 5);
});

for (const seed of SEEDS) {
  test(`agrees with sorting after random changes (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const count = 1 + randomBelow(random, 60);
    const order = new RarityOrder(count, random);
    const availability = new Array<number>(count).fill(0);
    const priority = new Array<number>(count).fill(PRIORITY_DEFAULT);
    const isIn = new Array<boolean>(count).fill(true);
    for (let step = 0; step < 3000; step++) {
      const piece = randomBelow(random, count);
      const action = randomBelow(random, 10);
      if (action < 5) {
        order.increment(piece);
        availability[piece]!++;
      } else if (action < 8) {
        if (availability[piece]! > 0) {
          order.decrement(piece);
          availability[piece]!--;
        }
      } else if (action === 8) {
        if (isIn[piece]) order.remove(piece);
        else order.insert(piece);
        isIn[piece] = !isIn[piece];
      } else {
        priority[piece] = 1 + randomBelow(random, 7);
        order.setPriority(piece, priority[piece]!);
      }
      if (step % 50 > 0) continue;
      order.verify();
      const key = (p: number): number => (7 - priority[p]!) * 1e6 + availability[p]!;
      const expected = isIn.flatMap((isPresent, p) => (isPresent ? [key(p)] : [])).sort((a, b) => a - b);
      assert.deepEqual(pieces(order).map(key), expected);
    }
    // More peers than the first bucket table had room for.
    assert.ok(Math.max(...availability) > 16);
  });
}
