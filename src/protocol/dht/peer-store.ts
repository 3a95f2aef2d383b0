/**
 * The peers that others announced to our nodes (BEP 5), with what a scrape tells of them (BEP 33) and which torrents
 * there are (BEP 51). Bounded in torrents and in peers of each; who has not announced for 45 minutes is forgotten.
 * All nodes of a program share one store (BEP 45). Times are monotonic ms.
 */
import { type Address, isDiallable, toCompact } from '../../base/address.js';
import { toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow } from '../../base/random.js';
import { BloomFilter } from './bloom-filter.js';
import { NODE_ID_BYTES } from './node-id.js';
import { PeerList } from './peer-list.js';
import { leastOf, type OwnIds, type Ranked } from './stored-rank.js';

export interface PeerChoice {
  readonly family: 4 | 6;
  readonly max: number;
  /** Who asks is a seed itself, and has no use for others. */
  readonly noSeeds: boolean;
  readonly random: Random;
}

export interface ScrapeFilters {
  /** 256 bytes, `BFsd`. */
  readonly seeds: Uint8Array;
  /** 256 bytes, `BFpe`. */
  readonly peers: Uint8Array;
}

export interface HashSample {
  /** 20 bytes each, none twice. */
  readonly hashes: Uint8Array;
  /** How many there are in all. */
  readonly count: number;
}

export class PeerStore {
  readonly #ownIds: OwnIds;
  /** By info-hash as latin1. */
  #swarms: Map<string, StoredSwarm> | null = null;

  /** @param ownIds to know which torrents are far from us: with none, they are all the same. */
  constructor(ownIds: OwnIds = () => []) {
    this.#ownIds = ownIds;
  }

  /** Torrents that have a peer, or had one until lately. */
  get size(): number {
    return this.#swarms?.size ?? 0;
  }

