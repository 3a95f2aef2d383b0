/**
 * When each torrent is looked up in the DHT: at once when it joins, then every quarter of an hour, which keeps it
 * announced (nodes forget a peer after half an hour or more); sooner while it knows nobody. Few lookups run at one time,
 * however many torrents there are: the one that has waited longest is next.
 * Pure: the caller runs the lookups and tells the time. Used by DhtService.
 */
import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow } from '../../base/random.js';

/** Between two lookups of a torrent, less up to a tenth, so that torrents that were added together spread out. */
export const LOOKUP_INTERVAL_MS: number = 15 * 60_000;
/** After a lookup that was of no use; doubled each time, up to the interval. */
const FRUITLESS_RETRY_MS = 30_000;

interface Entry<T> {
  readonly torrent: T;
  dueAtMs: number;
  isRunning: boolean;
  /** Lookups in a row that were of no use. */
  fruitless: number;
}

export class DhtSchedule<T> {
  readonly #random: Random;
  readonly #entries = new Map<T, Entry<T>>();
  #running = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Known torrents. */
  get size(): number {
    return this.#entries.size;
  }

  /** Due at once. One that is there stays as it is. */
  add(torrent: T, now: number): void {
    if (!this.#entries.has(torrent))
      this.#entries.set(torrent, { torrent, dueAtMs: now, isRunning: false, fruitless: 0 });
  }

  /** @returns whether it was there. A lookup that runs for it must be cancelled by the caller. */
  remove(torrent: T): boolean {
    const entry = this.#entries.get(torrent);
    if (entry === undefined) return false;
    if (entry.isRunning) this.#running--;
    return this.#entries.delete(torrent);
  }

  /** @returns whom to look up now, or null; it counts as running until onDone(). */
  next(now: number): T | null {
    if (this.#running >= LIMITS.dhtTorrentLookupsMax) return null;
    let first: Entry<T> | null = null;
    for (const entry of this.#entries.values()) {
      if (!entry.isRunning && entry.dueAtMs <= now && (first === null || entry.dueAtMs < first.dueAtMs)) first = entry;
    }
    if (first === null) return null;
    first.isRunning = true;
    this.#running++;
    return first.torrent;
  }

  /** @returns when next() may have something: Infinity while all places are taken, or nobody waits. */
  nextDueAt(): number {
    let earliest = Number.POSITIVE_INFINITY;
    if (this.#running >= LIMITS.dhtTorrentLookupsMax) return earliest;
    for (const { isRunning, dueAtMs } of this.#entries.values()) if (!isRunning) earliest = Math.min(earliest, dueAtMs);
    return earliest;
  }

  /** The lookup is over. Not fruitful: nobody was found who is wanted, or nobody took the announce; tried again sooner. */
  onDone(torrent: T, { isFruitful }: { readonly isFruitful: boolean }, now: number): void {
    const entry = this.#entries.get(torrent);
    if (entry === undefined || !entry.isRunning) return;
    entry.isRunning = false;
    this.#running--;
    entry.fruitless = isFruitful ? 0 : entry.fruitless + 1;
    const waitMs =
      entry.fruitless === 0
        ? LOOKUP_INTERVAL_MS
        : Math.min(FRUITLESS_RETRY_MS * 2 ** (entry.fruitless - 1), LOOKUP_INTERVAL_MS);
    entry.dueAtMs = now + waitMs - randomBelow(this.#random, waitMs / 10);
  }

  /** Everyone is due at once. */
  hurry(now: number): void {
    for (const entry of this.#entries.values()) entry.dueAtMs = Math.min(entry.dueAtMs, now);
  }

  /** The DHT has become reachable: those that had no use of it meanwhile are due at once. */
  retryFruitless(now: number): void {
    for (const entry of this.#entries.values()) if (entry.fruitless > 0) entry.dueAtMs = Math.min(entry.dueAtMs, now);
  }
}
