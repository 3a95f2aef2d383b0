import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { DistrustedNodes } from './distrusted-nodes.js';

const at = (port: number) => makeAddress('192.0.2.1', port)!;

test('an endpoint is distrusted for half an hour, and its neighbours are not', () => {
  const nodes = new DistrustedNodes();
  assert.equal(nodes.has(at(1), 0), false);
  nodes.add(at(1), 0);
  assert.deepEqual(
    [nodes.has(at(1), 1_799_999), nodes.has(at(1), 1_800_000), nodes.has(at(2), 0)],
    [true, false, false],
  );
});

test('of too many the one that was distrusted first is forgotten', () => {
  const nodes = new DistrustedNodes();
  for (let port = 1; port <= LIMITS.dhtDistrustedNodesMax; port++) nodes.add(at(port), 0);
  nodes.add(at(1), 1);
  nodes.add(at(9999), 1);
  assert.deepEqual([nodes.has(at(1), 2), nodes.has(at(2), 2), nodes.has(at(3), 2)], [true, false, true]);
});
