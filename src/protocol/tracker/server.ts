/**
 * The embedded tracker (BEP 3): who is in which swarm. Sans-IO; server-http.ts and server-udp.ts speak for it. A peer's
 * address is where its packets come from, never what it says. Time is monotonic ms; peers that are silent for
 * PEER_LIFETIME_INTERVALS intervals are forgotten. Memory is bounded by LIMITS.trackerServer*: when a table is full a
 * newcomer is answered but not remembered, so that a flood cannot push out those who are there.
 */
import { type Address, toCompact } from '../../base/address.js';
import { toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { AgeList } from './age-list.js';
import type { AnnounceEvent } from './announce.js';
import { ServerSwarm, type SwarmCounts, type SwarmPeer } from './server-swarm.js';

const NUM_WANT_DEFAULT = 50;
const MIN_INTERVAL_SECONDS_MAX = 300;
const PEER_LIFETIME_INTERVALS = 2.5;

export interface TrackerServerOptions {
  /** How often peers are asked to announce. */
  readonly intervalSeconds: number;
  readonly random: Random;
  /** For tests: smaller tables than LIMITS allows. */
  readonly limits?: TrackerServerLimits;
}

export interface TrackerServerLimits {
  readonly swarmsMax: number;
  readonly peersMax: number;
  readonly peersPerSwarmMax: number;
}

export interface ServerAnnounce {
  /** 20 bytes each. */
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  /** 1 to 65535. */
  readonly port: number;
  /** 0 = a seed. */
  readonly left: number;
  readonly event: AnnounceEvent;
  /** null = as many as the tracker thinks right. */
  readonly numWant: number | null;
}

/** What the protocol can carry. */
export interface AnswerForm {
  readonly families: readonly (4 | 6)[];
  readonly peersMax: number;
}

export interface ServerAnswer extends SwarmCounts {
  readonly intervalSeconds: number;
  readonly minIntervalSeconds: number;
  /** A random choice without the one who asks; seeds are told of leechers only. */
  readonly peers: readonly SwarmPeer[];
}

/** What a tracker has seen. */
export interface TrackerStats {
  /** Torrents with peers. */
  readonly swarms: number;
  /** Peers of all torrents together. */
  readonly peers: number;
  /** Peers that have everything. */
  readonly seeds: number;
  /** Since the start. */
  readonly announces: number;
  /** Since the start. */
  readonly scrapes: number;
}

/** What holds unless it is told otherwise. */
export const TABLE_LIMITS: TrackerServerLimits = {
  swarmsMax: LIMITS.trackerServerSwarmsMax,
  peersMax: LIMITS.trackerServerPeersMax,
  peersPerSwarmMax: LIMITS.trackerServerPeersPerSwarmMax,
};

export class TrackerServer {
  readonly #options: TrackerServerOptions;
  readonly #limits: TrackerServerLimits;
  readonly #lifetimeMs: number;
  /** By info-hash as latin1. */
  readonly #swarms = new Map<string, ServerSwarm>();
  readonly #byAge = new AgeList<ServerSwarm>();
  #peers = 0;
  #announces = 0;
  #scrapes = 0;

  constructor(options: TrackerServerOptions) {
    this.#options = options;
    this.#limits = options.limits ?? TABLE_LIMITS;
    this.#lifetimeMs = options.intervalSeconds * 1000 * PEER_LIFETIME_INTERVALS;
  }

  /** `from`: the sender; its port does not matter. */
  announce(request: ServerAnnounce, from: Address, form: AnswerForm, now: number): ServerAnswer {
    this.#announces++;
    this.#expireSwarms(now);
    const key = toLatin1(request.infoHash);
    const swarm = this.#swarms.get(key) ?? new ServerSwarm(key);
    const peerKey = toLatin1(toCompact({ ...from, port: request.port }));
    const isLeaving = request.event === 'stopped';
    this.#change(swarm, () => swarm.expire(now - this.#lifetimeMs));
    if (isLeaving) this.#change(swarm, () => swarm.remove(peerKey));
    else if (swarm.has(peerKey) || this.#hasRoom(swarm, key)) {
      const state = { isSeed: request.left === 0, hasCompleted: request.event === 'completed' };
      this.#change(swarm, () => swarm.put(peerKey, request.peerId, state, now));
    }
    if (swarm.size > 0) this.#keep(swarm, now);
    else this.#forget(swarm);
    const numWant = isLeaving ? 0 : (request.numWant ?? NUM_WANT_DEFAULT);
    const wanted = Math.min(numWant, form.peersMax, LIMITS.trackerServerPeersPerAnswerMax);
    return {
      intervalSeconds: this.#options.intervalSeconds,
      minIntervalSeconds: Math.min(this.#options.intervalSeconds, MIN_INTERVAL_SECONDS_MAX),
      ...swarm.counts(),
      peers: swarm.choose(
        { except: peerKey, families: form.families, leechersOnly: request.left === 0, wanted },
        this.#options.random,
      ),
    };
  }

  /** One entry for each of `infoHashes`; zeros for what nobody announced. */
  scrape(infoHashes: readonly Uint8Array[], now: number): SwarmCounts[] {
    this.#scrapes++;
    this.#expireSwarms(now);
    return infoHashes.map((infoHash) => {
      const swarm = this.#swarms.get(toLatin1(infoHash));
      if (swarm === undefined) return { seeds: 0, leechers: 0, completed: 0 };
      this.#change(swarm, () => swarm.expire(now - this.#lifetimeMs));
      return swarm.counts();
    });
  }

  stats(now: number): TrackerStats {
    this.#expireSwarms(now);
    let seeds = 0;
    for (const swarm of this.#swarms.values()) seeds += swarm.counts().seeds;
    const { size } = this.#swarms;
    return { swarms: size, peers: this.#peers, seeds, announces: this.#announces, scrapes: this.#scrapes };
  }

  #hasRoom(swarm: ServerSwarm, key: string): boolean {
    const { swarmsMax, peersMax, peersPerSwarmMax } = this.#limits;
    return (
      (this.#swarms.has(key) || this.#swarms.size < swarmsMax) &&
      swarm.size < peersPerSwarmMax &&
      this.#peers < peersMax
    );
  }

  /** Keeps the number of all peers. */
  #change(swarm: ServerSwarm, change: () => void): void {
    const before = swarm.size;
    change();
    this.#peers += swarm.size - before;
  }

  #keep(swarm: ServerSwarm, now: number): void {
    this.#swarms.set(swarm.infoHash, swarm);
    this.#byAge.touch(swarm, now);
  }

  #forget(swarm: ServerSwarm): void {
    this.#swarms.delete(swarm.infoHash);
    this.#byAge.remove(swarm);
  }

  /** Swarms nobody announced to for a lifetime go as a whole; the others are swept when they are asked about. */
  #expireSwarms(now: number): void {
    for (;;) {
      const { oldest } = this.#byAge;
      if (oldest === null || oldest.touchedAtMs >= now - this.#lifetimeMs) return;
      this.#peers -= oldest.size;
      this.#forget(oldest);
    }
  }
}
