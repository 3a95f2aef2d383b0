/**
 * The Bloom filter of a DHT scrape (BEP 33): 2048 bits, two of them set for each IP address. Filters of several nodes are
 * joined by OR, and the bits that stay zero tell how many different addresses there were, without naming one.
 */
import { sha1 } from '../../base/crypto.js';

export class BloomFilter {
  static readonly BYTES = 256;
  /** What is sent. Changes in place. */
  readonly bytes: Uint8Array = new Uint8Array(BloomFilter.BYTES);

  /** @param ip 4 or 16 bytes. */
  add(ip: Uint8Array): void {
    const digest = sha1(ip);
    for (let hash = 0; hash < HASHES; hash++) {
      const bit = bitOf(digest, hash);
      this.bytes[bit >>> 3]! |= 1 << (bit & 7);
    }
  }

  /** Whether `ip` was added; true for some that were not, the more so the fuller the filter is. */
  has(ip: Uint8Array): boolean {
    const digest = sha1(ip);
    for (let hash = 0; hash < HASHES; hash++) {
      const bit = bitOf(digest, hash);
      if ((this.bytes[bit >>> 3]! & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }

  /**
   * Adds what was added to another filter.
   * @param other as a node sent it
   * @returns false, and nothing is added, when it has not the length of a filter
   */
  union(other: Uint8Array): boolean {
    if (other.length !== BloomFilter.BYTES) return false;
    for (let i = 0; i < BloomFilter.BYTES; i++) this.bytes[i]! |= other[i]!;
    return true;
  }

  /** @returns about how many different addresses were added: 0 to 7805, which is all that a full filter can tell. */
  estimate(): number {
    let zeros = 0;
    for (const byte of this.bytes) zeros += ZERO_BITS[byte]!;
    if (zeros === BITS) return 0;
    return Math.log(Math.max(zeros, 1) / BITS) / (HASHES * Math.log(1 - 1 / BITS));
  }
}

const BITS = 8 * BloomFilter.BYTES;
const HASHES = 2;

const ZERO_BITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  let zeros = 8;
  for (let rest = byte; rest > 0; rest >>>= 1) zeros -= rest & 1;
  return zeros;
});

/** Little-endian, as nothing else in BitTorrent is. */
function bitOf(digest: Uint8Array, hash: number): number {
  return (digest[2 * hash]! | (digest[2 * hash + 1]! << 8)) % BITS;
}
