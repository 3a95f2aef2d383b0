/**
 * Whom a node has asked in the last quarter of an hour: those who do not answer are named to it again and again. A ring of
 * hashes, because ten thousand simulated nodes have one each. Two endpoints with one hash cost one question that is not
 * asked, for a while. Used by TableUpkeep.
 */
import { LIMITS } from '../../base/limits.js';

export class AskedLately {
  /** A hash and a second each. Made when there is one. */
  #rows: Int32Array | null = null;
  #next = 0;

  /** `endpoint`: compact. Of too many the first is forgotten. */
  add(endpoint: Uint8Array, now: number): void {
    this.#rows ??= new Int32Array(2 * LIMITS.dhtAskedNodesMax).fill(LONG_AGO_S);
    this.#rows[this.#next] = hashOf(endpoint);
    this.#rows[this.#next + 1] = Math.floor(now / 1000);
    this.#next = (this.#next + 2) % this.#rows.length;
  }

  has(endpoint: Uint8Array, now: number): boolean {
    if (this.#rows === null) return false;
    const hash = hashOf(endpoint);
    for (let i = 0; i < this.#rows.length; i += 2) {
      if (this.#rows[i] === hash && Math.floor(now / 1000) - this.#rows[i + 1]! < ASKED_AGAIN_AFTER_S) return true;
    }
    return false;
  }
}

const ASKED_AGAIN_AFTER_S = 900;
const LONG_AGO_S = -ASKED_AGAIN_AFTER_S;

/** FNV-1a. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash | 0;
}
