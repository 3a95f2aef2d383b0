import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NodeClock } from './clock.js';

const clock = new NodeClock();

/** Keeps the process alive for the callback: the clock's own timers do not. */
function held<T>(executor: (resolve: (value: T) => void) => void): Promise<T> {
  const hold = setInterval(() => {}, 1000);
  return new Promise<T>(executor).finally(() => clearInterval(hold));
}

describe('NodeClock', () => {
  test('a wake comes no earlier than its deadline', async () => {
    for (const delayMs of [0.2, 1, 2.7, 5]) {
      const deadline = clock.now() + delayMs;
      await held<void>((resolve) => clock.wakeAt(deadline, resolve));
      assert.ok(clock.now() >= deadline, `${deadline - clock.now()} ms early`);
    }
  });

  test('a deadline that has passed comes soon, but not inside the call', async () => {
    let called = false;
    await held<void>((resolve) => {
      clock.wakeAt(clock.now() - 1000, () => {
        called = true;
        resolve();
      });
      assert.equal(called, false);
    });
  });

  test('a cancelled wake does not come, nor does one beyond what setTimeout can count', async () => {
    const fail = (): void => assert.fail('it came');
    const cancelled = clock.wakeAt(clock.now() + 1, fail);
    const far = [3_000_000_000, 1e15, Number.POSITIVE_INFINITY].map((deadline) => clock.wakeAt(deadline, fail));
    cancelled.cancel();
    await held<void>((resolve) => clock.wakeAt(clock.now() + 20, resolve));
    for (const wake of far) wake.cancel();
  });

  test('the wall clock tells whole seconds', () => {
    assert.equal(clock.unixTime(), Math.floor(clock.unixTime()));
    assert.ok(Math.abs(clock.unixTime() - Date.now() / 1000) < 5);
  });
});
