/**
 * The peers that announce in the benchmarks of trackers: peer `i` is in swarm `i % swarms`, on a port of its own there,
 * and every fourth has everything. All are on loopback. Info-hashes are made from a fixed seed: opentracker has to be
 * told of them before it starts.
 */
import { SeededRandom } from '../../src/base/random.js';

export const HASH_BYTES = 20;
const SEED = 20;
const FIRST_PORT = 1024;
const SEED_EVERY = 4;

export interface Population {
  readonly peers: number;
  readonly swarms: number;
}

/** 20 bytes for each swarm, one after the other. */
export function infoHashesOf({ swarms }: Population): Buffer {
  const hashes = Buffer.alloc(HASH_BYTES * swarms);
  new SeededRandom(SEED).fill(hashes);
  return hashes;
}

export function portOf(peer: number, { swarms }: Population): number {
  return FIRST_PORT + Math.floor(peer / swarms);
}

export function leftOf(peer: number): number {
  return peer % SEED_EVERY === 0 ? 0 : 1_000_000;
}

/** Peers in an order in which neighbours have nothing to do with each other; each comes once in a round. */
export class PeerOrder {
  readonly #peers: number;
  readonly #stride: number;
  #next = 0;

  constructor({ peers }: Population) {
    this.#peers = peers;
    let stride = Math.floor(peers * 0.618);
    while (commonDivisor(stride, peers) > 1) stride++;
    this.#stride = stride;
  }

  next(): number {
    this.#next = (this.#next + this.#stride) % this.#peers;
    return this.#next;
  }
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
