/**
 * The embedded tracker over UDP (BEP 15): packet in, packet out or null. It keeps nothing for a connect: a connection
 * id is a keyed hash of the client's IP and a two-minute window, so forged connects fill no table, and only who can
 * receive at an address can announce from it. The answer to a packet with a wrong id is shorter than the packet.
 * Called by node/tracker-listener.
 */
import { type Address, parseIp } from '../../base/address.js';
import { bytesEqual, concatBytes, fromUtf8, readUint32, writeUint32 } from '../../base/bytes.js';
import { sha256 } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import type { TrackerServer } from './server.js';
import {
  decodeUdpAnnounce,
  decodeUdpScrape,
  encodeUdpAnnounceAnswer,
  encodeUdpConnectAnswer,
  encodeUdpError,
  encodeUdpScrapeAnswer,
  isUdpConnect,
  UDP_ACTION_ANNOUNCE,
  UDP_ACTION_SCRAPE,
  UDP_ANNOUNCE_ANSWER_HEADER_BYTES,
  UDP_ANNOUNCE_BYTES,
  UDP_CONNECTION_ID_BYTES,
  UDP_REQUEST_HEADER_BYTES,
} from './udp-packets.js';

/** The id of the window before is accepted too, so one lives two to four minutes: BEP 15 wants two at least. */
const WINDOW_MS = 120_000;
const SECRET_BYTES = 32;

export class UdpTrackerServer {
  readonly #server: TrackerServer;
  readonly #secret = new Uint8Array(SECRET_BYTES);

  /** `random` has to be unpredictable: it makes the key of the connection ids. */
  constructor(server: TrackerServer, random: Random) {
    this.#server = server;
    random.fill(this.#secret);
  }

  /** @returns the packet to send back to `from`, or null for what is no request. */
  receive(packet: Uint8Array, from: Address, now: number): Uint8Array | null {
    if (packet.length < UDP_REQUEST_HEADER_BYTES) return null;
    const transactionId = readUint32(packet, 12);
    const window = Math.floor(now / WINDOW_MS);
    if (isUdpConnect(packet)) return encodeUdpConnectAnswer(transactionId, this.#connectionId(from, window));
    const action = readUint32(packet, 8);
    const isAnnounce = action === UDP_ACTION_ANNOUNCE && packet.length >= UDP_ANNOUNCE_BYTES;
    const isScrape = action === UDP_ACTION_SCRAPE && packet.length >= UDP_REQUEST_HEADER_BYTES + 20;
    if (!isAnnounce && !isScrape) return null;
    const connectionId = packet.subarray(0, UDP_CONNECTION_ID_BYTES);
    const isConnected =
      bytesEqual(connectionId, this.#connectionId(from, window)) ||
      bytesEqual(connectionId, this.#connectionId(from, window - 1));
    if (!isConnected) return encodeUdpError(transactionId, fromUtf8('connection id expired'));
    return isAnnounce
      ? this.#answerAnnounce(transactionId, packet, from, now)
      : encodeUdpScrapeAnswer(transactionId, this.#server.scrape(decodeUdpScrape(packet), now));
  }

  #answerAnnounce(transactionId: number, packet: Uint8Array, from: Address, now: number): Uint8Array {
    const request = decodeUdpAnnounce(packet)!;
    if (request.port === 0) return encodeUdpError(transactionId, fromUtf8('port must not be 0'));
    const peerBytes = from.family === 4 ? 6 : 18;
    // One packet of the Internet's size: fragments get lost, and answers should not be much longer than requests.
    const peersMax = Math.floor((LIMITS.trackerServerPacketBytesMax - UDP_ANNOUNCE_ANSWER_HEADER_BYTES) / peerBytes);
    const answer = this.#server.announce(request, from, { families: [from.family], peersMax }, now);
    const peers = concatBytes(answer.peers.map((peer) => peer.compact));
    return encodeUdpAnnounceAnswer(transactionId, answer, peers);
  }

  /** Secret before and after: a hash of secret ‖ message alone could be extended by who knows one. */
  #connectionId(from: Address, window: number): Uint8Array {
    const windowBytes = new Uint8Array(4);
    writeUint32(windowBytes, 0, window);
    const hash = sha256(concatBytes([this.#secret, windowBytes, parseIp(from.host)!, this.#secret]));
    return hash.subarray(0, UDP_CONNECTION_ID_BYTES);
  }
}
