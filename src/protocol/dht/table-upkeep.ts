/**
 * Keeps the routing table of one node alive: the lookup of its own id with which it begins, a query now and then for each
 * node that has been silent, and one for whoever may be a node but has not answered us yet. That last rule keeps a table
 * honest: who only asks, or is only named, gets no place in it.
 * Once a table has its nodes, this is a query each TICK_MS_MIN at most, and a few more for neighbours that come.
 */
import { type Address, addressKey, toCompact } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { Timer, type TimerQueue } from '../../base/timer-queue.js';
import { AskedLately } from './asked-lately.js';
import type { NodeContact } from './compact-nodes.js';
import type { KrpcError, KrpcFields, KrpcResponse } from './krpc.js';
import type { Lookup, LookupGoal } from './lookup.js';
import { commonPrefixBits, NODE_ID_BYTES } from './node-id.js';
import { type RoutingTable, randomIdInBucket } from './routing-table.js';
import type { OutstandingQuery, QueryListener } from './transactions.js';

/** The node whose table it is. */
export interface UpkeepHost {
  readonly id: Uint8Array;
  readonly table: RoutingTable;
  readonly random: Random;
  readonly hasBootstrap: boolean;
  ask(to: Address, method: string, args: KrpcFields, listener: QueryListener, now: number): OutstandingQuery | null;
  nodesIn(response: KrpcResponse, from: Address, now: number): NodeContact[];
  lookUp(target: Uint8Array, goal: LookupGoal, now: number): Lookup;
}

export class TableUpkeep implements QueryListener {
  readonly #host: UpkeepHost;
  readonly #timers: TimerQueue;
  readonly #timer: Timer;
  /** Who asked us or was named to us, by endpoint: asked when it is time, the first first. */
  readonly #strangers = new Map<string, Stranger>();
  readonly #asked = new AskedLately();
  readonly #callers: QueryListener;
  /** How many of those who ask us may still be asked at once, as of `#refilledAtMs`. */
  #atOnce: number = LIMITS.dhtStrangersAtOnceMax;
  #refilledAtMs: number;
  #isChecksTurn = false;
  /** Who may be a node, as we were told from outside. */
  #suggested: Address[] = [];
  #homing: Lookup | null = null;
  #homedAtMs = Number.NEGATIVE_INFINITY;
  #homings = 0;
  #startedAtMs: number;

  constructor(host: UpkeepHost, timers: TimerQueue, now: number) {
    this.#host = host;
    this.#timers = timers;
    this.#startedAtMs = now;
    this.#refilledAtMs = now;
    this.#callers = {
      onResponse: (response, query, at) => {
        host.table.onAnswerToCaller(query.endpoint);
        this.onResponse(response, query, at);
      },
      onFailure: () => {},
    };
    this.#timer = new Timer((firedAt) => this.#tick(firedAt));
    timers.set(this.#timer, now);
  }

  /** Our neighbours are known, as far as they can be. */
  get isAtHome(): boolean {
    return this.#homedAtMs !== Number.NEGATIVE_INFINITY && this.#host.table.size >= LONELY_NODES;
  }

  /** Our id is another one now. */
  restart(now: number): void {
    this.#homing?.cancel();
    this.#homing = null;
    this.#homedAtMs = Number.NEGATIVE_INFINITY;
    this.#homings = 0;
    this.#startedAtMs = now;
    this.wake(now);
  }

  stop(): void {
    this.#timers.cancel(this.#timer);
    this.#homing?.cancel();
  }

  /** There may be something to do at once. */
  wake(now: number): void {
    this.#timers.set(this.#timer, now);
  }

