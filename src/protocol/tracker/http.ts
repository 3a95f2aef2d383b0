/**
 * Announce and scrape over HTTP (BEP 3, 7, 23, 24, 31, 48): builds request URLs, reads answers. The body is hostile:
 * whatever it holds ends in a response within the limits or in an AnnounceFailure. Called by engine/http-tracker-client.
 */
import {
  type Address,
  addressFromIp,
  COMPACT_V4_BYTES,
  COMPACT_V6_BYTES,
  fromCompact,
  type HostPort,
  isDiallable,
  makeAddress,
} from '../../base/address.js';
import { fromUtf8, toLatin1, toUtf8 } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { toOneLine } from '../../base/one-line.js';
import { BencodeDict, decodeBencode } from '../../format/bencode.js';
import {
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResult,
  clampIntervalMs,
  DEFAULT_INTERVAL_SECONDS,
  type ScrapeAnswer,
  trackerError,
} from './announce.js';

/** `url` with the request appended; its own query is kept as it is, its fragment dropped. */
export function announceUrl(url: string, request: AnnounceRequest): string {
  let query =
    `info_hash=${percentEncode(request.infoHash)}&peer_id=${percentEncode(request.peerId)}&port=${request.port}` +
    `&uploaded=${request.uploaded}&downloaded=${request.downloaded}&left=${request.left}` +
    `&compact=1&no_peer_id=1&numwant=${request.numWant}&key=${request.key.toString(16).padStart(8, '0')}`;
  if (request.event !== '') query += `&event=${request.event}`;
  if (request.trackerId !== null) query += `&trackerid=${percentEncode(request.trackerId)}`;
  return withQuery(url, query);
}

/**
 * The scrape URL of an announce URL (BEP 48), asking for `infoHashes` (at least one: without, some trackers send all
 * they have).
 * @returns null when the last path segment does not begin with `announce`: this tracker has no scrape.
 */
