/**
 * A tracker that is asked over HTTP (BEP 3, 7, 23), on a simulated host of both address families: the embedded
 * tracker's own core behind a simulated port, a log of all it heard, and trouble that can be set and lifted at any time.
 */
import type { Address } from '../../base/address.js';
import { toCompact } from '../../base/address.js';
import { concatBytes, EMPTY_BYTES, fromLatin1 } from '../../base/bytes.js';
import { type Random, randomBelow } from '../../base/random.js';
import { type BencodeInput, encodeBencode } from '../../format/bencode.js';
import { AnnounceFailure } from '../../protocol/tracker/announce.js';
import { parseAnnounceResponse } from '../../protocol/tracker/http.js';
import { TrackerServer } from '../../protocol/tracker/server.js';
import { answerHttp } from '../../protocol/tracker/server-http.js';
import type { SimHttpAnswer, SimHttpRequest } from '../network/internet.js';
import type { SimHost } from '../sim-host.js';
import type { Simulator } from '../simulator.js';
import { AnnounceLog, type AnnounceOutcome, type AnnounceWords, wordsOfTarget } from './announce-log.js';
import {
  garbageBody,
  HUGE_BODY_BYTES,
  isFlapped,
  junkAmong,
  RETRY_MINUTES,
  slowMs,
  type TrackerTrouble,
} from './tracker-trouble.js';

const OK = 200;

/** What a simulated tracker is made from. */
export interface SimTrackerOptions {
  /** Becomes a host name. */
  readonly name: string;
  /** Where it listens. */
  readonly port: number;
  /** How often peers are asked to announce; its min interval is the same, but never more than five minutes. */
  readonly intervalSeconds?: number;
  /** Left out = both. */
  readonly family?: 4 | 6;
}

export const SIM_TRACKER_INTERVAL_SECONDS = 1800;

/** What became of one announce. */
interface Answer extends SimHttpAnswer {
  readonly outcome: AnnounceOutcome;
  readonly waitMs?: number | null;
}

/** A tracker that is asked over HTTP. */
export class SimHttpTracker {
  /** @internal */
  readonly host: SimHost;
  /** For torrents and magnet links. */
  readonly url: string;
  /** @internal */
  readonly log: AnnounceLog = new AnnounceLog();
  readonly #simulator: Simulator;
  readonly #options: SimTrackerOptions;
  readonly #random: Random;
  readonly #server: TrackerServer;
  #trouble: TrackerTrouble | null = null;

  /** A host of its own, which serves at once. */
  constructor(simulator: Simulator, options: SimTrackerOptions) {
    const { name, port, intervalSeconds = SIM_TRACKER_INTERVAL_SECONDS } = options;
    this.#simulator = simulator;
    this.#options = options;
    this.host = simulator.createHost({ name, ...familyOf(options) });
    this.#random = this.host.random;
    this.#server = new TrackerServer({ intervalSeconds, random: this.host.random });
    this.url = `http://${name}:${port}/announce`;
    this.#serve();
  }

  /** What is wrong with it. */
  get trouble(): TrackerTrouble | null {
    return this.#trouble;
  }

  /** One of HTTP_TRACKER_TROUBLES; null = it is well. */
  set trouble(trouble: TrackerTrouble | null) {
    this.#trouble = trouble;
    this.#serve();
  }

  /** Nobody listens there any more. */
  stop(): void {
    this.trouble = 'refused';
  }

  #serve(): void {
    const { name, port } = this.#options;
    const { internet } = this.#simulator;
    internet.serveHttp(`${name}:${port}`, this.#trouble === 'refused' ? null : (request) => this.#onGet(request));
  }

