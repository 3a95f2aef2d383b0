/**
 * Announces and scrapes over HTTP (BEP 3, 7, 48): codec from protocol/tracker, transport from the network port. Answers
 * enter through a turn.
 */
import { assert } from '../../base/assert.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { USER_AGENT } from '../../base/version.js';
import type { HttpRequest, HttpResponse, Network } from '../../host/network.js';
import {
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResult,
  type ScrapeAnswer,
} from '../../protocol/tracker/announce.js';
import { announceUrl, parseAnnounceResponse, parseScrapeResponse, scrapeUrl } from '../../protocol/tracker/http.js';
import { parseTrackerUrl } from '../../protocol/tracker/tracker-url.js';
import type { Turn } from '../turn.js';
import { BrokenFamilies, FamilyAnnounce, type FamilyAnnounceOptions } from './family-announce.js';
import type { TrackerClient, TrackerExchange } from './tracker-client.js';

export interface HttpTrackerClientOptions {
  readonly turn: Turn;
  readonly network: Network;
}

export class HttpTrackerClient implements TrackerClient {
  readonly scrapeHashesMax: number = LIMITS.httpScrapeHashesMax;
  readonly #options: HttpTrackerClientOptions;
  readonly #broken = new BrokenFamilies();

  constructor(options: HttpTrackerClientOptions) {
    this.#options = options;
  }

  announce(
    url: string,
    request: AnnounceRequest,
    timeoutMs: number,
    done: (result: AnnounceResult) => void,
  ): TrackerExchange {
    const { turn, network } = this.#options;
    const get: FamilyAnnounceOptions['get'] = (said, { family, timeoutMs }, answered) =>
      this.#get({ url: announceUrl(url, said), family, timeoutMs }, (result) => answered(toAnnounceResult(result)));
    const host = parseTrackerUrl(url)?.host;
    if (host === undefined) return get(request, { family: 0, timeoutMs }, done);
    return new FamilyAnnounce({
      host,
      request,
      timeoutMs,
      broken: this.#broken,
      now: () => turn.now,
      resolve: (name, resolved) => network.resolve(name, (result) => turn.run(() => resolved(result))),
      get,
      done,
    });
  }

  scrape(
    url: string,
    infoHashes: readonly Uint8Array[],
    timeoutMs: number,
    done: (result: ScrapeAnswer | DtorrentError) => void,
  ): TrackerExchange {
    const target = scrapeUrl(url, infoHashes);
    assert(target !== null, 'only what has a scrape is scraped');
    return this.#get({ url: target, family: 0, timeoutMs }, (result) => {
      done(result instanceof DtorrentError ? result : parseScrapeResponse(result.status, result.body, infoHashes));
    });
  }

  #get(
    what: Pick<HttpRequest, 'url' | 'family' | 'timeoutMs'>,
    done: (result: HttpResponse | DtorrentError) => void,
  ): TrackerExchange {
    const { turn, network } = this.#options;
    const get = {
      ...what,
      userAgent: USER_AGENT,
      bodyBytesMax: LIMITS.httpTrackerBodyBytesMax,
      redirectsMax: LIMITS.httpRedirectsMax,
      bindHost: '',
    };
    return network.httpGet(get, (result) => turn.run(() => done(result)));
  }
}

function toAnnounceResult(result: HttpResponse | DtorrentError): AnnounceResult {
  if (result instanceof DtorrentError) return new AnnounceFailure(result);
  return parseAnnounceResponse(result.status, result.body);
}
