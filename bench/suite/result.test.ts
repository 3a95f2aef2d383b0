import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, summarize } from './result.js';
import type { Figures, Goal, Scenario } from './scenario.js';

function scenario(goals: readonly Goal[]): Scenario {
  const side = (name: string) => ({ name, run: async (): Promise<Figures> => ({}) });
  return { name: 'download', title: 'download', sides: [side('dtorrent'), side('other')], goals };
}

test('the median is the middle, or the mean of the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
});

test('ratios are taken run by run, so that a slow minute of the machine does not count', () => {
  const ours = [{ wallSeconds: 1 }, { wallSeconds: 10 }, { wallSeconds: 1 }];
  const theirs = [{ wallSeconds: 2 }, { wallSeconds: 20 }, { wallSeconds: 2 }];
  const result = summarize(scenario([]), [ours, theirs], '2026-11-26');
  assert.equal(result.ratios['other']?.wallSeconds, 0.5);
  assert.deepEqual(
    result.sides.map(({ figures }) => figures.wallSeconds),
    [1, 2],
  );
});

test('a goal holds for our figure, or for its ratio to the side it names', () => {
  const goals: Goal[] = [
    { figure: 'rssMib', bound: 120 },
    { figure: 'cpuSeconds', against: 'other', bound: 0.9 },
    { figure: 'payloadPercent', bound: 95 },
  ];
  const ours = [{ rssMib: 121, cpuSeconds: 9, payloadPercent: 95.1 }];
  const theirs = [{ rssMib: 1000, cpuSeconds: 10, payloadPercent: 90 }];
  const result = summarize(scenario(goals), [ours, theirs], '2026-11-26');
  assert.deepEqual(
    result.goals.map(({ value, isReached }) => [value, isReached]),
    [
      [121, false],
      [0.9, true],
      [95.1, true],
    ],
  );
});

test('a goal for a figure that nobody tells is an error, not a success', () => {
  const goals: Goal[] = [{ figure: 'rssMib', bound: 120 }];
  assert.throws(() => summarize(scenario(goals), [[{ wallSeconds: 1 }], [{ wallSeconds: 1 }]], '2026-11-26'), /rssMib/);
});
