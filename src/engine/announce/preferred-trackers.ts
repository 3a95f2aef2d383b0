/**
 * Trackers as their hosts want to be asked (BEP 34): before a host is asked for the first time its TXT records are
 * looked at, and the URL becomes one that they name. One for the whole engine. DNS that does not answer is no
 * preference, and holds nothing up for longer than LIMITS.trackerPreferencesTimeoutMs. Everything runs in turns.
 */
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { Timer } from '../../base/timer-queue.js';
import type { Network } from '../../host/network.js';
import { AnnounceFailure, trackerError } from '../../protocol/tracker/announce.js';
import {
  type DnsPreferences,
  mayHavePreferences,
  parseDnsPreferences,
  preferredUrl,
} from '../../protocol/tracker/dns-preferences.js';
import { scrapeUrl } from '../../protocol/tracker/http.js';
import { parseTrackerUrl, type TrackerUrl } from '../../protocol/tracker/tracker-url.js';
import type { Turn } from '../turn.js';
import type { TrackerClient, TrackerExchange } from './tracker-client.js';

/** The system's resolver does not tell how long a record holds. */
const KEPT_MS = 3_600_000;
/** DNS that did not answer is asked again sooner. */
const FAILURE_KEPT_MS = 600_000;

export interface PreferredTrackersOptions {
  readonly turn: Turn;
  readonly network: Network;
  /** That speaks a protocol, as it is. */
  readonly clientOf: (scheme: TrackerUrl['scheme']) => TrackerClient;
}

export class PreferredTrackers {
  readonly #options: PreferredTrackersOptions;
  /** By host, the oldest first. */
  readonly #known = new Map<string, { readonly preferences: DnsPreferences | null; readonly untilMs: number }>();
  readonly #lookups = new Map<string, Lookup>();

  constructor(options: PreferredTrackersOptions) {
    this.#options = options;
  }

  /** A client that asks what the URL's host prefers. */
  clientFor(scheme: TrackerUrl['scheme']): TrackerClient {
    return {
      scrapeHashesMax: this.#options.clientOf(scheme).scrapeHashesMax,
      announce: (url, request, timeoutMs, done) => {
        // A torrent that stops does not wait for DNS: it says goodbye where it said hello.
        const isLast = request.event === 'stopped';
        return this.#ask(url, isLast, (client, preferred) => {
          if (client !== null) return client.announce(preferred, request, timeoutMs, done);
          return this.#reply(() => done(new AnnounceFailure(denied(url), Number.POSITIVE_INFINITY)));
        });
      },
      scrape: (url, infoHashes, timeoutMs, done) =>
        this.#ask(url, false, (client, preferred) => {
          if (client === null) return this.#reply(() => done(denied(url)));
          const hasScrape = preferred.startsWith('udp:') || scrapeUrl(preferred, infoHashes) !== null;
          if (hasScrape) return client.scrape(preferred, infoHashes, timeoutMs, done);
          return this.#reply(() => done(new DtorrentError('EUNSUPPORTED', `${preferred} has no scrape`)));
        }),
    };
  }

  /** Nothing is asked after this. */
  close(): void {
    for (const { timer } of this.#lookups.values()) this.#options.turn.timers.cancel(timer);
    this.#lookups.clear();
  }

  #ask(
    url: string,
    isLast: boolean,
    ask: (client: TrackerClient | null, preferred: string) => TrackerExchange,
  ): TrackerExchange {
    const parsed = parseTrackerUrl(url);
    const exchange = new WaitingExchange();
    this.#find(parsed, isLast, (preferences) => {
      if (exchange.isCancelled) return;
      const isAsWritten = parsed === null || preferences === null;
      const preferred = isAsWritten ? url : preferredUrl(parsed, url, preferences);
      const scheme = preferred === null ? null : (parseTrackerUrl(preferred)?.scheme ?? 'http');
      exchange.asking = ask(scheme === null ? null : this.#options.clientOf(scheme), preferred ?? url);
    });
    return exchange;
  }

  /** `found` is called at once when nothing has to be looked up. */
  #find(url: TrackerUrl | null, isLast: boolean, found: (preferences: DnsPreferences | null) => void): void {
    const { turn } = this.#options;
    const known = url === null ? undefined : this.#known.get(url.host);
    if (url === null || !mayHavePreferences(url.host)) found(null);
    else if (known !== undefined && (known.untilMs > turn.now || isLast)) found(known.preferences);
    else if (isLast) found(null);
    else this.#lookUp(url.host).waiting.push(found);
  }

  /** Tells what needs no asking, as all answers: not inside the call. */
  #reply(tell: () => void): TrackerExchange {
    const { timers, now } = this.#options.turn;
    const timer = new Timer(tell);
    timers.set(timer, now);
    return { cancel: () => timers.cancel(timer) };
  }

  #lookUp(host: string): Lookup {
    const under = this.#lookups.get(host);
    if (under !== undefined) return under;
    const { turn, network } = this.#options;
    const lookup: Lookup = { waiting: [], timer: new Timer(() => this.#tell(host, lookup, null)) };
    this.#lookups.set(host, lookup);
    turn.timers.set(lookup.timer, turn.now + LIMITS.trackerPreferencesTimeoutMs);
    network.resolveText(host, (result) =>
      turn.run(() => {
        const isFailure = result instanceof DtorrentError;
        const preferences = isFailure ? null : parseDnsPreferences(result);
        this.#remember(host, preferences, isFailure ? FAILURE_KEPT_MS : KEPT_MS);
        this.#tell(host, lookup, preferences);
      }),
    );
    return lookup;
  }

  /** Who waits for it goes on; a host that answers later than that is known from then on. */
  #tell(host: string, lookup: Lookup, preferences: DnsPreferences | null): void {
    if (this.#lookups.get(host) !== lookup) return;
    this.#lookups.delete(host);
    this.#options.turn.timers.cancel(lookup.timer);
    for (const found of lookup.waiting) found(preferences);
  }

  #remember(host: string, preferences: DnsPreferences | null, keptMs: number): void {
    this.#known.delete(host);
    if (this.#known.size >= LIMITS.trackerPreferencesMax) {
      const oldest = this.#known.keys().next().value;
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(host, { preferences, untilMs: this.#options.turn.now + keptMs });
  }
}

interface Lookup {
  readonly waiting: ((preferences: DnsPreferences | null) => void)[];
  /** For how long they wait. */
  readonly timer: Timer;
}

class WaitingExchange implements TrackerExchange {
  isCancelled = false;
  asking: TrackerExchange | null = null;

  cancel(): void {
    this.isCancelled = true;
    this.asking?.cancel();
  }
}

function denied(url: string): DtorrentError {
  const { host, scheme } = parseTrackerUrl(url)!;
  const what = scheme === 'https' ? 'no encrypted tracker' : 'no tracker';
  return trackerError(`${host} says in DNS that it has ${what} (BEP 34)`);
}
