/**
 * Makes a failing input smaller while it still fails: ever shorter stretches are taken out, then bytes are made plain.
 * Bounded by ATTEMPTS_MAX runs of the target.
 */
import { concatBytes } from '../../src/base/bytes.js';

const ATTEMPTS_MAX = 2000;
const PLAIN_BYTE = 0x30;

/** @returns the smallest input found for which `fails` says true; at worst `input`. */
export async function reduceInput(
  input: Uint8Array,
  fails: (candidate: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input;
  let attempts = 0;
  const isBetter = async (candidate: Uint8Array): Promise<boolean> => {
    if (attempts++ >= ATTEMPTS_MAX || !(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let length = Math.ceil(best.length / 2); length >= 1; length = length === 1 ? 0 : Math.ceil(length / 2)) {
    for (let start = 0; start < best.length; ) {
      if (attempts >= ATTEMPTS_MAX) return best;
      const shorter = concatBytes([best.subarray(0, start), best.subarray(start + length)]);
      if (!(await isBetter(shorter))) start += length;
    }
  }
  for (let i = 0; i < best.length && attempts < ATTEMPTS_MAX; i++) {
    if (best[i] === PLAIN_BYTE) continue;
    const plainer = best.slice();
    plainer[i] = PLAIN_BYTE;
    await isBetter(plainer);
  }
  return best;
}
