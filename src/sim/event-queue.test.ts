import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { randomBelow, SeededRandom } from '../base/random.js';
import { EventQueue, SimTask } from './event-queue.js';

class Named extends SimTask {
  readonly name: number;

  constructor(name: number) {
    super();
    this.name = name;
  }

  fire(): void {}
}

describe('EventQueue', () => {
  test('events come out by deadline, and in the order of their coming when it is equal', () => {
    const queue = new EventQueue(2);
    [5, 1, 5, 3, 1].forEach((deadline, name) => {
      queue.put(new Named(name), deadline);
    });
    assert.equal(queue.nextDeadline, 1);
    const names: number[] = [];
    while (queue.size > 0) names.push((queue.take() as Named).name);
    assert.deepEqual(names, [1, 4, 3, 0, 2]);
    assert.equal(queue.nextDeadline, Number.POSITIVE_INFINITY);
  });

  test('an event that is put in again moves behind its equals, and one that is taken out does not come', () => {
    const queue = new EventQueue();
    const events = [0, 1, 2].map((name) => new Named(name));
    for (const event of events) queue.put(event, 7);
    queue.put(events[0]!, 7);
    queue.remove(events[1]!);
    queue.remove(events[1]!);
    assert.equal(events[1]!.isPending, false);
    assert.deepEqual([queue.take(), queue.take()], [events[2], events[0]]);
    assert.equal(queue.size, 0);
  });

  test('it agrees with a sorted list through a long run of puts, moves, removals and takes', () => {
    const random = new SeededRandom(11);
    const queue = new EventQueue(1);
    const events = Array.from({ length: 200 }, (_, name) => new Named(name));
    let list: { readonly event: Named; readonly deadline: number; readonly order: number }[] = [];
    for (let step = 0; step < 20_000; step++) {
      const event = events[randomBelow(random, events.length)]!;
      const action = randomBelow(random, 4);
      if (action === 3 && list.length > 0) {
        const next = list.reduce((a, b) => ((b.deadline - a.deadline || b.order - a.order) < 0 ? b : a));
        assert.equal(queue.nextDeadline, next.deadline);
        assert.equal(queue.take(), next.event);
        list = list.filter((item) => item !== next);
        continue;
      }
      list = list.filter((item) => item.event !== event);
      if (action === 2) queue.remove(event);
      else {
        const deadline = randomBelow(random, 50);
        queue.put(event, deadline);
        list.push({ event, deadline, order: step });
      }
      assert.equal(queue.size, list.length);
    }
  });
});
