/**
 * How fast a simulated disk is: one queue, one operation after the other, each with a wait of its own and then its
 * bytes. Times are virtual ms.
 */

export interface DiskModel {
  /** Of each operation, however small: a seek, a sync. */
  readonly latencyMs: number;
  readonly bytesPerMs: number;
}

export class DiskQueue {
  /** Null = no time passes. */
  model: DiskModel | null = null;
  #freeAtMs = 0;

  /** An operation on so many bytes joins the queue at `now`. @returns when it is done. */
  enqueue(now: number, bytes: number): number {
    const takesMs = this.model === null ? 0 : this.model.latencyMs + bytes / this.model.bytesPerMs;
    this.#freeAtMs = Math.max(now, this.#freeAtMs) + takesMs;
    return this.#freeAtMs;
  }

  /** The machine went down with everything that was waiting. */
  clear(): void {
    this.#freeAtMs = 0;
  }
}
