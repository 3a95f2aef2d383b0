import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wide } from './wide.js';

test('a wide number is the number', () => {
  for (const value of [0, -1, 500, 0.5, 2 ** 40, Number.NEGATIVE_INFINITY]) assert.equal(wide(value), value);
  assert.ok(Object.is(wide(0), 0), 'no minus zero, which would be shown');
});
