/**
 * Local discovery (BEP 14), sans-IO: which torrents are announced on which network when, and who is believed.
 * Each torrent is announced every five minutes on each network, and a second time a minute after the first, since a
 * multicast packet is easily lost; no network gets more than one packet a minute, so that what joins together, or
 * within that minute, shares one. libtorrent repeats its first after two and four seconds, which the BEP advises against.
 * Believed is who sends from within the network that the packet was heard on, for a torrent that we have, a bounded
 * number of times a minute. One for the whole engine; time is monotonic ms.
 */
import type { Address } from '../../base/address.js';
import { isInNetwork } from '../../base/address-network.js';
import { toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow } from '../../base/random.js';
import { encodeLsdPacket, LSD_HASHES_PER_PACKET, parseLsdPacket } from './lsd-packet.js';

/** A network that we are in, over one interface and in one address family. */
export interface LsdNetwork {
  readonly family: 4 | 6;
  /** Our addresses in it, canonical IP text. */
  readonly addresses: readonly { readonly host: string; readonly prefixBits: number }[];
  /** To the group; best effort. */
  send(packet: Uint8Array): void;
}

export interface LsdOptions {
  readonly random: Random;
  /** Where we take peers; 0 = nowhere yet, and nothing is announced. */
  readonly port: () => number;
  /** Somebody in a local network has that torrent. `infoHash` is one of those that joined. */
  readonly onPeer: (infoHash: Uint8Array, peer: Address) => void;
}

const AGAIN_AFTER_MS = 300_000;
const PACKET_INTERVAL_MS = 60_000;
/** What joins together is to share a packet, and many engines that start together are not to speak at once. */
const FIRST_WAIT_MIN_MS = 200;
const FIRST_WAIT_MAX_MS = 1000;
/** So that engines which once spoke together do not do so for ever. */
const JITTER_MS = 15_000;
const MINUTE_MS = 60_000;

export class LsdCore {
  readonly #options: LsdOptions;
  readonly #cookie: string;
  readonly #hashes = new Map<string, Uint8Array>();
  readonly #schedules = new Map<LsdNetwork, AnnounceSchedule>();
  readonly #senders = new Map<string, Sender>();

  constructor(options: LsdOptions) {
    this.#options = options;
    this.#cookie = options.random.uint32().toString(16).padStart(8, '0');
  }

  /** ms; Infinity = nothing to say. */
  get nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const schedule of this.#schedules.values()) next = Math.min(next, schedule.nextDeadline);
    return next;
  }

  addNetwork(network: LsdNetwork, now: number): void {
    const schedule = new AnnounceSchedule();
    const atMs = this.#firstAt(now);
    for (const key of this.#hashes.keys()) schedule.add(key, atMs);
    this.#schedules.set(network, schedule);
  }

  removeNetwork(network: LsdNetwork): void {
    this.#schedules.delete(network);
  }

  /**
   * The info-hashes of one torrent, 20 bytes each: packets name them together and in this order, for some clients read only
   * the first of a packet. One that has joined already stays as it is.
   */
  join(infoHashes: readonly Uint8Array[], now: number): void {
    const keys: string[] = [];
    for (const infoHash of infoHashes) {
      const key = toHex(infoHash);
      if (this.#hashes.has(key)) continue;
      this.#hashes.set(key, infoHash);
      keys.push(key);
    }
    for (const schedule of this.#schedules.values()) {
      const atMs = this.#firstAt(now);
      for (const key of keys) schedule.add(key, atMs);
    }
  }

  leave(infoHash: Uint8Array): void {
    const key = toHex(infoHash);
    if (!this.#hashes.delete(key)) return;
    for (const schedule of this.#schedules.values()) schedule.remove(key);
  }

  /** Sends what is due. */
  advance(now: number): void {
    const port = this.#options.port();
    for (const [network, schedule] of this.#schedules) {
      const keys = schedule.take(now, () => randomBelow(this.#options.random, JITTER_MS));
      if (port === 0 || keys.length === 0) continue;
      const infoHashes = keys.map((key) => this.#hashes.get(key)!);
      network.send(encodeLsdPacket({ port, infoHashes, cookie: this.#cookie }, network.family));
    }
  }

  /** A packet has come in over the socket of `network`. It is lent. */
  receive(packet: Uint8Array, from: Address, network: LsdNetwork, now: number): void {
    // Other programs have joined the group on other networks, and the system may give us what comes there.
    const isLocal = network.addresses.some(({ host, prefixBits }) => isInNetwork(from.host, host, prefixBits));
    if (!isLocal || !this.#mayGoOn(from.host, now)) return;
    const announce = parseLsdPacket(packet);
    if (announce === null || announce.cookie === this.#cookie) return;
    const peer: Address = { family: from.family, host: from.host, port: announce.port };
    for (const infoHash of announce.infoHashes) {
      const known = this.#hashes.get(toHex(infoHash));
      if (known !== undefined) this.#options.onPeer(known, peer);
    }
  }

  #firstAt(now: number): number {
    return now + FIRST_WAIT_MIN_MS + randomBelow(this.#options.random, FIRST_WAIT_MAX_MS - FIRST_WAIT_MIN_MS);
  }

  /** Counts a packet. Who has sent too many is not heard until the minute is over; a full table forgets its oldest. */
  #mayGoOn(host: string, now: number): boolean {
    let sender = this.#senders.get(host);
    if (sender === undefined || now - sender.sinceMs >= MINUTE_MS) {
      this.#senders.delete(host); // to the end: in order of the beginning of their minutes
      if (this.#senders.size >= LIMITS.lsdSendersMax) this.#senders.delete(this.#senders.keys().next().value!);
      sender = { sinceMs: now, packets: 0 };
      this.#senders.set(host, sender);
    }
    sender.packets++;
    return sender.packets <= LIMITS.lsdPacketsPerSenderPerMinuteMax;
  }
}

interface Sender {
  sinceMs: number;
  packets: number;
}

interface Due {
  atMs: number;
  /** Whether it has been announced there before. */
  isAgain: boolean;
}

/** When each torrent is announced on one network. Invariant: two packets are a minute apart at least. */
class AnnounceSchedule {
  nextDeadline: number = Number.POSITIVE_INFINITY;
  readonly #due = new Map<string, Due>();
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  add(key: string, atMs: number): void {
    this.#due.set(key, { atMs, isAgain: false });
    this.nextDeadline = Math.min(this.nextDeadline, Math.max(atMs, this.#notBeforeMs));
  }

  remove(key: string): void {
    this.#due.delete(key);
  }

  /** @returns what goes into the packet that is sent now, those that have waited longest; [] = nothing is due. */
  take(now: number, jitterMs: () => number): string[] {
    if (now < this.nextDeadline) return [];
    // Whoever has joined meanwhile comes along: the next packet is a minute away.
    const ready = [...this.#due].filter(([, due]) => due.atMs <= now || !due.isAgain);
    // What is due at the same time stays in the order in which it joined.
    ready.sort(([, a], [, b]) => a.atMs - b.atMs);
    const taken = ready.slice(0, LSD_HASHES_PER_PACKET);
    if (taken.length > 0) this.#notBeforeMs = now + PACKET_INTERVAL_MS;
    const againAtMs = now + AGAIN_AFTER_MS + jitterMs();
    for (const [, due] of taken) {
      due.atMs = due.isAgain ? againAtMs : now + PACKET_INTERVAL_MS;
      due.isAgain = true;
    }
    let earliest = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.#due.values()) earliest = Math.min(earliest, atMs);
    this.nextDeadline = Math.max(earliest, this.#notBeforeMs);
    return taken.map(([key]) => key);
  }
}
