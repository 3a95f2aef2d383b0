/**
 * One torrent's announces (BEP 3, 12, 27): which trackers are told what and when. Public torrents announce to every
 * tier at once, private ones to one tracker at a time. Every accepted `started` is followed by one `stopped`; no
 * tracker is asked more often than its `min interval` allows (`completed` and `stopped` excepted, as BEP 3 has it).
 * All methods run inside a turn, and so do the handler's callbacks. Called by Torrent.
 */
import { type Address, isDiallable } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { Random } from '../base/random.js';
import { Timer } from '../base/timer-queue.js';
import type { TrackerMemory } from '../format/resume-data.js';
import type { Network } from '../host/network.js';
import type { AnnounceEvent, AnnounceRequest, AnnounceResponse, AnnounceResult } from '../protocol/tracker/announce.js';
import { loadTiers, type Tracker, TrackerChain } from '../protocol/tracker/tiers.js';
import { AnnounceCall } from './announce-call.js';
import { AnnounceLane, type LaneOwner, type Membership } from './announce-lane.js';
import type { TrackerClients } from './tracker-clients.js';
import { type Moment, recalledNotBeforeMs, rememberTracker } from './tracker-memory.js';
import { scrapeAll, type TrackerScrape } from './tracker-scrape.js';
import type { Turn } from './turn.js';

/** Said while the metadata, and so the size, is unknown: 0 would say that we are a seed. */
const UNKNOWN_LEFT_BYTES = 16_384;

export interface AnnouncerOptions {
  readonly turn: Turn;
  readonly network: Network;
  readonly random: Random;
  readonly settings: { readonly numWant: number };
  /** The engine's. */
  readonly clients: TrackerClients;
  /** URLs; what is no tracker that we can ask is left out. */
  readonly tiers: readonly (readonly string[])[];
  /** 20 bytes each: one, or two for a hybrid torrent, which has a swarm of each format. */
  readonly infoHashes: readonly Uint8Array[];
  /** 20 bytes, and a uint32 that is the same for the whole session. */
  readonly identity: { readonly peerId: Uint8Array; readonly key: number };
  readonly listenPort: () => number;
  /** Seconds since 1970, for what is remembered. */
  readonly unixTime: () => number;
  readonly totals: () => AnnouncedTotals;
  readonly isPrivate: boolean;
  readonly handler: AnnouncerHandler;
}

export interface AnnouncedTotals {
  /** Payload of this session. */
  readonly uploadedBytes: number;
  readonly downloadedBytes: number;
  /** Missing of the whole torrent; null = not known yet. */
  readonly leftBytes: number | null;
}

export interface AnnouncerHandler {
  /** Never empty. */
  onPeers(addresses: readonly Address[], url: string): void;
  /** An accepted announce; two for a hybrid torrent. `peers` counts those given by host name too. */
  onAnnounced(announced: {
    readonly url: string;
    readonly peers: number;
    readonly seeds: number | null;
    readonly leechers: number | null;
  }): void;
  onWarning(url: string, message: string): void;
  /** The tracker will be tried again. A `stopped` that fails is not told. */
  onFailure(url: string, error: DtorrentError): void;
}

