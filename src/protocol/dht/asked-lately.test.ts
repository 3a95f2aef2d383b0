import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress, toCompact } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { AskedLately } from './asked-lately.js';

const at = (port: number) => toCompact(makeAddress('192.0.2.1', port)!);

test('who was asked is remembered for a quarter of an hour, and its neighbours are not', () => {
  const asked = new AskedLately();
  assert.equal(asked.has(at(1), 0), false);
  asked.add(at(1), 0);
  assert.deepEqual([asked.has(at(1), 899_999), asked.has(at(1), 900_000), asked.has(at(2), 0)], [true, false, false]);
});

test('of too many the one that was asked first is forgotten', () => {
  const asked = new AskedLately();
  for (let port = 1; port <= LIMITS.dhtAskedNodesMax + 1; port++) asked.add(at(port), 0);
  assert.deepEqual(
    [asked.has(at(1), 0), asked.has(at(2), 0), asked.has(at(LIMITS.dhtAskedNodesMax + 1), 0)],
    [false, true, true],
  );
});
