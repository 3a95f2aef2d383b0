/**
 * The embedded tracker (BEP 3): who is in which swarm. Sans-IO; server-http.ts and server-udp.ts speak for it. A peer's
 * address is where its packets come from, never what it says. Time is monotonic ms; peers that are silent for
 * PEER_LIFETIME_INTERVALS intervals are forgotten. Memory is bounded by LIMITS.trackerServer*: when a table is full a
 * newcomer is answered but not remembered, so that a flood cannot push out those who are there. Everything is in typed
 * arrays (server-swarms.ts): an announce is `enter`, then `choose`, and makes no object; `announce` is both with objects.
 */
import { type Address, COMPACT_V4_BYTES, COMPACT_V6_BYTES } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow } from '../../base/random.js';
import type { AnnounceEvent } from './announce.js';
import { AnnounceWords, readWords } from './announce-words.js';
import { BLOCK_ROWS_MAX } from './server-blocks.js';
import { ServerSwarms } from './server-swarms.js';

const NUM_WANT_DEFAULT = 50;
const MIN_INTERVAL_SECONDS_MAX = 300;
const PEER_LIFETIME_INTERVALS = 2.5;

export interface TrackerServerOptions {
  /** How often peers are asked to announce, at most four days. */
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

export interface SwarmCounts {
  readonly seeds: number;
  readonly leechers: number;
  readonly completed: number;
}

/** What a tracker tells of a peer. */
export interface SwarmPeer {
  readonly family: 4 | 6;
  /** 6 or 18 bytes. */
  readonly compact: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
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
  readonly intervalSeconds: number;
  readonly minIntervalSeconds: number;
  readonly #random: Random;
  readonly #limits: TrackerServerLimits;
  readonly #lifetimeMs: number;
  readonly #swarms: ServerSwarms;
  /** Of the announces and scrapes that come as objects. */
  readonly #words = new AnnounceWords();
  #latestMs = Number.NEGATIVE_INFINITY;
  #announces = 0;
  #scrapes = 0;

