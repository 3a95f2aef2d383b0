/**
 * The DHT (BEP 5, 32, 33, 42, 43, 44, 45, 51) as its owner sees it: one `DhtNode` for each local socket, and what is asked
 * of all of them together. IPv4 and IPv6 are two networks (BEP 32): what is asked goes out by one node of each family,
 * never by all sockets at once (BEP 45). Sans-IO: packets and the time (monotonic ms) go in; packets, and answers through
 * listeners, come out. No listener is called inside the call that starts the work, and none after its `onDone` or `cancel`.
 */
import { type Address, addressKey, parseIp } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { Timer, TimerQueue } from '../../base/timer-queue.js';
import type { NodeContact } from './compact-nodes.js';
import type { DhtContext, PacketCounters } from './dht-context.js';
import { type DhtEndpoint, DhtNode } from './dht-node.js';
import { InfohashIndex } from './infohash-index.js';
import { mutableTarget } from './item.js';
import { ItemPut } from './item-put.js';
import { ImmutableSearch, type MutableKey, MutableSearch } from './item-search.js';
import { ItemStore } from './item-store.js';
import { type JointGoal, JointLookup } from './joint-lookup.js';
import { commonPrefixBits, makeNodeId, NODE_ID_BYTES } from './node-id.js';
import type {
  AnnounceListener,
  AnnounceOptions,
  DhtOperation,
  DhtStats,
  ItemListener,
  MutableListener,
  PeersListener,
  PingListener,
  PutListener,
  SampleListener,
  ScrapeListener,
  SignedItem,
} from './operations.js';
import { PeerAnnounce, PeerSearch } from './peer-search.js';
import { PeerStore } from './peer-store.js';
import { BUCKET_NODES, type RoutingTable } from './routing-table.js';
import { SampleSearch } from './sample-search.js';
import { ScrapeSearch } from './scrape-search.js';
import { SendBudget } from './send-budget.js';
import { decodeSnapshot, encodeSnapshot, type NodeSnapshot } from './snapshot.js';
import type { QueryListener } from './transactions.js';

/** How a DHT is set up. */
export interface DhtOptions {
  /** Not to be guessed by others, outside of tests: ids and tokens are made of it. */
  readonly random: Random;
  /** BEP 43: we ask, and answer nobody. Default false. */
  readonly isReadOnly?: boolean;
  /** Takes many nodes behind one IP for many nodes: networks of one machine. Default false. */
  readonly allowSameIp?: boolean;
  /** What answers may cost, of all nodes together; default LIMITS.dhtUploadBytesPerSecondMax. */
  readonly uploadBytesPerSecond?: number;
  /** `voter` says that our address is `ip` (canonical text), in an answer (BEP 42). One word among many: never trust one. */
  onAddressVote?(ip: string, voter: Address, now: number): void;
}

/** All nodes of one program, and what is asked of them together. */
export class Dht {
  readonly #random: Random;
  readonly #context: DhtContext;
  readonly #timers = new TimerQueue();
  readonly #nodes: DhtNode[] = [];
  readonly #bootstrap: Address[] = [];
  readonly #peers = new PeerStore(() => this.#nodes.map(({ id }) => id));
  readonly #items = new ItemStore(() => this.#nodes.map(({ id }) => id));
  readonly #counters: PacketCounters = { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0, packetsDropped: 0 };
  readonly #expiry: Timer;
  /** Of a snapshot: nodes whose sockets are not there yet. */
  #earlier: NodeSnapshot[] = [];

