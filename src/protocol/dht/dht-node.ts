/**
 * One node of the DHT (BEP 5): one socket, one id, one routing table. What comes in is hostile until shown otherwise: an
 * answer counts only for a query of ours, from the endpoint that was asked; only who answers gets into the table; who asks
 * too much is not answered. Made by Dht.open; its owner hands it every packet of its socket.
 */
import { type Address, parseIp, toCompact } from '../../base/address.js';
import { bytesEqual } from '../../base/bytes.js';
import { isLocalIp } from '../../base/ip-ranges.js';
import type { Random } from '../../base/random.js';
import { TimerQueue } from '../../base/timer-queue.js';
import { decodeNodes, type NodeContact } from './compact-nodes.js';
import type { DhtContext } from './dht-context.js';
import { DistrustedNodes } from './distrusted-nodes.js';
import { decodeKrpc, encodeKrpcQuery, type KrpcFields, type KrpcQuery, type KrpcResponse } from './krpc.js';
import type { Lookup, LookupGoal } from './lookup.js';
import { ACCIDENTAL_BITS } from './lookup-candidates.js';
import { Lookups } from './lookups.js';
import { compareDistance, isSecureId, makeNodeId } from './node-id.js';
import { RateGuard } from './rate-guard.js';
import { Responder } from './responder.js';
import { BUCKET_NODES, RoutingTable } from './routing-table.js';
import { TableUpkeep } from './table-upkeep.js';
import { type OutstandingQuery, type QueryListener, Transactions, transactionIdBytes } from './transactions.js';

/** A local socket, bound to one address. */
export interface DhtEndpoint {
  /** Of the socket's address. */
  readonly family: 4 | 6;
  /** Our address as others see it, as text: the node id follows from it (BEP 42). null = not known yet. */
  readonly externalIp: string | null;
  /** Best effort. `packet` is valid only during the call. */
  send(packet: Uint8Array, to: Address): void;
}

