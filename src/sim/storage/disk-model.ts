/**
 * How fast a simulated disk is: one queue for what reads and writes, one operation after the other, each with a wait of
 * its own and then its bytes. Looks at files and flushes wait for what was asked for before them, and hold up nothing:
 * what is asked for later may be done before them. Times are virtual ms.
 */

export interface DiskModel {
  /** Of each operation, however small: a seek. */
  readonly latencyMs: number;
  /** Reading and writing. */
  readonly bytesPerMs: number;
}

/**
 * queued: reads and writes · look: at files · flush: as slow as a few seeks · fence: after everything before it, before
 * everything after it.
 */
export type DiskLane = 'queued' | 'look' | 'flush' | 'fence';

const SEEKS_OF_A_FLUSH = 6;

export class DiskQueue {
  /** Null = no time passes. */
  model: DiskModel | null = null;
  /** When all is done that goes one after the other, and when the last of what goes beside it is. */
  #freeAtMs = 0;
  #besideUntilMs = 0;

  /** An operation on so many bytes begins at `now`. @returns when it is done. */
  enqueue(now: number, bytes: number, lane: DiskLane): number {
    const { latencyMs, bytesPerMs } = this.model ?? { latencyMs: 0, bytesPerMs: Number.POSITIVE_INFINITY };
    const startMs = Math.max(now, this.#freeAtMs, lane === 'fence' ? this.#besideUntilMs : 0);
    if (lane === 'queued' || lane === 'fence') {
      this.#freeAtMs = startMs + latencyMs + bytes / bytesPerMs;
      return this.#freeAtMs;
    }
    const doneMs = startMs + latencyMs * (lane === 'flush' ? SEEKS_OF_A_FLUSH : 1);
    this.#besideUntilMs = Math.max(this.#besideUntilMs, doneMs);
    return doneMs;
  }

  /** The machine went down with everything that was waiting. */
  clear(): void {
    this.#freeAtMs = 0;
    this.#besideUntilMs = 0;
  }
}
