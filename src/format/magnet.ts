/**
 * Magnet links (BEP 9, with BEP 53 file selection, the v2 topics of BEP 52 and the public keys of BEP 46), and bare
 * info-hashes as people paste them. Links come from strangers: what is not understood is left out, and only a link that
 * names no torrent is refused.
 * Invariant: parsing what was formatted gives the same magnet. Called by the command line and by Engine.add.
 */
import { formatHostPort, type HostPort, parseHostPort } from '../base/address.js';
import { assert } from '../base/assert.js';
import { EMPTY_BYTES, fromHex, fromUtf8, toHex, toUtf8, toUtf8Strict } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { InfoHash } from './infohash.js';
import type { Metainfo } from './metainfo.js';

/** What a magnet link says: which torrent, and where to look for it. */
export interface Magnet extends MagnetHints {
  /** Which torrent. */
  readonly infoHash: InfoHash;
}

/**
 * A magnet link of a mutable torrent (BEP 46): it names a public key, whose owner says in the DHT which torrent it is
 * now (`mutableTarget` of the key and the salt is where).
 */
export interface MutableMagnet extends MagnetHints {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 0 to 64 bytes: which of the key's torrents; usually empty. */
  readonly salt: Uint8Array;
  /** The torrent that it was when the link was made, if the link says so. */
  readonly infoHash: InfoHash | null;
}

/** What a magnet link may say besides. */
export interface MagnetHints {
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
  return readParameters(text).finish();
}

/**
 * @throws {DtorrentError} `EMAGNET` when `text` is no magnet link, names no public key (BEP 46), has a malformed salt, or
 * is too long.
 */
export function parseMutableMagnet(text: string): MutableMagnet {
  return readParameters(text).finishMutable();
}

function readParameters(text: string): ParameterReader {
  const link = text.trim();
  // Code units first: they are never more than the bytes, and counting bytes makes a copy.
  if (link.length > LIMITS.magnetBytesMax || fromUtf8(link).length > LIMITS.magnetBytesMax) {
    throw new DtorrentError('EMAGNET', `the magnet link is longer than ${LIMITS.magnetBytesMax} bytes: no real one is`);
  }
  if (!/^magnet:\?/i.test(link))
    throw new DtorrentError('EMAGNET', 'that is no magnet link: it has to begin "magnet:?"');
  const parameters = new ParameterReader();
  for (const parameter of link.slice('magnet:?'.length).split('&')) parameters.add(parameter);
  return parameters;
}

/**
 * @returns a link that `parseMagnet` reads back. When it would grow too long for that, the parameters that do not fit
 * are left out, least needed first: peers and trackers can be found, the info-hash cannot.
 */
export function formatMagnet(magnet: Magnet): string {
  const topics = topicsOf(magnet.infoHash);
  assert(topics.length > 0, 'a magnet has an info-hash');
  return formatLink(topics, magnet);
}

/** @returns a link that `parseMutableMagnet` reads back, as `formatMagnet` does it. */
export function formatMutableMagnet(magnet: MutableMagnet): string {
  const { infoHash, publicKey, salt } = magnet;
  assert(publicKey.length === PUBLIC_KEY_BYTES, 'a public key has 32 bytes');
  assert(salt.length <= LIMITS.dhtSaltBytesMax, 'a salt has 64 bytes at most');
  const topics = infoHash === null ? [] : topicsOf(infoHash);
  topics.push(`xs=${BTPK}${toHex(publicKey)}`);
  if (salt.length > 0) topics.push(`s=${toHex(salt)}`);
  return formatLink(topics, magnet);
}

function topicsOf({ v1, v2 }: InfoHash): string[] {
  const topics: string[] = [];
  if (v1 !== null) topics.push(`xt=${BTIH}${toHex(v1)}`);
  if (v2 !== null) topics.push(`xt=${BTMH}${SHA256_MULTIHASH}${toHex(v2)}`);
  return topics;
}

/** Topics come first and bare: several clients look for the literal `xt=urn:btih:` there. */
function formatLink(topics: readonly string[], hints: MagnetHints): string {
  let link = `magnet:?${topics.join('&')}`;
  for (const parameter of optionalParameters(hints)) {
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
const BTPK = 'urn:btpk:';
/** Multihash prefix: SHA2-256, 32 bytes. */
const SHA256_MULTIHASH = '1220';
const V1_BYTES = 20;
const V2_BYTES = 32;
const PUBLIC_KEY_BYTES = 32;

/** Collects parameters in the order of the link. */
class ParameterReader {
  #v1: Uint8Array | null = null;
  #v2: Uint8Array | null = null;
  #sawMalformedTopic = false;
  #publicKey: Uint8Array | null = null;
  #sawMalformedKey = false;
  /** null once one was malformed: with another salt it is another torrent. */
  #salt: Uint8Array | null = EMPTY_BYTES;
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
      case 'xs':
        this.#addSource(percentDecode(raw).trim());
        break;
      case 's':
        this.#salt = parseSalt(percentDecode(raw).trim());
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
    const infoHash = this.#infoHash();
    if (infoHash === null) throw new DtorrentError('EMAGNET', this.#whyNoTorrent());
    return { infoHash, ...this.#hints() };
  }

  /** @throws {DtorrentError} `EMAGNET` without a public key. */
  finishMutable(): MutableMagnet {
    const publicKey = this.#publicKey;
    if (publicKey === null) {
      throw new DtorrentError(
        'EMAGNET',
        this.#sawMalformedKey
          ? 'the magnet link has a malformed public key: btpk takes 64 hex digits'
          : 'the magnet link names no public key: it has no xs=urn:btpk:',
      );
    }
    if (this.#salt === null) {
      throw new DtorrentError('EMAGNET', 'the magnet link has a malformed salt: s= takes at most 128 hex digits');
    }
    return { publicKey, salt: this.#salt, infoHash: this.#infoHash(), ...this.#hints() };
  }

  #infoHash(): InfoHash | null {
    return this.#v1 === null && this.#v2 === null ? null : { v1: this.#v1, v2: this.#v2 };
  }

  #whyNoTorrent(): string {
    if (this.#sawMalformedTopic) {
      return 'the magnet link has a malformed info-hash: btih takes 40 hex or 32 base32 digits, btmh 1220 and 64 hex';
    }
    return this.#publicKey === null
      ? 'the magnet link names no torrent: it has no xt=urn:btih: or xt=urn:btmh:'
      : 'the magnet link names a public key (xs=urn:btpk:) and no torrent: the DHT knows which it is now';
  }

  #hints(): MagnetHints {
    return {
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

  /** The first public key counts. Other sources are URLs, which nobody asked us to fetch. */
  #addSource(source: string): void {
    if (source.slice(0, BTPK.length).toLowerCase() !== BTPK) return;
    const key = parseHash(source.slice(BTPK.length), PUBLIC_KEY_BYTES);
    if (key === null) this.#sawMalformedKey = true;
    else this.#publicKey ??= key;
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

function parseSalt(text: string): Uint8Array | null {
  return text.length > 2 * LIMITS.dhtSaltBytesMax ? null : fromHex(text);
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

function optionalParameters({ name, select, webSeeds, trackers, peers }: MagnetHints): string[] {
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
