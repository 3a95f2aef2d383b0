/**
 * The real clock. Its timers are not held by the event loop: what keeps a process alive is sockets (a running engine
 * has a listener) and disk work, so a program that forgot a timer still ends.
 */
import type { Clock, Wake } from '../host/clock.js';

/** setTimeout takes a signed 32-bit delay, and fires at once above it. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export class NodeClock implements Clock {
  now(): number {
    return performance.now();
  }

  unixTime(): number {
    return Math.floor(Date.now() / 1000);
  }

  /** A deadline of Infinity never comes; one in the past comes in the next turn of the event loop. */
  wakeAt(deadline: number, fn: () => void): Wake {
    const wake = new NodeWake(deadline, fn);
    wake.arm();
    return wake;
  }
}

class NodeWake implements Wake {
  readonly #deadline: number;
  readonly #fn: () => void;
  #timeout: NodeJS.Timeout | null = null;

  constructor(deadline: number, fn: () => void) {
    this.#deadline = deadline;
    this.#fn = fn;
  }

  arm(): void {
    if (this.#deadline === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.ceil(this.#deadline - performance.now());
    this.#timeout = setTimeout(() => this.#fire(), Math.min(Math.max(delayMs, 1), TIMEOUT_MS_MAX));
    this.#timeout.unref();
  }

  cancel(): void {
    if (this.#timeout !== null) clearTimeout(this.#timeout);
    this.#timeout = null;
  }

  #fire(): void {
    // Early after a clamped delay, and sometimes by a fraction of a millisecond: the loop's clock is coarser.
    if (performance.now() < this.#deadline) {
      this.arm();
      return;
    }
    this.#timeout = null;
    this.#fn();
  }
}
