import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { copyBytes } from './shared-copy.js';

const MEMORIES = { shared: SharedArrayBuffer, own: ArrayBuffer } as const;

for (const [kind, Memory] of Object.entries(MEMORIES)) {
  test(`into ${kind} memory the same bytes come as by set(), wherever they lie`, () => {
    const offsets = fc.integer({ min: 0, max: 40 });
    const counts = fc.oneof(fc.integer({ min: 0, max: 64 }), fc.integer({ min: 16 * 1024 - 20, max: 50_000 }));
    fc.assert(
      fc.property(offsets, offsets, offsets, offsets, counts, (sourceAt, from, targetAt, at, count) => {
        const source = new Uint8Array(new ArrayBuffer(sourceAt + from + count + 9), sourceAt);
        for (let i = 0; i < source.length; i++) source[i] = (i * 31 + (i >> 8)) & 0xff;
        const target = new Uint8Array(new Memory(targetAt + at + count + 9), targetAt).fill(0xee);
        const expected = Uint8Array.from(target);
        expected.set(source.subarray(from, from + count), at);
        copyBytes(source, from, count, target, at);
        assert.deepEqual(Uint8Array.from(target), expected);
      }),
    );
  });
}

test('what does not fit into its target is refused', () => {
  const target = new Uint8Array(new SharedArrayBuffer(16));
  assert.throws(() => copyBytes(new Uint8Array(32), 1, 20, target, 0), RangeError);
});
