import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Random, randomBelow, SeededRandom, shuffle } from './random.js';

/** Gives these numbers in turn. */
function scripted(...values: number[]): Random {
  return {
    uint32: () => values.shift()!,
    fill: () => {},
  };
}

test('one seed is one sequence, another seed another', () => {
  const draw = (random: Random): number[] => Array.from({ length: 20 }, () => random.uint32());
  assert.deepEqual(draw(new SeededRandom(7)), draw(new SeededRandom(7)));
  assert.notDeepEqual(draw(new SeededRandom(7)), draw(new SeededRandom(8)));
  const parent = new SeededRandom(7);
  assert.notDeepEqual(draw(parent.split()), draw(parent.split()));
});

test('seeded numbers are 32 bits without sign, and every bit takes both values', () => {
  for (const seed of [0, 1, 0xffffffff]) {
    const random = new SeededRandom(seed);
    let ones = 0;
    let zeros = 0;
    for (let i = 0; i < 1000; i++) {
      const value = random.uint32();
      assert.ok(Number.isInteger(value) && value >= 0 && value < 2 ** 32);
      ones |= value;
      zeros |= ~value;
    }
    assert.equal(ones >>> 0, 0xffffffff);
    assert.equal(zeros >>> 0, 0xffffffff);
  }
});

test('a number below a bound never reaches it, and each value comes up equally often', () => {
  const random = new SeededRandom(3);
  const counts = new Array<number>(6).fill(0);
  for (let i = 0; i < 60_000; i++) counts[randomBelow(random, 6)]!++;
  for (const count of counts) assert.ok(count > 9_500 && count < 10_500, counts.join());
  assert.equal(randomBelow(random, 1), 0);
});

test('values that would favour small results are drawn again', () => {
  // 2^32 mod 10 is 6: the last 6 values are left over.
  assert.equal(randomBelow(scripted(2 ** 32 - 1, 2 ** 32 - 6, 2 ** 32 - 7), 10), 9);
  assert.equal(randomBelow(scripted(2 ** 32 - 1), 2 ** 32), 2 ** 32 - 1);
});

test('a shuffle keeps every item, and every order comes up', () => {
  const random = new SeededRandom(5);
  const orders = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const items = ['a', 'b', 'c'];
    shuffle(random, items);
    orders.set(items.join(''), (orders.get(items.join('')) ?? 0) + 1);
  }
  assert.equal(orders.size, 6);
  for (const count of orders.values()) assert.ok(count > 800 && count < 1200, String(count));
  const numbers = Uint32Array.from({ length: 100 }, (_, i) => i);
  shuffle(random, numbers);
  assert.deepEqual(
    numbers.slice().sort(),
    Uint32Array.from({ length: 100 }, (_, i) => i),
  );
});

test('fill covers the whole array', () => {
  const random = new SeededRandom(9);
  const bytes = new Uint8Array(10_000);
  random.fill(bytes);
  assert.equal(new Set(bytes).size, 256);
  random.fill(new Uint8Array(0));
});
