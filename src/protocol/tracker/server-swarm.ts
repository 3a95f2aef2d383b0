/**
 * One torrent's peers in the embedded tracker. Members are kept by age, so that the silent ones are found at once, and
 * in pools by family and role, so that a random choice costs what it returns.
 * Invariant: each member is in exactly one pool, at `poolIndex`. Times are monotonic ms. A member's key is its compact
 * address as latin1.
 */
import { COMPACT_V4_BYTES } from '../../base/address.js';
import { fromLatin1 } from '../../base/bytes.js';
import { type Random, randomBelow } from '../../base/random.js';
import { AgeList, AgeNode } from './age-list.js';

export interface SwarmChoice {
  /** Key of the one that asks, who is not to be chosen. */
  readonly except: string;
  readonly families: readonly (4 | 6)[];
  /** Seeds are of no use to a seed. */
  readonly leechersOnly: boolean;
  readonly wanted: number;
}

/** What a tracker tells of a peer. */
export interface SwarmPeer {
  readonly family: 4 | 6;
  /** 6 or 18 bytes. */
  readonly compact: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
}

export interface SwarmCounts {
  readonly seeds: number;
  readonly leechers: number;
  readonly completed: number;
}

/** Touched with each announce. */
export class ServerSwarm extends AgeNode {
  /** As latin1. */
  readonly infoHash: string;
  readonly #members = new Map<string, Member>();
  readonly #byAge = new AgeList<Member>();
  readonly #pools: Readonly<Record<4 | 6, { readonly leechers: Member[]; readonly seeds: Member[] }>> = {
    4: { leechers: [], seeds: [] },
    6: { leechers: [], seeds: [] },
  };
  #completed = 0;

  constructor(infoHash: string) {
    super();
    this.infoHash = infoHash;
  }

  get size(): number {
    return this.#members.size;
  }

  counts(): SwarmCounts {
    const seeds = this.#pools[4].seeds.length + this.#pools[6].seeds.length;
    return { seeds, leechers: this.#members.size - seeds, completed: this.#completed };
  }

  has(key: string): boolean {
    return this.#members.has(key);
  }

  /** Adds a peer, or renews it. A download counts as completed when we have seen it incomplete. */
  put(key: string, peerId: Uint8Array, state: { isSeed: boolean; hasCompleted: boolean }, now: number): void {
    const known = this.#members.get(key);
    if (known !== undefined) {
      if (state.isSeed && state.hasCompleted && !known.isSeed) this.#completed++;
      this.#leavePool(known);
      this.#byAge.remove(known);
    }
    const member = new Member(key, peerId, state.isSeed);
    const pool = this.#poolOf(member);
    member.poolIndex = pool.length;
    pool.push(member);
    this.#members.set(key, member);
    this.#byAge.touch(member, now);
  }

  remove(key: string): void {
    const member = this.#members.get(key);
    if (member !== undefined) this.#remove(member);
  }

  /** Forgets the members that were last heard of before `cutoffMs`. */
  expire(cutoffMs: number): void {
    for (;;) {
      const { oldest } = this.#byAge;
      if (oldest === null || oldest.touchedAtMs >= cutoffMs) return;
      this.#remove(oldest);
    }
  }

  /** @returns at most `wanted` members, each with the same chance. */
  choose(choice: SwarmChoice, random: Random): SwarmPeer[] {
    const pools = choice.families.flatMap((family) => {
      const { leechers, seeds } = this.#pools[family];
      return choice.leechersOnly ? [leechers] : [leechers, seeds];
    });
    let total = 0;
    for (const pool of pools) total += pool.length;
    const self = this.#members.get(choice.except);
    const chosen: SwarmPeer[] = [];
    // One more than wanted, because one of them may be the one who asks.
    for (const index of sample(total, Math.min(total, choice.wanted + 1), random)) {
      const member = at(pools, index);
      if (member !== self && chosen.length < choice.wanted) chosen.push(member);
    }
    return chosen;
  }

  #poolOf(member: Member): Member[] {
    const { leechers, seeds } = this.#pools[member.family];
    return member.isSeed ? seeds : leechers;
  }

  #remove(member: Member): void {
    this.#members.delete(member.key);
    this.#byAge.remove(member);
    this.#leavePool(member);
  }

  #leavePool(member: Member): void {
    const pool = this.#poolOf(member);
    const last = pool.pop()!;
    if (last === member) return;
    pool[member.poolIndex] = last;
    last.poolIndex = member.poolIndex;
  }
}

/** Small, for there may be a million. */
class Member extends AgeNode implements SwarmPeer {
  readonly key: string;
  readonly peerId: Uint8Array;
  readonly isSeed: boolean;
  poolIndex = 0;

  constructor(key: string, peerId: Uint8Array, isSeed: boolean) {
    super();
    this.key = key;
    this.peerId = peerId.slice(); // of the request it is a view
    this.isSeed = isSeed;
  }

  get family(): 4 | 6 {
    return this.key.length === COMPACT_V4_BYTES ? 4 : 6;
  }

  get compact(): Uint8Array {
    return fromLatin1(this.key);
  }
}

/** Floyd's algorithm. @returns `size` different integers below `total`. */
function sample(total: number, size: number, random: Random): Set<number> {
  const indices = new Set<number>();
  for (let bound = total - size; bound < total; bound++) {
    const index = randomBelow(random, bound + 1);
    indices.add(indices.has(index) ? bound : index);
  }
  return indices;
}

function at(pools: readonly Member[][], index: number): Member {
  let rest = index;
  for (const pool of pools) {
    if (rest < pool.length) return pool[rest]!;
    rest -= pool.length;
  }
  throw new RangeError('index beyond the pools');
}
