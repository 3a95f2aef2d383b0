import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resultsChart } from './chart.js';
import type { GoalResult, ScenarioResult } from './result.js';
import { goalsTable, resultsTable } from './table.js';

const goal: GoalResult = { figure: 'cpuSeconds', against: 'libtorrent', bound: 0.9, value: 0.85, isReached: true };
const missed: GoalResult = { figure: 'rssMib', bound: 120, value: 131, isReached: false };
const result: ScenarioResult = {
  name: 'download',
  title: 'download, 1 MiB pieces',
  date: '2026-11-26',
  sides: [
    { name: 'dtorrent', figures: { cpuSeconds: 4.251, rssMib: 131.2 }, runs: [] },
    { name: 'libtorrent', figures: { cpuSeconds: 5.001, rssMib: 2080 }, runs: [] },
  ],
  ratios: { libtorrent: { cpuSeconds: 0.85, rssMib: 0.06 } },
  goals: [goal, missed],
};

test('the chart has a bar and a mark for each goal that is a ratio', () => {
  const svg = resultsChart([result]);
  assert.equal(svg.match(/<rect /g)?.length, 1);
  assert.equal(svg.match(/class="goal"\/>/g)?.length, 1);
  assert.match(svg, /download, 1 MiB pieces: CPU-s to libtorrent/);
});

test('the tables have a row a side, a row of ratios, and a row a goal that says whether it is reached', () => {
  assert.deepEqual(resultsTable([result]).split('\n').slice(2), [
    '| download, 1 MiB pieces | dtorrent | 4.25 | 131 |',
    '| download, 1 MiB pieces | libtorrent | 5.00 | 2080 |',
    '| download, 1 MiB pieces | **ratio to libtorrent** | **0.85** | **0.06** |',
  ]);
  assert.deepEqual(goalsTable([result]).split('\n').slice(2), [
    '| download, 1 MiB pieces | CPU-s ≤ 0.9 × libtorrent | 0.85 | yes |',
    '| download, 1 MiB pieces | peak RSS MiB ≤ 120 | 131 | **no** |',
  ]);
});
