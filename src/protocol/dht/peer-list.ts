/**
 * The peers of one torrent and one address family, as the DHT stores them (BEP 5): packed into one array, because a node
 * keeps a million of them at most. Order means nothing. An entry is the compact address, the second of its last
 * announce (4 bytes, monotonic clock) and whether it is a seed (1 byte).
 */
import { type Address, COMPACT_V4_BYTES, COMPACT_V6_BYTES, fromCompact } from '../../base/address.js';
import { readUint32, writeUint32 } from '../../base/bytes.js';
import { isLocalIp } from '../../base/ip-ranges.js';
import { type Random, randomBelow } from '../../base/random.js';
import type { BloomFilter } from './bloom-filter.js';

export class PeerList {
  readonly #family: 4 | 6;
  readonly #compactBytes: number;
  readonly #stride: number;
  #entries: Uint8Array;
  #count = 0;

  constructor(family: 4 | 6) {
    this.#family = family;
    this.#compactBytes = family === 4 ? COMPACT_V4_BYTES : COMPACT_V6_BYTES;
    this.#stride = this.#compactBytes + EXTRA_BYTES;
    this.#entries = new Uint8Array(this.#stride);
  }

  get count(): number {
    return this.#count;
  }

  /**
   * There is one entry for an IP address, the latest: a client that changes its port replaces itself. In local networks,
   * where several clients on one machine are usual, there is one for an endpoint.
   * @param compact 6 or 18 bytes
   * @returns the index of the entry that this address renews; -1 when there is none
   */
  find(compact: Uint8Array): number {
    const ipBytes = this.#compactBytes - 2;
    const compared = isLocalIp(compact.subarray(0, ipBytes)) ? this.#compactBytes : ipBytes;
    for (let i = 0; i < this.#count; i++) {
      if (this.#startsWith(i * this.#stride, compact, compared)) return i;
    }
    return -1;
  }

  add(compact: Uint8Array, isSeed: boolean, now: number): void {
    if ((this.#count + 1) * this.#stride > this.#entries.length) {
      const larger = new Uint8Array(2 * this.#entries.length);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.renew(this.#count++, compact, isSeed, now);
  }

  renew(index: number, compact: Uint8Array, isSeed: boolean, now: number): void {
    const start = index * this.#stride;
    this.#entries.set(compact, start);
    writeUint32(this.#entries, start + this.#compactBytes, now / 1000);
    this.#entries[start + this.#stride - 1] = isSeed ? 1 : 0;
  }

  isSeed(index: number): boolean {
    return this.#entries[(index + 1) * this.#stride - 1] === 1;
  }

  /**
   * Removes what was announced before `cutoffMs`, to the second.
   * @returns how many
   */
  expire(cutoffMs: number): number {
    const cutoffSeconds = Math.floor(cutoffMs / 1000);
    const before = this.#count;
    for (let i = this.#count - 1; i >= 0; i--) {
      if (readUint32(this.#entries, i * this.#stride + this.#compactBytes) >= cutoffSeconds) continue;
      this.#count--;
      this.#entries.copyWithin(i * this.#stride, this.#count * this.#stride, (this.#count + 1) * this.#stride);
    }
    return before - this.#count;
  }

  /** Adds each peer's IP address to one of two filters. */
  fill(seeds: BloomFilter, peers: BloomFilter): void {
    for (let i = 0; i < this.#count; i++) {
      const start = i * this.#stride;
      const ip = this.#entries.subarray(start, start + this.#compactBytes - 2);
      if (this.isSeed(i)) seeds.add(ip);
      else peers.add(ip);
    }
  }

  /** @returns at most `max` peers, each with the same chance. */
  choose({ max, noSeeds, random }: { max: number; noSeeds: boolean; random: Random }): Address[] {
    const eligible: number[] = [];
    for (let i = 0; i < this.#count; i++) if (!noSeeds || !this.isSeed(i)) eligible.push(i);
    const chosen: Address[] = [];
    while (chosen.length < max && eligible.length > 0) {
      const at = randomBelow(random, eligible.length);
      const start = eligible[at]! * this.#stride;
      chosen.push(fromCompact(this.#entries.subarray(start, start + this.#compactBytes), this.#family)[0]!);
      eligible[at] = eligible[eligible.length - 1]!;
      eligible.pop();
    }
    return chosen;
  }

  #startsWith(start: number, compact: Uint8Array, count: number): boolean {
    for (let i = 0; i < count; i++) if (this.#entries[start + i] !== compact[i]) return false;
    return true;
  }
}

const EXTRA_BYTES = 5;
