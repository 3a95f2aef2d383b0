/** What the announcer and the scraper see of a tracker protocol: HTTP and UDP now, WebSocket later. */
import type { DtorrentError } from '../../base/errors.js';
import type { AnnounceRequest, AnnounceResult, ScrapeAnswer } from '../../protocol/tracker/announce.js';

/**
 * `done` is called once, in a turn of its own, never inside the call. `timeoutMs` bounds the wait for protocols that
 * have no time-outs of their own.
 */
export interface TrackerClient {
  announce(
    url: string,
    request: AnnounceRequest,
    timeoutMs: number,
    done: (result: AnnounceResult) => void,
  ): TrackerExchange;

  /** `url`: of announces, and one that has a scrape. `infoHashes`: 20 bytes each, 1 to scrapeHashesMax. */
  scrape(
    url: string,
    infoHashes: readonly Uint8Array[],
    timeoutMs: number,
    done: (result: ScrapeAnswer | DtorrentError) => void,
  ): TrackerExchange;

  /** How many torrents one scrape can ask about. */
  readonly scrapeHashesMax: number;
}

export interface TrackerExchange {
  /** After this, `done` is not called. */
  cancel(): void;
}