export class Announcer implements LaneOwner {
  readonly turn: Turn;
  readonly random: Random;
  readonly hashCount: number;
  isCompleted = false;
  readonly #options: AnnouncerOptions;
  readonly #memberships = new WeakMap<Tracker, Membership[]>();
  readonly #stopTimer: Timer = new Timer(() => this.#finishStop());
  /** The `stopped` announces under way. */
  readonly #partings = new Set<AnnounceCall>();
  #state: 'idle' | 'running' | 'stopping' = 'idle';
  #isPrivate: boolean;
  #tiers: Tracker[][];
  #lanes: AnnounceLane[] = [];
  #stopDones: (() => void)[] = [];

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.turn = options.turn;
    this.random = options.random;
    this.hashCount = options.infoHashes.length;
    this.#isPrivate = options.isPrivate;
    this.#tiers = loadTiers(options.tiers, options.random);
  }

  /** Announces `started`. Idempotent; after a stop() it begins again. */
  start(): void {
    if (this.#state === 'running') return;
    if (this.#state === 'stopping') this.#finishStop();
    this.#state = 'running';
    this.#openLanes();
  }

  /** The download has just been completed; not to be called for a torrent that was complete when it was added. */
  complete(): void {
    if (this.isCompleted) return;
    this.isCompleted = true;
    for (const lane of this.#lanes) lane.onCompleted();
  }

  /**
   * Announces `stopped` to the trackers that accepted `started`. `done` is called once: when they have answered, after
   * LIMITS.stoppedAnnounceTimeoutMs, or at once when there is nobody to tell.
   */
  stop(done: () => void): void {
    this.#stopDones.push(done);
    if (this.#state === 'stopping') return;
    this.#closeLanes();
    this.#state = 'stopping';
    for (const tracker of this.#tiers.flat()) this.#part(tracker);
    if (this.#partings.size === 0) this.#finishStop();
    else this.turn.timers.set(this.#stopTimer, this.turn.now + LIMITS.stoppedAnnounceTimeoutMs);
  }

  /** What the next session has to know; plain data. It changes with every answer. */
  memory(): readonly TrackerMemory[] {
    const moment = this.#moment();
    return this.#tiers.flat().flatMap((tracker) => {
      const trackerId = this.membershipsOf(tracker).find((membership) => membership.trackerId !== null)?.trackerId;
      return rememberTracker(tracker, trackerId ?? null, moment) ?? [];
    });
  }

  /** Takes up what memory() gave in an earlier session; to be called before start(). Trackers not known are ignored. */
  restore(memories: readonly TrackerMemory[]): void {
    const moment = this.#moment();
    const byKey = new Map(this.#tiers.flat().map((tracker) => [tracker.key, tracker]));
    for (const memory of memories) {
      const tracker = byKey.get(memory.key);
      if (tracker === undefined) continue;
      tracker.restore(recalledNotBeforeMs(memory, moment));
      for (const membership of this.membershipsOf(tracker)) membership.trackerId = memory.trackerId;
    }
  }

  /** Replaces the trackers. Those that stay keep their state, those that go are told `stopped`. */
  setTiers(urls: readonly (readonly string[])[]): void {
    const known = new Map(this.#tiers.flat().map((tracker) => [tracker.key, tracker]));
    this.#tiers = loadTiers(urls, this.random).map((tier) =>
      tier.map((tracker) => {
        const same = known.get(tracker.key) ?? tracker;
        known.delete(tracker.key);
        return same;
      }),
    );
    this.#closeLanes();
    for (const tracker of known.values()) this.#part(tracker);
    if (this.#state === 'running') this.#openLanes();
  }

  /** Adds trackers, each as a tier of its own below the others; known ones are left out. */
  addTrackers(urls: readonly string[]): void {
    const known = new Set(this.#tiers.flat().map((tracker) => tracker.key));
    const loaded = loadTiers(
      [...urls].map((url) => [url]),
      this.random,
    );
    const added = loaded.filter((tier) => !known.has(tier[0]!.key)).slice(0, LIMITS.trackersPerTorrentMax - known.size);
    this.#tiers.push(...added);
    if (this.#state !== 'running') return;
    if (this.#isPrivate) {
      if (this.#lanes.length === 0) this.#openLanes();
      else for (const lane of this.#lanes) lane.onChainGrown();
      return;
    }
    for (const tier of added) this.#openLane([tier]);
  }

  /** Asks the trackers about the swarm without joining it; `done` is called once, never inside the call. */
  scrape(done: (results: readonly TrackerScrape[]) => void): void {
    const trackers = this.#tiers.flatMap((tier, index) =>
      tier.map((tracker) => ({
        url: tracker.url,
        tier: index,
        target: tracker,
        isInUse: this.#hasStarted(tracker),
      })),
    );
    const { clients, infoHashes } = this.#options;
    scrapeAll(clients.scraper, { trackers, infoHashes, isPrivate: this.#isPrivate }, done);
  }

  /** A magnet's metadata says whether it is private: from then on only one tracker is announced to. */
  setPrivate(isPrivate: boolean): void {
    if (this.#isPrivate === isPrivate) return;
    this.#isPrivate = isPrivate;
    if (this.#state !== 'running' || this.#tiers.length < 2) return;
    this.#closeLanes();
    if (isPrivate) {
      const started = this.#tiers.flat().filter((tracker) => this.#hasStarted(tracker));
      const kept = started.find((tracker) => tracker.failures === 0) ?? started[0];
      for (const tracker of started) if (tracker !== kept) this.#part(tracker);
    }
    this.#openLanes();
  }

  // ---- LaneOwner ----

  membershipsOf(tracker: Tracker): readonly Membership[] {
    let memberships = this.#memberships.get(tracker);
    if (memberships === undefined) {
      memberships = this.#options.infoHashes.map(() => ({ hasStarted: false, hasCompleted: false, trackerId: null }));
      this.#memberships.set(tracker, memberships);
    }
    return memberships;
  }

  ask(tracker: Tracker, hashIndex: number, event: AnnounceEvent, done: (result: AnnounceResult) => void): AnnounceCall {
    const { clients } = this.#options;
    return new AnnounceCall({
      queue: clients.queue,
      client: clients.clientOf(tracker.scheme),
      host: tracker.host,
      url: tracker.url,
      isUrgent: event === 'stopped',
      request: () => this.#request(tracker, hashIndex, event),
      done,
    });
  }

  onResponse(tracker: Tracker, response: AnnounceResponse): void {
    const { handler } = this.#options;
    const { peers, namedPeers, seeds, leechers, warning } = response;
    if (warning !== null) handler.onWarning(tracker.url, warning);
    handler.onAnnounced({ url: tracker.url, peers: peers.length + namedPeers.length, seeds, leechers });
    if (peers.length > 0) handler.onPeers(peers, tracker.url);
    for (const { host, port } of namedPeers) this.#resolvePeer(host, port, tracker.url);
  }

  onFailure(tracker: Tracker, error: DtorrentError): void {
    this.#options.handler.onFailure(tracker.url, error);
  }

  /** BEP 27: a private torrent is in the swarm of one tracker at a time. */
  onSwitched(left: Tracker): void {
    if (this.#isPrivate) this.#part(left);
  }

  // ---- inside ----

  #openLanes(): void {
    if (!this.#isPrivate) for (const tier of this.#tiers) this.#openLane([tier]);
    else if (this.#tiers.length > 0) this.#openLane(this.#tiers);
  }

  #openLane(tiers: readonly Tracker[][]): void {
    const lane = new AnnounceLane(this, new TrackerChain(tiers));
    this.#lanes.push(lane);
    lane.begin();
  }

  #closeLanes(): void {
    for (const lane of this.#lanes) lane.cancel();
    this.#lanes = [];
  }

  /** Says `stopped` about each hash that the tracker accepted `started` of; whatever comes of it. */
  #part(tracker: Tracker): void {
    this.membershipsOf(tracker).forEach((membership, hashIndex) => {
      if (!membership.hasStarted) return;
      membership.hasStarted = false;
      const call = this.ask(tracker, hashIndex, 'stopped', () => {
        this.#partings.delete(call);
        if (this.#state === 'stopping' && this.#partings.size === 0) this.#finishStop();
      });
      this.#partings.add(call);
    });
  }

  #finishStop(): void {
    this.turn.timers.cancel(this.#stopTimer);
    for (const call of this.#partings) call.cancel();
    this.#partings.clear();
    this.#state = 'idle';
    const dones = this.#stopDones;
    this.#stopDones = [];
    for (const done of dones) done();
  }

  #moment(): Moment {
    return { now: this.turn.now, unixTime: this.#options.unixTime() };
  }

  #hasStarted(tracker: Tracker): boolean {
    return this.membershipsOf(tracker).some((membership) => membership.hasStarted);
  }

  #request(tracker: Tracker, hashIndex: number, event: AnnounceEvent): AnnounceRequest {
    const { identity, infoHashes, listenPort, settings, totals } = this.#options;
    const { uploadedBytes, downloadedBytes, leftBytes } = totals();
    return {
      infoHash: infoHashes[hashIndex]!,
      peerId: identity.peerId,
      key: identity.key,
      port: listenPort(),
      uploaded: uploadedBytes,
      downloaded: downloadedBytes,
      left: leftBytes ?? UNKNOWN_LEFT_BYTES,
      event,
      numWant: event === 'stopped' ? 0 : settings.numWant,
      trackerId: this.membershipsOf(tracker)[hashIndex]!.trackerId,
    };
  }

  #resolvePeer(host: string, port: number, url: string): void {
    this.#options.network.resolve(host, (result) => {
      this.turn.run(() => {
        if (this.#state !== 'running' || result instanceof DtorrentError) return;
        const addresses = result.map((address) => ({ ...address, port })).filter(isDiallable);
        if (addresses.length > 0) this.#options.handler.onPeers(addresses, url);
      });
    });
  }
}
