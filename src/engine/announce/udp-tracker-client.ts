/**
 * Announces and scrapes over UDP (BEP 15): gives the sans-IO client of protocol/tracker/udp a socket, a timer and name resolution.
 * One for the whole engine, so that torrents share the socket and the trackers' connection ids. The socket is opened
 * with the first question and again after it failed. Later it becomes the socket of DHT and uTP, so that trackers see
 * our real port.
 */
import type { Address } from '../../base/address.js';
import { EMPTY_BYTES, fromUtf8 } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { Timer } from '../../base/timer-queue.js';
import type { DatagramSocket, Network } from '../../host/network.js';
import {
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResult,
  type ScrapeAnswer,
  trackerError,
} from '../../protocol/tracker/announce.js';
import { parseTrackerUrl, type TrackerUrl } from '../../protocol/tracker/tracker-url.js';
import { type UdpExchange, UdpTrackerCore } from '../../protocol/tracker/udp.js';
import type { Turn } from '../turn.js';
import { BrokenFamilies, FamilyAnnounce } from './family-announce.js';
import type { TrackerClient, TrackerExchange } from './tracker-client.js';

export interface UdpTrackerClientOptions {
  readonly turn: Turn;
  readonly network: Network;
  readonly random: Random;
}

export class UdpTrackerClient implements TrackerClient {
  readonly scrapeHashesMax: number = LIMITS.udpScrapeHashesMax;
  readonly #options: UdpTrackerClientOptions;
  readonly #core: UdpTrackerCore;
  readonly #broken = new BrokenFamilies();
  readonly #timer: Timer = new Timer((now) => {
    this.#core.advance(now);
    this.#rearm();
  });
  #socket: DatagramSocket | null = null;
  /** What waits for the socket to be bound; null once it is. */
  #outbox: { readonly packet: Uint8Array; readonly to: Address }[] | null = null;
  #isClosed = false;

  constructor(options: UdpTrackerClientOptions) {
    this.#options = options;
    this.#core = new UdpTrackerCore({ random: options.random, send: (packet, to) => this.#send(packet, to) });
  }

  /** `timeoutMs` is not used: retransmission bounds the wait. */
  announce(
    url: string,
    request: AnnounceRequest,
    _timeoutMs: number,
    done: (result: AnnounceResult) => void,
  ): TrackerExchange {
    const { turn } = this.#options;
    const question = (said: AnnounceRequest): Question<AnnounceResult> => ({
      ask: (to, urlData, now, answered) => this.#core.announce(to, said, urlData, now, answered),
      failed: (error) => new AnnounceFailure(error),
      isSilence: (result) => result instanceof AnnounceFailure && result.error.code === 'ETIMEOUT',
    });
    const parsed = parseTrackerUrl(url);
    if (parsed === null) return this.#ask(url, done, question(request));
    let found: readonly Address[] | DtorrentError | null = null;
    return new FamilyAnnounce({
      host: parsed.host,
      request,
      timeoutMs: Number.POSITIVE_INFINITY,
      broken: this.#broken,
      now: () => turn.now,
      resolve: (host, resolved) => {
        this.#resolve(host, (result) => {
          found = result;
          resolved(result);
        });
      },
      get: (said, { family, timeoutMs }, answered) => {
        if (found === null) return this.#ask(url, answered, question(said));
        const exchange = new ResolvedExchange(answered);
        const ofFamily = Array.isArray(found) && family !== 0 ? [found.find((one) => one.family === family)!] : found;
        this.#askAt(ofFamily, parsed, question(said), exchange);
        exchange.limit(turn, timeoutMs, () => new AnnounceFailure(secondFamilyTimeout(parsed.host)));
        return exchange;
      },
      done,
    });
  }

  scrape(
    url: string,
    infoHashes: readonly Uint8Array[],
    _timeoutMs: number,
    done: (result: ScrapeAnswer | DtorrentError) => void,
  ): TrackerExchange {
    return this.#ask(url, done, {
      ask: (to, _urlData, now, answered) => this.#core.scrape(to, infoHashes, now, answered),
      failed: (error) => error,
      isSilence: (result) => result instanceof DtorrentError && result.code === 'ETIMEOUT',
    });
  }

  /** Nothing is sent or told after this. */
  close(): void {
    this.#isClosed = true;
    this.#options.turn.timers.cancel(this.#timer);
    this.#socket?.close();
    this.#socket = null;
  }

  /** Resolves the tracker's name, and asks. */
  #ask<Result>(url: string, done: (result: Result) => void, question: Question<Result>): TrackerExchange {
    const exchange = new ResolvedExchange(done);
    const parsed = parseTrackerUrl(url);
    this.#resolve(parsed?.host ?? '', (result) => {
      if (exchange.isOver) return;
      if (parsed === null) exchange.finish(question.failed(trackerError(`not a UDP tracker's URL: ${url}`)));
      else this.#askAt(result, parsed, question, exchange);
    });
    return exchange;
  }

  #resolve(host: string, done: (result: readonly Address[] | DtorrentError) => void): void {
    const { network, turn } = this.#options;
    network.resolve(host, (result) => turn.run(() => done(result)));
  }

  #askAt<Result>(
    resolved: readonly Address[] | DtorrentError,
    { port, target }: TrackerUrl,
    question: Question<Result>,
    exchange: ResolvedExchange<Result>,
  ): void {
    if (resolved instanceof DtorrentError) {
      exchange.finish(question.failed(resolved));
      return;
    }
    const addresses = this.#choose(resolved).map((address) => ({ ...address, port }));
    this.#tryAddresses(addresses, urlDataOf(target), question, exchange);
  }

  #tryAddresses<Result>(
    addresses: readonly Address[],
    urlData: Uint8Array,
    question: Question<Result>,
    exchange: ResolvedExchange<Result>,
  ): void {
    if (this.#isClosed) return;
    const [to, ...others] = addresses;
    if (to === undefined) {
      const reason = 'the tracker has no address of a family that we can use';
      exchange.finish(question.failed(new DtorrentError('ENETWORK', reason)));
      return;
    }
    this.#openSocket();
    exchange.asking = question.ask(to, urlData, this.#options.turn.now, (result) => {
      if (question.isSilence(result) && others.length > 0) this.#tryAddresses(others, urlData, question, exchange);
      else exchange.finish(result);
    });
    this.#rearm();
  }

  /** The best address, and one more to try when it is silent: of the other family if there is one. */
  #choose(addresses: readonly Address[]): Address[] {
    const other = addresses.find((address) => address.family !== addresses[0]!.family);
    const ordered = other === undefined ? addresses : [addresses[0]!, other];
    return ordered.slice(0, LIMITS.udpTrackerAddressesMax);
  }

  #openSocket(): void {
    if (this.#socket !== null) return;
    const { network, turn } = this.#options;
    this.#outbox = [];
    this.#socket = network.openDatagramSocket(
      { host: '', port: 0 },
      {
        onListening: () => turn.run(() => this.#onListening()),
        onDatagram: (packet, from) => {
          turn.run(() => {
            if (this.#core.receive(packet, from, turn.now)) this.#rearm();
          });
        },
        onError: (error) => {
          turn.run(() => {
            this.#socket = null;
            this.#outbox = null;
            this.#core.failAll(error);
            this.#rearm();
          });
        },
      },
    );
  }

  #onListening(): void {
    const waiting = this.#outbox ?? [];
    this.#outbox = null;
    for (const { packet, to } of waiting) this.#socket?.send(packet, to);
  }

  #send(packet: Uint8Array, to: Address): void {
    if (this.#outbox === null) this.#socket?.send(packet, to);
    else this.#outbox.push({ packet, to });
  }

  #rearm(): void {
    if (!this.#isClosed) this.#options.turn.timers.set(this.#timer, this.#core.nextDeadline());
  }
}

