/**
 * A binary heap of deadlines, so that a whole engine needs one host timer. Time is the caller's: milliseconds of a
 * monotonic clock. Timers with equal deadlines run in the order they were set, which keeps runs reproducible.
 */
import { assert } from './assert.js';

/** One owner's timer. Make it once and re-arm it: no allocation per use. */
export class Timer {
  /** ms; Infinity = not armed. */
  deadline: number = Number.POSITIVE_INFINITY;
  /** @internal position in the heap, -1 = absent. */
  heapIndex = -1;
  /** @internal tie-break. */
  sequence = 0;
  readonly fire: (now: number) => void;

  constructor(fire: (now: number) => void) {
    this.fire = fire;
  }

  get isArmed(): boolean {
    return this.heapIndex >= 0;
  }
}

export class TimerQueue {
  readonly #heap: Timer[] = [];
  #sequence = 0;

  /** ms; Infinity when nothing is armed. */
  get nextDeadline(): number {
    return this.#heap[0]?.deadline ?? Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Arms, or re-arms, `timer`; a deadline of Infinity disarms it. */
  set(timer: Timer, deadline: number): void {
    if (deadline === Number.POSITIVE_INFINITY) {
      this.cancel(timer);
      return;
    }
    timer.deadline = deadline;
    timer.sequence = this.#sequence++;
    if (timer.heapIndex < 0) {
      timer.heapIndex = this.#heap.length;
      this.#heap.push(timer);
    }
    this.#up(timer.heapIndex);
    this.#down(timer.heapIndex);
  }

  cancel(timer: Timer): void {
    const index = timer.heapIndex;
    if (index < 0) return;
    timer.heapIndex = -1;
    timer.deadline = Number.POSITIVE_INFINITY;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    this.#place(last, index);
    this.#up(index);
    this.#down(last.heapIndex);
  }

  /** Fires every timer due at `now`; one set while firing runs in this call only if it is due too. */
  advance(now: number): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.deadline > now) return;
      this.cancel(first);
      first.fire(now);
    }
  }

  /** Asserts the order of the heap; for tests and audits. */
  verify(): void {
    for (const [index, timer] of this.#heap.entries()) {
      assert(timer.heapIndex === index, 'a timer does not know its place');
      assert(Number.isFinite(timer.deadline), 'a timer without a deadline is armed');
      assert(index === 0 || !isBefore(timer, this.#heap[(index - 1) >>> 1]!), 'a timer is due before the one above it');
    }
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.heapIndex = index;
  }

  #up(start: number): void {
    const timer = this.#heap[start]!;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      const above = this.#heap[parent]!;
      if (!isBefore(timer, above)) break;
      this.#place(above, index);
      index = parent;
    }
    this.#place(timer, index);
  }

  #down(start: number): void {
    const timer = this.#heap[start]!;
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child++;
      const below = this.#heap[child]!;
      if (!isBefore(below, timer)) break;
      this.#place(below, index);
      index = child;
    }
    this.#place(timer, index);
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.sequence < b.sequence);
}
