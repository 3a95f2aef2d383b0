/**
 * One torrent's announces (BEP 3, 12, 27): which trackers are told what and when. Public torrents announce to every
 * tier at once, private ones to one tracker at a time. Every accepted `started` is followed by one `stopped`; no
 * tracker is asked more often than its `min interval` allows (`completed` and `stopped` excepted, as BEP 3 has it).
 * All methods run inside a turn, and so do the handler's callbacks. Called by Torrent.
 */

import { type Address, isDiallable } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { RareSet } from '../../base/rarely-filled.js';
import { Timer } from '../../base/timer-queue.js';
import type { TrackerMemory } from '../../format/resume-data.js';
import type { Network } from '../../host/network.js';
import type {
  AnnounceEvent,
  AnnounceRequest,
  AnnounceResponse,
  AnnounceResult,
} from '../../protocol/tracker/announce.js';
import { type Tracker, TrackerChain } from '../../protocol/tracker/tiers.js';
import type { Turn } from '../turn.js';
import { AnnounceCall, type AnnounceCallOptions, cancelCalls } from './announce-call.js';
import { AnnounceLane, type LaneOwner } from './announce-lane.js';
import { type Announcement, AnnounceRound, type RoundOptions, type RoundOwner } from './announce-round.js';
import type { TrackerClients } from './tracker-clients.js';
import { TrackerList } from './tracker-list.js';
import type { Moment } from './tracker-memory.js';
import { scrapeAll, type TrackerScrape } from './tracker-scrape.js';
import type { TrackerStanding } from './tracker-standing.js';
import { type TrackerStatus, trackerStatus } from './tracker-status.js';

/** Said while the metadata, and so the size, is unknown: 0 would say that we are a seed. */
const UNKNOWN_LEFT_BYTES = 16_384;
/** While `stopped` announces wait for their turn, or have just had it, it is looked so often how far they are. */
const STOP_LOOK_MS = 1_000;

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
  /** All that is wanted is there, and something is missing (BEP 21). */
  readonly isPartialSeed: boolean;
}

export interface AnnouncerHandler {
  /** Never empty. */
  onPeers(addresses: readonly Address[], url: string): void;
  /** Of a private torrent: another tracker took the place of the one that named our peers (BEP 27). */
  onTrackerSwitched(): void;
  /** An accepted announce; two for a hybrid torrent. `peers` counts those given by host name too. */
  onAnnounced(announced: {
    readonly url: string;
    readonly peers: number;
    readonly seeds: number | null;
    readonly leechers: number | null;
  }): void;
  /** The tracker on `host`, canonical IP text or a name, sees us at `ip` (BEP 24). */
  onExternalIp(ip: string, host: string): void;
  /** A tracker answered for the first time in this session: memory() is worth saving before anything can happen. */
  onFirstAnswer(): void;
  /** It is not asked at the start: it wants to be left alone for so long yet. */
  onWaiting(url: string, seconds: number): void;
  onWarning(url: string, message: string): void;
  /** The tracker will be tried again. A `stopped` that fails is not told. */
  onFailure(url: string, error: DtorrentError): void;
}

