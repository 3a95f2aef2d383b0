import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Simulator } from '../../sim/simulator.js';
import { Turn } from '../turn.js';
import { DISK_RETRY_FIRST_MS, DISK_RETRY_MAX_MS, DiskRetry } from './disk-retry.js';

function scene(): { simulator: Simulator; turn: Turn; retry: DiskRetry; retriedAtMs: number[] } {
  const simulator = new Simulator({ seed: 1 });
  const turn = new Turn(simulator.clock, (error) => {
    throw error;
  });
  const retriedAtMs: number[] = [];
  const retry = new DiskRetry(turn, () => retriedAtMs.push(simulator.now));
  return { simulator, turn, retry, retriedAtMs };
}

test('each failure waits twice as long, up to a limit', () => {
  const { turn, retry } = scene();
  const waits = Array.from({ length: 7 }, () => {
    let waitMs = 0;
    turn.run(() => {
      waitMs = retry.schedule();
    });
    return waitMs;
  });
  assert.deepEqual(waits, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  assert.deepEqual([waits[0], waits[6]], [DISK_RETRY_FIRST_MS, DISK_RETRY_MAX_MS]);
});

test('it is tried once the wait is over, and not after a cancel', () => {
  const { simulator, turn, retry, retriedAtMs } = scene();
  turn.run(() => retry.schedule());
  simulator.run(60_000);
  assert.deepEqual(retriedAtMs, [10_000]);
  turn.run(() => {
    retry.schedule();
    retry.cancel();
  });
  simulator.run(600_000);
  assert.deepEqual(retriedAtMs, [10_000]);
});

test('a stored piece, or a long time without a failure, begins anew', () => {
  const { simulator, turn, retry } = scene();
  const wait = (): number => {
    let waitMs = 0;
    turn.run(() => {
      waitMs = retry.schedule();
    });
    return waitMs;
  };
  wait();
  wait();
  turn.run(() => retry.onStored());
  assert.equal(wait(), 10_000);
  turn.run(() => retry.onResumed());
  simulator.run(DISK_RETRY_MAX_MS);
  assert.equal(wait(), 20_000);
  simulator.run(simulator.now + 2);
  assert.equal(wait(), 10_000);
});