/** The node on one socket. Dht.open makes it; whoever has the socket gives it what is received, and closes it by Dht.close. */
export class DhtNode {
  /** Of its socket's address. */
  readonly family: 4 | 6;
  /** @internal */
  readonly random: Random;
  /** @internal */
  readonly allowSameIp: boolean;
  readonly #context: DhtContext;
  readonly #endpoint: DhtEndpoint;
  readonly #timers = new TimerQueue();
  readonly #transactions: Transactions;
  readonly #guard = new RateGuard();
  readonly #distrusted = new DistrustedNodes();
  readonly #responder: Responder;
  readonly #lookups: Lookups;
  readonly #upkeep: TableUpkeep;
  #id: Uint8Array;
  #table: RoutingTable;
  /** Known from before, not yet heard: where lookups begin while the table is empty. */
  #remembered: readonly NodeContact[] = [];
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** @internal */
  constructor(context: DhtContext, endpoint: DhtEndpoint, id: Uint8Array, now: number) {
    this.family = endpoint.family;
    this.random = context.random;
    this.allowSameIp = context.allowSameIp;
    this.#context = context;
    this.#endpoint = endpoint;
    this.#id = id;
    this.#table = this.#emptyTable();
    this.#transactions = new Transactions(context.random, this.#timers, (query) => this.#onTimeout(query));
    this.#responder = new Responder({
      context,
      family: this.family,
      id: () => this.#id,
      table: (family) => (family === this.family ? this.#table : context.tableOf(family)),
    });
    this.#lookups = new Lookups(this, this.#timers);
    this.#upkeep = new TableUpkeep(this, this.#timers, now);
  }

  /** 20 bytes. */
  get id(): Uint8Array {
    return this.#id;
  }

  /** @internal */
  get table(): RoutingTable {
    return this.#table;
  }

  /** @internal */
  get lookups(): number {
    return this.#lookups.running;
  }

  /** @internal */
  get outstandingQueries(): number {
    return this.#transactions.outstanding;
  }

  /** @returns whether the packet was one of the DHT: a shared socket passes others on. Never throws. */
  receive(packet: Uint8Array, from: Address, now: number): boolean {
    if (packet[0] !== LETTER_D || packet.at(-1) !== LETTER_E) return false;
    const { counters } = this.#context;
    counters.packetsIn++;
    counters.bytesIn += packet.length;
    const message = this.#isClosed || from.family !== this.family ? null : decodeKrpc(packet);
    if (message === null) {
      counters.packetsDropped++;
      return true;
    }
    this.#heardAtMs = now;
    if (message.kind === 'query') {
      this.#onQuery(message, from, now);
      return true;
    }
    const query = this.#transactions.close(message.transactionId, from, now);
    if (query === null) {
      counters.packetsDropped++;
      return true;
    }
    if (message.seenAddress?.family === this.family) this.#context.onAddressVote(message.seenAddress.host, from, now);
    if (message.kind === 'response') this.#onResponse(message, query, now);
    else query.listener.onFailure(message, query, now);
    return true;
  }

  /** Does what is due. Called by Dht.advance. */
  advance(now: number): void {
    this.#timers.advance(now);
  }

  /** ms; Infinity = nothing to wait for. */
  nextDeadline(): number {
    return this.#timers.nextDeadline;
  }

  /** @internal Its socket is gone: lookups end, nothing more is sent. */
  close(now: number): void {
    this.#isClosed = true;
    this.#upkeep.stop();
    this.#lookups.finishAll(now);
    this.#transactions.failAll(now);
  }

  /** @internal */
  lookUp(target: Uint8Array, goal: LookupGoal, now: number): Lookup {
    return this.#lookups.add(target, goal, now);
  }

  /** @internal Somebody who may be a node. */
  suggest(addresses: readonly Address[], now: number): void {
    this.#upkeep.suggest(
      addresses.filter(({ family }) => family === this.family),
      now,
    );
  }

  /** @internal Nodes of an earlier run. */
  remember(contacts: readonly NodeContact[], now: number): void {
    this.#remembered = contacts;
    this.#upkeep.suggest(
      contacts.map(({ address }) => address),
      now,
    );
    this.wake(now);
  }

  /** @internal There may be somebody to ask. */
  wake(now: number): void {
    this.#upkeep.wake(now);
    this.#lookups.wake(now);
  }

  /** @internal Our address has become another: a new id (BEP 42), and whom we know is asked anew. */
  setExternalIp(ip: string, now: number): void {
    const bytes = parseIp(ip);
    if (bytes === null || isSecureId(this.#id, bytes)) return;
    this.#beginAgain(makeNodeId(bytes, this.random), now);
  }

  /** @internal The id of an earlier run. Ignored where it would be the wrong one for our address. */
  takeUp(id: Uint8Array, contacts: readonly NodeContact[], now: number): void {
    const { externalIp } = this.#endpoint;
    const ip = externalIp === null ? null : parseIp(externalIp);
    if (this.#table.size === 0 && (ip === null || isSecureId(id, ip))) this.#beginAgain(id, now);
    this.remember(contacts, now);
  }

  #beginAgain(id: Uint8Array, now: number): void {
    this.#id = id;
    const known = this.#table.contacts(now);
    this.#table = this.#emptyTable();
    this.#upkeep.restart(now);
    this.remember(known.length > 0 ? known : this.#remembered, now);
  }

  /** @internal */
  closest(target: Uint8Array, count: number, now: number): NodeContact[] {
    if (this.#table.size > 0) return this.#table.closest(target, count, now);
    return [...this.#remembered].sort((a, b) => compareDistance(target, a.id, b.id)).slice(0, count);
  }

  /** @internal */
  get hasBootstrap(): boolean {
    return this.#remembered.length > 0 || this.#context.bootstrap.some(({ family }) => family === this.family);
  }

  /** @internal */
  bootstrap(now: number): readonly Address[] {
    // The good ones of a table may be those of another place, before the machine slept.
    const isHeard = now - this.#heardAtMs < SILENT_AFTER_MS;
    if (isHeard && this.#table.hasGood(now)) return [];
    return this.#context.bootstrap.filter(({ family }) => family === this.family);
  }

  /** @internal @returns null when too many queries are outstanding. */
  ask(to: Address, method: string, args: KrpcFields, listener: QueryListener, now: number): OutstandingQuery | null {
    return this.#ask(to, { method, args, isBootstrap: false }, listener, now);
  }

  /** @internal The same, of a well-known node. */
  askBootstrap(
    to: Address,
    method: string,
    args: KrpcFields,
    listener: QueryListener,
    now: number,
  ): OutstandingQuery | null {
    return this.#ask(to, { method, args, isBootstrap: true }, listener, now);
  }

  /** @internal How many leading bits a node may well share with a target: more are no accident. Infinity = we cannot tell. */
  plausibleBits(now: number): number {
    if (!this.#upkeep.isAtHome) return Number.POSITIVE_INFINITY;
    return Math.log2(this.#table.estimateNetwork(now)) + ACCIDENTAL_BITS;
  }

  /** @internal */
  nodesIn(response: KrpcResponse, from: Address, now: number): NodeContact[] {
    const other = otherOf(this.family);
    const foreign = response.values.getBytes(nodesKey(other));
    if (foreign !== null && this.#context.tableOf(other) !== null) {
      this.#context.onForeignContacts(decodeNodes(foreign, other, from), now);
    }
    const nodes = response.values.getBytes(nodesKey(this.family));
    if (nodes === null) return [];
    const named = decodeNodes(nodes, this.family, from).filter((contact) => this.#isPlausible(contact, now));
    this.#upkeep.onNamed(named, now);
    return named;
  }

  /** Not us, and not somebody whom we know by another id. */
  #isPlausible({ id, address }: NodeContact, now: number): boolean {
    if (bytesEqual(id, this.#id) || this.#distrusted.has(address, now)) return false;
    return !this.#table.contradicts(id, toCompact(address));
  }

  #ask(to: Address, question: Question, listener: QueryListener, now: number): OutstandingQuery | null {
    if (this.#isClosed || !this.#transactions.hasRoom) return null;
    const { method, args, isBootstrap } = question;
    const endpoint = toCompact(to);
    const rttMs = this.#table.rttMsOf(endpoint);
    const query = this.#transactions.open({ to, endpoint, isBootstrap, rttMs }, listener, now);
    const fields = { id: this.#id, ...args, want: this.#wantFor(method) };
    const { isReadOnly } = this.#context;
    this.#send(encodeKrpcQuery(transactionIdBytes(query.transactionId), method, fields, { isReadOnly }), to, now);
    return query;
  }

  #onQuery(query: KrpcQuery, from: Address, now: number): void {
    const { isReadOnly, counters } = this.#context;
    if (isReadOnly || from.port === 0 || !this.#guard.accepts(from.host, now) || !this.#canServe(from, now)) {
      counters.packetsDropped++;
      return;
    }
    const endpoint = toCompact(from);
    const isProven = this.#table.has(endpoint);
    this.#send(this.#responder.answer(query, { address: from, endpoint, isProven }, now), from, now);
    if (query.id === null || query.isReadOnly || bytesEqual(query.id, this.#id)) return;
    if (isProven) this.#table.onQuery(endpoint, now);
    else this.#upkeep.onStranger({ id: query.id, address: from }, now);
  }

  /** The budget is for the line that others are behind: a local network may begin with us all at one time. */
  #canServe(from: Address, now: number): boolean {
    return this.#context.budget.hasRoom(now) || isLocalIp(parseIp(from.host)!);
  }

  #onResponse(response: KrpcResponse, query: OutstandingQuery, now: number): void {
    const wasEmpty = this.#table.size === 0;
    const isTrusted = !bytesEqual(response.id, this.#id) && this.#isTrusted(response, query, now);
    if (!isTrusted) {
      query.listener.onFailure(null, query, now);
      return;
    }
    query.listener.onResponse(response, query, now);
    if (wasEmpty && this.#table.size > 0) this.wake(now);
  }

  #isTrusted(response: KrpcResponse, query: OutstandingQuery, now: number): boolean {
    if (this.#distrusted.has(query.to, now)) return false;
    // A well-known node that we began with gets no place for it; only for asking us, or for being named, as others do.
    if (query.isBootstrap || this.#table.onAnswer(response.id, query.endpoint, now - query.sentAtMs, now)) return true;
    this.#distrusted.add(query.to, now);
    return false;
  }

  /** While nothing at all is heard it is our line that is down, and nobody else's fault. */
  #onTimeout(query: OutstandingQuery): void {
    if (query.sentAtMs - this.#heardAtMs < SILENT_AFTER_MS) this.#table.onFailure(query.endpoint);
  }

  /** BEP 32: both families only while the other one's table is nearly empty. */
  #wantFor(method: string): readonly string[] | undefined {
    if (method === 'ping' || method === 'announce_peer' || method === 'put') return undefined;
    const other = this.#context.tableOf(otherOf(this.family));
    return other !== null && other.size < BUCKET_NODES ? ['n4', 'n6'] : undefined;
  }

  #send(packet: Uint8Array, to: Address, now: number): void {
    const { counters, budget } = this.#context;
    counters.packetsOut++;
    counters.bytesOut += packet.length;
    budget.spend(packet.length, now);
    this.#endpoint.send(packet, to);
  }

  #emptyTable(): RoutingTable {
    return new RoutingTable({ id: this.#id, family: this.family, allowSameIp: this.allowSameIp });
  }
}

interface Question {
  readonly method: string;
  readonly args: KrpcFields;
  readonly isBootstrap: boolean;
}

const LETTER_D = 0x64;
const LETTER_E = 0x65;
const SILENT_AFTER_MS = 120_000;

function nodesKey(family: 4 | 6): string {
  return family === 4 ? 'nodes' : 'nodes6';
}

function otherOf(family: 4 | 6): 4 | 6 {
  return family === 4 ? 6 : 4;
}
