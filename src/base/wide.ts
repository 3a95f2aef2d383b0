/**
 * First values of fields that will hold fractions, times or counts beyond 2^31. V8 keeps a field that begins with a
 * literal 0 as a small integer. When it holds more for the first time, its class is laid out anew: all code that was
 * compiled for objects of the class is thrown away and compiled again, in the middle of a download.
 */

/** Comes from an array of doubles, and so is one. */
const ZERO = new Float64Array(1)[0]!;

/** @returns `value`, as a double from the start. */
export function wide(value: number): number {
  return ZERO + value;
}
