/**
 * What a torrent file says outside its info dictionary: trackers (BEP 3, 12), web seeds (BEP 19, 17), DHT nodes (BEP 5),
 * remarks, and the v2 piece layers (BEP 52). Nothing here is covered by the info-hash and all of it is optional, so odd
 * entries are left out instead of refused. Called by metainfo.ts.
 */
import { formatHostPort, type HostPort, parseHostPort } from '../base/address.js';
import { fromLatin1, fromUtf8, toHex, toUtf8 } from '../base/bytes.js';
import { LIMITS } from '../base/limits.js';
import { BencodeDict, BencodeList, type BencodeValue } from './bencode.js';
import { invalidTorrent } from './invalid-torrent.js';
import { HASH_BYTES } from './merkle.js';

/** What a torrent file says outside its info dictionary, which its info-hash does not cover. */
export interface OuterDictionary {
  /** Tiers, best first; URLs are trimmed and unique, their schemes unchecked. */
  readonly trackers: readonly (readonly string[])[];
  /** BEP 19 base URLs, percent-encoded. */
  readonly webSeeds: readonly string[];
  /** BEP 17 URLs: another protocol. */
  readonly httpSeeds: readonly string[];
  /** DHT contacts. */
  readonly nodes: readonly HostPort[];
  /** As its maker wrote it: no safe terminal text. */
  readonly comment: string | null;
  /** The program that made the file. */
  readonly createdBy: string | null;
  /** Seconds since 1970. */
  readonly creationDate: number | null;
  /** By root in hex; not yet checked against the files. */
  readonly pieceLayers: ReadonlyMap<string, Uint8Array>;
}

export const EMPTY_OUTER_DICTIONARY: OuterDictionary = {
  trackers: [],
  webSeeds: [],
  httpSeeds: [],
  nodes: [],
  comment: null,
  createdBy: null,
  creationDate: null,
  pieceLayers: new Map(),
};

/** @throws {DtorrentError} `ETORRENT` when `piece layers` is malformed: the one thing here that data depends on. */
export function readOuterDictionary(outer: BencodeDict): OuterDictionary {
  const creationDate = outer.getInteger('creation date');
  return {
    trackers: readTrackers(outer),
    webSeeds: readUrls(outer.get('url-list')),
    httpSeeds: readUrls(outer.get('httpseeds')),
    nodes: readNodes(outer.getList('nodes')),
    comment: outer.getText('comment.utf-8') ?? outer.getText('comment'),
    createdBy: outer.getText('created by.utf-8') ?? outer.getText('created by'),
    creationDate: creationDate !== null && creationDate > 0 ? creationDate : null,
    pieceLayers: readPieceLayers(outer.get('piece layers')),
  };
}

/** BEP 19: with several files the URL is a directory. */
export function baseUrlsOf(webSeeds: readonly string[], isMultiFile: boolean): readonly string[] {
  if (!isMultiFile) return webSeeds;
  return [...new Set(webSeeds.map((url) => (url.endsWith('/') ? url : `${url}/`)))];
}

/** BEP 12: `announce` counts only when `announce-list` has nothing to offer. */
function readTrackers(outer: BencodeDict): string[][] {
  const seen = new Set<string>();
  const tiers: string[][] = [];
  for (const item of outer.getList('announce-list')?.items ?? []) {
    // Some writers forget the inner list.
    const urls = item instanceof BencodeList ? item.items : [item];
    const tier = urls.map(readUrl).filter((url) => isNew(url, seen, LIMITS.trackersPerTorrentMax));
    if (tier.length > 0) tiers.push(tier);
  }
  const announce = readUrl(outer.get('announce'));
  return tiers.length === 0 && announce !== '' ? [[announce]] : tiers;
}

/** A string or a list of strings; '' stands for none. */
function readUrls(value: BencodeValue | undefined): string[] {
  const seen = new Set<string>();
  const items = value instanceof BencodeList ? value.items : [value];
  return items.map((item) => encodeUrl(readUrl(item))).filter((url) => isNew(url, seen, LIMITS.webSeedsMax));
}

function isNew(url: string, seen: Set<string>, countMax: number): boolean {
  if (url === '' || seen.has(url) || seen.size >= countMax) return false;
  seen.add(url);
  return true;
}

/** @returns '' for what is no string, too long, or has control characters, which would end up in a request line. */
function readUrl(value: BencodeValue | undefined): string {
  if (!(value instanceof Uint8Array) || value.length > LIMITS.trackerUrlBytesMax) return '';
  const url = toUtf8(value).trim();
  for (let i = 0; i < url.length; i++) if (url.charCodeAt(i) < 0x20 || url.charCodeAt(i) === 0x7f) return '';
  return url;
}

/** Percent-encodes what no URL may contain, such as spaces, and leaves what is encoded already. */
function encodeUrl(url: string): string {
  let encoded = '';
  for (const character of url) {
    if (/^[!#-;=?-[\]_a-z~]$/.test(character)) encoded += character;
    else for (const byte of fromUtf8(character)) encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

function readNodes(list: BencodeList | null): HostPort[] {
  const nodes: HostPort[] = [];
  for (const item of list?.items ?? []) {
    if (nodes.length >= LIMITS.torrentNodesMax) break;
    if (!(item instanceof BencodeList)) continue;
    const [host, port] = item.items;
    if (!(host instanceof Uint8Array) || host.length > HOST_BYTES_MAX || typeof port !== 'number') continue;
    const node = parseHostPort(formatHostPort({ host: toUtf8(host), port }));
    if (node !== null) nodes.push(node);
  }
  return nodes;
}

function readPieceLayers(value: BencodeValue | undefined): Map<string, Uint8Array> {
  const layers = new Map<string, Uint8Array>();
  if (value === undefined) return layers;
  if (!(value instanceof BencodeDict)) throw invalidTorrent('its piece layers are not a dictionary');
  for (let i = 0; i < value.size; i++) {
    const key = value.keys[i]!;
    const layer = value.values[i]!;
    if (key.length !== HASH_BYTES || !(layer instanceof Uint8Array)) throw invalidTorrent('a piece layer is malformed');
    layers.set(toHex(fromLatin1(key)), layer);
  }
  return layers;
}

/** The longest host name of DNS. */
const HOST_BYTES_MAX = 253;
