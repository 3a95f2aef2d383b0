/**
 * Scrapes for all torrents of one engine (BEP 48 over HTTP, BEP 15 over UDP): what is wanted of one tracker before its
 * turn comes goes out as one request. A scrape takes its place in the announce queue like an announce. What a tracker
 * said less than LIMITS.scrapeIntervalMinMs ago, or less than it wants to be left alone for, is told again without
 * asking. Every method runs inside a turn, and so does each `done`, once, and never inside the call but after close().
 */
import { toHex } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { Timer } from '../../base/timer-queue.js';
import { type ScrapeAnswer, type ScrapeCounts, trackerError } from '../../protocol/tracker/announce.js';
import { scrapeUrl } from '../../protocol/tracker/http.js';
import type { Turn } from '../turn.js';
import type { AnnounceJob, AnnounceQueue } from './announce-queue.js';
import type { TrackerClient, TrackerExchange } from './tracker-client.js';

/** The tracker that is asked; Tracker is one. */
export interface ScrapeTarget {
  /** Where it is announced to. */
  readonly url: string;
  /** Equal for two spellings of one URL. */
  readonly key: string;
  readonly host: string;
  readonly scheme: 'http' | 'https' | 'udp';
}

/** Counts, or why there are none. */
export type ScrapeResult = ScrapeCounts | DtorrentError;

export interface ScraperOptions {
  readonly turn: Turn;
  readonly queue: AnnounceQueue;
  readonly clientOf: (scheme: ScrapeTarget['scheme']) => TrackerClient;
}

export class Scraper {
  readonly #options: ScraperOptions;
  /** By tracker: not asked yet, so that more can join. */
  readonly #open = new Map<string, Batch>();
  /** All that have not been answered. */
  readonly #batches = new Set<Batch>();
  /** By tracker and torrent, the oldest first. */
  readonly #recent = new Map<string, { readonly result: ScrapeResult; readonly untilMs: number }>();
  /** What is to be told without asking. */
  #replies: (() => void)[] = [];
  #closedWith: DtorrentError | null = null;
  /** Due at once: all that is called for before it fires goes out together. */
  readonly #timer: Timer = new Timer(() => this.#submit());

  constructor(options: ScraperOptions) {
    this.#options = options;
  }

  scrape(target: ScrapeTarget, infoHash: Uint8Array, done: (result: ScrapeResult) => void): void {
    const known = this.#closedWith ?? this.#recall(recentKey(target, infoHash)) ?? whyNot(target, infoHash);
    if (known !== null) {
      this.reply(() => done(known));
      return;
    }
    this.#batchFor(target).add(infoHash, done);
    this.#submitSoon();
  }

  /** Tells what needs no asking, as late as what does; at once when nothing is late any more. */
  reply(tell: () => void): void {
    if (this.#closedWith !== null) {
      tell();
      return;
    }
    this.#replies.push(tell);
    this.#submitSoon();
  }

  /** Gives up what has not been answered: it ends with `error`, as does all that is called for after this. */
  close(error: DtorrentError): void {
    this.#closedWith ??= error;
    const batches = [...this.#batches];
    this.#batches.clear();
    this.#open.clear();
    // Those that wait first: they must not be started because others make room.
    for (const batch of batches) if (batch.exchange === null) this.#options.queue.remove(batch);
    for (const batch of batches) {
      batch.exchange?.cancel();
      this.#options.queue.remove(batch);
    }
    for (const batch of batches) for (const entry of batch.entries.values()) entry.tell(error);
    this.#submit();
  }

  #batchFor(target: ScrapeTarget): Batch {
    const open = this.#open.get(target.key);
    if (open !== undefined && open.entries.size < this.#options.clientOf(target.scheme).scrapeHashesMax) return open;
    const batch = this.#makeBatch(target);
    this.#open.set(target.key, batch);
    return batch;
  }

  #makeBatch(target: ScrapeTarget): Batch {
    const batch = new Batch(target, () => this.#ask(batch));
    this.#batches.add(batch);
    return batch;
  }

  #submitSoon(): void {
    const { turn } = this.#options;
    turn.timers.set(this.#timer, turn.now);
  }

  #submit(): void {
    this.#options.turn.timers.cancel(this.#timer);
    const replies = this.#replies;
    this.#replies = [];
    for (const reply of replies) reply();
    for (const batch of [...this.#batches]) this.#enqueue(batch);
  }

  #enqueue(batch: Batch): void {
    if (batch.isQueued) return;
    batch.isQueued = true;
    this.#options.queue.add(batch);
  }

  #ask(batch: Batch): void {
    const { clientOf, queue } = this.#options;
    const { url, key, scheme } = batch.target;
    if (this.#open.get(key) === batch) this.#open.delete(key);
    const infoHashes = Array.from(batch.entries.values(), (entry) => entry.infoHash);
    batch.exchange = clientOf(scheme).scrape(url, infoHashes, LIMITS.httpTrackerTimeoutMs, (result) => {
      queue.remove(batch);
      this.#batches.delete(batch);
      if (isRefusal(result) && infoHashes.length > 1) this.#askByHalves(batch);
      else this.#tell(batch, result);
    });
  }

  /** A tracker may refuse all because of one torrent that it does not serve, or take fewer at once. */
  #askByHalves(batch: Batch): void {
    const entries = [...batch.entries];
    const middle = Math.ceil(entries.length / 2);
    for (const half of [entries.slice(0, middle), entries.slice(middle)]) {
      const part = this.#makeBatch(batch.target);
      for (const [key, entry] of half) part.entries.set(key, entry);
      this.#enqueue(part);
    }
  }

