import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newReadBuffer } from './read-buffer.js';

test('a read buffer has the length that was asked for and does not begin where its memory does', () => {
  for (const lengthBytes of [1, 16 * 1024, 256 * 1024]) {
    const buffer = newReadBuffer(lengthBytes);
    assert.equal(buffer.length, lengthBytes);
    assert.ok(buffer.byteOffset >= 16 && buffer.byteOffset % 4096 !== 0);
    assert.ok(buffer.every((byte) => byte === 0));
  }
});
