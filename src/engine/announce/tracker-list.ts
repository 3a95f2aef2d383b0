/**
 * The trackers of one torrent: their tiers, how the torrent stands with each, and what is remembered of them. A tracker
 * that is taken away and put back, or that an earlier session knew, is the same tracker: it must not be asked before it
 * allows it. Knows nothing of announcing. Called by Announcer.
 */

import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { RareMap } from '../../base/rarely-filled.js';
import type { TrackerMemory } from '../../format/resume-data.js';
import { loadTiers, type Tracker } from '../../protocol/tracker/tiers.js';
import { type Moment, recalledNotBeforeMs, rememberTracker } from './tracker-memory.js';
import { TrackerStanding } from './tracker-standing.js';

export class TrackerList {
  readonly #random: Random;
  readonly #hashCount: number;
  /** Null before the first: many torrents announce to nobody. */
  #standings: WeakMap<Tracker, TrackerStanding> | null = null;
  /** Taken away, and not to be asked yet should they come back. */
  readonly #departed = new RareMap<string, Tracker>();
  #added: WeakSet<Tracker> | null = null;
  #tiers: Tracker[][];

  /** `urls` by tier; what is no tracker that we can ask is left out. `hashCount`: info-hashes of the torrent. */
  constructor(urls: readonly (readonly string[])[], hashCount: number, random: Random) {
    this.#random = random;
    this.#hashCount = hashCount;
    this.#tiers = loadTiers(urls, random);
  }

  /** From top to bottom, none empty; whoever announces reorders the trackers of a tier. */
  get tiers(): readonly Tracker[][] {
    return this.#tiers;
  }

  /** URLs of those that came by add(), in this session or, as the torrent has it from the record, an earlier one. */
  get added(): readonly string[] {
    return this.all.filter((tracker) => this.#added?.has(tracker) === true).map(({ url }) => url);
  }

  get all(): Tracker[] {
    return this.#tiers.flat();
  }

  standingOf(tracker: Tracker): TrackerStanding {
    this.#standings ??= new WeakMap();
    let standing = this.#standings.get(tracker);
    if (standing === undefined) {
      standing = new TrackerStanding(tracker, this.#hashCount);
      this.#standings.set(tracker, standing);
    }
    return standing;
  }

  /** @returns those that are gone. Those that stay keep their standing. */
  replace(urls: readonly (readonly string[])[], now: number): readonly Tracker[] {
    const before = this.#byKey();
    this.#tiers = loadTiers(urls, this.#random).map((tier) => tier.map((tracker) => this.#known(tracker, before)));
    for (const [key, departed] of this.#departed) if (departed.rememberedMs <= now) this.#departed.delete(key);
    for (const [key, tracker] of before) {
      if (this.#departed.size < LIMITS.trackersPerTorrentMax) this.#departed.set(key, tracker);
    }
    return [...before.values()];
  }

  /** Each becomes a tier of its own below the others; known ones are left out. @returns the new tiers. */
  add(urls: readonly string[]): readonly Tracker[][] {
    const before = this.#byKey();
    const loaded = loadTiers(
      urls.map((url) => [url]),
      this.#random,
    );
    const added = loaded
      .filter(([tracker]) => !before.has(tracker!.key))
      .slice(0, LIMITS.trackersPerTorrentMax - before.size)
      .map((tier) => tier.map((tracker) => this.#known(tracker, before)));
    this.#tiers.push(...added);
    this.#added ??= new WeakSet();
    for (const [tracker] of added) this.#added.add(tracker!);
    return added;
  }

  /** See Announcer.memory. */
  memory(moment: Moment): readonly TrackerMemory[] {
    return [...this.all, ...this.#departed.values()].flatMap((tracker) => {
      const { memberships } = this.standingOf(tracker);
      const trackerId = memberships.find((membership) => membership.trackerId !== null)?.trackerId ?? null;
      return rememberTracker(tracker, trackerId, moment) ?? [];
    });
  }

  /** See Announcer.restore. One that the torrent does not have (yet) counts as taken away. */
  restore(memories: readonly TrackerMemory[], moment: Moment): void {
    const byKey = this.#byKey();
    for (const memory of memories) {
      const tracker = byKey.get(memory.key) ?? this.#departedFor(memory.key);
      if (tracker === null) continue;
      tracker.restore(recalledNotBeforeMs(memory, moment));
      for (const membership of this.standingOf(tracker).memberships) membership.trackerId = memory.trackerId;
    }
  }

  #departedFor(key: string): Tracker | null {
    const departed = this.#departed.get(key) ?? loadTiers([[key]], this.#random)[0]?.[0];
    if (departed === undefined || this.#departed.size >= LIMITS.trackersPerTorrentMax) return null;
    this.#departed.set(key, departed);
    return departed;
  }

  #byKey(): Map<string, Tracker> {
    return new Map(this.all.map((tracker) => [tracker.key, tracker]));
  }

  /** The same tracker as it was known; it is taken out of `before`. */
  #known(tracker: Tracker, before: Map<string, Tracker>): Tracker {
    const known = before.get(tracker.key) ?? this.#departed.get(tracker.key) ?? tracker;
    before.delete(tracker.key);
    this.#departed.delete(tracker.key);
    known.url = tracker.url;
    return known;
  }
}
