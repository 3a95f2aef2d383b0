import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completionBound } from './completion-bound.js';
import type { ScalePeer } from './scale-scenario.js';

function peer(upBytesPerMs: number, downBytesPerMs: number, isFreeRider = false): ScalePeer {
  return { upBytesPerMs, downBytesPerMs, isFreeRider, latencyMs: 0, startsAtMs: 0 };
}

test('the bound is the slowest of three: the seed, the narrowest downlink, all uplinks together', () => {
  const world = { source: peer(100, 1), peers: [peer(30, 40), peer(30, 50), peer(40, 60)] };
  const bound = completionBound(world, 12_000);
  assert.deepEqual(bound, { sourceMs: 120, slowestMs: 300, supplyMs: 180, ms: 300 });
});

test('free riders take their copy and add nothing to what can be given', () => {
  const world = { source: peer(100, 1), peers: [peer(100, 1000), peer(100, 1000, true)] };
  assert.equal(completionBound(world, 1000).supplyMs, (2 * 1000) / 200);
});
