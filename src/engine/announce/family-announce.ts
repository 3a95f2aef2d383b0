/**
 * One announce to a tracker that may have addresses of both families (BEP 7, BEP 15): it hears of us over IPv4 and
 * then over IPv6, as the same peer (peer id and key are the same), so that peers of both families learn of us. One
 * request at a time, so that the announce queue's limit is one of requests. `completed` is said over one. A family that
 * does not get through where the other does is left out for an hour: broken IPv6 is common, and must not cost the wait
 * for a time-out with each announce. Called by the HTTP and the UDP client; everything runs in turns.
 */
import { type Address, isLoopback, makeAddress } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import type { HttpRequest } from '../../host/network.js';
import {
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResponse,
  type AnnounceResult,
  joinResponses,
} from '../../protocol/tracker/announce.js';
import type { TrackerExchange } from './tracker-client.js';

/** 0 = the system's choice, or no choice to make. */
export type Family = HttpRequest['family'];

const BROKEN_FOR_MS = 3_600_000;

/** Families of tracker hosts that did not get through. One for the whole engine. */
export class BrokenFamilies {
  /** By host and family, the oldest first. */
  readonly #untilMs = new Map<string, number>();

  get size(): number {
    return this.#untilMs.size;
  }

  add(host: string, family: Family, now: number): void {
    if (this.#untilMs.size >= LIMITS.trackerFamiliesBrokenMax) {
      const oldest = this.#untilMs.keys().next().value;
      if (oldest !== undefined) this.#untilMs.delete(oldest);
    }
    this.#untilMs.set(`${family} ${host}`, now + BROKEN_FOR_MS);
  }

  has(host: string, family: Family, now: number): boolean {
    const key = `${family} ${host}`;
    if ((this.#untilMs.get(key) ?? Number.NEGATIVE_INFINITY) > now) return true;
    this.#untilMs.delete(key);
    return false;
  }
}

/** What is asked, and how. */
export interface FamilyAnnounceOptions {
  readonly host: string;
  readonly request: AnnounceRequest;
  readonly timeoutMs: number;
  readonly broken: BrokenFamilies;
  readonly now: () => number;
  readonly resolve: (host: string, done: (result: readonly Address[] | DtorrentError) => void) => void;
  readonly get: (
    request: AnnounceRequest,
    options: { readonly family: Family; readonly timeoutMs: number },
    done: (result: AnnounceResult) => void,
  ) => TrackerExchange;
  readonly done: (result: AnnounceResult) => void;
}

export class FamilyAnnounce implements TrackerExchange {
  readonly #options: FamilyAnnounceOptions;
  readonly #failed: Family[] = [];
  #families: Family[] = [];
  #current: TrackerExchange | null = null;
  #response: AnnounceResponse | null = null;
  #failure: AnnounceFailure | null = null;
  #isCancelled = false;

  constructor(options: FamilyAnnounceOptions) {
    this.#options = options;
    // An address needs no resolver.
    if (makeAddress(options.host, 0) !== null) {
      this.#families = [0];
      this.#next();
      return;
    }
    options.resolve(options.host, (result) => {
      if (this.#isCancelled) return;
      this.#families = this.#choose(result);
      this.#next();
    });
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#current?.cancel();
  }

  /**
   * A tracker of one family, or of this machine, is asked as the system likes; a name that does not resolve fails where
   * it is asked.
   */
  #choose(result: readonly Address[] | DtorrentError): Family[] {
    if (result instanceof DtorrentError || result.some(isLoopback)) return [0];
    if (new Set(result.map(({ family }) => family)).size < 2) return [0];
    return ([4, 6] as Family[]).sort((a, b) => Number(this.#isBroken(a)) - Number(this.#isBroken(b)));
  }

  #next(): void {
    const family = this.#families.shift();
    const { request, timeoutMs, get } = this.#options;
    const isSecond = this.#response !== null;
    // `completed` counts a download, and over the other family nothing else may be said before the min interval is over.
    if (family === undefined || (isSecond && (request.event === 'completed' || this.#isBroken(family)))) {
      this.#finish();
      return;
    }
    const waitMs = isSecond ? Math.min(timeoutMs, LIMITS.trackerSecondFamilyTimeoutMs) : timeoutMs;
    this.#current = get(request, { family, timeoutMs: waitMs }, (result) => this.#note(family, result));
  }

  #note(family: Family, result: AnnounceResult): void {
    if (!(result instanceof AnnounceFailure)) {
      this.#response = this.#response === null ? result : joinResponses(this.#response, result);
    } else if (result.error.code === 'ETRACKER') {
      // It has heard us, and says no: it would say so again.
      this.#failure = result;
      this.#families = [];
    } else {
      this.#failure ??= result;
      this.#failed.push(family);
    }
    this.#next();
  }

  #isBroken(family: Family): boolean {
    const { broken, host, now } = this.#options;
    return broken.has(host, family, now());
  }

  #finish(): void {
    const { broken, host, now, done } = this.#options;
    if (this.#response !== null) for (const family of this.#failed) broken.add(host, family, now());
    done(this.#response ?? this.#failure!);
  }
}
