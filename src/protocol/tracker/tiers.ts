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
/** Announces of many torrents that began together drift apart by this share of the interval. */
const JITTER_RATIO = 0.05;

/** One tracker, as one torrent knows it. */
export class Tracker {
  readonly url: string;
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
  /** What the last answer's min interval allows. */
  #allowedMs = Number.NEGATIVE_INFINITY;

  constructor(url: string, parsed: TrackerUrl) {
    this.url = url;
    this.key = parsed.key;
    this.scheme = parsed.scheme;
    this.host = parsed.host;
  }

  succeed(now: number, response: Pick<AnnounceResponse, 'intervalMs' | 'minIntervalMs'>, random: Random): void {
    const { intervalMs, minIntervalMs } = response;
    this.failures = 0;
    this.#allowedMs = now + (minIntervalMs ?? Math.max(LIMITS.announceIntervalMinMs, intervalMs / 2));
    this.notBeforeMs = this.#allowedMs;
    const regularMs = Math.max(intervalMs, minIntervalMs ?? 0);
    this.nextAnnounceMs = now + regularMs + randomBelow(random, Math.floor(regularMs * JITTER_RATIO) + 1);
  }

  /** `retryInMs`: what the tracker asked for; Infinity = never, null = nothing. */
  fail(now: number, retryInMs: number | null): void {
    this.failures++;
    this.notBeforeMs = Math.max(now + backOffMs(this.failures), now + (retryInMs ?? 0), this.#allowedMs);
    this.nextAnnounceMs = this.notBeforeMs;
  }
}

/** How long a tracker is left alone after so many failures in a row: 17.5 s, 55 s, 117.5 s … an hour. */
export function backOffMs(failures: number): number {
  return Math.min(BACK_OFF_MAX_MS, BACK_OFF_BASE_MS * (1 + 2.5 * failures ** 2));
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
