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
  /** The half second that each bucket is of. */
  readonly #ticks = new Float64Array(BUCKETS).fill(Number.NEGATIVE_INFINITY);
  #startedAtMs = wide(-1);

  add(bytes: number, now: number): void {
    const tick = Math.floor(now / BUCKET_MS);
    const place = tick % BUCKETS;
    const before = this.#ticks[place] === tick ? this.#buckets[place]! : 0;
    this.#buckets[place] = before + bytes;
    this.#ticks[place] = tick;
    this.totalBytes += bytes;
    if (this.#startedAtMs < 0) this.#startedAtMs = now;
  }

  /** @returns bytes per second over the last 5 s, or over the time since the first byte while that is shorter. */
  rateBytesPerSecond(now: number): number {
    if (this.#startedAtMs < 0) return 0;
    const oldest = Math.floor(now / BUCKET_MS) - BUCKETS;
    let sum = 0;
    for (let i = 0; i < BUCKETS; i++) sum += this.#ticks[i]! > oldest ? this.#buckets[i]! : 0;
    const windowMs = Math.min((BUCKETS - 1) * BUCKET_MS + (now % BUCKET_MS), now - this.#startedAtMs);
    return (sum * 1000) / Math.max(windowMs, BUCKET_MS);
  }
}
