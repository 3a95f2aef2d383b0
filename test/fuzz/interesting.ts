/** Values that mistakes live at. */
import { type Random, randomBelow } from '../../src/base/random.js';

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[randomBelow(random, items.length)]!;
}

export const INTERESTING_BYTES: readonly number[] = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x0a, 0x20, 0x25, 0x2d, 0x2e, 0x2f, 0x30, 0x3a,
];

export const INTERESTING_NUMBERS: readonly number[] = [
  0,
  1,
  2,
  5,
  9,
  13,
  20,
  32,
  68,
  100,
  255,
  256,
  16_383,
  16_384,
  65_535,
  65_536,
  131_072,
  1_048_576,
  2_097_152,
  2 ** 29,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
];
