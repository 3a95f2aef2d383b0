/**
 * Keeps the routing table of one node alive: the lookup of its own id with which it begins, a query now and then for each
 * node that has been silent, and a ping for whoever may be a node but has not answered us yet. That last rule keeps a
 * table honest: who only asks, or is only named, gets no place in it.
 */
import { type Address, toCompact } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { Timer, type TimerQueue } from '../../base/timer-queue.js';
import type { NodeContact } from './compact-nodes.js';
import type { KrpcError, KrpcFields, KrpcResponse } from './krpc.js';
import type { Lookup, LookupGoal } from './lookup.js';
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
  /** Who asked us or was named to us: pinged when it is time, the first first. */
  #strangers: Stranger[] = [];
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
    this.#timer = new Timer((firedAt) => this.#tick(firedAt));
    timers.set(this.#timer, now);
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

  /** It has asked us something, or was named as a node. Pinged later, so that it has to stay, unless we know hardly anyone. */
  onStranger({ id, address }: NodeContact, now: number): void {
    if (this.#strangers.length >= LIMITS.dhtStrangersMax || !this.#host.table.hasRoomFor(id)) return;
    if (this.#strangers.some(({ address: { host, port } }) => host === address.host && port === address.port)) return;
    const isLonely = this.#host.table.size < LONELY_NODES;
    this.#strangers.push({ address, dueAtMs: now + (isLonely ? 0 : STRANGER_PING_AFTER_MS) });
    if (isLonely) this.#timers.set(this.#timer, Math.min(this.#timer.deadline, now + QUICK_TICK_MS));
  }

  /** The answer to a check names nodes that may fill gaps. */
  onResponse(response: KrpcResponse, query: OutstandingQuery, now: number): void {
    for (const contact of this.#host.nodesIn(response, query.to, now)) {
      if (!this.#host.table.has(toCompact(contact.address))) this.onStranger(contact, now);
    }
  }

  onFailure(_error: KrpcError | null, _query: OutstandingQuery, _now: number): void {}

  #tick(now: number): void {
    this.#goHome(now);
    const pinged = this.#pingStrangers(now);
    const checked = pinged < PINGS_PER_TICK_MAX && this.#check(now);
    const isBusy = pinged > 0 || (checked && this.#isYoung(now));
    this.#timers.set(this.#timer, now + (isBusy ? QUICK_TICK_MS : this.#idleMs()));
  }

  #idleMs(): number {
    const { table, hasBootstrap } = this.#host;
    // Whoever comes to be known wakes us.
    if (table.size === 0)
      return hasBootstrap || this.#strangers.length > 0 ? HOMING_AGAIN_MS : Number.POSITIVE_INFINITY;
    return Math.min(TICK_MS_MAX, Math.max(TICK_MS_MIN, CHECKED_AFTER_MS / table.size));
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

  /** @returns how many were pinged. */
  #pingStrangers(now: number): number {
    let pings = 0;
    while (pings < PINGS_PER_TICK_MAX) {
      const due = this.#strangers.findIndex(({ dueAtMs }) => dueAtMs <= now);
      const to = due >= 0 ? this.#strangers[due]!.address : this.#suggested[0];
      if (to === undefined || this.#host.ask(to, 'ping', {}, PINGING, now) === null) break;
      if (due >= 0) this.#strangers.splice(due, 1);
      else this.#suggested.shift();
      pings++;
    }
    return pings;
  }

  /** Asks who has been silent for longest for nodes of its own bucket: one query for two purposes. */
  #check(now: number): boolean {
    const { table, id, random } = this.#host;
    const next = table.nextToCheck(now);
    if (next === null || next.silentMs < (this.#isYoung(now) ? YOUNG_CHECKED_AFTER_MS : CHECKED_AFTER_MS)) return false;
    const target = randomIdInBucket(id, next.bucket, random);
    table.onCheck(toCompact(next.contact.address), now);
    return this.#host.ask(next.contact.address, 'find_node', { target }, this, now) !== null;
  }

  /** A table that has just begun is filled faster. */
  #isYoung(now: number): boolean {
    return now - this.#startedAtMs < YOUNG_MS && this.#host.table.size < YOUNG_NODES;
  }
}

interface Stranger {
  readonly address: Address;
  readonly dueAtMs: number;
}

const PINGING: QueryListener = { onResponse: () => {}, onFailure: () => {} };

/** With fewer nodes than this everybody is welcome at once. */
const LONELY_NODES = 8;
const STRANGER_PING_AFTER_MS = 90_000;
const PINGS_PER_TICK_MAX = 4;
const QUICK_TICK_MS = 1000;
const TICK_MS_MIN = 2000;
const TICK_MS_MAX = 30_000;
/** Before the 15 minutes are over after which a node is no longer good. */
const CHECKED_AFTER_MS = 600_000;
const YOUNG_MS = 180_000;
const YOUNG_NODES = 64;
const YOUNG_CHECKED_AFTER_MS = 20_000;
const HOMING_EVERY_MS = 900_000;
const HOMING_AGAIN_MS = 5_000;
const HOMING_AGAIN_MS_MAX = 300_000;
const HOMINGS_COUNTED_MAX = 10;
