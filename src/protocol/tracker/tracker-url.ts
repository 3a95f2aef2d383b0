/**
 * Tracker URLs, taken apart without re-encoding: a passkey in the path or query has to reach the tracker byte for byte.
 * Torrent files are written by strangers, so whatever is no tracker URL that we would ask is refused here, once.
 */
import { isDiallable, isLoopback, makeAddress } from '../../base/address.js';
import { fromUtf8 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';

/** A tracker's URL, taken apart. */
export interface TrackerUrl {
  /** What it is spoken to with. */
  readonly scheme: 'http' | 'https' | 'udp';
  /** Lower case, IPv6 without brackets. */
  readonly host: string;
  /** 1 to 65535; the scheme's own when none is written. */
  readonly port: number;
  /** Path and query, as written: '' or beginning with `/` or `?`. No fragment. */
  readonly target: string;
  /** Equal for two spellings of one tracker. */
  readonly key: string;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

const URL_PATTERN =
  /^(https?|udp):\/\/(?:([^@/?#\\\s]*)@)?(\[[0-9a-f]*:[0-9a-f:.]*\]|[a-z0-9_.-]+)(?::(\d{1,5}))?([/?][^#]*)?(?:#.*)?$/is;

/** @returns null for an unknown scheme, a malformed or overlong URL, and a `udp` URL without port. */
export function parseTrackerUrl(url: string): TrackerUrl | null {
  if (url.length > LIMITS.trackerUrlBytesMax || fromUtf8(url).length > LIMITS.trackerUrlBytesMax) return null;
  const match = URL_PATTERN.exec(url);
  if (match === null) return null;
  const scheme = match[1]!.toLowerCase() as TrackerUrl['scheme'];
  const written = match[3]!.toLowerCase().replace(/^\[|\]$/g, '');
  const port = Number(match[4] ?? DEFAULT_PORTS[scheme] ?? 0);
  const target = match[5] ?? '';
  if (port < 1 || port > 65535) return null;
  const address = makeAddress(written, port);
  const host = address?.host ?? written;
  if (address === null) {
    // `0x7f.1` and `2130706433` are names to us and 127.0.0.1 to a URL parser: no host name ends in a number.
    if (match[3]!.startsWith('[') || /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/.test(host)) return null;
  } else if (!isDiallable(address)) return null;
  // A torrent file must not make us ask other services of this machine for things (a printer's `/shutdown`): there,
  // an HTTP tracker has to look like one.
  const isLocal = address === null ? /(?:^|\.)localhost\.?$/.test(host) : isLoopback(address);
  if (isLocal && scheme !== 'udp' && !target.startsWith('/announce')) return null;
  const credentials = match[2] === undefined ? '' : `${match[2]}@`;
  return { scheme, host, port, target, key: `${scheme}://${credentials}${host}:${port}${target}` };
}
