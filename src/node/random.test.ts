import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NodeRandom } from './random.js';

describe('NodeRandom', () => {
  test('numbers fill their 32 bits and do not repeat across the pool’s refills', () => {
    const random = new NodeRandom();
    const seen = new Set<number>();
    let highBits = 0;
    for (let i = 0; i < 5000; i++) {
      const value = random.uint32();
      assert.ok(Number.isInteger(value) && value >= 0 && value < 2 ** 32);
      seen.add(value);
      highBits += value >>> 31;
    }
    assert.ok(seen.size > 4990, `${seen.size} different numbers of 5000`);
    assert.ok(highBits > 2200 && highBits < 2800, `${highBits} of 5000 have the top bit`);
  });

  test('fill fills every length to its end', () => {
    const random = new NodeRandom();
    for (const length of [0, 1, 20, 1024, 1025, 4096, 100_000]) {
      const ends = new Set<number>();
      for (let i = 0; i < 40 && length > 0; i++) {
        const bytes = new Uint8Array(length);
        random.fill(bytes);
        ends.add(bytes[length - 1]!);
      }
      assert.ok(length === 0 || ends.size > 10, `the last of ${length} bytes had ${ends.size} values in 40 draws`);
    }
  });
});