  /** Without a socket: `open` adds one. */
  constructor(options: DhtOptions) {
    this.#random = options.random;
    this.#context = {
      random: options.random,
      isReadOnly: options.isReadOnly ?? false,
      allowSameIp: options.allowSameIp ?? false,
      peers: this.#peers,
      items: this.#items,
      budget: new SendBudget(options.uploadBytesPerSecond ?? LIMITS.dhtUploadBytesPerSecondMax),
      counters: this.#counters,
      bootstrap: this.#bootstrap,
      tableOf: (family) => this.#tableOf(family),
      onForeignContacts: (contacts, now) => this.#onForeignContacts(contacts, now),
      onAddressVote: (ip, voter, now) => options.onAddressVote?.(ip, voter, now),
    };
    this.#expiry = new Timer((now) => this.#expire(now));
  }

  /** A socket is there. Its node looks for its place at once, as far as anyone is known. */
  open(endpoint: DhtEndpoint, now: number): DhtNode {
    const node = new DhtNode(this.#context, endpoint, this.#idFor(endpoint), now);
    this.#nodes.push(node);
    this.#takeUpEarlier(node, now);
    if (!this.#expiry.isArmed) this.#timers.set(this.#expiry, now + EXPIRE_EVERY_MS);
    return node;
  }

  /** The socket is gone: what its node was asked for ends. */
  close(node: DhtNode, now: number): void {
    const index = this.#nodes.indexOf(node);
    if (index < 0) return;
    this.#nodes.splice(index, 1);
    node.close(now);
  }

  /** Does what is due. */
  advance(now: number): void {
    this.#timers.advance(now);
    for (const node of [...this.#nodes]) node.advance(now);
  }

  /** ms; Infinity = nothing to wait for. */
  nextDeadline(): number {
    let deadline = this.#timers.nextDeadline;
    for (const node of this.#nodes) deadline = Math.min(deadline, node.nextDeadline());
    return deadline;
  }

  /** Well-known nodes: asked while nobody else is known, and never taken into the table. */
  addBootstrap(addresses: readonly Address[], now: number): void {
    for (const address of addresses) {
      if (this.#bootstrap.length >= LIMITS.dhtBootstrapNodesMax) break;
      if (!this.#bootstrap.some((known) => addressKey(known) === addressKey(address))) this.#bootstrap.push(address);
    }
    for (const node of this.#nodes) node.wake(now);
  }

  /** Someone who may be a node (a PORT message, a torrent's `nodes`): pinged, and kept if it answers. */
  addNode(address: Address, now: number): void {
    this.#nodeFor(address.family, NO_TARGET)?.suggest([address], now);
  }

  /** Our address has become `ip` (text): nodes of its family get a new id (BEP 42) and start again from whom they know. */
  setExternalIp(family: 4 | 6, ip: string, now: number): void {
    for (const node of this.#nodes) if (node.family === family) node.setExternalIp(ip, now);
  }

  /** Looks for peers. `infoHash`: 20 bytes, those of v2 cut off. */
  getPeers(infoHash: Uint8Array, listener: PeersListener, now: number): DhtOperation {
    return this.#searchPeers(infoHash, new PeerSearch(infoHash, { isSeed: false }, listener), now);
  }

  /** Looks for peers, and tells the nodes closest to `infoHash` that we are one. */
  announce(infoHash: Uint8Array, options: AnnounceOptions, listener: AnnounceListener, now: number): DhtOperation {
    return this.#searchPeers(infoHash, new PeerAnnounce(infoHash, options, listener), now);
  }

  /** `target`: SHA-1 of the value as bencode (BEP 44). */
  getItem(target: Uint8Array, listener: ItemListener, now: number): DhtOperation {
    const own = this.#items.get(target, now);
    const value = own === null || own.mutable !== null ? null : own.value;
    return this.#lookUp(target, new ImmutableSearch(target, value, listener), now);
  }

  /** `publicKey` 32 bytes, `salt` at most 64. */
  getMutable(key: MutableKey, listener: MutableListener, now: number): DhtOperation {
    const target = mutableTarget(key.publicKey, key.salt);
    const own = this.#items.get(target, now)?.mutable ?? null;
    return this.#lookUp(target, new MutableSearch(key, own, listener), now);
  }

  /** `value`: one bencoded value of at most 1000 bytes; others are refused with the code that nodes have for it. */
  putImmutable(value: Uint8Array, listener: PutListener, now: number): DhtOperation {
    return this.#put(ItemPut.immutable(value, listener), now);
  }

  /** `cas`: only where this is the sequence number of what is there. null = whatever is there. */
  putMutable(item: SignedItem, cas: bigint | null, listener: PutListener, now: number): DhtOperation {
    return this.#put(ItemPut.mutable(item, cas, listener), now);
  }

  /** How many seeds and leechers there are (BEP 33). */
  scrape(infoHash: Uint8Array, listener: ScrapeListener, now: number): DhtOperation {
    const own = FAMILIES.map((family) => this.#peers.scrape(infoHash, family, now)).filter((each) => each !== null);
    return this.#lookUp(infoHash, new ScrapeSearch(infoHash, own, listener), now);
  }

  /** Asks the nodes closest to `target` for a sample of what they keep (BEP 51). */
  sampleInfohashes(target: Uint8Array, listener: SampleListener, now: number): DhtOperation {
    return this.#lookUp(target, new SampleSearch(target, listener), now);
  }

  /** Goes through the whole network, each node asked once (BEP 51): IPv4 where we are in it, else IPv6. */
  index(listener: SampleListener, now: number): DhtOperation {
    const node = this.#nodes.find(({ family }) => family === 4) ?? this.#nodes[0];
    if (node === undefined) return this.#later(() => listener.onDone({ queries: 0, answers: 0, elapsedMs: 0 }), now);
    const index = new InfohashIndex(node, this.#random, listener, now);
    this.#later((at) => index.start(at), now);
    return index;
  }

  /** Asks whether there is a node, and how far away. */
  ping(address: Address, listener: PingListener, now: number): DhtOperation {
    let isOver = false;
    const finish = (rttMs: number | null): void => {
      if (!isOver) listener.onDone(rttMs);
      isOver = true;
    };
    const asking: QueryListener = {
      onResponse: (_response, query, at) => finish(at - query.sentAtMs),
      onFailure: () => finish(null),
    };
    const node = this.#nodes.find(({ family }) => family === address.family);
    if (!node?.ask(address, 'ping', {}, asking, now)) this.#later(() => finish(null), now);
    return {
      cancel: () => {
        isOver = true;
      },
    };
  }

  /** What a later run begins with: bencode, at most LIMITS.dhtSnapshotBytesMax. */
  snapshot(now: number): Uint8Array {
    return encodeSnapshot(
      this.#nodes.map((node) => ({ family: node.family, id: node.id, contacts: node.table.contacts(now) })),
    );
  }

  /** Takes up a snapshot of an earlier run, before or after open(). @returns false when it is not one. */
  restore(snapshot: Uint8Array, now: number): boolean {
    const earlier = decodeSnapshot(snapshot);
    if (earlier === null) return false;
    this.#earlier = earlier;
    for (const node of this.#nodes) this.#takeUpEarlier(node, now);
    return true;
  }

  /** Whether a good node is known: lookups have somebody to begin with. Costs next to nothing. */
  isReachable(now: number): boolean {
    return this.#nodes.some((node) => node.table.hasGood(now));
  }

  /** A snapshot. */
  stats(now: number): DhtStats {
    const stats = { goodNodes: 0, tableNodes: 0, networkNodes: 0, lookups: 0, outstandingQueries: 0 };
    for (const node of this.#nodes) {
      stats.goodNodes += node.table.goodCount(now);
      stats.tableNodes += node.table.size;
      stats.networkNodes = Math.max(stats.networkNodes, node.table.estimateNetwork(now));
      stats.lookups += node.lookups;
      stats.outstandingQueries += node.outstandingQueries;
    }
    const { size: storedInfoHashes, peerCount: storedPeers } = this.#peers;
    return { ...stats, ...this.#counters, storedInfoHashes, storedPeers, storedItems: this.#items.size };
  }

  /** We may be one of those that keep the torrent's peers. */
  #searchPeers(infoHash: Uint8Array, search: PeerSearch, now: number): DhtOperation {
    const own: Address[] = [];
    for (const family of FAMILIES) {
      const choice = { family, max: LIMITS.dhtStoredPeersPerHashMax, noSeeds: false, random: this.#random };
      if (this.#nodeFor(family, infoHash) !== null) own.push(...this.#peers.peersOf(infoHash, choice, now));
    }
    search.own = own;
    return this.#lookUp(infoHash, search, now);
  }

  #lookUp(target: Uint8Array, goal: JointGoal, now: number): DhtOperation {
    assert(target.length === NODE_ID_BYTES, 'a target has 20 bytes');
    const nodes = FAMILIES.map((family) => this.#nodeFor(family, target)).filter((node) => node !== null);
    if (nodes.length > 0 && goal.isSatisfied !== true) return new JointLookup(nodes, target.slice(), goal, now);
    return this.#endLater(goal, now);
  }

  #put(put: ItemPut, now: number): DhtOperation {
    return put.fault === null ? this.#lookUp(put.target, put, now) : this.#endLater(put, now);
  }

  #endLater(goal: JointGoal, now: number): DhtOperation {
    return this.#later(() => goal.onEnd({ queries: 0, answers: 0, elapsedMs: 0 }), now);
  }

  /** With the next advance(). */
  #later(act: (now: number) => void, now: number): DhtOperation {
    const timer = new Timer(act);
    this.#timers.set(timer, now);
    return { cancel: () => this.#timers.cancel(timer) };
  }

  #takeUpEarlier(node: DhtNode, now: number): void {
    const index = this.#earlier.findIndex(({ family }) => family === node.family);
    if (index < 0) return;
    const [{ id, contacts }] = this.#earlier.splice(index, 1) as [NodeSnapshot];
    node.takeUp(id, contacts, now);
  }

  /** BEP 45: one target is the matter of one node of a family, always the same. */
  #nodeFor(family: 4 | 6, target: Uint8Array): DhtNode | null {
    let chosen: DhtNode | null = null;
    for (const node of this.#nodes) {
      if (node.family !== family) continue;
      if (chosen === null || commonPrefixBits(node.id, target) > commonPrefixBits(chosen.id, target)) chosen = node;
    }
    return chosen;
  }

  #tableOf(family: 4 | 6): RoutingTable | null {
    return this.#nodes.find((node) => node.family === family)?.table ?? null;
  }

  #onForeignContacts(contacts: readonly NodeContact[], now: number): void {
    for (const node of this.#nodes) {
      if (node.table.size >= BUCKET_NODES) continue;
      const ours = contacts.filter(({ address }) => address.family === node.family);
      node.suggest(
        ours.map(({ address }) => address),
        now,
      );
    }
  }

  /** Far from the ids of our other nodes (BEP 45), as far as our address leaves a choice. */
  #idFor({ externalIp }: DhtEndpoint): Uint8Array {
    const ip = externalIp === null ? null : parseIp(externalIp);
    let best = makeNodeId(ip, this.#random);
    let bestBits = this.#nearestBits(best);
    for (let tries = 0; tries < ID_TRIES && bestBits > 0; tries++) {
      const id = makeNodeId(ip, this.#random);
      const bits = this.#nearestBits(id);
      if (bits >= bestBits) continue;
      best = id;
      bestBits = bits;
    }
    return best;
  }

  #nearestBits(id: Uint8Array): number {
    return Math.max(0, ...this.#nodes.map((node) => commonPrefixBits(node.id, id)));
  }

  #expire(now: number): void {
    this.#peers.expire(now);
    this.#items.expire(now);
    if (this.#nodes.length > 0) this.#timers.set(this.#expiry, now + EXPIRE_EVERY_MS);
  }
}

const FAMILIES = [4, 6] as const;
const NO_TARGET = new Uint8Array(NODE_ID_BYTES);
const ID_TRIES = 8;
const EXPIRE_EVERY_MS = 300_000;
