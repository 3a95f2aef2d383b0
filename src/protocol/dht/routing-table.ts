/**
 * Whom a node knows (BEP 5): nodes in buckets by how many leading bits of their id are ours. Only who has answered us gets
 * in. Invariants: no two nodes with one id or one endpoint; one node an IP, and one a /24 (IPv6: /64) in a bucket, so that
 * who has many addresses next to each other is one node; no bucket beyond its capacity.
 * Rows of numbers and not objects: a simulation holds ten thousand tables of hundreds of nodes.
 */
import { addressFromIp } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { readUint16 } from '../../base/bytes.js';
import { isLocalIp } from '../../base/ip-ranges.js';
import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow } from '../../base/random.js';
import type { NodeContact } from './compact-nodes.js';
import { commonPrefixBits, compareDistance, isSecureId, NODE_ID_BYTES } from './node-id.js';

/** K: nodes in a bucket, in an answer, and that keep a value. */
export const BUCKET_NODES = 8;

export interface RoutingTableOptions {
  /** Ours. */
  readonly id: Uint8Array;
  readonly family: 4 | 6;
  /** Many nodes of one IP are many nodes. */
  readonly allowSameIp: boolean;
}

/** A node that has to show that it is still there. */
export interface NodeToCheck {
  readonly contact: NodeContact;
  /** Leading bits of its id that are ours. */
  readonly bucket: number;
}

export class RoutingTable {
  readonly #id: Uint8Array;
  readonly #allowSameIp: boolean;
  readonly #ipBytes: number;
  /** A row begins as its compact node info: answers are made by copying. */
  readonly #rowBytes: number;
  #contacts: Uint8Array;
  #facts: Int32Array;
  #rows = 0;
  #live = 0;

  constructor({ id, family, allowSameIp }: RoutingTableOptions) {
    this.#id = id;
    this.#allowSameIp = allowSameIp;
    this.#ipBytes = family === 4 ? 4 : 16;
    this.#rowBytes = NODE_ID_BYTES + this.#ipBytes + 2;
    this.#contacts = new Uint8Array(ROWS_AT_FIRST * this.#rowBytes);
    this.#facts = new Int32Array(ROWS_AT_FIRST * FACTS);
  }

  /** Nodes in the buckets; those that wait for a place do not count. */
  get size(): number {
    return this.#live;
  }