  #onGet(request: SimHttpRequest): SimHttpAnswer | null {
    const words = wordsOfTarget(request.target);
    const answer = this.#answer(request, words);
    if (words !== null) {
      const { now } = this.#simulator;
      const { outcome = 'unanswered', waitMs = null, delayMs = 0 } = answer ?? {};
      this.log.add({ ...words, atMs: now, from: request.from, outcome, answeredMs: now + delayMs, waitMs });
    }
    return answer;
  }

  #answer(request: SimHttpRequest, words: AnnounceWords | null): Answer | null {
    switch (this.#trouble) {
      case 'silent':
        return null;
      case 'slow':
        return { ...this.#wellAnswer(request), delayMs: slowMs(this.#random) };
      case 'garbage':
        return { status: OK, body: garbageBody(this.#random), outcome: 'refused' };
      case 'failure':
        return this.#refusal();
      case 'error':
        return { status: 500, body: fromLatin1('Internal Server Error'), outcome: 'refused' };
      case 'redirects':
        return { status: 302, body: EMPTY_BYTES, location: '/moved', outcome: 'unanswered' };
      case 'huge':
        return { status: OK, body: new Uint8Array(HUGE_BODY_BYTES), outcome: 'unanswered' };
      case 'flapping':
        if (!isFlapped(this.#simulator.now)) return this.#wellAnswer(request);
        return randomBelow(this.#random, 2) === 0 ? null : { status: 503, body: EMPTY_BYTES, outcome: 'refused' };
      case 'hasty':
        return this.#changed(request, () => ({ interval: 0, 'min interval': -1 }));
      case 'junk-peers':
        return this.#changed(request, (peers) => {
          const all = junkAmong(peers, { ...request.from, port: words?.port ?? 0 }, this.#random);
          return { peers: compactOf(all, 4), peers6: compactOf(all, 6) };
        });
      default:
        return this.#wellAnswer(request);
    }
  }

  #wellAnswer({ target, from }: SimHttpRequest): Answer {
    const body = answerHttp(this.#server, target, from, this.#simulator.now);
    if (body === null) return { status: 404, body: EMPTY_BYTES, outcome: 'refused' };
    const response = parseAnnounceResponse(OK, body);
    if (response instanceof AnnounceFailure) return { status: OK, body, outcome: 'refused' };
    return { status: OK, body, outcome: 'accepted', waitMs: response.minIntervalMs };
  }

  #refusal(): Answer {
    const names = randomBelow(this.#random, 2) === 0;
    const body = encodeBencode({
      'failure reason': 'not today',
      ...(names ? { 'retry in': RETRY_MINUTES } : {}),
    });
    return { status: OK, body, outcome: 'refused', waitMs: names ? RETRY_MINUTES * 60_000 : null };
  }

  /** A whole answer with other words in it, which name no time to wait unless it had one. */
  #changed(
    request: SimHttpRequest,
    change: (peers: readonly Address[]) => Readonly<Record<string, BencodeInput>>,
  ): Answer {
    const well = this.#wellAnswer(request);
    const response = parseAnnounceResponse(well.status, well.body);
    if (response instanceof AnnounceFailure) return well;
    const { peers, seeds, leechers } = response;
    const minIntervalMs = well.waitMs ?? null;
    const answer: Record<string, BencodeInput> = {
      interval: this.#options.intervalSeconds ?? SIM_TRACKER_INTERVAL_SECONDS,
      complete: seeds ?? 0,
      incomplete: leechers ?? 0,
      peers: compactOf(peers, 4),
      peers6: compactOf(peers, 6),
      ...(minIntervalMs === null ? {} : { 'min interval': minIntervalMs / 1000 }),
      ...change(peers),
    };
    const isNamed = Number(answer['min interval'] ?? 0) > 0;
    return { status: OK, body: encodeBencode(answer), outcome: 'accepted', waitMs: isNamed ? minIntervalMs : null };
  }
}

/** For createHost: which addresses a tracker has. */
export function familyOf({ family }: SimTrackerOptions): { readonly ipv4?: null; readonly ipv6?: null } {
  if (family === undefined) return {};
  return family === 4 ? { ipv6: null } : { ipv4: null };
}

function compactOf(addresses: readonly Address[], family: 4 | 6): Uint8Array {
  return concatBytes(addresses.filter((address) => address.family === family).map(toCompact));
}
