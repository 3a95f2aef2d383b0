import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Steps } from '../format/steps.js';
import { runInTurns } from './in-turns.js';

function* busyFor(steps: number, stepMs: number, onStep: () => void = () => {}): Steps<string> {
  for (let i = 0; i < steps; i++) {
    for (const end = performance.now() + stepMs; performance.now() < end; );
    onStep();
    yield;
  }
  return 'done';
}

test('long work lets other things have their turn', async () => {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const seen: number[] = [];
  assert.equal(await runInTurns(busyFor(4, 12, () => seen.push(turns))), 'done');
  isOver = true;
  // Each step was longer than a turn may be.
  assert.ok(seen[0] === 0 && seen[1]! > 0 && seen[3]! > seen[1]!, String(seen));
});

test('short work is done in the call', async () => {
  let steps = 0;
  const done = runInTurns(busyFor(3, 0, () => steps++));
  assert.equal(steps, 3);
  assert.equal(await done, 'done');
});

test('what a step throws is what comes of it', async () => {
  const fail = (): never => {
    throw new Error('no torrent');
  };
  await assert.rejects(runInTurns(busyFor(1, 0, fail)), /no torrent/);
});
