/**
 * Transfer rate over the last few seconds: ten buckets of half a second. `add` is called per block, so it allocates
 * nothing. Time is the caller's monotonic clock, in milliseconds.
 */
import { wide } from './wide.js';

const BUCKET_MS = 500;
const BUCKETS = 10;

export class RateMeter {
  /** Bytes since creation. */
  totalBytes: number = wide(0);
  readonly #buckets = new Float64Array(BUCKETS);
  #tick = 0;
  #startedAtMs = wide(-1);

  add(bytes: number, now: number): void {
    this.#roll(now);
    this.#buckets[this.#tick % BUCKETS]! += bytes;
    this.totalBytes += bytes;
  }

  /** @returns bytes per second over the last 5 s, or over the time since the first byte while that is shorter. */
  rateBytesPerSecond(now: number): number {
    if (this.#startedAtMs < 0) return 0;
    this.#roll(now);
    let sum = 0;
    for (const bytes of this.#buckets) sum += bytes;
    const windowMs = Math.min((BUCKETS - 1) * BUCKET_MS + (now % BUCKET_MS), now - this.#startedAtMs);
    return (sum * 1000) / Math.max(windowMs, BUCKET_MS);
  }

  #roll(now: number): void {
    const tick = Math.floor(now / BUCKET_MS);
    if (this.#startedAtMs < 0) {
      this.#startedAtMs = now;
      this.#tick = tick;
      return;
    }
    const steps = Math.min(tick - this.#tick, BUCKETS);
    for (let i = 1; i <= steps; i++) this.#buckets[(this.#tick + i) % BUCKETS] = 0;
    if (tick > this.#tick) this.#tick = tick;
  }
}
