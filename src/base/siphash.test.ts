import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from './bytes.js';
import { SipHash } from './siphash.js';

/** Key and messages of the authors' vectors: the bytes 0, 1, 2, and so on. */
const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const MESSAGE = new Uint32Array(Uint8Array.from({ length: 64 }, (_, i) => i).buffer);

function hashOf(count: number): string {
  const sipHash = new SipHash(KEY);
  sipHash.hash(MESSAGE, count);
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, sipHash.low, true);
  view.setInt32(4, sipHash.high, true);
  return toHex(bytes);
}

test("the authors' vectors of whole words are met", () => {
  assert.equal(hashOf(0), '310e0edd47db6f72');
  assert.equal(hashOf(1), 'b7877127e09427cf');
  assert.equal(hashOf(2), '6224939a79f5f593');
  assert.equal(hashOf(3), 'fbe50e86bc8f1e75');
  assert.equal(hashOf(4), 'db9bc2577fcc2a3f');
  assert.equal(hashOf(5), '98eea21af25cd6be');
});

test('another key gives another hash', () => {
  const other = new SipHash(new Uint8Array(16));
  other.hash(MESSAGE, 2);
  const one = new SipHash(KEY);
  one.hash(MESSAGE, 2);
  assert.notDeepEqual([other.low, other.high], [one.low, one.high]);
});

test('a key of another length is refused', () => {
  assert.throws(() => new SipHash(new Uint8Array(8)), /16 bytes/);
});
