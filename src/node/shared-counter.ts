/** A counter that threads share: each takes what no other has taken, and waits for nobody. */

/** Plain data: it may be sent to threads, which then share it. From 0. */
export type SharedCounter = Int32Array;

export function newSharedCounter(): SharedCounter {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

/** @returns the first of `count` numbers that are now the caller's. */
export function takeFrom(counter: SharedCounter, count: number): number {
  return Atomics.add(counter, 0, count);
}
