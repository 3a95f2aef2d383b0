/**
 * Magnet links (BEP 9, with BEP 53 file selection and the v2 topics of BEP 52), and bare info-hashes as people paste
 * them. Links come from strangers: what is not understood is left out, and only a link that names no torrent is refused.
 * Invariant: parsing what was formatted gives the same magnet. Called by the command line and by Engine.add.
 */
import { formatHostPort, type HostPort, parseHostPort } from '../base/address.js';
import { assert } from '../base/assert.js';
import { fromHex, fromUtf8, toHex, toUtf8, toUtf8Strict } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { InfoHash } from './infohash.js';
import type { Metainfo } from './metainfo.js';

/** What a magnet link says: which torrent, and where to look for it. */
export interface Magnet {
  /** Which torrent. */
  readonly infoHash: InfoHash;
  /** What to call it until the metadata is there. As sent: no safe file name, no safe terminal text. */
  readonly name: string | null;
  /** Unique; each is a tier of its own. */
  readonly trackers: readonly string[];
  /** BEP 19 URLs, unique. */
  readonly webSeeds: readonly string[];
  /** Peers to connect to at once (`x.pe`); hosts may be names. */
  readonly peers: readonly HostPort[];
  /** BEP 53: the only files to download, as they were listed: perhaps overlapping. null = all files. */
  readonly select: readonly FileRange[] | null;
}

/** File indices as in Metainfo.files, both ends included. Never expanded here: a few bytes can name millions. */
export interface FileRange {
  /** From 0. */
  readonly first: number;
  /** Not below `first`. */
  readonly last: number;
}

/** @throws {DtorrentError} `EMAGNET` when `text` is no magnet link, names no BitTorrent torrent, or is too long. */
export function parseMagnet(text: string): Magnet {
  const link = text.trim();
  // Code units first: they are never more than the bytes, and counting bytes makes a copy.
  if (link.length > LIMITS.magnetBytesMax || fromUtf8(link).length > LIMITS.magnetBytesMax) {
    throw new DtorrentError('EMAGNET', `the magnet link is longer than ${LIMITS.magnetBytesMax} bytes: no real one is`);
  }
  if (!/^magnet:\?/i.test(link))
    throw new DtorrentError('EMAGNET', 'that is no magnet link: it has to begin "magnet:?"');
  const parameters = new ParameterReader();
  for (const parameter of link.slice('magnet:?'.length).split('&')) parameters.add(parameter);
  return parameters.finish();
}

/**
 * @returns a link that `parseMagnet` reads back. When it would grow too long for that, the parameters that do not fit
 * are left out, least needed first: peers and trackers can be found, the info-hash cannot.
 */
export function formatMagnet(magnet: Magnet): string {
  const { v1, v2 } = magnet.infoHash;
  assert(v1 !== null || v2 !== null, 'a magnet has an info-hash');
  // Topics come first and bare: several clients look for the literal `xt=urn:btih:` there.
  const topics: string[] = [];
  if (v1 !== null) topics.push(`xt=${BTIH}${toHex(v1)}`);
  if (v2 !== null) topics.push(`xt=${BTMH}${SHA256_MULTIHASH}${toHex(v2)}`);
  let link = `magnet:?${topics.join('&')}`;
  for (const parameter of optionalParameters(magnet)) {
    if (link.length + 1 + parameter.length <= LIMITS.magnetBytesMax) link += `&${parameter}`;
  }
  return link;
}

/** @returns the magnet link of a torrent, its tracker tiers flattened. */
export function magnetOf(torrent: Pick<Metainfo, 'infoHash' | 'name' | 'trackers' | 'webSeeds'>): Magnet {
  const { infoHash, name, webSeeds } = torrent;
  const trackers = torrent.trackers.flat().slice(0, LIMITS.magnetTrackersMax);
  return { infoHash, name, trackers, webSeeds, peers: [], select: null };
}