export class Announcer implements LaneOwner, RoundOwner {
  readonly turn: Turn;
  isCompleted = false;
  readonly #options: AnnouncerOptions;
  readonly #random: Random;
  readonly #stopTimer: Timer = new Timer((now) => this.#onStopTimer(now));
  #stopLatestMs = Number.NEGATIVE_INFINITY;
  /** The `stopped` announces under way. */
  readonly #partings = new RareSet<AnnounceCall>();
  readonly #list: TrackerList;
  /** Under way. */
  readonly #rounds = new RareSet<AnnounceRound>();
  #state: 'idle' | 'running' | 'stopping' = 'idle';
  #isPrivate: boolean;
  #lanes: AnnounceLane[] = [];
  #stopDones: (() => void)[] = [];
  /** Of a private torrent: the host of the tracker that named our peers. */
  #home: string | null = null;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.turn = options.turn;
    this.#random = options.random;
    this.#isPrivate = options.isPrivate;
    this.#list = new TrackerList(options.tiers, options.infoHashes.length, options.random);
  }

  /** Announces `started`, to each tracker as soon as it allows it. Idempotent; after a stop() it begins again. */
  start(): void {
    if (this.#state === 'running') return;
    if (this.#state === 'stopping') this.#finishStop();
    this.#state = 'running';
    this.#openLanes();
    for (const { url, state, nextAnnounceSeconds } of this.trackers(this.turn.now)) {
      if (state === 'idle' && nextAnnounceSeconds) this.#options.handler.onWaiting(url, nextAnnounceSeconds);
    }
  }

  /** Everything of the torrent is there; not to be called for one that was complete when it was added. */
  complete(): void {
    if (this.isCompleted) return;
    this.isCompleted = true;
    for (const lane of this.#lanes) lane.onCompleted();
  }

  /** A person asks for an announce now: each tier's is made as soon as its tracker allows it. */
  announceNow(): void {
    for (const lane of this.#lanes) lane.hurry();
  }

  /**
   * Announces `stopped` to the trackers that accepted `started`, after a `completed` that is under way: a client that
   * ends with its download would never say that otherwise. `done` is called once: when they have answered, after
   * LIMITS.stoppedAnnounceTimeoutMs, or at once when there is nobody to tell. Where many torrents tell one host, the
   * last of them wait for their turn up to LIMITS.stoppedAnnouncesTotalMs.
   */
  stop(done: () => void): void {
    this.#stopDones.push(done);
    if (this.#state === 'stopping') return;
    for (const lane of this.#lanes) lane.end();
    this.#lanes = [];
    this.#state = 'stopping';
    const ended = [...this.#rounds].filter((round) => !round.hasSaidCompleted);
    // Those that wait first: they must not be sent because others make room.
    for (const round of ended) if (!round.isSent) this.#drop(round);
    for (const round of ended) if (round.isSent) this.#abandon(round);
    for (const tracker of this.#list.all) if (this.standingOf(tracker).round === null) this.#part(tracker);
    this.#stopLatestMs = this.turn.now + LIMITS.stoppedAnnouncesTotalMs;
    this.turn.timers.set(this.#stopTimer, this.turn.now + LIMITS.stoppedAnnounceTimeoutMs);
    this.#finishStopIfTold();
  }

  get hasTrackers(): boolean {
    return this.#list.tiers.length > 0;
  }

  /** The trackers and how they are doing: a snapshot. */
  trackers(now: number): readonly TrackerStatus[] {
    return this.#list.tiers.flatMap((trackers, tier) =>
      trackers.map((tracker) => {
        const nextAnnounceMs = Math.min(...this.#lanes.map((lane) => lane.plannedMs(tracker)));
        return trackerStatus(this.standingOf(tracker), { tier, nextAnnounceMs, now });
      }),
    );
  }

  /** URLs of those that came by addTrackers. */
  get addedTrackers(): readonly string[] {
    return this.#list.added;
  }

  /** What the next session has to know; plain data. It changes with every answer. */
  memory(): readonly TrackerMemory[] {
    return this.#list.memory(this.#moment());
  }

  /** Takes up what memory() gave in an earlier session, of trackers added later too; to be called before start(). */
  restore(memories: readonly TrackerMemory[]): void {
    this.#list.restore(memories, this.#moment());
  }

  /** Replaces the trackers. Those that stay keep their state, those that go are told `stopped`. */
  setTiers(urls: readonly (readonly string[])[]): void {
    this.#endLanes();
    for (const tracker of this.#list.replace(urls, this.turn.now)) this.#part(tracker);
    if (this.#state === 'running') this.#openLanes();
  }

  /** Adds trackers, each as a tier of its own below the others; known ones are left out. */
  addTrackers(urls: readonly string[]): void {
    const added = this.#list.add(urls);
    if (this.#state !== 'running') return;
    if (!this.#isPrivate) for (const tier of added) this.#openLane([tier]);
    else if (this.#lanes.length === 0) this.#openLanes();
    else for (const lane of this.#lanes) lane.onChainGrown();
  }

  /** Asks the trackers about the swarm without joining it; `done` is called once. */
  scrape(done: (results: readonly TrackerScrape[]) => void): void {
    const { clients, infoHashes } = this.#options;
    const standings = this.#list.tiers.flatMap((trackers, tier) =>
      trackers.map((tracker) => ({ tier, standing: this.standingOf(tracker) })),
    );
    const trackers = standings.map(({ tier, standing }) => {
      const { tracker, hasStarted } = standing;
      return { url: tracker.url, tier, target: tracker, isInUse: hasStarted };
    });
    scrapeAll(clients.scraper, { trackers, infoHashes, isPrivate: this.#isPrivate }, (results) => {
      results.forEach(({ error, seeds, leechers }, i) => {
        if (error === null) Object.assign(standings[i]!.standing, { seeds, leechers });
      });
      done(results);
    });
  }

  /** A magnet's metadata says whether it is private: from then on only one tracker is announced to. */
  setPrivate(isPrivate: boolean): void {
    if (this.#isPrivate === isPrivate) return;
    this.#isPrivate = isPrivate;
    if (this.#state !== 'running') return;
    this.#endLanes();
    if (isPrivate) {
      const started = this.#list.all.filter((tracker) => this.standingOf(tracker).hasStarted);
      const kept = started.find((tracker) => tracker.failures === 0) ?? started[0];
      this.#home = kept?.host ?? null;
      for (const tracker of started) if (tracker !== kept) this.#part(tracker);
    }
    this.#openLanes();
  }

  // ---- LaneOwner ----

  get regularEvent(): AnnounceEvent {
    return this.#options.totals().isPartialSeed ? 'paused' : '';
  }

  standingOf(tracker: Tracker): TrackerStanding {
    return this.#list.standingOf(tracker);
  }

  begin(tracker: Tracker, announcements: readonly Announcement[], options: RoundOptions): AnnounceRound {
    const standing = this.standingOf(tracker);
    if (standing.round !== null) {
      standing.round.listener = options.listener;
      return standing.round;
    }
    const round = new AnnounceRound(tracker, announcements, this, options);
    this.#rounds.add(round);
    standing.round = round;
    return round;
  }

  /** BEP 27: a private torrent is in the swarm of one tracker at a time. */
  onSwitched(left: Tracker): void {
    if (this.#isPrivate) this.#part(left);
  }

  // ---- RoundOwner ----

  ask(round: AnnounceRound, announcement: Announcement, done: (result: AnnounceResult) => void): AnnounceCall {
    const timeoutMs = LIMITS.httpTrackerTimeoutMs;
    return this.#call(round.tracker, announcement, { isUrgent: round.isUrgent, timeoutMs, done });
  }

  onAccepted(round: AnnounceRound, { hashIndex, event }: Announcement, response: AnnounceResponse): void {
    const { tracker } = round;
    const { handler } = this.#options;
    const standing = this.standingOf(tracker);
    const membership = standing.memberships[hashIndex]!;
    membership.hasStarted = true;
    if (event === 'completed') membership.hasCompleted = true;
    membership.trackerId = response.trackerId ?? membership.trackerId;
    const { peers, namedPeers, seeds, leechers, warning, externalIps } = response;
    standing.seeds = seeds ?? standing.seeds;
    standing.leechers = leechers ?? standing.leechers;
    standing.peers = peers.length + namedPeers.length;
    if (warning !== null) handler.onWarning(tracker.url, warning);
    for (const ip of externalIps) handler.onExternalIp(ip, tracker.host);
    handler.onAnnounced({ url: tracker.url, peers: standing.peers, seeds, leechers });
    if (round.listener === null) return;
    this.#settleAt(tracker);
    if (peers.length > 0) handler.onPeers(peers, tracker.url);
    for (const { host, port } of namedPeers) this.#resolvePeer(host, port, tracker.url);
  }

  onRoundOver(round: AnnounceRound): void {
    const { tracker, intervalMs, minIntervalMs, retryInMs, error } = round;
    const standing = this.standingOf(tracker);
    this.#rounds.delete(round);
    standing.round = null;
    standing.error = intervalMs === null ? error : null;
    if (intervalMs !== null) tracker.succeed(this.turn.now, { intervalMs, minIntervalMs }, this.#random);
    else {
      tracker.fail(this.turn.now, { retryInMs, isRefusal: error?.code === 'ETRACKER' }, this.#random);
      this.#options.handler.onFailure(tracker.url, error!);
    }
    this.#noteAnswer(standing, intervalMs !== null || error?.code === 'ETRACKER');
    if (round.listener !== null) round.listener.onRoundOver(round);
    else this.#part(tracker);
    this.#finishStopIfTold();
  }

  // ---- inside ----

  #openLanes(): void {
    const { tiers } = this.#list;
    if (!this.#isPrivate) for (const tier of tiers) this.#openLane([tier]);
    else if (tiers.length > 0) this.#openLane(tiers);
  }

  #openLane(tiers: readonly Tracker[][]): void {
    const lane = new AnnounceLane(this, new TrackerChain(tiers));
    this.#lanes.push(lane);
    lane.begin();
  }

  /** Rounds under way go on without them; what has not been sent yet is taken back. */
  #endLanes(): void {
    for (const lane of this.#lanes) lane.end();
    this.#lanes = [];
    for (const round of this.#rounds) if (!round.isSent) this.#drop(round);
  }

  #abandon(round: AnnounceRound): void {
    if (round.isSent) round.tracker.abandon(this.turn.now);
    this.#drop(round);
  }

  #drop(round: AnnounceRound): void {
    round.cancel();
    this.#rounds.delete(round);
    this.standingOf(round.tracker).round = null;
  }

  /** Says `stopped` about each hash that the tracker accepted `started` of; whatever comes of it. */
  #part(tracker: Tracker): void {
    // Two URLs of one host may be one tracker, which would take us out of the swarm that the other URL has us in.
    const isSilent = this.#state === 'running' && this.#isHostInUse(tracker);
    this.standingOf(tracker).memberships.forEach((membership, hashIndex) => {
      if (!membership.hasStarted) return;
      membership.hasStarted = false;
      if (isSilent) return;
      const call = this.#call(
        tracker,
        { hashIndex, event: 'stopped' },
        {
          isUrgent: true,
          timeoutMs: LIMITS.stoppedAnnounceTimeoutMs,
          done: () => {
            this.#partings.delete(call);
            this.#finishStopIfTold();
          },
        },
      );
      this.#partings.add(call);
    });
  }

  #isHostInUse(left: Tracker): boolean {
    return this.#list.all.some((tracker) => {
      return tracker !== left && tracker.host === left.host && this.standingOf(tracker).hasStarted;
    });
  }

  #onStopTimer(now: number): void {
    const isWaiting = [...this.#partings].some((call) => now - call.sentAtMs < LIMITS.stoppedAnnounceTimeoutMs);
    const nextMs = Math.min(now + STOP_LOOK_MS, this.#stopLatestMs);
    if (isWaiting && now < this.#stopLatestMs) this.turn.timers.set(this.#stopTimer, nextMs);
    else this.#finishStop();
  }

  #finishStopIfTold(): void {
    if (this.#state === 'stopping' && this.#rounds.size === 0 && this.#partings.size === 0) this.#finishStop();
  }

  #finishStop(): void {
    this.turn.timers.cancel(this.#stopTimer);
    for (const round of this.#rounds) {
      this.#abandon(round);
      for (const membership of this.standingOf(round.tracker).memberships) membership.hasStarted = false;
    }
    cancelCalls(this.#partings);
    this.#partings.clear();
    this.#state = 'idle';
    const dones = this.#stopDones;
    this.#stopDones = [];
    for (const done of dones) done();
  }

  #noteAnswer(standing: TrackerStanding, isAnswer: boolean): void {
    if (!isAnswer || standing.hasAnswered) return;
    standing.hasAnswered = true;
    this.#options.handler.onFirstAnswer();
  }

  /** The tracker that has just answered is the one whose peers we have, if the torrent is private. */
  #settleAt(tracker: Tracker): void {
    if (!this.#isPrivate || this.#home === tracker.host) return;
    const isSwitch = this.#home !== null;
    this.#home = tracker.host;
    if (isSwitch) this.#options.handler.onTrackerSwitched();
  }

  #moment(): Moment {
    return { now: this.turn.now, unixTime: this.#options.unixTime() };
  }

  #call(
    tracker: Tracker,
    { hashIndex, event }: Announcement,
    options: Pick<AnnounceCallOptions, 'isUrgent' | 'timeoutMs' | 'done'>,
  ): AnnounceCall {
    const { clients } = this.#options;
    return new AnnounceCall({
      queue: clients.queue,
      client: clients.clientOf(tracker.scheme),
      host: tracker.host,
      url: tracker.url,
      now: () => this.turn.now,
      request: () => this.#request(tracker, hashIndex, event),
      ...options,
    });
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
      trackerId: this.standingOf(tracker).memberships[hashIndex]!.trackerId,
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
