/**
 * What is said in an announce and a scrape, whatever carries it (BEP 3 over HTTP, BEP 15 over UDP). Times are ms,
 * counts are whole numbers. Both codecs, the embedded tracker and the engine's announcer speak in these shapes.
 */
import { type Address, addressKey, type HostPort } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';

/** '' is a regular announce. `paused` (BEP 21): complete as far as wanted, in every regular announce of a partial seed. */
export type AnnounceEvent = 'started' | 'completed' | 'stopped' | 'paused' | '';

/** What a client tells a tracker (BEP 3). */
export interface AnnounceRequest {
  /** 20 bytes; of a v2 torrent the first 20 of its SHA-256 (BEP 52). */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Where peers can dial us. */
  readonly port: number;
  /** Payload bytes since `started`. */
  readonly uploaded: number;
  /** Payload bytes since `started`, wasted ones included. */
  readonly downloaded: number;
  /** Bytes missing of the whole torrent; 0 says that we are a seed. */
  readonly left: number;
  /** Why it is told. */
  readonly event: AnnounceEvent;
  /** How many peers are wanted; 0 = none. */
  readonly numWant: number;
  /** uint32, the same for the whole session: how a tracker knows us again when our address changes. */
  readonly key: number;
  /** What the tracker gave as `tracker id` before; HTTP only. */
  readonly trackerId: Uint8Array | null;
}

/** What a tracker answers (BEP 3). Counts are null where it does not say. */
export interface AnnounceResponse {
  /** Until the next regular announce; clamped to LIMITS. */
  readonly intervalMs: number;
  /** Never announce more often, but for `completed` and `stopped`. */
  readonly minIntervalMs: number | null;
  /** Peers that have everything. */
  readonly seeds: number | null;
  /** Peers that have not. */
  readonly leechers: number | null;
  /** How often the torrent was downloaded. */
  readonly completed: number | null;
  /** Only addresses that can be dialled; with `namedPeers` at most LIMITS.peersPerAnnounceMax. */
  readonly peers: readonly Address[];
  /** Peers that were given by host name (BEP 3 allows it); at most LIMITS.peerNamesPerAnnounceMax. */
  readonly namedPeers: readonly HostPort[];
  /** For a person; one line, at most LIMITS.trackerMessageBytesMax. */
  readonly warning: string | null;
  /** To be sent back from now on; null = keep the one before. */
  readonly trackerId: Uint8Array | null;
  /** Our own address as the tracker sees it, canonical IP text (BEP 24); one of each family that it was asked over. */
  readonly externalIps: readonly string[];
}

/** What one tracker said in two answers (BEP 7: over IPv4 and IPv6). Of intervals the longer is kept. */
export function joinResponses(first: AnnounceResponse, second: AnnounceResponse): AnnounceResponse {
  return {
    intervalMs: Math.max(first.intervalMs, second.intervalMs),
    minIntervalMs: greaterKnown(first.minIntervalMs, second.minIntervalMs),
    seeds: greaterKnown(first.seeds, second.seeds),
    leechers: greaterKnown(first.leechers, second.leechers),
    completed: greaterKnown(first.completed, second.completed),
    peers: distinct([...first.peers, ...second.peers]).slice(0, LIMITS.peersPerAnnounceMax),
    namedPeers: [...first.namedPeers, ...second.namedPeers].slice(0, LIMITS.peerNamesPerAnnounceMax),
    warning: first.warning ?? second.warning,
    trackerId: first.trackerId ?? second.trackerId,
    externalIps: [...new Set([...first.externalIps, ...second.externalIps])],
  };
}

function distinct(addresses: readonly Address[]): Address[] {
  return [...new Map(addresses.map((address) => [addressKey(address), address])).values()];
}

/** Of two numbers the greater, of which either may not be known. */
export function greaterKnown(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

/** The tracker cannot be reached, makes no sense, or refuses. */
export class AnnounceFailure {
  /** `ETRACKER`, `ETIMEOUT`, `ENETWORK` or `ERESOLVE`. */
  readonly error: DtorrentError;
  /** When the tracker wants to be asked again (BEP 31); Infinity = never, null = it did not say. */
  readonly retryInMs: number | null;

  /** See the two fields. */
  constructor(error: DtorrentError, retryInMs: number | null = null) {
    this.error = error;
    this.retryInMs = retryInMs;
  }
}

/** An answer, or why there is none. */
export type AnnounceResult = AnnounceResponse | AnnounceFailure;

/** Of one torrent; null where the tracker does not say. */
export interface ScrapeCounts {
  /** Peers that have everything. */
  readonly seeds: number | null;
  /** Peers that have not. */
  readonly leechers: number | null;
  /** How often it was downloaded to the end. */
  readonly completed: number | null;
}

/** What a tracker says of the torrents that it was asked about in one scrape. */
export interface ScrapeAnswer {
  /** In the order of the question; null for a torrent that the tracker does not know. */
  readonly counts: readonly (ScrapeCounts | null)[];
  /** How long the tracker wants not to be scraped again; null = it does not say. At most a day. */
  readonly minIntervalMs: number | null;
}

export const DEFAULT_INTERVAL_SECONDS = 1800;

/**
 * The interval that is kept, in ms. A tracker that says 0 must not cause a storm, and one that says a year must not
 * lose us.
 */
export function clampIntervalMs(seconds: number): number {
  return Math.min(Math.max(seconds * 1000, LIMITS.announceIntervalMinMs), LIMITS.announceIntervalMaxMs);
}

export function trackerError(message: string): DtorrentError {
  return new DtorrentError('ETRACKER', message);
}