/** @returns a magnet of nothing but the hash, for 40 hex digits or 32 of base32 (v1), 64 or 68 hex (v2); else null. */
export function parseInfoHashText(text: string): Magnet | null {
  const hash = text.trim();
  const v1 = parseBtih(hash);
  const v2 = v1 === null ? (parseBtmh(hash) ?? parseHash(hash, V2_BYTES)) : null;
  if (v1 === null && v2 === null) return null;
  return { infoHash: { v1, v2 }, name: null, trackers: [], webSeeds: [], peers: [], select: null };
}

const BTIH = 'urn:btih:';
const BTMH = 'urn:btmh:';
/** Multihash prefix: SHA2-256, 32 bytes. */
const SHA256_MULTIHASH = '1220';
const V1_BYTES = 20;
const V2_BYTES = 32;

/** Collects parameters in the order of the link. */
class ParameterReader {
  #v1: Uint8Array | null = null;
  #v2: Uint8Array | null = null;
  #sawMalformedTopic = false;
  #name: string | null = null;
  readonly #trackers = new Set<string>();
  readonly #webSeeds = new Set<string>();
  readonly #peers = new Map<string, HostPort>();
  readonly #ranges: FileRange[] = [];

  add(parameter: string): void {
    const equals = parameter.indexOf('=');
    if (equals < 0) return;
    // Only the first '=' separates: tracker URLs have more. `amp;` is left over from links copied out of HTML source.
    const name = parameter
      .slice(0, equals)
      .toLowerCase()
      .replace(/^amp;/, '')
      .replace(/\.\d+$/, '');
    const raw = parameter.slice(equals + 1);
    switch (name) {
      case 'xt':
        this.#addTopic(percentDecode(raw).trim());
        break;
      case 'dn':
        // Web forms write '+' for a space here; in URLs it is a plus.
        this.#name ??= percentDecode(raw.replaceAll('+', ' ')) || null;
        break;
      case 'tr':
        addUrl(this.#trackers, percentDecode(raw), LIMITS.magnetTrackersMax);
        break;
      case 'ws':
        addUrl(this.#webSeeds, percentDecode(raw), LIMITS.webSeedsMax);
        break;
      case 'x.pe':
        this.#addPeer(percentDecode(raw));
        break;
      case 'so':
        for (const token of percentDecode(raw).split(',')) this.#addRange(token);
        break;
    }
  }

  /** @throws {DtorrentError} `EMAGNET` without an info-hash. */
  finish(): Magnet {
    if (this.#v1 === null && this.#v2 === null) {
      throw new DtorrentError(
        'EMAGNET',
        this.#sawMalformedTopic
          ? 'the magnet link has a malformed info-hash: btih takes 40 hex or 32 base32 digits, btmh 1220 and 64 hex'
          : 'the magnet link names no torrent: it has no xt=urn:btih: or xt=urn:btmh:',
      );
    }
    return {
      infoHash: { v1: this.#v1, v2: this.#v2 },
      name: this.#name,
      trackers: [...this.#trackers],
      webSeeds: [...this.#webSeeds],
      peers: [...this.#peers.values()],
      // BEP 53: a selection with nothing valid in it selects as if it were not there.
      select: this.#ranges.length === 0 ? null : this.#ranges,
    };
  }

  /** The first valid topic of each version counts. */
  #addTopic(topic: string): void {
    const scheme = topic.slice(0, BTIH.length).toLowerCase();
    const hash = topic.slice(BTIH.length);
    if (scheme !== BTIH && scheme !== BTMH) return;
    const bytes = scheme === BTIH ? parseBtih(hash) : parseBtmh(hash);
    if (bytes === null) this.#sawMalformedTopic = true;
    else if (scheme === BTIH) this.#v1 ??= bytes;
    else this.#v2 ??= bytes;
  }

  #addPeer(text: string): void {
    const peer = parseHostPort(text);
    if (peer !== null && this.#peers.size < LIMITS.magnetPeersMax) this.#peers.set(formatHostPort(peer), peer);
  }

  #addRange(token: string): void {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(token);
    if (match === null) return;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first <= last && last <= LIMITS.magnetSelectIndexMax) this.#ranges.push({ first, last });
  }
}

function addUrl(urls: Set<string>, text: string, countMax: number): void {
  const url = text.trim();
  if (url === '' || urls.size >= countMax || fromUtf8(url).length > LIMITS.trackerUrlBytesMax) return;
  // A line break would end up in a request line.
  for (let i = 0; i < url.length; i++) if (url.charCodeAt(i) < 0x20 || url.charCodeAt(i) === 0x7f) return;
  urls.add(url);
}

function parseBtih(text: string): Uint8Array | null {
  return parseHash(text, V1_BYTES) ?? parseBase32(text);
}

function parseBtmh(text: string): Uint8Array | null {
  return text.startsWith(SHA256_MULTIHASH) ? parseHash(text.slice(SHA256_MULTIHASH.length), V2_BYTES) : null;
}

function parseHash(text: string, lengthBytes: number): Uint8Array | null {
  return text.length === 2 * lengthBytes ? fromHex(text) : null;
}

/** RFC 4648 without padding, any case: 32 digits of 5 bits are the 20 bytes. */
function parseBase32(text: string): Uint8Array | null {
  if (!/^[A-Za-z2-7]{32}$/.test(text)) return null;
  const bytes = new Uint8Array(V1_BYTES);
  let bits = 0;
  let bitCount = 0;
  let length = 0;
  for (const digit of text.toUpperCase()) {
    bits = ((bits << 5) | BASE32_DIGITS.indexOf(digit)) & 0xfff;
    bitCount += 5;
    if (bitCount < 8) continue;
    bitCount -= 8;
    bytes[length++] = bits >>> bitCount;
  }
  return bytes;
}

const BASE32_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function optionalParameters({ name, select, webSeeds, trackers, peers }: Magnet): string[] {
  const parameters: string[] = [];
  if (name !== null && name !== '') parameters.push(`dn=${percentEncode(name)}`);
  if (select !== null && select.length > 0) {
    parameters.push(
      `so=${select.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',')}`,
    );
  }
  for (const url of trackers) parameters.push(`tr=${percentEncode(url)}`);
  for (const url of webSeeds) parameters.push(`ws=${percentEncode(url)}`);
  for (const peer of peers) parameters.push(`x.pe=${percentEncode(formatHostPort(peer), ADDRESS_CHARACTER)}`);
  return parameters;
}

function percentEncode(text: string, bare: RegExp = UNRESERVED_CHARACTER): string {
  let encoded = '';
  for (const byte of fromUtf8(text)) {
    const character = String.fromCharCode(byte);
    encoded += bare.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** RFC 3986. */
const UNRESERVED_CHARACTER = /[A-Za-z0-9\-._~]/;
/** libtorrent does not decode `x.pe`. */
const ADDRESS_CHARACTER = /[A-Za-z0-9\-._~:[\]]/;

/** Once, as UTF-8. A percent sign without two hex digits stands for itself: people paste such links. */
function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  const encoded = fromUtf8(text);
  const decoded = new Uint8Array(encoded.length);
  let length = 0;
  for (let i = 0; i < encoded.length; i++) {
    const high = encoded[i] === PERCENT ? hexDigit(encoded[i + 1]) : -1;
    const low = high < 0 ? -1 : hexDigit(encoded[i + 2]);
    if (low >= 0) i += 2;
    decoded[length++] = low < 0 ? encoded[i]! : high * 16 + low;
  }
  const bytes = decoded.subarray(0, length);
  // The strict reading keeps a byte order mark, the lenient one drops it.
  return toUtf8Strict(bytes) ?? toUtf8(bytes);
}

const PERCENT = 0x25;

/** @returns -1 for what is no hex digit. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
