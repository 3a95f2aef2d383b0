/**
 * The order in which trackers are asked (BEP 12): tiers from top to bottom, each shuffled once when it is loaded; a
 * failure moves on to the next, a success moves that tracker to the front of its tier. Plus what the BEP leaves open:
 * back-off of what failed, and when each may be asked again. Pure: times are given, monotonic ms.
 * A torrent has one chain of all tiers (strict BEP 12, private torrents) or one chain a tier. Called by engine/announcer.
 */
import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow, shuffle } from '../../base/random.js';
import type { AnnounceResponse } from './announce.js';
import { parseTrackerUrl, type TrackerUrl } from './tracker-url.js';

const BACK_OFF_BASE_MS = 5_000;
const BACK_OFF_MAX_MS = 3_600_000;
/** Torrents that failed together do not come back together: each waits up to this share longer. */
const BACK_OFF_JITTER_RATIO = 0.25;
/** Announces of many torrents that began together drift apart by this share of the interval. */
const INTERVAL_JITTER_RATIO = 0.05;

/** What became of an announce that the tracker did not accept. */
export interface TrackerFailure {
  /** What the tracker asked for (BEP 31); Infinity = never, null = nothing. */
  readonly retryInMs: number | null;
  /** It answered, with a refusal: it is there, and has counted this announce. */
  readonly isRefusal: boolean;
}

/** One tracker, as one torrent knows it. */
export class Tracker {
  /** As the torrent spells it. */
  url: string;
  /** Equal for two spellings of one URL. */
  readonly key: string;
  readonly scheme: TrackerUrl['scheme'];
  /** What the announce queue counts by. */
  readonly host: string;
  /** In a row. */
  failures = 0;
  /** Not to be asked before, but for `completed` and `stopped`; Infinity = never again. */
  notBeforeMs: number = Number.NEGATIVE_INFINITY;
  /** When the next regular announce is due. */
  nextAnnounceMs: number = Number.NEGATIVE_INFINITY;
  /** What the tracker itself allows, our back-off left out: its min interval, its retry-in. */
  #allowedMs = Number.NEGATIVE_INFINITY;
  /** What its last answer asked for; null = nothing. */
  #minIntervalMs: number | null = null;
  /** When it last answered, be it with a refusal. */
  #answeredMs = Number.NEGATIVE_INFINITY;

  constructor(url: string, parsed: TrackerUrl) {
    this.url = url;
    this.key = parsed.key;
    this.scheme = parsed.scheme;
    this.host = parsed.host;
  }

  /** Also after a restart: not to be asked before. A tracker that is silent, or not there, has asked for nothing. */
  get rememberedMs(): number {
    const isRefused = this.failures > 0 && this.#answeredMs > Number.NEGATIVE_INFINITY;
    return isRefused ? Math.max(this.#allowedMs, this.#answeredMs + LIMITS.announceIntervalMinMs) : this.#allowedMs;
  }

  succeed(now: number, response: Pick<AnnounceResponse, 'intervalMs' | 'minIntervalMs'>, random: Random): void {
    const { intervalMs, minIntervalMs } = response;
    this.failures = 0;
    this.#answeredMs = now;
    this.#minIntervalMs = minIntervalMs;
    this.#allowedMs = now + (minIntervalMs ?? LIMITS.announceIntervalMinMs);
    this.notBeforeMs = this.#allowedMs;
    this.nextAnnounceMs = now + jittered(Math.max(intervalMs, minIntervalMs ?? 0), INTERVAL_JITTER_RATIO, random);
  }

  fail(now: number, { retryInMs, isRefusal }: TrackerFailure, random: Random): void {
    this.failures++;
    if (isRefusal) this.#answeredMs = now;
    this.#allowedMs = Math.max(this.#allowedMs, now + (retryInMs ?? 0));
    this.notBeforeMs = Math.max(this.#allowedMs, now + backOffMs(this.failures, random));
    this.nextAnnounceMs = this.notBeforeMs;
  }

  /** It was asked, and we did not wait for its answer: it may have heard us all the same. */
  abandon(now: number): void {
    this.#allowedMs = Math.max(this.#allowedMs, now + (this.#minIntervalMs ?? LIMITS.announceIntervalMinMs));
    this.notBeforeMs = Math.max(this.notBeforeMs, this.#allowedMs);
  }

  /** A person does not want to wait: our own back-off is dropped, and "never" is taken back; the rest stays. */
  hurry(): void {
    if (this.#allowedMs === Number.POSITIVE_INFINITY) this.#allowedMs = Number.NEGATIVE_INFINITY;
    this.notBeforeMs = this.rememberedMs;
  }

  /** What an earlier session knew: nothing is asked before `notBeforeMs`. */
  restore(notBeforeMs: number): void {
    this.#allowedMs = notBeforeMs;
    this.notBeforeMs = notBeforeMs;
    this.nextAnnounceMs = notBeforeMs;
  }
}

/** How long a tracker is left alone after so many failures in a row: 17.5 s, 55 s, 117.5 s … an hour; up to 1/4 more. */
export function backOffMs(failures: number, random: Random): number {
  const leastMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_BASE_MS * (1 + 2.5 * failures ** 2));
  return jittered(leastMs, BACK_OFF_JITTER_RATIO, random);
}

function jittered(leastMs: number, ratio: number, random: Random): number {
  return leastMs + randomBelow(random, Math.floor(leastMs * ratio) + 1);
}

/**
 * @returns the tiers without duplicates and without URLs that are no trackers of ours, each shuffled; tiers left empty
 * are gone. At most LIMITS.trackersPerTorrentMax trackers.
 */
export function loadTiers(urls: readonly (readonly string[])[], random: Random): Tracker[][] {
  const keys = new Set<string>();
  const tiers: Tracker[][] = [];
  for (const tierUrls of urls) {
    const tier: Tracker[] = [];
    for (const text of tierUrls) {
      const url = text.trim();
      const parsed = parseTrackerUrl(url);
      if (parsed === null || keys.has(parsed.key)) continue;
      if (keys.size === LIMITS.trackersPerTorrentMax) break;
      keys.add(parsed.key);
      tier.push(new Tracker(url, parsed));
    }
    shuffle(random, tier);
    if (tier.length > 0) tiers.push(tier);
  }
  return tiers;
}

/** One or more tiers of which one tracker is announced to at a time. */
export class TrackerChain {
  readonly #tiers: readonly Tracker[][];
  /** What this pass has not tried yet, next first. */
  #pass: Tracker[] = [];

  /** The chain reorders `tiers` as trackers succeed. */
  constructor(tiers: readonly Tracker[][]) {
    this.#tiers = tiers;
  }

  get trackers(): Tracker[] {
    return this.#tiers.flat();
  }

  /** Begins again at the top. */
  restart(): void {
    this.#pass = this.trackers;
  }

  /** @returns the next tracker of this pass that may be asked, or null when the pass is over. */
  next(now: number): Tracker | null {
    for (;;) {
      const tracker = this.#pass.shift();
      if (tracker === undefined) return null;
      if (tracker.notBeforeMs <= now) return tracker;
    }
  }

  /** Ends the pass. */
  promote(tracker: Tracker): void {
    this.#pass = [];
    for (const tier of this.#tiers) {
      const index = tier.indexOf(tracker);
      if (index <= 0) continue;
      tier.splice(index, 1);
      tier.unshift(tracker);
    }
  }

  /** When a tracker may be asked, at the earliest; Infinity when none ever may. */
  get notBeforeMs(): number {
    return Math.min(...this.trackers.map((tracker) => tracker.notBeforeMs));
  }
}
