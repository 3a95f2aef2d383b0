/**
 * The packets of the UDP tracker protocol (BEP 15, options BEP 41), both directions: udp.ts speaks for the client,
 * server-udp.ts for the embedded tracker. Mind the orders that differ: announces name leechers before seeds, scrapes
 * seeds first; and downloaded, left, uploaded stand in another order than in HTTP queries.
 */
import { fromCompact, isDiallable } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { readUint16, readUint32, readUint64, writeUint16, writeUint32, writeUint64 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { toOneLine } from '../../base/one-line.js';
import {
  type AnnounceEvent,
  type AnnounceRequest,
  type AnnounceResponse,
  clampIntervalMs,
  type ScrapeCounts,
} from './announce.js';

export const UDP_ACTION_CONNECT = 0;
export const UDP_ACTION_ANNOUNCE = 1;
export const UDP_ACTION_SCRAPE = 2;
export const UDP_ACTION_ERROR = 3;

/** Action and transaction id: what every answer begins with. */
export const UDP_ANSWER_HEADER_BYTES = 8;
/** Connection id (in a connect: the protocol's magic number), action, transaction id. */
export const UDP_REQUEST_HEADER_BYTES = 16;
export const UDP_CONNECTION_ID_BYTES = 8;
export const UDP_ANNOUNCE_BYTES = 98;
export const UDP_ANNOUNCE_ANSWER_HEADER_BYTES = 20;

const PROTOCOL_MAGIC_HIGH = 0x417;
const PROTOCOL_MAGIC_LOW = 0x27101980;
/** The index is the code on the wire; 4 is deployed but in no BEP. */
export const UDP_EVENTS: readonly AnnounceEvent[] = ['', 'completed', 'started', 'stopped', 'paused'];
const OPTION_URL_DATA = 2;
const OPTION_BYTES_MAX = 255;
const NO_COUNT = 0xffffffff;

/**
 * The first packet to a UDP tracker (BEP 15). Its answer holds, from byte 8 on, the 8 bytes of connection id that
 * announces and scrapes begin with.
 */
export function encodeUdpConnect(transactionId: number): Uint8Array {
  const packet = new Uint8Array(UDP_REQUEST_HEADER_BYTES);
  writeUint32(packet, 0, PROTOCOL_MAGIC_HIGH);
  writeUint32(packet, 4, PROTOCOL_MAGIC_LOW);
  writeUint32(packet, 8, UDP_ACTION_CONNECT);
  writeUint32(packet, 12, transactionId);
  return packet;
}

export function isUdpConnect(packet: Uint8Array): boolean {
  return (
    packet.length >= UDP_REQUEST_HEADER_BYTES &&
    readUint32(packet, 0) === PROTOCOL_MAGIC_HIGH &&
    readUint32(packet, 4) === PROTOCOL_MAGIC_LOW &&
    readUint32(packet, 8) === UDP_ACTION_CONNECT
  );
}

/**
 * `connectionId` has 8 bytes, `transactionId` is a uint32 of the caller's. `urlData` is path and query of the URL (BEP
 * 41), empty when there are none.
 */
export function encodeUdpAnnounce(
  connectionId: Uint8Array,
  transactionId: number,
  request: AnnounceRequest,
  urlData: Uint8Array,
): Uint8Array {
  const options = encodeUrlData(urlData);
  const packet = new Uint8Array(UDP_ANNOUNCE_BYTES + options.length);
  packet.set(connectionId, 0);
  writeUint32(packet, 8, UDP_ACTION_ANNOUNCE);
  writeUint32(packet, 12, transactionId);
  packet.set(request.infoHash, 16);
  packet.set(request.peerId, 36);
  writeUint64(packet, 56, request.downloaded);
  writeUint64(packet, 64, request.left);
  writeUint64(packet, 72, request.uploaded);
  writeUint32(packet, 80, UDP_EVENTS.indexOf(request.event));
  writeUint32(packet, 84, 0); // our address is the one this packet comes from
  writeUint32(packet, 88, request.key);
  writeUint32(packet, 92, request.numWant);
  writeUint16(packet, 96, request.port);
  packet.set(options, UDP_ANNOUNCE_BYTES);
  return packet;
}

/** An announce as a tracker reads it. The address field is not: anyone could write anyone's there. */
export interface UdpAnnounce {
  /** Views of the packet. */
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  readonly downloaded: number;
  readonly left: number;
  readonly uploaded: number;
  readonly event: AnnounceEvent;
  readonly key: number;
  /** null = as many as the tracker thinks right. */
  readonly numWant: number | null;
  readonly port: number;
}

/** @returns null when the packet is too short. An unknown event is a regular announce. */
export function decodeUdpAnnounce(packet: Uint8Array): UdpAnnounce | null {
  if (packet.length < UDP_ANNOUNCE_BYTES) return null;
  const numWant = readUint32(packet, 92);
  return {
    infoHash: packet.subarray(16, 36),
    peerId: packet.subarray(36, 56),
    downloaded: readUint64(packet, 56),
    left: readUint64(packet, 64),
    uploaded: readUint64(packet, 72),
    event: UDP_EVENTS[readUint32(packet, 80)] ?? '',
    key: readUint32(packet, 88),
    numWant: numWant > 0x7fffffff ? null : numWant,
    port: readUint16(packet, 96),
  };
}

/** `infoHashes`: 1 to LIMITS.udpScrapeHashesMax. */
export function encodeUdpScrape(
  connectionId: Uint8Array,
  transactionId: number,
  infoHashes: readonly Uint8Array[],
): Uint8Array {
  assert(infoHashes.length > 0 && infoHashes.length <= LIMITS.udpScrapeHashesMax, 'a scrape asks for 1 to 74 torrents');
  const packet = new Uint8Array(UDP_REQUEST_HEADER_BYTES + 20 * infoHashes.length);
  packet.set(connectionId, 0);
  writeUint32(packet, 8, UDP_ACTION_SCRAPE);
  writeUint32(packet, 12, transactionId);
  infoHashes.forEach((infoHash, i) => {
    packet.set(infoHash, UDP_REQUEST_HEADER_BYTES + 20 * i);
  });
  return packet;
}

/** @returns the info-hashes as views, at most LIMITS.trackerServerScrapeHashesMax. */
export function decodeUdpScrape(packet: Uint8Array): Uint8Array[] {
  const infoHashes: Uint8Array[] = [];
  for (let offset = UDP_REQUEST_HEADER_BYTES; offset + 20 <= packet.length; offset += 20) {
    if (infoHashes.length === LIMITS.trackerServerScrapeHashesMax) break;
    infoHashes.push(packet.subarray(offset, offset + 20));
  }
  return infoHashes;
}

export function encodeUdpConnectAnswer(transactionId: number, connectionId: Uint8Array): Uint8Array {
  const packet = answer(UDP_ACTION_CONNECT, transactionId, UDP_CONNECTION_ID_BYTES);
  packet.set(connectionId, 8);
  return packet;
}

/** `peers`: compact, 6 bytes each towards IPv4 and 18 towards IPv6. */
export function encodeUdpAnnounceAnswer(
  transactionId: number,
  fields: { readonly intervalSeconds: number; readonly leechers: number; readonly seeds: number },
  peers: Uint8Array,
): Uint8Array {
  const packet = answer(UDP_ACTION_ANNOUNCE, transactionId, 12 + peers.length);
  writeUint32(packet, 8, fields.intervalSeconds);
  writeUint32(packet, 12, fields.leechers);
  writeUint32(packet, 16, fields.seeds);
  packet.set(peers, UDP_ANNOUNCE_ANSWER_HEADER_BYTES);
  return packet;
}

/** @returns null when the packet is too short. `family` is that of the packet's sender: it decides the stride. */
export function decodeUdpAnnounceAnswer(packet: Uint8Array, family: 4 | 6): AnnounceResponse | null {
  if (packet.length < UDP_ANNOUNCE_ANSWER_HEADER_BYTES) return null;
  return {
    intervalMs: clampIntervalMs(readUint32(packet, 8)),
    minIntervalMs: null,
    leechers: count(packet, 12),
    seeds: count(packet, 16),
    completed: null,
    peers: fromCompact(packet.subarray(UDP_ANNOUNCE_ANSWER_HEADER_BYTES), family)
      .filter(isDiallable)
      .slice(0, LIMITS.peersPerAnnounceMax),
    namedPeers: [],
    warning: null,
    trackerId: null,
    externalIps: [],
  };
}

export function encodeUdpScrapeAnswer(
  transactionId: number,
  counts: readonly { readonly seeds: number; readonly completed: number; readonly leechers: number }[],
): Uint8Array {
  const packet = answer(UDP_ACTION_SCRAPE, transactionId, 12 * counts.length);
  counts.forEach(({ seeds, completed, leechers }, i) => {
    writeUint32(packet, 8 + 12 * i, seeds);
    writeUint32(packet, 12 + 12 * i, completed);
    writeUint32(packet, 16 + 12 * i, leechers);
  });
  return packet;
}

/** @returns null when the packet has not as many entries as were asked for. */
export function decodeUdpScrapeAnswer(packet: Uint8Array, hashCount: number): ScrapeCounts[] | null {
  if (packet.length < UDP_ANSWER_HEADER_BYTES + 12 * hashCount) return null;
  return Array.from({ length: hashCount }, (_, i) => ({
    seeds: count(packet, 8 + 12 * i),
    completed: count(packet, 12 + 12 * i),
    leechers: count(packet, 16 + 12 * i),
  }));
}

export function encodeUdpError(transactionId: number, text: Uint8Array): Uint8Array {
  const packet = answer(UDP_ACTION_ERROR, transactionId, text.length);
  packet.set(text, 8);
  return packet;
}

/** The text, on one line; some trackers end it with a NUL. */
export function decodeUdpError(packet: Uint8Array): string {
  const text = packet.subarray(8, 8 + LIMITS.trackerMessageBytesMax);
  const end = text.indexOf(0);
  return toOneLine(end < 0 ? text : text.subarray(0, end));
}

/** BEP 41: path and query, in options of at most 255 bytes that the tracker puts together again. */
function encodeUrlData(urlData: Uint8Array): Uint8Array {
  const chunkCount = Math.ceil(urlData.length / OPTION_BYTES_MAX);
  const options = new Uint8Array(urlData.length + 2 * chunkCount);
  for (let i = 0; i < chunkCount; i++) {
    const chunk = urlData.subarray(i * OPTION_BYTES_MAX, (i + 1) * OPTION_BYTES_MAX);
    const offset = i * (OPTION_BYTES_MAX + 2);
    options[offset] = OPTION_URL_DATA;
    options[offset + 1] = chunk.length;
    options.set(chunk, offset + 2);
  }
  return options;
}

function answer(action: number, transactionId: number, restBytes: number): Uint8Array {
  const packet = new Uint8Array(UDP_ANSWER_HEADER_BYTES + restBytes);
  writeUint32(packet, 0, action);
  writeUint32(packet, 4, transactionId);
  return packet;
}

function count(packet: Uint8Array, offset: number): number | null {
  const value = readUint32(packet, offset);
  return value === NO_COUNT ? null : value;
}
