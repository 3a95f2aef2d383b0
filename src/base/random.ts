/**
 * Randomness is a port: the real host gives the system's CSPRNG, tests and the simulator a seeded generator, so that
 * a run can be replayed. Below floor 4 nothing calls Math.random (a lint rule).
 */
export interface Random {
  /** Uniform in [0, 2^32). */
  uint32(): number;
  /** Fills all of `bytes`. */
  fill(bytes: Uint8Array): void;
}

/** @returns a uniform integer in [0, bound); bound in [1, 2^32]. Rejection sampling: no modulo bias. */
export function randomBelow(random: Random, bound: number): number {
  const limit = 2 ** 32 - (2 ** 32 % bound);
  for (;;) {
    const value = random.uint32();
    if (value < limit) return value % bound;
  }
}

/** Fisher–Yates, in place. */
export function shuffle<T>(random: Random, items: T[] | Uint32Array): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = randomBelow(random, i + 1);
    const item = items[i]!;
    items[i] = items[j]!;
    items[j] = item;
  }
}

/** Reproducible generator (xoshiro128**, seeded through splitmix32). Not for secrets. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    let state = seed >>> 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = state;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  uint32(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.uint32() >>> 24;
  }

  /** @returns an independent generator, for a node of its own. */
  split(): SeededRandom {
    return new SeededRandom(this.uint32());
  }
}
