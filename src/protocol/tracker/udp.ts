/**
 * The client of the UDP tracker protocol (BEP 15), sans-IO: packets and the time (monotonic ms) go in, packets and
 * answers come out. One instance serves every torrent, so that they share connection ids. Replies count only with the
 * right transaction id AND from the right address and port: UDP senders can be forged.
 * Called by engine/udp-tracker-client, which owns the socket.
 */
import { type Address, addressKey, formatHostPort } from '../../base/address.js';
import { readUint32 } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { Timer, TimerQueue } from '../../base/timer-queue.js';
import {
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResult,
  type ScrapeAnswer,
  trackerError,
} from './announce.js';
import {
  decodeUdpAnnounceAnswer,
  decodeUdpError,
  decodeUdpScrapeAnswer,
  encodeUdpAnnounce,
  encodeUdpConnect,
  encodeUdpScrape,
  UDP_ACTION_ANNOUNCE,
  UDP_ACTION_CONNECT,
  UDP_ACTION_ERROR,
  UDP_ACTION_SCRAPE,
  UDP_ANSWER_HEADER_BYTES,
  UDP_CONNECTION_ID_BYTES,
} from './udp-packets.js';

/** A packet is sent again after this, doubled each time. */
const RETRANSMIT_AFTER_MS = 15_000;
/** How long after its receipt a connection id may be used. */
const CONNECTION_LIFETIME_MS = 60_000;

export interface UdpTrackerOptions {
  readonly random: Random;
  /** Best effort. */
  send(packet: Uint8Array, to: Address): void;
}

export interface UdpExchange {
  /** After this, `done` is not called. */
  cancel(): void;
}

export class UdpTrackerCore {
  readonly #options: UdpTrackerOptions;
  readonly #timers = new TimerQueue();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #transactions = new Map<number, Transaction>();

  constructor(options: UdpTrackerOptions) {
    this.#options = options;
  }

