/**
 * What the trackers of one torrent say about its swarm, one entry a tracker: the result of a scrape as a program sees
 * it. Called by Announcer for a torrent that runs, and by scrape-trackers.ts for one that does not.
 */
import { DtorrentError } from '../../base/errors.js';
import { greaterKnown, type ScrapeCounts } from '../../protocol/tracker/announce.js';
import type { ScrapeResult, Scraper, ScrapeTarget } from './scraper.js';

/** One tracker's answer. Counts are null where the tracker does not say, and when `error` is not null. */
export interface TrackerScrape {
  /** As the torrent has it. */
  readonly url: string;
  /** From 0: its place in the torrent's announce-list. */
  readonly tier: number;
  /** Peers that have everything. */
  readonly seeds: number | null;
  /** Peers that have not. */
  readonly leechers: number | null;
  /** How often the torrent was downloaded to the end. */
  readonly completed: number | null;
  /** Why there is no answer: `ETRACKER`, `ETIMEOUT`, `ENETWORK`, `ERESOLVE`, `ESTOPPED`, or `EUNSUPPORTED`. */
  readonly error: DtorrentError | null;
}

/** What is to be asked. */
export interface ScrapeQuestion {
  readonly trackers: readonly ScrapedTracker[];
  /** 20 bytes each: one, or two for a hybrid torrent. */
  readonly infoHashes: readonly Uint8Array[];
  readonly isPrivate: boolean;
}

export interface ScrapedTracker {
  readonly url: string;
  readonly tier: number;
  /** Null = a URL that we cannot ask. */
  readonly target: ScrapeTarget | null;
  /** We are in its swarm. Of a private torrent's trackers it is asked first. */
  readonly isInUse: boolean;
}

/**
 * Asks all of them; a private torrent's one after the other until one answers, because such a torrent uses one tracker
 * at a time (BEP 27). `done` is called once, with one result a tracker, in their order; when, is as the scraper says.
 */
export function scrapeAll(
  scraper: Scraper,
  question: ScrapeQuestion,
  done: (results: readonly TrackerScrape[]) => void,
): void {
  const { trackers, infoHashes, isPrivate } = question;
  const results: TrackerScrape[] = trackers.map((tracker) => failed(tracker, notAsked()));
  const ask = (index: number, next: () => void): void => {
    const tracker = trackers[index]!;
    askOne(scraper, tracker, infoHashes, (result) => {
      results[index] = result;
      next();
    });
  };
  const order = trackers.map((_, index) => index);
  if (order.length === 0) {
    scraper.reply(() => done(results));
    return;
  }
  if (isPrivate) {
    order.sort((a, b) => Number(trackers[b]!.isInUse) - Number(trackers[a]!.isInUse));
    askInTurn(order, results, ask, () => done(results));
    return;
  }
  let waiting = order.length;
  for (const index of order) {
    ask(index, () => {
      waiting--;
      if (waiting === 0) done(results);
    });
  }
}

/** Until one has answered; `order` is not empty. */
function askInTurn(
  order: readonly number[],
  results: readonly TrackerScrape[],
  ask: (index: number, next: () => void) => void,
  done: () => void,
): void {
  const [first, ...others] = order;
  ask(first!, () => {
    if (results[first!]!.error === null || others.length === 0) done();
    else askInTurn(others, results, ask, done);
  });
}

function askOne(
  scraper: Scraper,
  tracker: ScrapedTracker,
  infoHashes: readonly Uint8Array[],
  done: (result: TrackerScrape) => void,
): void {
  const { target } = tracker;
  if (target === null) {
    scraper.reply(() => done(failed(tracker, unknownScheme())));
    return;
  }
  const answers: ScrapeResult[] = [];
  for (const infoHash of infoHashes) {
    scraper.scrape(target, infoHash, (answer) => {
      answers.push(answer);
      if (answers.length === infoHashes.length) done(join(tracker, answers));
    });
  }
}

/** A hybrid torrent has two swarms of mostly the same peers: the greater counts are told. */
function join(tracker: ScrapedTracker, answers: readonly ScrapeResult[]): TrackerScrape {
  const counts = answers.filter((answer): answer is ScrapeCounts => !(answer instanceof DtorrentError));
  const error = answers.find((answer) => answer instanceof DtorrentError);
  if (counts.length === 0 && error instanceof DtorrentError) return failed(tracker, error);
  const { url, tier } = tracker;
  const greatest = (count: (of: ScrapeCounts) => number | null): number | null =>
    counts.map(count).reduce(greaterKnown, null);
  return {
    url,
    tier,
    seeds: greatest(({ seeds }) => seeds),
    leechers: greatest(({ leechers }) => leechers),
    completed: greatest(({ completed }) => completed),
    error: null,
  };
}

function failed({ url, tier }: ScrapedTracker, error: DtorrentError): TrackerScrape {
  return { url, tier, seeds: null, leechers: null, completed: null, error };
}

function notAsked(): DtorrentError {
  return new DtorrentError('EUNSUPPORTED', 'not asked: a private torrent uses one tracker at a time (BEP 27)');
}

function unknownScheme(): DtorrentError {
  return new DtorrentError('EUNSUPPORTED', 'not an http, https or udp tracker: it is neither announced to nor scraped');
}
