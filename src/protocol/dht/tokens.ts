/**
 * Write tokens (BEP 5): who wants to announce or to store shows what we gave to the same address for the same target a
 * few minutes ago, and so proves that the packets really come from there. Nothing is kept for each: a token is a keyed
 * hash, and only the keys are remembered. It covers the target, for otherwise one lookup would permit announces for
 * every torrent.
 */
import { sha1 } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';

/** What we give; others' tokens have any length. */
export const TOKEN_BYTES = 8;

export class Tokens {
  readonly #random: Random;
  /** Null until the first token is asked for, because a read-only node never gives one. */
  #secret: Uint8Array | null = null;
  #previousSecret: Uint8Array | null = null;
  #rotatedAtMs = 0;

  /** @param random must not be predictable outside of tests. */
  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * Good for 5 to 10 minutes.
   * @param ip 4 or 16 bytes
   * @param target 20 bytes
   */
  make(ip: Uint8Array, target: Uint8Array, now: number): Uint8Array {
    this.#rotate(now);
    return makeToken(this.#secret!, ip, target);
  }

  /** Whether `token`, which may be anything, is one that we gave to `ip` for `target` and that is still good. */
  isValid(token: Uint8Array, ip: Uint8Array, target: Uint8Array, now: number): boolean {
    // Before the first one there is none that could be valid.
    if (token.length !== TOKEN_BYTES || this.#secret === null) return false;
    this.#rotate(now);
    if (isSame(token, makeToken(this.#secret, ip, target))) return true;
    return this.#previousSecret !== null && isSame(token, makeToken(this.#previousSecret, ip, target));
  }

  #rotate(now: number): void {
    const ageMs = now - this.#rotatedAtMs;
    if (this.#secret !== null && ageMs < LIMITS.dhtTokenRotationMs) return;
    // After a long silence the secret before this one is too old as well.
    this.#previousSecret = ageMs < 2 * LIMITS.dhtTokenRotationMs ? this.#secret : null;
    this.#secret = new Uint8Array(SECRET_BYTES);
    this.#random.fill(this.#secret);
    this.#rotatedAtMs = now;
  }
}

const SECRET_BYTES = 20;

function makeToken(secret: Uint8Array, ip: Uint8Array, target: Uint8Array): Uint8Array {
  // The lengths of the first and the last are fixed, so no two of these can be cut in another place.
  const message = new Uint8Array(secret.length + ip.length + target.length);
  message.set(secret);
  message.set(ip, secret.length);
  message.set(target, secret.length + ip.length);
  return sha1(message).slice(0, TOKEN_BYTES);
}

/** In a time that does not tell how much of a guess was right. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < TOKEN_BYTES; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
