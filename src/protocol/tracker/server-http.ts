/**
 * The embedded tracker over HTTP (BEP 3, 7, 23, 24, 48): request-target in, bencode out. The target is hostile bytes, as
 * latin1; it is taken apart by hand, because URL parsers read percent-escapes as UTF-8 and would damage info-hashes.
 * Called by node/tracker-listener.
 */
import { type Address, fromCompact, parseIp } from '../../base/address.js';
import { concatBytes, toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { type BencodeInput, encodeBencode } from '../../format/bencode.js';
import type { AnnounceEvent } from './announce.js';
import type { ServerAnnounce, ServerAnswer, SwarmCounts, SwarmPeer, TrackerServer } from './server.js';

const EVENTS: ReadonlySet<string> = new Set<AnnounceEvent>(['started', 'completed', 'stopped', 'paused']);

/** @returns the body to send with status 200, or null when the path is neither `/announce` nor `/scrape`. */
export function answerHttp(server: TrackerServer, target: string, from: Address, now: number): Uint8Array | null {
  const queryStart = target.indexOf('?');
  const path = queryStart < 0 ? target : target.slice(0, queryStart);
  if (path !== '/announce' && path !== '/scrape') return null;
  const parameters = parseQuery(queryStart < 0 ? '' : target.slice(queryStart + 1));
  if (target.length > LIMITS.trackerServerRequestLineBytesMax || parameters === null)
    return failure('request too long');
  return path === '/announce' ? answerAnnounce(server, parameters, from, now) : answerScrape(server, parameters, now);
}

function answerAnnounce(server: TrackerServer, parameters: QueryParameters, from: Address, now: number): Uint8Array {
  const request = announceOf(parameters);
  if (typeof request === 'string') return failure(request);
  const form = { families: [4, 6], peersMax: LIMITS.trackerServerPeersPerAnswerMax } as const;
  const answer = server.announce(request, from, form, now);
  const isCompact = text(parameters, 'compact') !== '0';
  const withPeerIds = text(parameters, 'no_peer_id') !== '1';
  return encodeBencode({
    interval: answer.intervalSeconds,
    'min interval': answer.minIntervalSeconds,
    complete: answer.seeds,
    incomplete: answer.leechers,
    downloaded: answer.completed,
    'external ip': parseIp(from.host)!,
    ...(isCompact ? compactPeers(answer) : { peers: answer.peers.map((peer) => peerDict(peer, withPeerIds)) }),
  });
}

function answerScrape(server: TrackerServer, parameters: QueryParameters, now: number): Uint8Array {
  const infoHashes = (parameters.get('info_hash') ?? []).slice(0, LIMITS.trackerServerScrapeHashesMax);
  if (infoHashes.length === 0) return failure('info_hash is missing: this tracker does not tell all it has');
  if (infoHashes.some((infoHash) => infoHash.length !== 20)) return failure('info_hash must be 20 bytes');
  const counts = server.scrape(infoHashes, now);
  return encodeBencode({
    files: new Map(infoHashes.map((infoHash, i) => [toLatin1(infoHash), scrapeDict(counts[i]!)])),
  });
}

/** @returns the request, or what is wrong with it. */
function announceOf(parameters: QueryParameters): ServerAnnounce | string {
  const infoHash = parameters.get('info_hash')?.[0];
  const peerId = parameters.get('peer_id')?.[0];
  if (infoHash?.length !== 20) return 'info_hash must be 20 bytes';
  if (peerId?.length !== 20) return 'peer_id must be 20 bytes';
  const port = wholeNumber(parameters, 'port');
  if (port === null || port < 1 || port > 65535) return 'port must be a number from 1 to 65535';
  const left = wholeNumber(parameters, 'left');
  if (left === null) return 'left must be a number';
  const event = text(parameters, 'event') ?? '';
  return {
    infoHash,
    peerId,
    port,
    left,
    event: EVENTS.has(event) ? (event as AnnounceEvent) : '',
    numWant: wholeNumber(parameters, 'numwant'),
  };
}

/** BEP 23 and BEP 7. `peers` is there even when empty: clients look for it. */
function compactPeers(answer: ServerAnswer): { peers: Uint8Array; peers6?: Uint8Array } {
  const v4: Uint8Array[] = [];
  const v6: Uint8Array[] = [];
  for (const peer of answer.peers) (peer.family === 4 ? v4 : v6).push(peer.compact);
  return v6.length === 0 ? { peers: concatBytes(v4) } : { peers: concatBytes(v4), peers6: concatBytes(v6) };
}

function peerDict(peer: SwarmPeer, withPeerId: boolean): BencodeInput {
  const { host, port } = fromCompact(peer.compact, peer.family)[0]!;
  return withPeerId ? { ip: host, port, 'peer id': peer.peerId } : { ip: host, port };
}

function scrapeDict({ seeds, leechers, completed }: SwarmCounts): BencodeInput {
  return { complete: seeds, incomplete: leechers, downloaded: completed };
}

function failure(reason: string): Uint8Array {
  return encodeBencode({ 'failure reason': reason });
}

/** All values of each name, in order. */
export type QueryParameters = ReadonlyMap<string, readonly Uint8Array[]>;

/** @returns null when there are more than LIMITS.trackerServerParametersMax. */
export function parseQuery(query: string): QueryParameters | null {
  const parameters = new Map<string, Uint8Array[]>();
  const pairs = query.split('&', LIMITS.trackerServerParametersMax + 1);
  if (pairs.length > LIMITS.trackerServerParametersMax) return null;
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    const name = toLatin1(percentDecode(pair.slice(0, equals)));
    const value = percentDecode(pair.slice(equals + 1));
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return parameters;
}

/** `+` is a space: clients that leave it bare encode as forms do. A `%` without two hex digits stands for itself. */
function percentDecode(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const escaped = text[i] === '%' ? text.slice(i + 1, i + 3) : '';
    if (/^[0-9a-fA-F]{2}$/.test(escaped)) {
      bytes[length++] = Number.parseInt(escaped, 16);
      i += 2;
    } else {
      bytes[length++] = text[i] === '+' ? 0x20 : text.charCodeAt(i);
    }
  }
  return bytes.subarray(0, length);
}

function text(parameters: QueryParameters, name: string): string | null {
  const value = parameters.get(name)?.[0];
  return value === undefined ? null : toLatin1(value);
}

/** @returns null when absent, negative or no number. Digits beyond 2^53 are rounded: they only have to be not zero. */
function wholeNumber(parameters: QueryParameters, name: string): number | null {
  const digits = text(parameters, name);
  return digits !== null && /^\d{1,20}$/.test(digits) ? Number(digits) : null;
}
