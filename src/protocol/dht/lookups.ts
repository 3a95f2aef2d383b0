/**
 * The lookups of one node: so many at once, the others in turn. One that finds nobody to ask waits until somebody is
 * known, and ends without a result when that takes too long.
 */
import { LIMITS } from '../../base/limits.js';
import { Timer, type TimerQueue } from '../../base/timer-queue.js';
import { Lookup, type LookupGoal, type LookupHost } from './lookup.js';

export class Lookups {
  readonly #host: LookupHost;
  readonly #timers: TimerQueue;
  readonly #running = new Set<Lookup>();
  readonly #waiting = new Set<Lookup>();
  readonly #startTimer: Timer;
  readonly #patience: Timer;

  constructor(host: LookupHost, timers: TimerQueue) {
    this.#host = host;
    this.#timers = timers;
    this.#startTimer = new Timer((now) => this.#startWaiting(now));
    this.#patience = new Timer((now) => this.#giveUp(now));
  }

  get running(): number {
    return this.#running.size;
  }

  /** Starts with the next advance(), or when its turn comes. */
  add(target: Uint8Array, goal: LookupGoal, now: number): Lookup {
    const lookup: Lookup = new Lookup(target, { host: this.#host, goal, onOver: (over) => this.#onOver(over) }, now);
    this.#waiting.add(lookup);
    this.wake(now);
    return lookup;
  }

  /** There may be somebody to ask now, or room. */
  wake(now: number): void {
    if (this.#waiting.size > 0 && !this.#startTimer.isArmed) this.#timers.set(this.#startTimer, now);
  }

  /** Ends all of them as they are. */
  finishAll(now: number): void {
    for (const lookup of [...this.#running, ...this.#waiting]) lookup.finish(now);
  }

  #startWaiting(now: number): void {
    for (const lookup of this.#waiting) {
      if (this.#running.size >= LIMITS.dhtLookupsMax) break;
      this.#waiting.delete(lookup);
      this.#running.add(lookup);
      if (lookup.start(now)) continue;
      this.#running.delete(lookup);
      this.#waiting.add(lookup);
      break;
    }
    // Beyond this the latest are given up at once: a caller that asks without end must not fill the memory.
    let excess = this.#waiting.size - LIMITS.dhtLookupsWaitingMax;
    for (const lookup of [...this.#waiting].slice(LIMITS.dhtLookupsWaitingMax)) if (excess-- > 0) lookup.finish(now);
    if (this.#waiting.size > 0 && !this.#patience.isArmed) this.#timers.set(this.#patience, now + PATIENCE_MS);
  }

  /** Those that wait although there is room have nobody to ask. */
  #giveUp(now: number): void {
    if (this.#running.size < LIMITS.dhtLookupsMax) {
      for (const lookup of [...this.#waiting]) if (now - lookup.startedAtMs >= PATIENCE_MS) lookup.finish(now);
    }
    if (this.#waiting.size > 0) this.#timers.set(this.#patience, now + PATIENCE_MS);
  }

  #onOver(lookup: Lookup): void {
    this.#waiting.delete(lookup);
    if (!this.#running.delete(lookup) || this.#waiting.size === 0 || this.#startTimer.isArmed) return;
    this.#timers.set(this.#startTimer, 0);
  }
}

/** For somebody to ask to turn up: longer than it takes to resolve the names of the well-known nodes. */
const PATIENCE_MS = 30_000;