  /** Of all torrents together. */
  get peerCount(): number {
    let count = 0;
    for (const swarm of this.#swarms?.values() ?? []) count += swarm.popularity;
    return count;
  }

  /**
   * Takes an announce whose token was good.
   * @param infoHash 20 bytes; copied
   * @returns false when there is no room for it, or no peer can be at `address`
   */
  add(infoHash: Uint8Array, address: Address, { isSeed }: { readonly isSeed: boolean }, now: number): boolean {
    if (!isDiallable(address)) return false;
    const key = toLatin1(infoHash);
    this.#swarms ??= new Map();
    let swarm = this.#swarms.get(key);
    if (swarm === undefined) {
      swarm = new StoredSwarm(infoHash.slice());
      if (!this.#makeRoom(swarm, now)) return false;
      this.#swarms.set(key, swarm);
    }
    return swarm.add(address, isSeed, now);
  }

  /** @returns at most `max` peers, each with the same chance; none for a torrent that we know nothing of. */
  peersOf(infoHash: Uint8Array, choice: PeerChoice, now: number): Address[] {
    return this.#find(infoHash, now)?.listOf(choice.family)?.choose(choice) ?? [];
  }

  /** @returns filters of the peers of one family, which may change with the next announce; null when we have none. */
  scrape(infoHash: Uint8Array, family: 4 | 6, now: number): ScrapeFilters | null {
    return this.#find(infoHash, now)?.scrape(family) ?? null;
  }

  /** Whether another peer would be turned away: then a node gives no token for this torrent. */
  isFull(infoHash: Uint8Array): boolean {
    const swarm = this.#swarms?.get(toLatin1(infoHash));
    return swarm !== undefined && swarm.popularity >= LIMITS.dhtStoredPeersPerHashMax;
  }

  /** @returns at most `max` of the torrents that have peers, each with the same chance. */
  sample(max: number, random: Random, now: number): HashSample {
    this.expire(now);
    const swarms = [...(this.#swarms?.values() ?? [])];
    const hashes = new Uint8Array(NODE_ID_BYTES * Math.min(max, swarms.length));
    for (let offset = 0, i = 0; offset < hashes.length; offset += NODE_ID_BYTES, i++) {
      const chosen = i + randomBelow(random, swarms.length - i);
      hashes.set(swarms[chosen]!.key, offset);
      swarms[chosen] = swarms[i]!;
    }
    return { hashes, count: swarms.length };
  }

  /** Forgets who is silent. Nothing outdated is told without it, but it stays in memory. */
  expire(now: number): void {
    if (this.#swarms === null) return;
    for (const [key, swarm] of this.#swarms) {
      swarm.expire(now);
      if (swarm.popularity === 0) this.#swarms.delete(key);
    }
  }

  #find(infoHash: Uint8Array, now: number): StoredSwarm | null {
    const swarm = this.#swarms?.get(toLatin1(infoHash));
    swarm?.expire(now);
    return swarm ?? null;
  }

  #makeRoom(newcomer: StoredSwarm, now: number): boolean {
    if (this.size < LIMITS.dhtStoredHashesMax) return true;
    this.expire(now);
    if (this.size < LIMITS.dhtStoredHashesMax) return true;
    const least = leastOf(this.#swarms!.values(), newcomer.key, this.#ownIds);
    if (least === null) return false;
    this.#swarms!.delete(toLatin1(least.key));
    return true;
  }
}

/** Peers of one torrent. Lists and filters are made when there is something in them. */
class StoredSwarm implements Ranked {
  readonly key: Uint8Array;
  #v4: PeerList | null = null;
  #v6: PeerList | null = null;
  /** Of each family what `scrape` has made, until somebody goes or changes; hashing 500 addresses takes a while. */
  #filtersV4: SwarmFilters | null = null;
  #filtersV6: SwarmFilters | null = null;

  constructor(infoHash: Uint8Array) {
    this.key = infoHash;
  }

  get popularity(): number {
    return (this.#v4?.count ?? 0) + (this.#v6?.count ?? 0);
  }

  listOf(family: 4 | 6): PeerList | null {
    return family === 4 ? this.#v4 : this.#v6;
  }

  add(address: Address, isSeed: boolean, now: number): boolean {
    const compact = toCompact(address);
    const list = this.listOf(address.family) ?? this.#makeList(address.family);
    const known = list.find(compact);
    if (known >= 0) {
      if (list.isSeed(known) !== isSeed) this.#dropFilters(address.family);
      list.renew(known, compact, isSeed, now);
      return true;
    }
    if (this.popularity >= LIMITS.dhtStoredPeersPerHashMax) {
      this.expire(now);
      if (this.popularity >= LIMITS.dhtStoredPeersPerHashMax) return false;
    }
    list.add(compact, isSeed, now);
    const filters = address.family === 4 ? this.#filtersV4 : this.#filtersV6;
    if (filters !== null) (isSeed ? filters.seeds : filters.peers).add(compact.subarray(0, -2));
    return true;
  }

  scrape(family: 4 | 6): ScrapeFilters | null {
    const list = this.listOf(family);
    if (list === null || list.count === 0) return null;
    let filters = family === 4 ? this.#filtersV4 : this.#filtersV6;
    if (filters === null) {
      filters = { seeds: new BloomFilter(), peers: new BloomFilter() };
      list.fill(filters.seeds, filters.peers);
      if (family === 4) this.#filtersV4 = filters;
      else this.#filtersV6 = filters;
    }
    return { seeds: filters.seeds.bytes, peers: filters.peers.bytes };
  }

  expire(now: number): void {
    const cutoffMs = now - LIMITS.dhtPeerLifetimeMs;
    if ((this.#v4?.expire(cutoffMs) ?? 0) > 0) this.#filtersV4 = null;
    if ((this.#v6?.expire(cutoffMs) ?? 0) > 0) this.#filtersV6 = null;
  }

  #makeList(family: 4 | 6): PeerList {
    const list = new PeerList(family);
    if (family === 4) this.#v4 = list;
    else this.#v6 = list;
    return list;
  }

  #dropFilters(family: 4 | 6): void {
    if (family === 4) this.#filtersV4 = null;
    else this.#filtersV6 = null;
  }
}

interface SwarmFilters {
  readonly seeds: BloomFilter;
  readonly peers: BloomFilter;
}
