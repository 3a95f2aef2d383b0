/**
 * Queries that wait for their answer (KRPC of BEP 5). An answer counts only with the transaction id AND from the exact
 * endpoint that was asked: UDP senders can be forged, and the id has two bytes. How long one is waited for follows from
 * what others took: after the short time a lookup asks someone else as well, after twice that it may end without this
 * answer, after the long one the query has failed.
 * Invariant: each query ends once, by an answer, an error or the end of its time, or is cancelled.
 */
import { type Address, addressKey } from '../../base/address.js';
import { readUint16, writeUint16 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow } from '../../base/random.js';
import { Timer, type TimerQueue } from '../../base/timer-queue.js';
import type { KrpcError, KrpcResponse } from './krpc.js';

/** Who asked. */
export interface QueryListener {
  onResponse(response: KrpcResponse, query: OutstandingQuery, now: number): void;
  /** null = no answer in time. */
  onFailure(error: KrpcError | null, query: OutstandingQuery, now: number): void;
  /** It takes longer than most, and is still waited for. */
  onSlow?(query: OutstandingQuery, now: number): void;
  /** It takes twice as long as that: hardly anybody answers who has not yet. It is still waited for. */
  onOverdue?(query: OutstandingQuery, now: number): void;
}

export interface OutstandingQuery {
  readonly transactionId: number;
  readonly to: Address;
  /** The endpoint, compact. */
  readonly endpoint: Uint8Array;
  /** It goes to a well-known node, which is not to be kept for answering. */
  readonly isBootstrap: boolean;
  readonly sentAtMs: number;
  readonly listener: QueryListener;
}

export class Transactions {
  readonly #random: Random;
  readonly #timers: TimerQueue;
  readonly #onTimeout: (query: OutstandingQuery) => void;
  readonly #queries = new Map<number, Waiting>();
  /** Of a node of which nothing is known; mean and mean deviation as in RFC 6298. */
  #rttMs = 0;
  #deviationMs = 0;

  /** `onTimeout` hears of a query that nobody answered, before its listener does. */
  constructor(random: Random, timers: TimerQueue, onTimeout: (query: OutstandingQuery) => void) {
    this.#random = random;
    this.#timers = timers;
    this.#onTimeout = onTimeout;
  }

  get outstanding(): number {
    return this.#queries.size;
  }

  get hasRoom(): boolean {
    return this.#queries.size < LIMITS.dhtQueriesOutstandingMax;
  }

  /**
   * A place for a query that is sent now; there has to be room. `rttMs`: what this node took before; 0 = not known.
   */
  open(
    { to, endpoint, isBootstrap, rttMs }: Pick<OutstandingQuery, 'to' | 'endpoint' | 'isBootstrap'> & { rttMs: number },
    listener: QueryListener,
    now: number,
  ): OutstandingQuery {
    const transactionId = this.#freeId();
    const query: Waiting = {
      transactionId,
      to,
      endpoint,
      isBootstrap,
      key: addressKey(to),
      sentAtMs: now,
      listener,
      shortMs: this.#shortMs(rttMs),
      stage: 'young',
      timer: new Timer((firedAt) => this.#onTime(query, firedAt)),
    };
    this.#queries.set(transactionId, query);
    this.#timers.set(query.timer, now + query.shortMs);
    return query;
  }

  /** @returns the query that this answers, which is over now; null = nobody asked that. */
  close(transactionId: Uint8Array, from: Address, now: number): OutstandingQuery | null {
    if (transactionId.length !== TRANSACTION_ID_BYTES) return null;
    const query = this.#queries.get(readUint16(transactionId, 0));
    if (query === undefined || query.key !== addressKey(from)) return null;
    this.#remove(query);
    this.#measure(now - query.sentAtMs);
    return query;
  }

  /** Its listener hears nothing more. */
  cancel(query: OutstandingQuery): void {
    const waiting = this.#queries.get(query.transactionId);
    if (waiting === query) this.#remove(waiting);
  }

  /** The socket is gone: nobody will answer any more. */
  failAll(now: number): void {
    for (const query of [...this.#queries.values()]) {
      this.#remove(query);
      query.listener.onFailure(null, query, now);
    }
  }

  #onTime(query: Waiting, now: number): void {
    switch (query.stage) {
      case 'young':
        query.stage = 'slow';
        this.#timers.set(query.timer, Math.max(now, query.sentAtMs + 2 * query.shortMs));
        query.listener.onSlow?.(query, now);
        return;
      case 'slow':
        query.stage = 'overdue';
        this.#timers.set(query.timer, Math.max(now, query.sentAtMs + this.#longMs()));
        query.listener.onOverdue?.(query, now);
        return;
      case 'overdue':
        this.#remove(query);
        this.#onTimeout(query);
        query.listener.onFailure(null, query, now);
    }
  }

  #remove(query: Waiting): void {
    this.#queries.delete(query.transactionId);
    this.#timers.cancel(query.timer);
  }

  #freeId(): number {
    for (;;) {
      const id = randomBelow(this.#random, 65_536);
      if (!this.#queries.has(id)) return id;
    }
  }

  #measure(rttMs: number): void {
    if (this.#rttMs === 0) {
      this.#rttMs = Math.max(1, rttMs);
      this.#deviationMs = rttMs / 2;
      return;
    }
    this.#deviationMs += (Math.abs(rttMs - this.#rttMs) - this.#deviationMs) / 8;
    this.#rttMs += (rttMs - this.#rttMs) / 16;
  }

  #shortMs(rttMs: number): number {
    const usualMs = this.#rttMs === 0 ? SHORT_MS_MAX : this.#rttMs + 3 * this.#deviationMs;
    const expectedMs = rttMs === 0 ? usualMs : Math.min(usualMs, 2 * rttMs + SHORT_MS_MIN);
    return Math.min(SHORT_MS_MAX, Math.max(SHORT_MS_MIN, expectedMs));
  }

  #longMs(): number {
    if (this.#rttMs === 0) return LONG_MS_MAX;
    return Math.min(LONG_MS_MAX, Math.max(LONG_MS_MIN, 3 * (this.#rttMs + 4 * this.#deviationMs)));
  }
}

/** The transaction id of a query as it is sent. */
export function transactionIdBytes(transactionId: number): Uint8Array {
  const bytes = new Uint8Array(TRANSACTION_ID_BYTES);
  writeUint16(bytes, 0, transactionId);
  return bytes;
}

interface Waiting extends OutstandingQuery {
  readonly key: string;
  readonly timer: Timer;
  readonly shortMs: number;
  stage: 'young' | 'slow' | 'overdue';
}

const TRANSACTION_ID_BYTES = 2;
const SHORT_MS_MIN = 150;
const SHORT_MS_MAX = 1000;
const LONG_MS_MIN = 1000;
const LONG_MS_MAX = 6000;
