/**
 * Announces and scrapes over HTTP (BEP 3, 48): codec from protocol/tracker, transport from the network port. It keeps
 * nothing. Answers enter through a turn.
 */
import { assert } from '../base/assert.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { USER_AGENT } from '../base/version.js';
import type { HttpResponse, Network } from '../host/network.js';
import {
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResult,
  type ScrapeAnswer,
} from '../protocol/tracker/announce.js';
import { announceUrl, parseAnnounceResponse, parseScrapeResponse, scrapeUrl } from '../protocol/tracker/http.js';
import type { TrackerClient, TrackerExchange } from './tracker-client.js';
import type { Turn } from './turn.js';

export interface HttpTrackerClientOptions {
  readonly turn: Turn;
  readonly network: Network;
  readonly bindHost: string;
}

export class HttpTrackerClient implements TrackerClient {
  readonly scrapeHashesMax: number = LIMITS.httpScrapeHashesMax;
  readonly #options: HttpTrackerClientOptions;

  constructor(options: HttpTrackerClientOptions) {
    this.#options = options;
  }

  announce(
    url: string,
    request: AnnounceRequest,
    timeoutMs: number,
    done: (result: AnnounceResult) => void,
  ): TrackerExchange {
    return this.#get(announceUrl(url, request), timeoutMs, (result) => done(toAnnounceResult(result)));
  }

  scrape(
    url: string,
    infoHashes: readonly Uint8Array[],
    timeoutMs: number,
    done: (result: ScrapeAnswer | DtorrentError) => void,
  ): TrackerExchange {
    const target = scrapeUrl(url, infoHashes);
    assert(target !== null, 'only what has a scrape is scraped');
    return this.#get(target, timeoutMs, (result) => {
      done(result instanceof DtorrentError ? result : parseScrapeResponse(result.status, result.body, infoHashes));
    });
  }

  #get(url: string, timeoutMs: number, done: (result: HttpResponse | DtorrentError) => void): TrackerExchange {
    const { turn, network, bindHost } = this.#options;
    const get = {
      url,
      userAgent: USER_AGENT,
      timeoutMs,
      bodyBytesMax: LIMITS.httpTrackerBodyBytesMax,
      redirectsMax: LIMITS.httpRedirectsMax,
      bindHost,
      family: 0,
    } as const;
    return network.httpGet(get, (result) => turn.run(() => done(result)));
  }
}

function toAnnounceResult(result: HttpResponse | DtorrentError): AnnounceResult {
  if (result instanceof DtorrentError) return new AnnounceFailure(result);
  return parseAnnounceResponse(result.status, result.body);
}