  /**
   * `done` is called once, from receive() or advance(). `urlData`: path and query of the tracker's URL, for trackers
   * that want to see them (BEP 41); empty to leave them out.
   */
  announce(
    to: Address,
    request: AnnounceRequest,
    urlData: Uint8Array,
    now: number,
    done: (result: AnnounceResult) => void,
  ): UdpExchange {
    return this.#ask(to, now, {
      action: UDP_ACTION_ANNOUNCE,
      encode: (connectionId, transactionId) => encodeUdpAnnounce(connectionId, transactionId, request, urlData),
      accept: (packet) => {
        const response = decodeUdpAnnounceAnswer(packet, to.family);
        if (response === null) return null;
        return () => done(response);
      },
      fail: (error) => done(new AnnounceFailure(error)),
    });
  }

  /** `infoHashes`: 1 to LIMITS.udpScrapeHashesMax; counts arrive in their order. */
  scrape(
    to: Address,
    infoHashes: readonly Uint8Array[],
    now: number,
    done: (result: ScrapeAnswer | DtorrentError) => void,
  ): UdpExchange {
    return this.#ask(to, now, {
      action: UDP_ACTION_SCRAPE,
      encode: (connectionId, transactionId) => encodeUdpScrape(connectionId, transactionId, infoHashes),
      accept: (packet) => {
        const counts = decodeUdpScrapeAnswer(packet, infoHashes.length);
        if (counts === null) return null;
        return () => done({ counts, minIntervalMs: null });
      },
      fail: done,
    });
  }

  /** @returns whether the packet was an answer to one of ours: a shared socket passes others on. */
  receive(packet: Uint8Array, from: Address, now: number): boolean {
    if (packet.length < UDP_ANSWER_HEADER_BYTES) return false;
    const transaction = this.#transactions.get(readUint32(packet, 4));
    if (transaction === undefined || transaction.endpoint.key !== addressKey(from)) return false;
    const action = readUint32(packet, 0);
    if (action === UDP_ACTION_ERROR) this.#onRefusal(transaction, decodeUdpError(packet));
    else if (action !== transaction.question.action) return false;
    else if (action === UDP_ACTION_CONNECT) this.#onConnected(transaction, packet, now);
    else this.#onAnswer(transaction, packet);
    return true;
  }

  /** Sends again, or gives up, what has waited long enough. */
  advance(now: number): void {
    this.#timers.advance(now);
  }

  /** ms; Infinity = nothing to wait for. */
  nextDeadline(): number {
    return this.#timers.nextDeadline;
  }

  /** Gives up everything: the socket is gone. */
  failAll(error: DtorrentError): void {
    this.#endpoints.clear();
    for (const transaction of [...this.#transactions.values()]) this.#fail(transaction, error);
  }

  #ask(to: Address, now: number, question: Question): UdpExchange {
    const endpoint = this.#endpointOf(to, now);
    if (endpoint === null) return this.#refuse(to, now, question);
    const ask = this.#makeTransaction(endpoint, question);
    this.#transmit(ask, now);
    return { cancel: () => this.#forget(ask) };
  }

  /** Fails with the next advance(). */
  #refuse(to: Address, now: number, question: Question): UdpExchange {
    const error = trackerError(`${LIMITS.udpTrackerEndpointsMax} other UDP trackers are being asked`);
    const refused = this.#makeTransaction(new Endpoint(to), { ...question, fail: () => question.fail(error) });
    refused.attempt = LIMITS.udpTrackerRetransmitsMax;
    this.#timers.set(refused.timer, now);
    return { cancel: () => this.#forget(refused) };
  }

  /** Sends the packet, or gets a connection id for it first. */
  #transmit(transaction: Transaction, now: number): void {
    const { endpoint, question } = transaction;
    if (question.action !== UDP_ACTION_CONNECT && !endpoint.isConnected(now)) {
      this.#timers.cancel(transaction.timer);
      endpoint.waiting.add(transaction);
      if (!endpoint.isConnecting) this.#connect(endpoint, now);
      return;
    }
    this.#timers.set(transaction.timer, now + RETRANSMIT_AFTER_MS * 2 ** transaction.attempt);
    this.#options.send(question.encode(endpoint.connectionId, transaction.id), endpoint.address);
  }

  #connect(endpoint: Endpoint, now: number): void {
    endpoint.isConnecting = true;
    const connect = this.#makeTransaction(endpoint, {
      action: UDP_ACTION_CONNECT,
      encode: (_connectionId, transactionId) => encodeUdpConnect(transactionId),
      accept: () => null,
      fail: (error) => {
        endpoint.isConnecting = false;
        for (const transaction of [...endpoint.waiting]) this.#fail(transaction, error);
      },
    });
    this.#transmit(connect, now);
  }

  #onConnected(connect: Transaction, packet: Uint8Array, now: number): void {
    if (packet.length < UDP_ANSWER_HEADER_BYTES + UDP_CONNECTION_ID_BYTES) return;
    const { endpoint } = connect;
    this.#forget(connect);
    endpoint.isConnecting = false;
    endpoint.connectionId = packet.slice(UDP_ANSWER_HEADER_BYTES, UDP_ANSWER_HEADER_BYTES + UDP_CONNECTION_ID_BYTES);
    endpoint.connectedAtMs = now;
    const waiting = [...endpoint.waiting];
    endpoint.waiting.clear();
    for (const transaction of waiting) this.#transmit(transaction, now);
  }

  #onAnswer(transaction: Transaction, packet: Uint8Array): void {
    if (packet.length === UDP_ANSWER_HEADER_BYTES) {
      // What opentracker sends for a torrent that is not on its whitelist.
      this.#fail(transaction, trackerError('the tracker does not serve this torrent'));
      return;
    }
    const tell = transaction.question.accept(packet);
    if (tell === null) return; // cut short: the retransmit may bring a whole one
    this.#forget(transaction);
    tell();
  }

  #onRefusal(transaction: Transaction, reason: string): void {
    // Perhaps it was the connection id that the tracker did not like: the next attempt gets a new one.
    transaction.endpoint.connectedAtMs = Number.NEGATIVE_INFINITY;
    this.#fail(transaction, trackerError(`the tracker refuses: ${reason === '' ? 'no reason given' : reason}`));
  }

  #onTimer(transaction: Transaction, now: number): void {
    if (transaction.attempt < LIMITS.udpTrackerRetransmitsMax) {
      transaction.attempt++;
      this.#transmit(transaction, now);
      return;
    }
    const { address } = transaction.endpoint;
    this.#fail(transaction, new DtorrentError('ETIMEOUT', `no answer from the tracker at ${formatHostPort(address)}`));
  }

  #fail(transaction: Transaction, error: DtorrentError): void {
    // Failing a connect fails those that wait for it, which a caller's list may hold too.
    if (this.#forget(transaction)) transaction.question.fail(error);
  }

  /** @returns whether it was under way. */
  #forget(transaction: Transaction): boolean {
    this.#timers.cancel(transaction.timer);
    transaction.endpoint.waiting.delete(transaction);
    return this.#transactions.delete(transaction.id);
  }

  #makeTransaction(endpoint: Endpoint, question: Question): Transaction {
    let id: number;
    do id = this.#options.random.uint32();
    while (this.#transactions.has(id));
    const timer = new Timer((now) => this.#onTimer(transaction, now));
    const transaction: Transaction = { id, endpoint, question, timer, attempt: 0 };
    this.#transactions.set(id, transaction);
    return transaction;
  }

  /** @returns null when the table is full of endpoints that are in use. */
  #endpointOf(to: Address, now: number): Endpoint | null {
    const key = addressKey(to);
    const known = this.#endpoints.get(key);
    if (known !== undefined) return known;
    if (this.#endpoints.size >= LIMITS.udpTrackerEndpointsMax) this.#sweepEndpoints(now);
    if (this.#endpoints.size >= LIMITS.udpTrackerEndpointsMax) return null;
    const endpoint = new Endpoint(to);
    this.#endpoints.set(key, endpoint);
    return endpoint;
  }

  /** Makes room: what is of no use any more goes, or else the oldest that nobody waits for. */
  #sweepEndpoints(now: number): void {
    const busy = new Set<Endpoint>();
    for (const transaction of this.#transactions.values()) busy.add(transaction.endpoint);
    let oldestIdle: string | null = null;
    for (const [key, endpoint] of this.#endpoints) {
      if (busy.has(endpoint)) continue;
      if (!endpoint.isConnected(now)) this.#endpoints.delete(key);
      else oldestIdle ??= key;
    }
    if (this.#endpoints.size >= LIMITS.udpTrackerEndpointsMax && oldestIdle !== null) {
      this.#endpoints.delete(oldestIdle);
    }
  }
}

/** What is sent, and what becomes of the answer. */
interface Question {
  readonly action: number;
  encode(connectionId: Uint8Array, transactionId: number): Uint8Array;
  /** @returns null for a packet that is cut short, else what tells the answer. */
  accept(packet: Uint8Array): (() => void) | null;
  fail(error: DtorrentError): void;
}

interface Transaction {
  /** Kept when the packet is sent again. */
  readonly id: number;
  readonly endpoint: Endpoint;
  readonly question: Question;
  /** Not armed while waiting for a connection id. */
  readonly timer: Timer;
  attempt: number;
}

/** One tracker address AND port: two trackers of one machine give out different connection ids. */
class Endpoint {
  readonly address: Address;
  readonly key: string;
  connectionId: Uint8Array = new Uint8Array(UDP_CONNECTION_ID_BYTES);
  connectedAtMs = Number.NEGATIVE_INFINITY;
  isConnecting = false;
  readonly waiting = new Set<Transaction>();

  constructor(address: Address) {
    this.address = address;
    this.key = addressKey(address);
  }

  isConnected(now: number): boolean {
    return now - this.connectedAtMs < CONNECTION_LIFETIME_MS;
  }
}