export function scrapeUrl(url: string, infoHashes: readonly Uint8Array[]): string | null {
  const match = /^([a-zA-Z]+:\/\/[^/?#]+\/(?:[^?#]*\/)?)announce([^/?#]*(?:\?[^#]*)?)(?:#.*)?$/.exec(url);
  if (match === null) return null;
  const hashes = infoHashes.map((infoHash) => `info_hash=${percentEncode(infoHash)}`);
  return withQuery(`${match[1]}scrape${match[2]}`, hashes.join('&'));
}

/** RFC 3986: all but the unreserved characters become `%XX`. URLSearchParams and encodeURIComponent work on text. */
export function percentEncode(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9\-._~]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** Any status may come with a bencoded answer, so that is looked for first. */
export function parseAnnounceResponse(status: number, body: Uint8Array): AnnounceResult {
  const dict = decodeAnswer(body);
  if (dict === null) return new AnnounceFailure(notAnAnswer(status), status === 410 ? Number.POSITIVE_INFINITY : null);
  const refusal = refusalOf(dict);
  if (refusal !== null) return new AnnounceFailure(refusal, retryInMs(dict));
  if (!dict.has('interval') && !dict.has('peers') && !dict.has('peers6')) {
    return new AnnounceFailure(trackerError('the tracker answers without an interval and without peers'));
  }
  const minInterval = dict.getInteger('min interval');
  const trackerId = dict.getBytes('tracker id');
  return {
    intervalMs: clampIntervalMs(dict.getInteger('interval') ?? DEFAULT_INTERVAL_SECONDS),
    minIntervalMs: minInterval === null || minInterval <= 0 ? null : shortWaitMs(minInterval),
    seeds: count(dict, 'complete'),
    leechers: count(dict, 'incomplete'),
    completed: count(dict, 'downloaded'),
    ...peersOf(dict),
    warning: message(dict, 'warning message'),
    trackerId: trackerId === null || trackerId.length > LIMITS.trackerIdBytesMax ? null : trackerId.slice(),
    externalIps: externalIpsOf(dict),
  };
}

/** The body is as hostile as an announce's. */
export function parseScrapeResponse(
  status: number,
  body: Uint8Array,
  infoHashes: readonly Uint8Array[],
): ScrapeAnswer | DtorrentError {
  const dict = decodeAnswer(body);
  if (dict === null) return notAnAnswer(status);
  const refusal = refusalOf(dict);
  if (refusal !== null) return refusal;
  const files = dict.getDict('files');
  if (files === null) return trackerError('the tracker answers a scrape without files');
  const counts = infoHashes.map((infoHash) => {
    const key = toLatin1(infoHash);
    // bittorrent-tracker writes the 20 bytes as 20 characters, in UTF-8.
    const file = files.getDict(key) ?? files.getDict(toLatin1(fromUtf8(key)));
    if (file === null) return null;
    return {
      seeds: count(file, 'complete'),
      leechers: count(file, 'incomplete'),
      completed: count(file, 'downloaded'),
    };
  });
  const minSeconds = dict.getDict('flags')?.getInteger('min_request_interval') ?? null;
  return { counts, minIntervalMs: minSeconds === null ? null : shortWaitMs(minSeconds) };
}

function withQuery(url: string, query: string): string {
  const base = url.replace(/#.*$/s, '');
  const queryStart = base.indexOf('?');
  if (queryStart < 0) return `${base}?${query}`;
  // A second question mark is part of a value.
  const isSeparated = queryStart === base.length - 1 || base.endsWith('&');
  return isSeparated ? `${base}${query}` : `${base}&${query}`;
}

function decodeAnswer(body: Uint8Array): BencodeDict | null {
  try {
    const { value } = decodeBencode(body, {
      mode: 'lenient',
      allowTrailing: true,
      bytesMax: LIMITS.httpTrackerBodyBytesMax,
    });
    return value instanceof BencodeDict ? value : null;
  } catch (error) {
    if (error instanceof DtorrentError && error.code === 'EBENCODE') return null;
    throw error;
  }
}

function notAnAnswer(status: number): DtorrentError {
  return trackerError(
    status === 200
      ? 'the tracker answers with something that is not bencode'
      : `the tracker answers with HTTP ${status}`,
  );
}

function refusalOf(dict: BencodeDict): DtorrentError | null {
  const reason = message(dict, 'failure reason');
  return reason === null ? null : trackerError(`the tracker refuses: ${reason === '' ? 'no reason given' : reason}`);
}

/** BEP 31: minutes as an integer or as digits, or `never`. A refusal may name an interval too, and means it. */
function retryInMs(dict: BencodeDict): number | null {
  const text = dict.getText('retry in');
  if (text === 'never') return Number.POSITIVE_INFINITY;
  const minutes = text !== null && /^\d{1,9}$/.test(text) ? Number(text) : dict.getInteger('retry in');
  const seconds = minutes === null ? (dict.getInteger('min interval') ?? dict.getInteger('interval')) : minutes * 60;
  if (seconds === null || seconds <= 0) return null;
  return shortWaitMs(seconds);
}

/** As long as the tracker wants, and no longer than a day. */
function shortWaitMs(seconds: number): number {
  return Math.min(Math.max(seconds, 0) * 1000, LIMITS.announceIntervalMaxMs);
}

function message(dict: BencodeDict, key: string): string | null {
  const bytes = dict.getBytes(key);
  return bytes === null ? null : toOneLine(bytes.subarray(0, LIMITS.trackerMessageBytesMax));
}

function count(dict: BencodeDict, key: string): number | null {
  const value = dict.getInteger(key);
  return value === null || value < 0 ? null : value;
}

function peersOf(dict: BencodeDict): { peers: readonly Address[]; namedPeers: readonly HostPort[] } {
  const found = new FoundPeers();
  // Both forms are cut before they are read: 1 MiB of compact peers would be 175,000 objects.
  const compact = dict.getBytes('peers')?.subarray(0, 2 * COMPACT_V4_BYTES * LIMITS.peersPerAnnounceMax);
  if (compact !== undefined) for (const address of fromCompact(compact, 4)) found.add(address);
  const compact6 = dict.getBytes('peers6')?.subarray(0, 2 * COMPACT_V6_BYTES * LIMITS.peersPerAnnounceMax);
  if (compact6 !== undefined) for (const address of fromCompact(compact6, 6)) found.add(address);
  const list = dict.getList('peers')?.items.slice(0, 2 * LIMITS.peersPerAnnounceMax) ?? [];
  for (const item of list) if (item instanceof BencodeDict) found.addDict(item);
  return { peers: found.peers, namedPeers: found.namedPeers };
}

class FoundPeers {
  readonly peers: Address[] = [];
  readonly namedPeers: HostPort[] = [];

  get #isFull(): boolean {
    return this.peers.length + this.namedPeers.length >= LIMITS.peersPerAnnounceMax;
  }

  add(address: Address): void {
    if (!this.#isFull && isDiallable(address)) this.peers.push(address);
  }

  /** BEP 3: `ip` is IPv4, IPv6 or a host name. */
  addDict(dict: BencodeDict): void {
    const host = dict.getText('ip');
    const port = dict.getInteger('port');
    if (host === null || port === null || port < 1 || port > 65535) return;
    const address = makeAddress(host, port);
    if (address !== null) this.add(address);
    else if (!this.#isFull && this.namedPeers.length < LIMITS.peerNamesPerAnnounceMax && isHostName(host)) {
      this.namedPeers.push({ host, port });
    }
  }
}

/** The last label is no number, so that `1.2.3.999` and `0x7f.1` never reach a resolver that reads them as addresses. */
function isHostName(text: string): boolean {
  return text.length <= 253 && /^(?:[a-z0-9_-]{1,63}\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/i.test(text);
}

/** BEP 24 asks for raw bytes; some trackers send text. */
function externalIpsOf(dict: BencodeDict): string[] {
  const bytes = dict.getBytes('external ip');
  if (bytes === null || bytes.length > 64) return [];
  const address = addressFromIp(bytes, 0) ?? makeAddress(toUtf8(bytes), 0);
  return address === null ? [] : [address.host];
}