/** An announce or a scrape, as it is put to one address. */
interface Question<Result> {
  ask(to: Address, urlData: Uint8Array, now: number, answered: (result: Result) => void): UdpExchange;
  failed(error: DtorrentError): Result;
  /** Nothing came back: another address may do better. */
  isSilence(result: Result): boolean;
}

/** A question from the resolution of the name to the answer. */
class ResolvedExchange<Result> implements TrackerExchange {
  /** Answered, or nobody waits for it any more. */
  isOver = false;
  asking: UdpExchange | null = null;
  readonly #done: (result: Result) => void;
  #endLimit: () => void = () => {};

  constructor(done: (result: Result) => void) {
    this.#done = done;
  }

  /** Ends it with `result` unless it has ended by then. Infinity = no limit but that of retransmission. */
  limit({ timers, now }: Turn, timeoutMs: number, result: () => Result): void {
    if (timeoutMs === Number.POSITIVE_INFINITY || this.isOver) return;
    const timer = new Timer(() => {
      this.asking?.cancel();
      this.finish(result());
    });
    timers.set(timer, now + timeoutMs);
    this.#endLimit = () => timers.cancel(timer);
  }

  finish(result: Result): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#endLimit();
    this.#done(result);
  }

  cancel(): void {
    this.isOver = true;
    this.#endLimit();
    this.asking?.cancel();
  }
}

function secondFamilyTimeout(host: string): DtorrentError {
  return new DtorrentError('ETIMEOUT', `${host} does not answer over the other address family`);
}

/** BEP 41 URL data, where it says more than that we announce. */
function urlDataOf(target: string): Uint8Array {
  return target === '' || target === '/' || target === '/announce' ? EMPTY_BYTES : fromUtf8(target);
}
