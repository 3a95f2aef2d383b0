/**
 * Announces over HTTP (BEP 3): codec from protocol/tracker, transport from the network port. It keeps nothing, so
 * each announcer may have its own. Answers enter through a turn.
 */
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { USER_AGENT } from '../base/version.js';
import type { HttpResponse, Network } from '../host/network.js';
import { AnnounceFailure, type AnnounceRequest, type AnnounceResult } from '../protocol/tracker/announce.js';
import { announceUrl, parseAnnounceResponse } from '../protocol/tracker/http.js';
import type { TrackerClient, TrackerExchange } from './tracker-client.js';
import type { Turn } from './turn.js';

export interface HttpTrackerClientOptions {
  readonly turn: Turn;
  readonly network: Network;
  readonly bindHost: string;
}

export class HttpTrackerClient implements TrackerClient {
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
    const { turn, network, bindHost } = this.#options;
    const get = {
      url: announceUrl(url, request),
      userAgent: USER_AGENT,
      timeoutMs,
      bodyBytesMax: LIMITS.httpTrackerBodyBytesMax,
      redirectsMax: LIMITS.httpRedirectsMax,
      bindHost,
      family: 0,
    } as const;
    return network.httpGet(get, (result) => turn.run(() => done(toResult(result))));
  }
}

function toResult(result: HttpResponse | DtorrentError): AnnounceResult {
  if (result instanceof DtorrentError) return new AnnounceFailure(result);
  return parseAnnounceResponse(result.status, result.body);
}
