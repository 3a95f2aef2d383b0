/**
 * Scrapes the trackers of a torrent that is not running: a turn and tracker clients of its own, for as long as it
 * takes. Floor 3, so it takes its Host as an argument; src/index.ts supplies the real one.
 */
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { Timer } from '../../base/timer-queue.js';
import { wireHashes } from '../../format/infohash.js';
import type { Magnet } from '../../format/magnet.js';
import type { Metainfo } from '../../format/metainfo.js';
import type { Host } from '../../host/host.js';
import { parseTrackerUrl } from '../../protocol/tracker/tracker-url.js';
import { BoundNetwork } from '../bound-network.js';
import { Turn } from '../turn.js';
import { TrackerClients } from './tracker-clients.js';
import { type ScrapedTracker, scrapeAll, type TrackerScrape } from './tracker-scrape.js';

/** How trackers are scraped. */
export interface ScrapeOptions {
  /** Addresses and interfaces to ask from, apart by commas; default '' = the system's choice. */
  readonly bind?: string;
  /** When this is over, trackers that have not answered count as failed with `ETIMEOUT`. Default 30,000 ms. */
  readonly timeoutMs?: number;
}

/** @returns one entry a tracker, in the order of the torrent's tiers. Never rejects: failures are in the entries. */
export function scrapeTrackersOn(
  host: Pick<Host, 'clock' | 'network' | 'random' | 'log'>,
  source: Metainfo | Magnet,
  options: ScrapeOptions = {},
): Promise<readonly TrackerScrape[]> {
  const { bind = '', timeoutMs = LIMITS.httpTrackerTimeoutMs } = options;
  const question = {
    trackers: trackersOf(source),
    infoHashes: wireHashes(source.infoHash),
    isPrivate: 'isPrivate' in source && source.isPrivate,
  };
  if (question.trackers.length === 0) return Promise.resolve([]);
  const turn = new Turn(host.clock, (error) => host.log.write('error', String(error)));
  const network = bind === '' ? host.network : new BoundNetwork(host.network, host.clock, bind);
  const clients = new TrackerClients({ turn, network, random: host.random });
  return new Promise((resolve) => {
    const tooLate = new Timer(() => {
      clients.scraper.close(new DtorrentError('ETIMEOUT', `no answer within ${timeoutMs / 1000} seconds`));
    });
    turn.run(() => {
      turn.timers.set(tooLate, turn.now + timeoutMs);
      scrapeAll(clients.scraper, question, (results) => {
        clients.close();
        turn.stop();
        resolve(results);
      });
    });
  });
}

/** As the torrent lists them; duplicates are left out, what we cannot speak to is not. */
function trackersOf(source: Metainfo | Magnet): ScrapedTracker[] {
  const tiers = 'infoBytes' in source ? source.trackers : source.trackers.map((url) => [url]);
  const byKey = new Map<string, ScrapedTracker>();
  tiers.forEach((urls, tier) => {
    for (const url of urls) {
      const parsed = parseTrackerUrl(url);
      const key = parsed?.key ?? url;
      if (byKey.has(key) || byKey.size === LIMITS.trackersPerTorrentMax) continue;
      byKey.set(key, { url, tier, target: parsed === null ? null : { ...parsed, url }, isInUse: false });
    }
  });
  return [...byKey.values()];
}