  constructor(options: TrackerServerOptions) {
    this.intervalSeconds = options.intervalSeconds;
    this.minIntervalSeconds = Math.min(options.intervalSeconds, MIN_INTERVAL_SECONDS_MAX);
    this.#random = options.random;
    this.#limits = options.limits ?? TABLE_LIMITS;
    this.#lifetimeMs = options.intervalSeconds * 1000 * PEER_LIFETIME_INTERVALS;
    assert(this.#limits.peersPerSwarmMax <= BLOCK_ROWS_MAX, 'a swarm fits its largest block');
    // Members may become twice as old before they are looked at, and no age may look like a time to come.
    assert(this.#lifetimeMs < 2 ** 30, 'ages fit 31 bits');
    this.#swarms = new ServerSwarms(options.random, LIMITS.trackerServerPeersPerAnswerMax);
  }

  /** `from`: the sender; its port does not matter. */
  announce(request: ServerAnnounce, from: Address, form: AnswerForm, now: number): ServerAnswer {
    const who = this.#words;
    readWords(request.infoHash, 0, who.infoHash);
    readWords(request.peerId, 0, who.peerId);
    who.setSender(from);
    who.port = request.port;
    who.isSeed = request.left === 0;
    who.event = request.event;
    this.enter(who, now);
    const { seeds, leechers, completed } = who;
    const { intervalSeconds, minIntervalSeconds } = this;
    const peers = this.#peersFor(who, form, this.wantedOf(request.event, request.numWant));
    return { intervalSeconds, minIntervalSeconds, seeds, leechers, completed, peers };
  }

  /** One entry for each of `infoHashes`; zeros for what nobody announced. */
  scrape(infoHashes: readonly Uint8Array[], now: number): SwarmCounts[] {
    this.beginScrape(now);
    const who = this.#words;
    return infoHashes.map((infoHash) => {
      readWords(infoHash, 0, who.infoHash);
      this.look(who, now);
      const { seeds, leechers, completed } = who;
      return { seeds, leechers, completed };
    });
  }

  stats(now: number): TrackerStats {
    this.#expireSwarms(now);
    const { size, peers, seeds } = this.#swarms;
    return { swarms: size, peers, seeds, announces: this.#announces, scrapes: this.#scrapes };
  }

  /** Takes an announce in, and puts into `who` what the swarm is then. */
  enter(who: AnnounceWords, now: number): void {
    this.#announces++;
    this.#expireSwarms(now);
    const nowMs = wrapped(now);
    this.#find(who, nowMs);
    if (who.swarm !== 0) who.row = this.#swarms.findMember(who.swarm, who);
    if (who.event === 'stopped') this.#leave(who);
    else if (who.row >= 0) who.row = this.#swarms.renewMember(who.swarm, who.row, who, nowMs);
    else if (this.#hasRoom(who.swarm)) {
      if (who.swarm === 0) who.swarm = this.#swarms.add(who.infoHash);
      who.row = this.#swarms.addMember(who.swarm, who, nowMs);
    }
    if (who.swarm !== 0) this.#swarms.touch(who.swarm, nowMs);
    this.#count(who);
  }

  /** What comes before `look`, once for each scrape. */
  beginScrape(now: number): void {
    this.#scrapes++;
    this.#expireSwarms(now);
  }

  /** Puts into `who` what the swarm of its info-hash is. */
  look(who: AnnounceWords, now: number): void {
    this.#find(who, wrapped(now));
    this.#count(who);
  }

  /** How many peers an announce is told of at most. @param numWant null = as many as the tracker thinks right. */
  wantedOf(event: AnnounceEvent, numWant: number | null): number {
    return event === 'stopped' ? 0 : Math.min(numWant ?? NUM_WANT_DEFAULT, LIMITS.trackerServerPeersPerAnswerMax);
  }

  /**
   * Chooses peers of one family at random for who has just entered: without itself, and leechers only for a seed.
   * @returns how many, at most `wanted`. They can be read until the next choice of that family.
   */
  choose(who: AnnounceWords, family: 4 | 6, wanted: number): number {
    if (who.swarm === 0) return 0;
    const except = family === who.family ? who.row : -1;
    return this.#swarms.choose(who.swarm, family, { leechersOnly: who.isSeed, except, wanted }, this.#random);
  }

  /** Writes peer `nth` of the last choice: 6 or 18 bytes. */
  writeChosen(who: AnnounceWords, family: 4 | 6, nth: number, out: Uint8Array, offset: number): void {
    this.#swarms.writeChosen(who.swarm, family, nth, out, offset);
  }

  #peersFor(who: AnnounceWords, form: AnswerForm, numWant: number): SwarmPeer[] {
    const peers: SwarmPeer[] = [];
    if (who.swarm === 0) return peers;
    const wanted = Math.min(numWant, form.peersMax);
    const [first, second] = form.families;
    const ofFirst = second === undefined ? wanted : this.#shareOf(who, first!, second, wanted);
    this.#pushChosen(who, first!, ofFirst, peers);
    if (second !== undefined) this.#pushChosen(who, second, wanted - peers.length, peers);
    return peers;
  }

  /** How many of `wanted` are of the first family, so that in the long run each peer has the same chance. */
  #shareOf(who: AnnounceWords, first: 4 | 6, second: 4 | 6, wanted: number): number {
    const ofFirst = this.#candidatesFor(who, first);
    const ofSecond = this.#candidatesFor(who, second);
    const total = ofFirst + ofSecond;
    if (total <= wanted) return ofFirst;
    const share = Math.floor((wanted * ofFirst) / total);
    return share + (randomBelow(this.#random, total) < (wanted * ofFirst) % total ? 1 : 0);
  }

  #candidatesFor(who: AnnounceWords, family: 4 | 6): number {
    const all = this.#swarms.candidates(who.swarm, family, who.isSeed);
    return family === who.family && who.row >= 0 && who.row < all ? all - 1 : all;
  }

  #pushChosen(who: AnnounceWords, family: 4 | 6, wanted: number, peers: SwarmPeer[]): void {
    const count = this.choose(who, family, wanted);
    for (let nth = 0; nth < count; nth++) {
      const compact = new Uint8Array(family === 4 ? COMPACT_V4_BYTES : COMPACT_V6_BYTES);
      this.writeChosen(who, family, nth, compact, 0);
      peers.push({ family, compact, peerId: this.#swarms.peerIdOfChosen(who.swarm, family, nth) });
    }
  }

  /** The swarm without its silent members. */
  #find(who: AnnounceWords, nowMs: number): void {
    who.row = -1;
    who.swarm = this.#swarms.find(who.infoHash);
    if (who.swarm !== 0) this.#swarms.expireMembers(who.swarm, nowMs, this.#lifetimeMs);
  }

  #leave(who: AnnounceWords): void {
    if (who.row >= 0) this.#swarms.removeMember(who.swarm, who.family, who.row);
    who.row = -1;
    if (who.swarm === 0 || this.#swarms.sizeOf(who.swarm) > 0) return;
    this.#swarms.remove(who.swarm);
    who.swarm = 0;
  }

  #count(who: AnnounceWords): void {
    const isThere = who.swarm !== 0;
    who.seeds = isThere ? this.#swarms.seedsOf(who.swarm) : 0;
    who.leechers = isThere ? this.#swarms.leechersOf(who.swarm) : 0;
    who.completed = isThere ? this.#swarms.completedOf(who.swarm) : 0;
  }

  #hasRoom(swarm: number): boolean {
    const { swarmsMax, peersMax, peersPerSwarmMax } = this.#limits;
    const isThere = swarm === 0 ? this.#swarms.size < swarmsMax : this.#swarms.sizeOf(swarm) < peersPerSwarmMax;
    return isThere && this.#swarms.peers < peersMax;
  }

  /** Swarms nobody announced to for a lifetime go as a whole; the others are swept when they are asked about. */
  #expireSwarms(now: number): void {
    const nowMs = wrapped(now);
    const areAllOld = now - this.#latestMs > this.#lifetimeMs; // and maybe so old that their times have come round
    this.#latestMs = now;
    for (;;) {
      const { oldest } = this.#swarms;
      if (oldest === 0 || (!areAllOld && this.#swarms.ageMs(oldest, nowMs) <= this.#lifetimeMs)) return;
      this.#swarms.remove(oldest);
    }
  }
}

/** The tables' time: ms modulo 2^32. */
function wrapped(now: number): number {
  return Math.floor(now) >>> 0;
}