  /** Pinged soon. */
  suggest(addresses: readonly Address[], now: number): void {
    for (const address of addresses) {
      if (this.#suggested.length >= LIMITS.dhtBootstrapNodesMax) break;
      this.#suggested.push(address);
    }
    if (this.#suggested.length > 0) this.wake(now);
  }

  /**
   * It has asked us something. Asked in turn when it has shown that it stays; at once when we know few, for a network
   * forms around those that everybody begins with; soon when it is a neighbour, whom others expect us to know, or when
   * there are many places to fill.
   */
  onStranger(contact: NodeContact, now: number): void {
    if (this.#askCallerAtOnce(contact, now)) return;
    const isWantedSoon = this.#isYoung(now) || this.#host.table.isNeighbour(contact.id, now);
    if (isWantedSoon && this.#strangers.size >= LIMITS.dhtStrangersMax) {
      this.#strangers.delete(this.#strangers.keys().next().value!);
    }
    const dueAtMs = now + (isWantedSoon ? YOUNG_TICK_MS : STRANGER_ASKED_AFTER_MS);
    if (!this.#addStranger(contact, { dueAtMs, isWantedAgain: isWantedSoon }, now) || !isWantedSoon) return;
    this.#timers.set(this.#timer, Math.min(this.#timer.deadline, dueAtMs));
  }

  /** They were named to us. Of interest are neighbours, and all while there are many places to fill. */
  onNamed(contacts: readonly NodeContact[], now: number): void {
    const isYoung = this.#isYoung(now);
    const { table } = this.#host;
    for (const contact of contacts) {
      const isWanted = isYoung || (table.hasRoomFor(contact.id) && table.isNeighbour(contact.id, now));
      if (isWanted) this.#addStranger(contact, { dueAtMs: now, isWantedAgain: false }, now);
    }
  }

  /** The answer to a check. */
  onResponse(response: KrpcResponse, query: OutstandingQuery, now: number): void {
    this.#addNamed(this.#host.nodesIn(response, query.to, now), now);
  }

  onFailure(_error: KrpcError | null, _query: OutstandingQuery, _now: number): void {}

  #addNamed(contacts: readonly NodeContact[], now: number): void {
    for (const contact of contacts) this.#addStranger(contact, { dueAtMs: now, isWantedAgain: false }, now);
  }

  #askCallerAtOnce({ id, address }: NodeContact, now: number): boolean {
    const { table } = this.#host;
    if (table.size >= SMALL_NODES || !table.hasRoomFor(id) || this.#asked.has(toCompact(address), now)) return false;
    const refilled = this.#atOnce + (now - this.#refilledAtMs) / AT_ONCE_EVERY_MS;
    this.#atOnce = Math.min(LIMITS.dhtStrangersAtOnceMax, refilled);
    this.#refilledAtMs = now;
    if (this.#atOnce < 1) return false;
    this.#atOnce--;
    return this.#askForBucket(commonPrefixBits(this.#host.id, id), address, this.#callers, now);
  }

  /** `isWantedAgain`: also when it was asked not long ago. */
  #addStranger(
    { id, address }: NodeContact,
    { dueAtMs, isWantedAgain }: { dueAtMs: number; isWantedAgain: boolean },
    now: number,
  ): boolean {
    if (this.#strangers.size >= LIMITS.dhtStrangersMax) return false;
    const key = addressKey(address);
    const { table } = this.#host;
    if (this.#strangers.has(key) || !table.hasRoomFor(id)) return false;
    const endpoint = toCompact(address);
    if (table.has(endpoint) || (!isWantedAgain && this.#asked.has(endpoint, now))) return false;
    this.#strangers.set(key, { id, address, dueAtMs });
    return true;
  }

  #tick(now: number): void {
    this.#goHome(now);
    const isYoung = this.#isYoung(now);
    // A young table is to be filled; of an old one this is as important as to keep it true, and they take turns.
    const isChecking = !isYoung && this.#isChecksTurn && this.#check(now);
    const isAsking = !isChecking && (this.#pingSuggested(now) || this.#askStranger(now));
    this.#isChecksTurn = isAsking;
    const isBusy = isChecking || isAsking || this.#check(now);
    const idleMs = isBusy && isYoung ? YOUNG_TICK_MS : this.#idleMs();
    this.#timers.set(this.#timer, Math.min(now + idleMs, this.#nextWantedMs(now)));
  }

  /** When the first of those is due who are wanted soon: one that is woken before must not forget them. */
  #nextWantedMs(now: number): number {
    let dueAtMs = Number.POSITIVE_INFINITY;
    for (const stranger of this.#strangers.values()) {
      const isSoon = stranger.dueAtMs > now && stranger.dueAtMs <= now + YOUNG_TICK_MS;
      if (isSoon) dueAtMs = Math.min(dueAtMs, stranger.dueAtMs);
    }
    return dueAtMs;
  }

  #idleMs(): number {
    const { table, hasBootstrap } = this.#host;
    // Whoever comes to be known wakes us.
    if (table.size === 0) return hasBootstrap || this.#strangers.size > 0 ? HOMING_AGAIN_MS : Number.POSITIVE_INFINITY;
    if (this.#suggested.length > 0) return YOUNG_TICK_MS;
    return Math.min(TICK_MS_MAX, Math.max(TICK_MS_MIN, this.#checkedAfterMs() / table.size));
  }

  /** Of a few all are seen to more often: that costs no more. */
  #checkedAfterMs(): number {
    return Math.min(CHECKED_AFTER_MS, TICK_MS_MAX * this.#host.table.size);
  }

  /** The lookup of our own id: how a node begins, and how it keeps track of its neighbours. */
  #goHome(now: number): void {
    if (this.#homing !== null) return;
    const { table, id, hasBootstrap } = this.#host;
    if (table.size === 0 && !hasBootstrap) return;
    const isLonely = table.size < LONELY_NODES;
    const afterMs = isLonely ? Math.min(HOMING_AGAIN_MS_MAX, HOMING_AGAIN_MS * 2 ** this.#homings) : HOMING_EVERY_MS;
    if (now - this.#homedAtMs < afterMs) return;
    this.#homings = isLonely ? Math.min(this.#homings + 1, HOMINGS_COUNTED_MAX) : 0;
    this.#homing = this.#host.lookUp(
      id,
      {
        method: 'find_node',
        args: { target: id },
        onResponse: () => {},
        onEnd: (_lookup, endedAt) => {
          this.#homing = null;
          this.#homedAtMs = endedAt;
        },
      },
      now,
    );
  }

  #pingSuggested(now: number): boolean {
    const batch = this.#suggested.splice(0, SUGGESTED_PER_TICK);
    for (const address of batch) this.#host.ask(address, 'ping', {}, this, now);
    return batch.length > 0;
  }

  /** For nodes of its own bucket: to see whether it is there, and whom it knows, takes one query. */
  #askStranger(now: number): boolean {
    let due: Stranger | null = null;
    for (const [key, stranger] of this.#strangers) {
      if (stranger.dueAtMs > now) continue;
      this.#strangers.delete(key);
      due = stranger;
      break;
    }
    if (due === null) return false;
    const { id, address } = due;
    return this.#askForBucket(commonPrefixBits(this.#host.id, id), address, this, now);
  }

  #check(now: number): boolean {
    const { table } = this.#host;
    const next = table.nextToCheck(now, {
      afterMs: this.#isYoung(now) ? YOUNG_CHECKED_AFTER_MS : this.#checkedAfterMs(),
    });
    if (next === null) return false;
    table.onCheck(toCompact(next.contact.address), now);
    return this.#askForBucket(next.bucket, next.contact.address, this, now);
  }

  #askForBucket(bucket: number, to: Address, listener: QueryListener, now: number): boolean {
    const { id, random } = this.#host;
    this.#asked.add(toCompact(to), now);
    const target = randomIdInBucket(id, Math.min(bucket, 8 * NODE_ID_BYTES - 1), random);
    return this.#host.ask(to, 'find_node', { target }, listener, now) !== null;
  }

  /** A table that has just begun is filled faster. */
  #isYoung(now: number): boolean {
    return now - this.#startedAtMs < YOUNG_MS && this.#host.table.size < YOUNG_NODES;
  }
}

interface Stranger extends NodeContact {
  readonly dueAtMs: number;
}

/** With fewer nodes than this we go home again soon. */
const LONELY_NODES = 8;
const STRANGER_ASKED_AFTER_MS = 90_000;
const SUGGESTED_PER_TICK = 4;
/** Of those who ask us and are asked at once. */
const AT_ONCE_EVERY_MS = 250;
const SMALL_NODES = 64;
const TICK_MS_MIN = 5000;
const TICK_MS_MAX = 15_000;
/** Before the 15 minutes are over after which a node is no longer good. */
const CHECKED_AFTER_MS = 720_000;
/** So long a table is filled on purpose, unless it has this many nodes before. */
const YOUNG_MS = 180_000;
const YOUNG_NODES = 64;
const YOUNG_TICK_MS = 500;
const YOUNG_CHECKED_AFTER_MS = 20_000;
const HOMING_EVERY_MS = 900_000;
const HOMING_AGAIN_MS = 2_000;
const HOMING_AGAIN_MS_MAX = 300_000;
const HOMINGS_COUNTED_MAX = 10;
