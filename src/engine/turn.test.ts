import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timer } from '../base/timer-queue.js';
import type { Clock } from '../host/clock.js';
import { type Deferred, Turn } from './turn.js';

/** A clock whose time and single wake are the test's. */
class StepClock implements Clock {
  time = 0;
  wakes: { deadline: number; fn: () => void; isCancelled: boolean }[] = [];
  now(): number {
    return this.time;
  }
  unixTime(): number {
    return 0;
  }
  wakeAt(deadline: number, fn: () => void): { cancel(): void } {
    const wake = { deadline, fn, isCancelled: false };
    this.wakes.push(wake);
    return {
      cancel: () => {
        wake.isCancelled = true;
      },
    };
  }
  /** Moves to `time`, firing wakes that are due. */
  stepTo(time: number): void {
    this.time = time;
    const due = this.wakes.filter((wake) => !wake.isCancelled && wake.deadline <= time);
    this.wakes = this.wakes.filter((wake) => !due.includes(wake));
    for (const wake of due) wake.fn();
  }
}

function work(run: () => void, onBug: (error: unknown) => void = assert.ifError): Deferred {
  return { isQueued: false, run, onBug };
}

test('a turn settles each piece of work once, then flushes, then tells', () => {
  const turn = new Turn(new StepClock(), assert.ifError);
  const order: string[] = [];
  const settle = work(() => order.push('settle'));
  const flush = work(() => order.push('flush'));
  turn.afterTurn = () => order.push(turn.isRunning ? 'told inside' : 'told');
  turn.run(() => {
    turn.flush(flush);
    turn.settle(settle);
    turn.settle(settle);
    turn.flush(flush);
    order.push('handle');
  });
  assert.deepEqual(order, ['handle', 'settle', 'flush', 'told']);
});

test('work queued while settling is settled in the same turn', () => {
  const turn = new Turn(new StepClock(), assert.ifError);
  const order: string[] = [];
  const second = work(() => order.push('second'));
  const first = work(() => {
    order.push('first');
    turn.settle(second);
  });
  turn.run(() => turn.settle(first));
  assert.deepEqual(order, ['first', 'second']);
});

test('a turn inside a turn is a bug, and the outer one goes on', () => {
  const bugs: unknown[] = [];
  const turn = new Turn(new StepClock(), (error) => bugs.push(error));
  turn.run(() => turn.run(() => {}));
  assert.equal(bugs.length, 1);
  assert.match(String(bugs[0]), /must not nest/);
  turn.run(() => {});
});

test('work that throws is told so itself, and the rest still runs', () => {
  const turn = new Turn(new StepClock(), assert.ifError);
  const seen: unknown[] = [];
  const bad = work(
    () => {
      throw new Error('broken');
    },
    (error) => seen.push(error),
  );
  let ran = false;
  turn.run(() => {
    turn.settle(bad);
    turn.settle(
      work(() => {
        ran = true;
      }),
    );
  });
  assert.match(String(seen[0]), /broken/);
  assert.ok(ran);
});

test('timers fire in their own turn, at their deadline and not before', () => {
  const clock = new StepClock();
  const turn = new Turn(clock, assert.ifError);
  const fired: number[] = [];
  const timer = new Timer((now) => {
    assert.ok(turn.isRunning);
    fired.push(now);
  });
  turn.run(() => turn.timers.set(timer, 50));
  clock.stepTo(49);
  assert.deepEqual(fired, []);
  clock.stepTo(50);
  assert.deepEqual(fired, [50]);
});

test('an earlier timer set later moves the wake forward; a cancelled one does not fire', () => {
  const clock = new StepClock();
  const turn = new Turn(clock, assert.ifError);
  const fired: string[] = [];
  const late = new Timer(() => fired.push('late'));
  const early = new Timer(() => fired.push('early'));
  const never = new Timer(() => fired.push('never'));
  turn.run(() => turn.timers.set(late, 100));
  turn.run(() => turn.timers.set(early, 10));
  turn.run(() => turn.timers.set(never, 20));
  turn.run(() => turn.timers.cancel(never));
  clock.stepTo(10);
  clock.stepTo(20);
  clock.stepTo(100);
  assert.deepEqual(fired, ['early', 'late']);
});

test('nothing fires after stop', () => {
  const clock = new StepClock();
  const turn = new Turn(clock, assert.ifError);
  turn.run(() => turn.timers.set(new Timer(() => assert.fail('fired after stop')), 10));
  turn.run(() => turn.stop());
  clock.stepTo(1000);
  assert.equal(clock.wakes.filter((wake) => !wake.isCancelled).length, 0);
});
