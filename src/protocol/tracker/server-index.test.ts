import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerIndex } from './server-index.js';

/** Few different hashes: long runs, also across the end of the slots. */
const hashOf = (value: number): number => (value * 7) % 5;

function has(index: ServerIndex, value: number): boolean {
  const { slots } = index;
  const mask = slots.length - 1;
  for (let slot = hashOf(value) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
    if (slots[slot] === value) return true;
  }
  return false;
}

test('what is in the index is found, and nothing else, whatever came and went before', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 60 }), (values) => {
      const index = new ServerIndex(new Uint16Array(8), hashOf);
      const model = new Set<number>();
      for (const value of values) {
        if (model.delete(value)) index.remove(value, hashOf(value));
        else {
          model.add(value);
          if (2 * model.size > index.slots.length) index.moveTo(new Uint16Array(2 * index.slots.length));
          index.add(value, hashOf(value));
        }
        for (let one = 1; one <= 12; one++) assert.equal(has(index, one), model.has(one));
      }
    }),
  );
});

test('a value is replaced where it stands', () => {
  const index = new ServerIndex(new Uint32Array(8), hashOf);
  for (const value of [5, 10, 1]) index.add(value, hashOf(value));
  index.replace(10, hashOf(10), 15); // of the same hash
  assert.deepEqual(
    [5, 10, 15, 1].map((value) => has(index, value)),
    [true, false, true, true],
  );
});

test('to remove what is not there is a bug', () => {
  const index = new ServerIndex(new Uint16Array(8), hashOf);
  assert.throws(() => index.remove(3, hashOf(3)), /in the index/);
});
