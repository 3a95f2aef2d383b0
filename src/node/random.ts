/** The system's CSPRNG, drawn in pools: one call per 4 KiB instead of one per number. */
import { randomFillSync } from 'node:crypto';
import { readUint32 } from '../base/bytes.js';
import type { Random } from '../base/random.js';

const POOL_BYTES = 4096;

/** The system's randomness, good enough for secrets. */
export class NodeRandom implements Random {
  readonly #pool = new Uint8Array(POOL_BYTES);
  #used = POOL_BYTES;

  /** Uniform in [0, 2^32). */
  uint32(): number {
    if (this.#used + 4 > POOL_BYTES) this.#refill();
    const value = readUint32(this.#pool, this.#used);
    this.#used += 4;
    return value;
  }

  /** Fills all of `bytes`. */
  fill(bytes: Uint8Array): void {
    if (bytes.length > POOL_BYTES / 4) {
      randomFillSync(bytes);
      return;
    }
    if (this.#used + bytes.length > POOL_BYTES) this.#refill();
    bytes.set(this.#pool.subarray(this.#used, this.#used + bytes.length));
    this.#used += bytes.length;
  }

  #refill(): void {
    randomFillSync(this.#pool);
    this.#used = 0;
  }
}
