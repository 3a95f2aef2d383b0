/**
 * One turn: everything from outside (socket data, datagram, timer, disk reply, API call) is handled between enter()
 * and leave(). leave() settles deferred work once (refill requests, interest, choke changes), then flushes each peer
 * that has something to say exactly once, then re-arms the engine's single host timer.
 * Invariant: turns never nest. The ports promise not to call back inside a call, so nesting is a bug.
 * Callers use enter/leave, not a closure, because socket data arrives tens of thousands of times a second.
 */
import { assert } from '../base/assert.js';
import { TimerQueue } from '../base/timer-queue.js';
import type { Clock, Wake } from '../host/clock.js';

/** Work that is wanted once per turn, however often it was asked for. */
export interface Deferred {
  /** Owned by Turn: whether this is queued in the current turn. */
  isQueued: boolean;
  run(now: number): void;
  /** A throw out of run(): a bug, and the owner stops what it belongs to. Must not throw. */
  onBug(error: unknown): void;
}

export class Turn {
  /** Every timer of the engine; set them only inside a turn. */
  readonly timers: TimerQueue = new TimerQueue();
  /** Monotonic ms, the same during a whole turn. */
  now: number;
  /** Called after each turn, outside of it: the place to tell listeners, who may call the API and so begin a turn. */
  afterTurn: () => void = () => {};
  readonly #clock: Clock;
  readonly #onBug: (error: unknown) => void;
  readonly #settling: Deferred[] = [];
  readonly #flushing: Deferred[] = [];
  #isRunning = false;
  #wake: Wake | null = null;
  #wakeDeadline = Number.POSITIVE_INFINITY;
  #isStopped = false;

  /** `onBug` hears of errors thrown by timers and by `run` tasks. */
  constructor(clock: Clock, onBug: (error: unknown) => void) {
    this.#clock = clock;
    this.#onBug = onBug;
    this.now = clock.now();
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  enter(): void {
    assert(!this.#isRunning, 'turns must not nest');
    this.#isRunning = true;
    this.now = this.#clock.now();
  }

  leave(): void {
    this.#drain(this.#settling);
    this.#drain(this.#flushing);
    this.#isRunning = false;
    this.#rearm();
    this.afterTurn();
  }

  /**
   * For rare entries (API calls, replies of disks and trackers): one closure per call. A throw out of `task` is a bug that
   * is told; `stop` then ends what it was at work on, which would else go on half done.
   */
  run(task: () => void, stop: (bug: unknown) => void = () => {}): void {
    this.enter();
    try {
      task();
    } catch (error) {
      this.#onBug(error);
      try {
        stop(error);
      } catch (another) {
        this.#onBug(another);
      }
    }
    this.leave();
  }

  /** Runs `work` once at the end of this turn, before flushing. */
  settle(work: Deferred): void {
    if (work.isQueued) return;
    work.isQueued = true;
    this.#settling.push(work);
  }

  /** Runs `work` once when everything has settled. */
  flush(work: Deferred): void {
    if (work.isQueued) return;
    work.isQueued = true;
    this.#flushing.push(work);
  }

  /** Asserts, between turns, that nothing is left to do and that the next timer will fire; for audits. */
  verify(): void {
    assert(!this.#isRunning && this.#settling.length === 0 && this.#flushing.length === 0, 'a turn has not ended');
    this.timers.verify();
    if (this.#isStopped || this.timers.nextDeadline === Number.POSITIVE_INFINITY) return;
    assert(this.#wake !== null && this.#wakeDeadline <= this.timers.nextDeadline, 'nobody is woken for the next timer');
  }

  /** No timer fires after this. */
  stop(): void {
    this.#isStopped = true;
    this.#wake?.cancel();
    this.#wake = null;
  }

  #drain(queue: Deferred[]): void {
    // By index: work may queue more work of the same kind, which then runs in this turn too.
    for (let i = 0; i < queue.length; i++) {
      const work = queue[i]!;
      work.isQueued = false;
      try {
        work.run(this.now);
      } catch (error) {
        work.onBug(error);
      }
    }
    queue.length = 0;
  }

  #rearm(): void {
    const deadline = this.timers.nextDeadline;
    if (this.#isStopped || deadline === this.#wakeDeadline) return;
    // A later deadline keeps the earlier wake: it finds nothing due and re-arms. Cheaper than a cancel per turn.
    if (deadline > this.#wakeDeadline && this.#wake !== null) return;
    this.#wake?.cancel();
    this.#wake = null;
    this.#wakeDeadline = deadline;
    if (deadline === Number.POSITIVE_INFINITY) return;
    this.#wake = this.#clock.wakeAt(deadline, () => {
      this.#wake = null;
      this.#wakeDeadline = Number.POSITIVE_INFINITY;
      this.run(() => this.timers.advance(this.now));
    });
  }
}