  #tell(batch: Batch, result: ScrapeAnswer | DtorrentError): void {
    const entries = [...batch.entries.values()];
    entries.forEach((entry, i) => {
      const one = result instanceof DtorrentError ? result : (result.counts[i] ?? unknownTorrent());
      const minIntervalMs = result instanceof DtorrentError ? null : result.minIntervalMs;
      // Silence and a broken network are not the tracker's answer.
      if (!(one instanceof DtorrentError) || one.code === 'ETRACKER') {
        this.#remember(recentKey(batch.target, entry.infoHash), one, minIntervalMs ?? 0);
      }
      entry.tell(one);
    });
  }

  #remember(key: string, result: ScrapeResult, minIntervalMs: number): void {
    if (this.#recent.size >= LIMITS.scrapeAnswersKeptMax) {
      const oldest = this.#recent.keys().next().value;
      if (oldest !== undefined) this.#recent.delete(oldest);
    }
    const untilMs = this.#options.turn.now + Math.max(LIMITS.scrapeIntervalMinMs, minIntervalMs);
    this.#recent.set(key, { result, untilMs });
  }

  #recall(key: string): ScrapeResult | null {
    const recent = this.#recent.get(key);
    if (recent === undefined) return null;
    if (recent.untilMs > this.#options.turn.now) return recent.result;
    this.#recent.delete(key);
    return null;
  }
}

/** One request: what is asked of one tracker about several torrents. */
class Batch implements AnnounceJob {
  readonly isUrgent = false;
  readonly target: ScrapeTarget;
  readonly start: () => void;
  /** By info-hash; sets of one torrent's askers, who share the answer. */
  readonly entries = new Map<string, BatchEntry>();
  isQueued = false;
  exchange: TrackerExchange | null = null;

  constructor(target: ScrapeTarget, start: () => void) {
    this.target = target;
    this.start = start;
  }

  get host(): string {
    return this.target.host;
  }

  add(infoHash: Uint8Array, done: (result: ScrapeResult) => void): void {
    const key = toHex(infoHash);
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = new BatchEntry(infoHash);
      this.entries.set(key, entry);
    }
    entry.dones.push(done);
  }
}

class BatchEntry {
  readonly infoHash: Uint8Array;
  readonly dones: ((result: ScrapeResult) => void)[] = [];

  constructor(infoHash: Uint8Array) {
    this.infoHash = infoHash;
  }

  tell(result: ScrapeResult): void {
    for (const done of this.dones) done(result);
  }
}

function recentKey(target: ScrapeTarget, infoHash: Uint8Array): string {
  return `${toHex(infoHash)} ${target.key}`;
}

function whyNot(target: ScrapeTarget, infoHash: Uint8Array): DtorrentError | null {
  if (target.scheme === 'udp' || scrapeUrl(target.url, [infoHash]) !== null) return null;
  const reason = 'it has no scrape: the last part of its path does not begin with "announce" (BEP 48)';
  return new DtorrentError('EUNSUPPORTED', `this tracker cannot be scraped: ${reason}`);
}

function unknownTorrent(): DtorrentError {
  return trackerError('the tracker does not know this torrent');
}

function isRefusal(result: ScrapeAnswer | DtorrentError): boolean {
  return result instanceof DtorrentError && result.code === 'ETRACKER';
}