  goodCount(now: number): number {
    let count = 0;
    for (let row = 0; row < this.#rows; row++) if (this.#isLive(row) && this.#isGood(row, now)) count++;
    return count;
  }

  hasGood(now: number): boolean {
    for (let row = 0; row < this.#rows; row++) if (this.#isLive(row) && this.#isGood(row, now)) return true;
    return false;
  }

  /** Whether the node at `endpoint` (compact) has answered us, and has a place or waits for one. */
  has(endpoint: Uint8Array): boolean {
    return this.#rowOfEndpoint(endpoint) >= 0;
  }

  /** Whether the node at `endpoint` has answered us with another id than this one. */
  contradicts(id: Uint8Array, endpoint: Uint8Array): boolean {
    const row = this.#rowOfEndpoint(endpoint);
    return row >= 0 && !this.#hasId(row, id);
  }

  /** What a node took to answer, as far as it is known; else 0. */
  rttMsOf(endpoint: Uint8Array): number {
    const row = this.#rowOfEndpoint(endpoint);
    return row < 0 ? 0 : this.#fact(row, RTT_MS);
  }

  /**
   * The node `id` at `endpoint` (compact) has answered a query of ours.
   * @returns false when it is not to be trusted: another id was there before.
   */
  onAnswer(id: Uint8Array, endpoint: Uint8Array, rttMs: number, now: number): boolean {
    const known = this.#rowOfEndpoint(endpoint);
    if (known >= 0) {
      if (this.#hasId(known, id)) {
        this.#renew(known, rttMs, now);
        return true;
      }
      this.#remove(known);
      return false;
    }
    const bucket = commonPrefixBits(this.#id, id);
    if (bucket >= 8 * NODE_ID_BYTES) return true;
    const ip = endpoint.subarray(0, this.#ipBytes);
    if (this.#makeWay(id, ip, bucket)) this.#place(id, endpoint, bucket, rttMs, now);
    return true;
  }

  /** A node that we know has asked us something. */
  onQuery(endpoint: Uint8Array, now: number): void {
    const row = this.#rowOfEndpoint(endpoint);
    if (row >= 0) this.#setFact(row, HEARD_AT_S, seconds(now));
  }

  /** It has not answered in time. */
  onFailure(endpoint: Uint8Array): void {
    const row = this.#rowOfEndpoint(endpoint);
    if (row < 0) return;
    const failures = this.#fact(row, FAILURES) + 1;
    this.#setFact(row, FAILURES, failures);
    if (!this.#isLive(row)) {
      this.#remove(row);
      return;
    }
    const bucket = this.#fact(row, BUCKET);
    const successor = failures >= FAILURES_MAX_IF_REPLACEABLE ? this.#successorIn(bucket) : NONE;
    if (successor === NONE && failures < FAILURES_MAX) return;
    if (successor !== NONE) this.#setLive(successor, true);
    this.#remove(row);
  }

  /**
   * It answered because it had just asked us: whether others can reach it, behind whatever router, is to be seen soon.
   */
  onAnswerToCaller(endpoint: Uint8Array): void {
    const row = this.#rowOfEndpoint(endpoint);
    if (row >= 0) this.#setFact(row, IS_UNCONFIRMED, 1);
  }

  /** It is being asked whether it is still there. */
  onCheck(endpoint: Uint8Array, now: number): void {
    const row = this.#rowOfEndpoint(endpoint);
    if (row >= 0) this.#setFact(row, ASKED_AT_S, seconds(now));
  }

  /** Whether a node of this id, were it to answer, would get a place that is free. */
  hasRoomFor(id: Uint8Array): boolean {
    const bucket = commonPrefixBits(this.#id, id);
    return bucket < 8 * NODE_ID_BYTES && this.#liveIn(bucket) < capacityOf(bucket);
  }

  /** Whether it is closer to us than the K that we know to be closest: it would be among those that keep what we keep. */
  isNeighbour(id: Uint8Array, now: number): boolean {
    const rows = this.#closestRows(this.#id, BUCKET_NODES, now);
    if (rows.length < BUCKET_NODES) return true;
    const start = rows[BUCKET_NODES - 1]! * this.#rowBytes;
    return compareDistance(this.#id, id, this.#contacts.subarray(start, start + NODE_ID_BYTES)) < 0;
  }

  /** The nodes closest to `target`, closest first: good ones, and others only where there are not enough. */
  closest(target: Uint8Array, count: number, now: number): NodeContact[] {
    return this.#closestRows(target, count, now).map((row) => this.#contactOf(row));
  }

  /** The same as compact node info, for an answer. */
  closestCompact(target: Uint8Array, now: number): Uint8Array {
    const rows = this.#closestRows(target, BUCKET_NODES, now);
    const compact = new Uint8Array(rows.length * this.#rowBytes);
    for (let i = 0; i < rows.length; i++) {
      const start = rows[i]! * this.#rowBytes;
      compact.set(this.#contacts.subarray(start, start + this.#rowBytes), i * this.#rowBytes);
    }
    return compact;
  }

  /**
   * Who is to be checked by now, the one that is overdue for longest; null = nobody. `afterMs`: for so long a node may be
   * silent. Those that have failed, or may be behind a router that lets nobody in, are checked sooner; who asks us needs no
   * check, for a while.
   */
  nextToCheck(now: number, { afterMs }: { afterMs: number }): NodeToCheck | null {
    let first = NONE;
    let firstAtS = seconds(now) + 1;
    for (let row = 0; row < this.#rows; row++) {
      if (!this.#isLive(row)) continue;
      const atS = this.#checkAtS(row, Math.floor(afterMs / 1000));
      if (atS >= firstAtS) continue;
      firstAtS = atS;
      first = row;
    }
    return first === NONE ? null : { contact: this.#contactOf(first), bucket: this.#fact(first, BUCKET) };
  }

  /** All that have a place, the good ones first. */
  contacts(now: number): NodeContact[] {
    return this.#closestRows(this.#id, this.#live, now).map((row) => this.#contactOf(row));
  }

  /** How many nodes the network has, ours with them, by how near our neighbours are; no fewer than we know. */
  estimateNetwork(now: number): number {
    const rows = this.#closestRows(this.#id, BUCKET_NODES, now);
    const known = this.#live + 1;
    if (rows.length < BUCKET_NODES) return known;
    // Of so many nodes between nothing and the distance of the last one: what part of the whole space is that?
    const start = rows[BUCKET_NODES - 1]! * this.#rowBytes;
    let distance = 0;
    for (let i = 0; i < 7; i++) distance = 256 * distance + (this.#contacts[start + i]! ^ this.#id[i]!);
    return Math.max(known, Math.round((BUCKET_NODES * 2 ** 56) / Math.max(1, distance)));
  }

  /** Asserts the invariants; for tests and audits. */
  verify(): void {
    const ids = new Set<string>();
    const hosts = new Set<string>();
    let live = 0;
    for (let row = 0; row < this.#rows; row++) {
      const { id, address } = this.#contactOf(row);
      ids.add(id.join());
      hosts.add(this.#allowSameIp ? `${address.host} ${address.port}` : address.host);
      const bucket = this.#fact(row, BUCKET);
      assert(bucket === commonPrefixBits(this.#id, id), 'a node is in the bucket of another id');
      if (!this.#isLive(row)) continue;
      live++;
      assert(this.#liveIn(bucket) <= capacityOf(bucket), 'a bucket has more nodes than places');
      const ip = this.#ipOf(row);
      const twin = this.#rowOfPrefix(ip, bucket);
      assert(this.#isExempt(ip) || twin === NONE || twin === row, 'two nodes of one network are in one bucket');
    }
    assert(ids.size === this.#rows && hosts.size === this.#rows, 'a node is there twice');
    assert(live === this.#live, 'the nodes that have a place are counted wrong');
  }

  /** Whether a newcomer may have a row at all; who stands in its way and deserves less is removed. */
  #makeWay(id: Uint8Array, ip: Uint8Array, bucket: number): boolean {
    const twins = [this.#rowOfId(id)];
    if (!this.#allowSameIp) twins.push(this.#rowOfIp(ip));
    if (!this.#isExempt(ip)) twins.push(this.#rowOfPrefix(ip, bucket));
    if (twins.some((row) => row !== NONE && this.#fact(row, FAILURES) === 0)) return false;
    // From the last on: removing a row moves the last one into its place.
    for (const row of [...new Set(twins)].sort((a, b) => b - a)) if (row !== NONE) this.#remove(row);
    return true;
  }

  #place(id: Uint8Array, endpoint: Uint8Array, bucket: number, rttMs: number, now: number): void {
    let isLive = this.#liveIn(bucket) < capacityOf(bucket);
    if (!isLive) {
      const loser = this.#loserAgainst(id, endpoint, bucket);
      if (loser !== NONE) {
        this.#remove(loser);
        isLive = true;
      } else this.#limitWaiting(bucket);
    }
    if (this.#rows >= LIMITS.dhtTableNodesMax) return;
    this.#grow();
    const row = this.#rows++;
    this.#contacts.set(id, row * this.#rowBytes);
    this.#contacts.set(endpoint, row * this.#rowBytes + NODE_ID_BYTES);
    this.#facts.fill(0, row * FACTS, (row + 1) * FACTS);
    this.#setFact(row, HEARD_AT_S, NEVER_S);
    this.#setFact(row, ASKED_AT_S, NEVER_S);
    this.#setFact(row, BUCKET, bucket);
    this.#setFact(row, IS_SECURE, isSecureId(id, this.#ipOf(row)) ? 1 : 0);
    this.#renew(row, rttMs, now);
    this.#setLive(row, isLive);
  }

  #renew(row: number, rttMs: number, now: number): void {
    const before = this.#fact(row, RTT_MS);
    const measured = Math.max(1, Math.round(rttMs));
    this.#setFact(row, RTT_MS, before === 0 ? measured : Math.round((3 * before + measured) / 4));
    this.#setFact(row, ANSWERED_AT_S, seconds(now));
    this.#setFact(row, FAILURES, 0);
    this.#setFact(row, IS_UNCONFIRMED, 0);
  }

  /**
   * Who of a full bucket gives way to a newcomer: one that fails, one whose id is not that of its address (BEP 42), or one
   * that crowds a part of the bucket while the newcomer's part is empty. Even parts shorten lookups by a hop.
   */
  #loserAgainst(id: Uint8Array, endpoint: Uint8Array, bucket: number): number {
    const isSecure = isSecureId(id, endpoint.subarray(0, this.#ipBytes));
    const parts = new Uint8Array(capacityOf(bucket));
    let loser = NONE;
    let loserWorth = 0;
    for (let row = 0; row < this.#rows; row++) {
      if (!this.#isLive(row) || this.#fact(row, BUCKET) !== bucket) continue;
      const part = partOf(this.#contacts, row * this.#rowBytes, bucket);
      parts[part] = parts[part]! + 1;
      const failures = this.#fact(row, FAILURES);
      const worth = failures > 0 ? 1000 * failures : isSecure && this.#fact(row, IS_SECURE) === 0 ? 1 : 0;
      if (worth <= loserWorth) continue;
      loser = row;
      loserWorth = worth;
    }
    if (loser !== NONE || !isSecure || parts[partOf(id, 0, bucket)] !== 0) return loser;
    let slowestMs = 0;
    for (let row = 0; row < this.#rows; row++) {
      if (!this.#isLive(row) || this.#fact(row, BUCKET) !== bucket) continue;
      const rttMs = this.#fact(row, RTT_MS);
      if (parts[partOf(this.#contacts, row * this.#rowBytes, bucket)]! < 2 || rttMs <= slowestMs) continue;
      loser = row;
      slowestMs = rttMs;
    }
    return loser;
  }

  /** Of those that wait for a place the one that was silent for longest makes room. */
  #limitWaiting(bucket: number): void {
    let waiting = 0;
    let oldest = NONE;
    for (let row = 0; row < this.#rows; row++) {
      if (this.#isLive(row) || this.#fact(row, BUCKET) !== bucket) continue;
      waiting++;
      if (oldest === NONE || this.#fact(row, ANSWERED_AT_S) < this.#fact(oldest, ANSWERED_AT_S)) oldest = row;
    }
    if (waiting >= WAITING_MAX) this.#remove(oldest);
  }

  /** Of those that wait the one that was heard last. It obeys the rule of one node a network. */
  #successorIn(bucket: number): number {
    let best = NONE;
    for (let row = 0; row < this.#rows; row++) {
      if (this.#isLive(row) || this.#fact(row, BUCKET) !== bucket) continue;
      if (best === NONE || this.#fact(row, ANSWERED_AT_S) > this.#fact(best, ANSWERED_AT_S)) best = row;
    }
    return best;
  }

  #closestRows(target: Uint8Array, count: number, now: number): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#rows; row++) {
      if (this.#isLive(row) && this.#isGood(row, now)) this.#rank(rows, row, target, count);
    }
    if (rows.length >= count) return rows;
    const others: number[] = [];
    for (let row = 0; row < this.#rows; row++) {
      if (this.#isLive(row) && !this.#isGood(row, now)) this.#rank(others, row, target, count - rows.length);
    }
    return rows.concat(others);
  }

  /** Keeps the `count` closest, in order. */
  #rank(ranked: number[], row: number, target: Uint8Array, count: number): void {
    if (ranked.length >= count && !this.#isCloser(row, ranked[ranked.length - 1]!, target)) return;
    let place = ranked.length;
    while (place > 0 && this.#isCloser(row, ranked[place - 1]!, target)) place--;
    ranked.splice(place, 0, row);
    if (ranked.length > count) ranked.pop();
  }

  #isCloser(a: number, b: number, target: Uint8Array): boolean {
    const contacts = this.#contacts;
    const startA = a * this.#rowBytes;
    const startB = b * this.#rowBytes;
    for (let i = 0; i < NODE_ID_BYTES; i++) {
      const difference = (contacts[startA + i]! ^ target[i]!) - (contacts[startB + i]! ^ target[i]!);
      if (difference !== 0) return difference < 0;
    }
    return false;
  }

  #contactOf(row: number): NodeContact {
    const start = row * this.#rowBytes;
    const contact = this.#contacts.slice(start, start + this.#rowBytes);
    const ip = contact.subarray(NODE_ID_BYTES, NODE_ID_BYTES + this.#ipBytes);
    return {
      id: contact.subarray(0, NODE_ID_BYTES),
      address: addressFromIp(ip, readUint16(contact, NODE_ID_BYTES + this.#ipBytes))!,
    };
  }

  #ipOf(row: number): Uint8Array {
    const start = row * this.#rowBytes + NODE_ID_BYTES;
    return this.#contacts.subarray(start, start + this.#ipBytes);
  }

  #rowOfEndpoint(endpoint: Uint8Array): number {
    return this.#find(endpoint, NODE_ID_BYTES, this.#ipBytes + 2);
  }

  #rowOfId(id: Uint8Array): number {
    return this.#find(id, 0, NODE_ID_BYTES);
  }

  #rowOfIp(ip: Uint8Array): number {
    return this.#find(ip, NODE_ID_BYTES, this.#ipBytes);
  }

  /** Who has a place or waits for one in this bucket, from the network of `ip`. */
  #rowOfPrefix(ip: Uint8Array, bucket: number): number {
    const prefixBytes = this.#ipBytes === 4 ? 3 : 8;
    for (let row = 0; row < this.#rows; row++) {
      if (this.#fact(row, BUCKET) === bucket && this.#matches(row, NODE_ID_BYTES, ip, prefixBytes)) return row;
    }
    return NONE;
  }

  #hasId(row: number, id: Uint8Array): boolean {
    return this.#matches(row, 0, id, NODE_ID_BYTES);
  }

  #find(bytes: Uint8Array, offset: number, length: number): number {
    for (let row = 0; row < this.#rows; row++) if (this.#matches(row, offset, bytes, length)) return row;
    return NONE;
  }

  #matches(row: number, offset: number, bytes: Uint8Array, length: number): boolean {
    const start = row * this.#rowBytes + offset;
    // From the end: addresses and ports differ there.
    for (let i = length - 1; i >= 0; i--) if (this.#contacts[start + i] !== bytes[i]) return false;
    return true;
  }

  /** The neighbours in a network of one's own are many, and nobody's attack. */
  #isExempt(ip: Uint8Array): boolean {
    return this.#allowSameIp || isLocalIp(ip);
  }

  #checkAtS(row: number, afterS: number): number {
    const answeredAtS = this.#fact(row, ANSWERED_AT_S);
    const askedAtS = Math.max(answeredAtS, this.#fact(row, ASKED_AT_S));
    const isDoubtful = this.#fact(row, FAILURES) > 0 || this.#fact(row, IS_UNCONFIRMED) !== 0;
    if (isDoubtful) return askedAtS + Math.min(afterS, DOUBTFUL_CHECKED_AFTER_S);
    // Not for ever: queries can be forged, and who asks may not be reached by others.
    return Math.max(askedAtS, Math.min(this.#fact(row, HEARD_AT_S), answeredAtS + GOOD_FOR_S)) + afterS;
  }

  #isGood(row: number, now: number): boolean {
    if (this.#fact(row, FAILURES) > 0) return false;
    const heardAtS = Math.max(this.#fact(row, ANSWERED_AT_S), this.#fact(row, HEARD_AT_S));
    return seconds(now) - heardAtS <= GOOD_FOR_S;
  }

  #liveIn(bucket: number): number {
    let count = 0;
    for (let row = 0; row < this.#rows; row++) if (this.#isLive(row) && this.#fact(row, BUCKET) === bucket) count++;
    return count;
  }

  #isLive(row: number): boolean {
    return this.#facts[row * FACTS + IS_LIVE] !== 0;
  }

  #setLive(row: number, isLive: boolean): void {
    if (this.#isLive(row) !== isLive) this.#live += isLive ? 1 : -1;
    this.#setFact(row, IS_LIVE, isLive ? 1 : 0);
  }

  #fact(row: number, fact: number): number {
    return this.#facts[row * FACTS + fact]!;
  }

  #setFact(row: number, fact: number, value: number): void {
    this.#facts[row * FACTS + fact] = value;
  }

  /** The last row takes its place. */
  #remove(row: number): void {
    this.#setLive(row, false);
    const last = --this.#rows;
    if (row === last) return;
    this.#contacts.copyWithin(row * this.#rowBytes, last * this.#rowBytes, (last + 1) * this.#rowBytes);
    this.#facts.copyWithin(row * FACTS, last * FACTS, (last + 1) * FACTS);
  }

  #grow(): void {
    if ((this.#rows + 1) * FACTS <= this.#facts.length) return;
    const rows = Math.min(LIMITS.dhtTableNodesMax, Math.ceil(1.5 * this.#rows));
    const contacts = new Uint8Array(rows * this.#rowBytes);
    contacts.set(this.#contacts);
    const facts = new Int32Array(rows * FACTS);
    facts.set(this.#facts);
    this.#contacts = contacts;
    this.#facts = facts;
  }
}

/** @returns an id that shares exactly `bucket` leading bits with `id`, otherwise by chance. */
export function randomIdInBucket(id: Uint8Array, bucket: number, random: Random): Uint8Array {
  const result = new Uint8Array(NODE_ID_BYTES);
  random.fill(result);
  const whole = bucket >>> 3;
  result.set(id.subarray(0, whole));
  const bit = 0x80 >>> (bucket & 7);
  const shared = 0xff & ~(2 * bit - 1);
  result[whole] = (id[whole]! & shared) | (~id[whole]! & bit) | (randomBelow(random, 256) & (bit - 1));
  return result;
}

const NONE = -1;
const ROWS_AT_FIRST = 16;
/** The first buckets hold half, a quarter … of all nodes: large ones shorten every lookup (as libtorrent has it). */
const FIRST_CAPACITIES: readonly number[] = [128, 64, 32, 16];
/** Who waits for a place in a bucket. */
const WAITING_MAX = 8;
const FAILURES_MAX_IF_REPLACEABLE = 2;
const FAILURES_MAX = 3;
const GOOD_FOR_S = 15 * 60;
const DOUBTFUL_CHECKED_AFTER_S = 2 * 60;
const NEVER_S = -(2 ** 30);

/** What is known of a row. */
const ANSWERED_AT_S = 0;
const HEARD_AT_S = 1;
const ASKED_AT_S = 2;
const RTT_MS = 3;
const FAILURES = 4;
const BUCKET = 5;
const IS_LIVE = 6;
const IS_SECURE = 7;
const IS_UNCONFIRMED = 8;
const FACTS = 9;

function capacityOf(bucket: number): number {
  return FIRST_CAPACITIES[bucket] ?? BUCKET_NODES;
}

/** Which of as many equal parts of its bucket as the bucket has places an id is in: the bits behind the one that differs. */
function partOf(ids: Uint8Array, offset: number, bucket: number): number {
  let part = 0;
  for (let rest = capacityOf(bucket), bit = bucket + 1; rest > 1; rest >>>= 1, bit++) {
    const byte = bit < 8 * NODE_ID_BYTES ? ids[offset + (bit >>> 3)]! : 0;
    part = 2 * part + ((byte >>> (7 - (bit & 7))) & 1);
  }
  return part;
}

function seconds(now: number): number {
  return Math.floor(now / 1000);
}
