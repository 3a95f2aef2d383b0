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
import { parseTrackerUrl } from '../../protocol/tracker/tracker-url.js';
import { type UdpExchange, UdpTrackerCore } from '../../protocol/tracker/udp.js';
import type { Turn } from '../turn.js';
import type { TrackerClient, TrackerExchange } from './tracker-client.js';

export interface UdpTrackerClientOptions {
  readonly turn: Turn;
  readonly network: Network;
  readonly random: Random;
  /** '' = any. */
  readonly bindHost: string;
}

export class UdpTrackerClient implements TrackerClient {
  readonly scrapeHashesMax: number = LIMITS.udpScrapeHashesMax;
  readonly #options: UdpTrackerClientOptions;
  readonly #core: UdpTrackerCore;
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
    return this.#ask(url, done, {
      ask: (to, urlData, now, answered) => this.#core.announce(to, request, urlData, now, answered),
      failed: (error) => new AnnounceFailure(error),
      isSilence: (result) => result instanceof AnnounceFailure && result.error.code === 'ETIMEOUT',
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
    this.#options.network.resolve(parsed?.host ?? '', (result) => {
      this.#options.turn.run(() => {
        if (exchange.isCancelled) return;
        if (parsed === null) exchange.finish(question.failed(trackerError(`not a UDP tracker's URL: ${url}`)));
        else if (result instanceof DtorrentError) exchange.finish(question.failed(result));
        else {
          const addresses = this.#choose(result).map((address) => ({ ...address, port: parsed.port }));
          this.#tryAddresses(addresses, urlDataOf(parsed.target), question, exchange);
        }
      });
    });
    return exchange;
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
    const { bindHost } = this.#options;
    const bound = bindHost === '' ? 0 : bindHost.includes(':') ? 6 : 4;
    const usable = addresses.filter((address) => bound === 0 || address.family === bound);
    const other = usable.find((address) => address.family !== usable[0]!.family);
    const ordered = other === undefined ? usable : [usable[0]!, other];
    return ordered.slice(0, LIMITS.udpTrackerAddressesMax);
  }

  #openSocket(): void {
    if (this.#socket !== null) return;
    const { network, turn, bindHost } = this.#options;
    this.#outbox = [];
    this.#socket = network.openDatagramSocket(
      { host: bindHost, port: 0 },
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
  isCancelled = false;
  asking: UdpExchange | null = null;
  readonly #done: (result: Result) => void;

  constructor(done: (result: Result) => void) {
    this.#done = done;
  }

  finish(result: Result): void {
    if (!this.isCancelled) this.#done(result);
  }

  cancel(): void {
    this.isCancelled = true;
    this.asking?.cancel();
  }
}

/** BEP 41 URL data, where it says more than that we announce. */
function urlDataOf(target: string): Uint8Array {
  return target === '' || target === '/' || target === '/announce' ? EMPTY_BYTES : fromUtf8(target);
}
