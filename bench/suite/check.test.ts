import assert from 'node:assert/strict';
import { test } from 'node:test';
import { farFromGoals, worseThanCommitted } from './check.js';
import type { GoalResult, ScenarioResult } from './result.js';
import type { Goal } from './scenario.js';

const CPU: Goal = { figure: 'cpuSeconds', against: 'libtorrent', bound: 0.9 };
const RSS: Goal = { figure: 'rssMib', bound: 120 };
const PAYLOAD: Goal = { figure: 'payloadPercent', against: 'libtorrent', bound: 1 };

function result(goal: Goal, value: number): ScenarioResult {
  const judged: GoalResult = { ...goal, value, isReached: true };
  return { name: 'download', title: 'download', date: '2026-11-26', sides: [], ratios: {}, goals: [judged] };
}

test('a ratio that is 20 % worse than the committed one is told, one that is nearly so is not', () => {
  assert.deepEqual(worseThanCommitted([result(CPU, 0.95)], [result(CPU, 0.8)]), []);
  const complaints = worseThanCommitted([result(CPU, 0.97)], [result(CPU, 0.8)]);
  assert.equal(complaints.length, 1);
  assert.match(complaints[0]!, /download: CPU-s .* 0\.97, committed 0\.80/);
});

test('where more is better, less is worse', () => {
  assert.equal(worseThanCommitted([result(PAYLOAD, 0.8)], [result(PAYLOAD, 1)]).length, 1);
  assert.equal(worseThanCommitted([result(PAYLOAD, 1.5)], [result(PAYLOAD, 1)]).length, 0);
});

test('what is no ratio, or is not committed, is not judged: it would be the machine', () => {
  assert.deepEqual(worseThanCommitted([result(RSS, 500)], [result(RSS, 100)]), []);
  assert.deepEqual(worseThanCommitted([result(CPU, 5)], []), []);
});

test('the quick look complains of ratios at more than twice their goal', () => {
  assert.deepEqual(farFromGoals([result(CPU, 1.8)]), []);
  assert.equal(farFromGoals([result(CPU, 1.81)]).length, 1);
  assert.deepEqual(farFromGoals([result(RSS, 500)]), []);
});
