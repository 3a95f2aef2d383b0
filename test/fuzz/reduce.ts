/**
 * Makes a failing input smaller while it still fails: ever shorter stretches are taken out, then bytes are made plain.
 * Bounded by ATTEMPTS_MAX runs of the target, and by time where a run is a whole session.
 */
import { concatBytes } from '../../src/base/bytes.js';

const ATTEMPTS_MAX = 2000;
const REDUCING_MS_MAX = 20_000;
const PLAIN_BYTE = 0x30;

/** @returns the smallest input found for which `fails` says true; at worst `input`. */
export async function reduceInput(
  input: Uint8Array,
  fails: (candidate: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input;
  let attempts = 0;
  const endsAt = Date.now() + REDUCING_MS_MAX;
  const isOver = (): boolean => attempts >= ATTEMPTS_MAX || Date.now() >= endsAt;
  const isBetter = async (candidate: Uint8Array): Promise<boolean> => {
    if (isOver()) return false;
    attempts++;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let length = Math.ceil(best.length / 2); length >= 1; length = length === 1 ? 0 : Math.ceil(length / 2)) {
    for (let start = 0; start < best.length; ) {
      if (isOver()) return best;
      const shorter = concatBytes([best.subarray(0, start), best.subarray(start + length)]);
      if (!(await isBetter(shorter))) start += length;
    }
  }
  for (let i = 0; i < best.length && !isOver(); i++) {
    if (best[i] === PLAIN_BYTE) continue;
    const plainer = best.slice();
    plainer[i] = PLAIN_BYTE;
    await isBetter(plainer);
  }
  return best;
}
