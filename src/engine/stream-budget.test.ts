import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../base/limits.js';
import { resolveSettings } from './settings.js';
import { shareStreams } from './stream-budget.js';

const DEFAULTS = resolveSettings();

test('where the system sets no limit, everything is as asked for', () => {
  const { maxPeers, maxHalfOpen } = DEFAULTS;
  const incomingHandshakes = LIMITS.incomingHandshakesMax;
  assert.deepEqual(shareStreams(DEFAULTS, Number.POSITIVE_INFINITY), { maxPeers, maxHalfOpen, incomingHandshakes });
});

test('the defaults fit what the most modest of usual systems allows', () => {
  const { maxPeers, maxHalfOpen, incomingHandshakes } = shareStreams(DEFAULTS, 1024 - 164);
  assert.equal(maxPeers, DEFAULTS.maxPeers);
  assert.equal(maxHalfOpen, DEFAULTS.maxHalfOpen);
  assert.equal(incomingHandshakes, LIMITS.incomingHandshakesMax);
});

test('with less, those who have said nothing yet give way first, and all together never need more than there is', () => {
  const some = shareStreams(DEFAULTS, 500);
  assert.deepEqual(some, { maxPeers: 200, maxHalfOpen: 50, incomingHandshakes: 250 });
  for (let streamsMax = 4; streamsMax < 2000; streamsMax++) {
    for (const maxPeers of [1, 30, 200, 5000]) {
      const budget = shareStreams({ maxPeers, maxHalfOpen: 50 }, streamsMax);
      const sum = budget.maxPeers + budget.maxHalfOpen + budget.incomingHandshakes;
      assert.ok(sum <= streamsMax, `${streamsMax} for ${maxPeers} peers: ${JSON.stringify(budget)}`);
      assert.ok(Math.min(budget.maxPeers, budget.maxHalfOpen, budget.incomingHandshakes) >= 1);
    }
  }
});
