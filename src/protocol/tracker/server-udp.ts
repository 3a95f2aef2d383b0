/**
 * The embedded tracker over UDP (BEP 15): packet in, packet out or nothing. It keeps nothing for a connect: a connection
 * id is a keyed hash of the client's IP and a two-minute window, so forged connects fill no table, and only who can
 * receive at an address can announce from it. The answer to a packet with a wrong id is shorter than the packet.
 * A packet is read where it lies and answered into one buffer: this path makes no object. Called by node/tracker-listener.
 */
import { type Address, COMPACT_V4_BYTES, COMPACT_V6_BYTES } from '../../base/address.js';
import { fromUtf8, readUint16, readUint32, writeUint32 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { SIPHASH_KEY_BYTES, SipHash } from '../../base/siphash.js';
import { AnnounceWords, readWords } from './announce-words.js';
import type { TrackerServer } from './server.js';
import {
  isUdpConnect,
  UDP_ACTION_ANNOUNCE,
  UDP_ACTION_CONNECT,
  UDP_ACTION_ERROR,
  UDP_ACTION_SCRAPE,
  UDP_ANNOUNCE_ANSWER_HEADER_BYTES,
  UDP_ANNOUNCE_BYTES,
  UDP_ANSWER_HEADER_BYTES,
  UDP_CONNECTION_ID_BYTES,
  UDP_EVENTS,
  UDP_REQUEST_HEADER_BYTES,
} from './udp-packets.js';

/** The id of the window before is accepted too, so one lives two to four minutes: BEP 15 wants two at least. */
const WINDOW_MS = 120_000;
const HASH_BYTES = 20;
const COUNTS_BYTES = 12;
const CONNECTION_EXPIRED = fromUtf8('connection id expired');
const PORT_ZERO = fromUtf8('port must not be 0');

export class UdpTrackerServer {
  /** Where the answers of `answer` are. */
  reply: Uint8Array = newReply();
  readonly #server: TrackerServer;
  readonly #sipHash: SipHash;
  readonly #who = new AnnounceWords();
  /** The sender's IP and a window. */
  readonly #proof = new Uint32Array(5);

  /** `random` has to be unpredictable: it makes the key of the connection ids. */
  constructor(server: TrackerServer, random: Random) {
    this.#server = server;
    const key = new Uint8Array(SIPHASH_KEY_BYTES);
    random.fill(key);
    this.#sipHash = new SipHash(key);
  }

  /** @returns the packet to send back to `from`, which is the caller's, or null for what is no request. */
  receive(packet: Uint8Array, from: Address, now: number): Uint8Array | null {
    const bytes = this.answer(packet, from, now);
    return bytes === 0 ? null : this.reply.slice(0, bytes);
  }

  /** @returns how many bytes of `reply` are to be sent back to `from`; they stand until the next call. 0 = nothing. */
  answer(packet: Uint8Array, from: Address, now: number): number {
    if (packet.length < UDP_REQUEST_HEADER_BYTES) return 0;
    const window = Math.floor(now / WINDOW_MS) >>> 0;
    this.#who.setSender(from);
    if (isUdpConnect(packet)) return this.#answerConnect(packet, window);
    const action = readUint32(packet, 8);
    const isAnnounce = action === UDP_ACTION_ANNOUNCE && packet.length >= UDP_ANNOUNCE_BYTES;
    const isScrape = action === UDP_ACTION_SCRAPE && packet.length >= UDP_REQUEST_HEADER_BYTES + HASH_BYTES;
    if (!isAnnounce && !isScrape) return 0;
    if (!this.#isConnected(packet, window) && !this.#isConnected(packet, (window - 1) >>> 0)) {
      return this.#answerError(packet, CONNECTION_EXPIRED);
    }
    return isAnnounce ? this.#answerAnnounce(packet, now) : this.#answerScrape(packet, now);
  }

  /** The bytes of `reply` are still on their way out: the next answer gets others. */
  leaveReply(): void {
    this.reply = newReply();
  }

  #answerConnect(packet: Uint8Array, window: number): number {
    this.#hashSender(window);
    this.#begin(UDP_ACTION_CONNECT, packet);
    writeUint32(this.reply, UDP_ANSWER_HEADER_BYTES, this.#sipHash.high);
    writeUint32(this.reply, UDP_ANSWER_HEADER_BYTES + 4, this.#sipHash.low);
    return UDP_ANSWER_HEADER_BYTES + UDP_CONNECTION_ID_BYTES;
  }

  #answerAnnounce(packet: Uint8Array, now: number): number {
    const who = this.#who;
    who.port = readUint16(packet, 96);
    if (who.port === 0) return this.#answerError(packet, PORT_ZERO);
    readWords(packet, 16, who.infoHash);
    readWords(packet, 36, who.peerId);
    who.isSeed = readUint32(packet, 64) === 0 && readUint32(packet, 68) === 0;
    who.event = UDP_EVENTS[readUint32(packet, 80)] ?? '';
    this.#server.enter(who, now);
    this.#begin(UDP_ACTION_ANNOUNCE, packet);
    writeUint32(this.reply, 8, this.#server.intervalSeconds);
    writeUint32(this.reply, 12, who.leechers);
    writeUint32(this.reply, 16, who.seeds);
    return this.#writePeers(readUint32(packet, 92) | 0);
  }

  /** As many as one packet of the Internet's size holds: fragments get lost. @param numWant below 0 = not said. */
  #writePeers(numWant: number): number {
    const who = this.#who;
    const peerBytes = who.family === 4 ? COMPACT_V4_BYTES : COMPACT_V6_BYTES;
    const room = Math.floor((this.reply.length - UDP_ANNOUNCE_ANSWER_HEADER_BYTES) / peerBytes);
    const wanted = this.#server.wantedOf(who.event, numWant < 0 ? null : numWant);
    const count = this.#server.choose(who, who.family, Math.min(wanted, room));
    let end = UDP_ANNOUNCE_ANSWER_HEADER_BYTES;
    for (let nth = 0; nth < count; nth++, end += peerBytes) {
      this.#server.writeChosen(who, who.family, nth, this.reply, end);
    }
    return end;
  }

  #answerScrape(packet: Uint8Array, now: number): number {
    const who = this.#who;
    const said = Math.floor((packet.length - UDP_REQUEST_HEADER_BYTES) / HASH_BYTES);
    const count = Math.min(said, LIMITS.trackerServerScrapeHashesMax);
    this.#server.beginScrape(now);
    this.#begin(UDP_ACTION_SCRAPE, packet);
    for (let i = 0; i < count; i++) {
      readWords(packet, UDP_REQUEST_HEADER_BYTES + HASH_BYTES * i, who.infoHash);
      this.#server.look(who, now);
      const offset = UDP_ANSWER_HEADER_BYTES + COUNTS_BYTES * i;
      writeUint32(this.reply, offset, who.seeds);
      writeUint32(this.reply, offset + 4, who.completed);
      writeUint32(this.reply, offset + 8, who.leechers);
    }
    return UDP_ANSWER_HEADER_BYTES + COUNTS_BYTES * count;
  }

  #answerError(packet: Uint8Array, text: Uint8Array): number {
    this.#begin(UDP_ACTION_ERROR, packet);
    this.reply.set(text, UDP_ANSWER_HEADER_BYTES);
    return UDP_ANSWER_HEADER_BYTES + text.length;
  }

  /** With the transaction id of the request. */
  #begin(action: number, packet: Uint8Array): void {
    writeUint32(this.reply, 0, action);
    writeUint32(this.reply, 4, readUint32(packet, 12));
  }

  #isConnected(packet: Uint8Array, window: number): boolean {
    this.#hashSender(window);
    return (readUint32(packet, 0) | 0) === this.#sipHash.high && (readUint32(packet, 4) | 0) === this.#sipHash.low;
  }

  /** IPv4 and IPv6 differ in the length of what is hashed. */
  #hashSender(window: number): void {
    const { ip, family } = this.#who;
    const ipWords = family === 4 ? 1 : 4;
    for (let i = 0; i < ipWords; i++) this.#proof[i] = ip[i]!;
    this.#proof[ipWords] = window;
    this.#sipHash.hash(this.#proof, ipWords + 1);
  }
}

/** Answers should not be much longer than requests, or a tracker would be a help to attackers. */
function newReply(): Uint8Array {
  return new Uint8Array(LIMITS.trackerServerPacketBytesMax);
}
