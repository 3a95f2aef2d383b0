import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Timer, TimerQueue } from './timer-queue.js';

test('timers fire in the order of their deadlines, and of setting where those are equal', () => {
  const queue = new TimerQueue();
  const fired: string[] = [];
  for (const [name, deadline] of [
    ['c', 30],
    ['a', 10],
    ['b1', 20],
    ['b2', 20],
    ['b3', 20],
  ] as const) {
    queue.set(new Timer(() => fired.push(name)), deadline);
  }
  assert.equal(queue.nextDeadline, 10);
  queue.advance(9);
  assert.deepEqual(fired, []);
  queue.advance(20);
  assert.deepEqual(fired, ['a', 'b1', 'b2', 'b3']);
  assert.equal(queue.nextDeadline, 30);
  assert.equal(queue.size, 1);
});

test('a timer fires once, and is told the time', () => {
  const queue = new TimerQueue();
  const times: number[] = [];
  const timer = new Timer((now) => times.push(now));
  queue.set(timer, 5);
  assert.equal(timer.isArmed, true);
  queue.advance(7);
  queue.advance(8);
  assert.deepEqual(times, [7]);
  assert.equal(timer.isArmed, false);
  assert.equal(timer.deadline, Number.POSITIVE_INFINITY);
  assert.equal(queue.nextDeadline, Number.POSITIVE_INFINITY);
});

test('arming again moves a timer, arming for never disarms it', () => {
  const queue = new TimerQueue();
  let count = 0;
  const timer = new Timer(() => count++);
  queue.set(timer, 10);
  queue.set(timer, 20);
  assert.equal(queue.size, 1);
  queue.advance(15);
  assert.equal(count, 0);
  queue.set(timer, 12);
  queue.advance(15);
  assert.equal(count, 1);
  queue.set(timer, 30);
  queue.set(timer, Number.POSITIVE_INFINITY);
  assert.equal(timer.isArmed, false);
  assert.equal(queue.size, 0);
  queue.cancel(timer);
});

test('a timer that is armed while firing runs in the same call only if it is due', () => {
  const queue = new TimerQueue();
  const times: string[] = [];
  const late = new Timer(() => times.push('late'));
  const soon = new Timer(() => times.push('soon'));
  queue.set(
    new Timer((now) => {
      times.push('first');
      queue.set(late, now + 1);
      queue.set(soon, now);
    }),
    1,
  );
  queue.advance(5);
  assert.deepEqual(times, ['first', 'soon']);
  queue.advance(6);
  assert.deepEqual(times, ['first', 'soon', 'late']);
});

test('a timer that is cancelled by another one that is due does not fire', () => {
  const queue = new TimerQueue();
  let fired = false;
  const victim = new Timer(() => {
    fired = true;
  });
  queue.set(new Timer(() => queue.cancel(victim)), 1);
  queue.set(victim, 2);
  queue.advance(10);
  assert.equal(fired, false);
});

test('the heap agrees with a sorted list, whatever is set and cancelled', () => {
  const step = fc.tuple(fc.nat(19), fc.option(fc.nat(50)));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.nat(50), (steps, now) => {
      const queue = new TimerQueue();
      const fired: number[] = [];
      const timers = Array.from({ length: 20 }, (_, i) => new Timer(() => fired.push(i)));
      const model = new Map<number, { deadline: number; sequence: number }>();
      steps.forEach(([i, deadline], sequence) => {
        if (deadline === null) {
          queue.cancel(timers[i]!);
          model.delete(i);
        } else {
          queue.set(timers[i]!, deadline);
          model.set(i, { deadline, sequence });
        }
      });
      assert.equal(queue.size, model.size);
      const due = [...model].filter(([, { deadline }]) => deadline <= now);
      due.sort(([, a], [, b]) => a.deadline - b.deadline || a.sequence - b.sequence);
      queue.advance(now);
      assert.deepEqual(
        fired,
        due.map(([i]) => i),
      );
      const rest = [...model.values()].map(({ deadline }) => deadline).filter((deadline) => deadline > now);
      assert.equal(queue.nextDeadline, Math.min(...rest));
    }),
  );
});
