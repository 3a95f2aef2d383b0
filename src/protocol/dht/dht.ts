/**
 * The DHT (BEP 5, 32, 33, 42, 43, 44, 45, 51) as its owner sees it: one `DhtNode` for each local socket, and what is asked
 * of all of them together. IPv4 and IPv6 are two networks (BEP 32): what is asked goes out by one node of each family,
 * never by all sockets at once (BEP 45). Sans-IO: packets and the time (monotonic ms) go in; packets, and answers through
 * listeners, come out. No listener is called inside the call that starts the work, and none after its `onDone` or `cancel`.
 */
import type { Address } from '../../base/address.js';
import type { Random } from '../../base/random.js';
import type { DhtNode } from './dht-node.js';

export interface DhtOptions {
  readonly random: Random;
  /** BEP 43: we ask, and answer nobody. Default false. */
  readonly isReadOnly?: boolean;
  /** Takes many nodes behind one IP for many nodes: networks of one machine. Default false. */
  readonly allowSameIp?: boolean;
  /** `voter` says that our address is `ip` (canonical text), in an answer (BEP 42). One word among many: never trust one. */
  onAddressVote?(ip: string, voter: Address, now: number): void;
}

/** A local socket, bound to one address. */
export interface DhtEndpoint {
  readonly family: 4 | 6;
  /** Our address as others see it, as text: the node id follows from it (BEP 42). null = not known yet. */
  readonly externalIp: string | null;
  /** Best effort. `packet` is valid only during the call. */
  send(packet: Uint8Array, to: Address): void;
}

/** Something under way. */
export interface DhtOperation {
  /** Stops it: its listener hears nothing more. No error when it is over. */
  cancel(): void;
}

/** What a lookup took. */
export interface LookupSummary {
  /** Queries that were sent, all families together. */
  readonly queries: number;
  /** Nodes that answered. */
  readonly answers: number;
  readonly elapsedMs: number;
}

export interface PeersSummary extends LookupSummary {
  /** Different addresses that were found. */
  readonly peers: number;
}

export interface PeersListener {
  /** Each address is told once. Any address that a peer can have; `addresses` is never empty. */
  onPeers(addresses: readonly Address[]): void;
  onDone(summary: PeersSummary): void;
}

export interface AnnounceOptions {
  /** Our listening port, 1 to 65535. */
  readonly port: number;
  /** Has others take the port that the packet came from instead: behind a NAT it is the better one. */
  readonly isImpliedPort: boolean;
  /** We have all of it (BEP 33). */
  readonly isSeed: boolean;
}

export interface AnnounceSummary extends PeersSummary {
  /** Nodes that took the announce. */
  readonly stored: number;
}

export interface AnnounceListener {
  onPeers(addresses: readonly Address[]): void;
  onDone(summary: AnnounceSummary): void;
}

/** What is kept under a public key (BEP 44). */
export interface FoundMutable {
  /** One bencoded value, as it was signed. */
  readonly value: Uint8Array;
  readonly sequence: bigint;
  /** 64 bytes, verified. */
  readonly signature: Uint8Array;
}

/** A signed value, to be kept by others (BEP 44). */
export interface SignedItem extends FoundMutable {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** At most 64 bytes; empty = none. */
  readonly salt: Uint8Array;
}

export interface ItemSummary extends LookupSummary {
  /** Nodes that had it, in the newest version. */
  readonly copies: number;
}

export interface ItemListener {
  /** The value, bencoded, checked against its target; null = nobody has it. */
  onDone(value: Uint8Array | null, summary: ItemSummary): void;
}

export interface MutableListener {
  /** A version that is newer than all before it. */
  onVersion?(found: FoundMutable): void;
  /** The newest version; null = nobody has one. */
  onDone(found: FoundMutable | null, summary: ItemSummary): void;
}

export interface PutSummary extends LookupSummary {
  /** Nodes that took the value. */
  readonly stored: number;
  /** The code of the last refusal, as 301 (compare-and-swap failed) and 302 (there is a newer one); 0 = none. */
  readonly refusal: number;
}

export interface PutListener {
  onDone(summary: PutSummary): void;
}

export interface ScrapeSummary extends LookupSummary {
  /** Estimates (BEP 33); null = nobody could say. */
  readonly seeds: number | null;
  readonly leechers: number | null;
}

export interface ScrapeListener {
  onDone(summary: ScrapeSummary): void;
}

export interface SampleListener {
  /** Info-hashes, 20 bytes each, that a node keeps peers of; `total`: how many it keeps. */
  onSamples(hashes: readonly Uint8Array[], from: Address, total: number): void;
  onDone(summary: LookupSummary): void;
}

export interface PingListener {
  /** The round trip; null = no answer. */
  onDone(rttMs: number | null): void;
}

export interface DhtStats {
  /** Nodes in the routing tables that answered lately. */
  readonly goodNodes: number;
  /** All nodes in the routing tables. */
  readonly tableNodes: number;
  /** Our estimate of how many nodes there are, in the larger network of the two. */
  readonly networkNodes: number;
  readonly lookups: number;
  readonly outstandingQueries: number;
  /** Of which we keep peers for others. */
  readonly storedInfoHashes: number;
  readonly storedPeers: number;
  readonly storedItems: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Packets from others that we did not serve: malformed, too many, unasked for. */
  readonly packetsDropped: number;
}

const NOTHING: DhtOperation = { cancel: () => {} };

export class Dht {
  constructor(_options: DhtOptions) {}

  /** A socket is there. Its node looks for its place at once, as far as anyone is known. */
  open(_endpoint: DhtEndpoint, _now: number): DhtNode {
    throw new Error('not yet');
  }

  /** The socket is gone: what its node was asked for ends. */
  close(_node: DhtNode, _now: number): void {}

  /** Does what is due. */
  advance(_now: number): void {}

  /** ms; Infinity = nothing to wait for. */
  nextDeadline(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** Well-known nodes: asked while nobody else is known, and never taken into the table. */
  addBootstrap(_addresses: readonly Address[], _now: number): void {}

  /** Someone who may be a node (a PORT message, a torrent's `nodes`): pinged, and kept if it answers. */
  addNode(_address: Address, _now: number): void {}

  /** Our address has become `ip` (text): nodes of its family get a new id (BEP 42) and start again from whom they know. */
  setExternalIp(_family: 4 | 6, _ip: string, _now: number): void {}

  /** Looks for peers. `infoHash`: 20 bytes, those of v2 cut off. */
  getPeers(_infoHash: Uint8Array, _listener: PeersListener, _now: number): DhtOperation {
    return NOTHING;
  }

  /** Looks for peers, and tells the nodes closest to `infoHash` that we are one. */
  announce(_infoHash: Uint8Array, _options: AnnounceOptions, _listener: AnnounceListener, _now: number): DhtOperation {
    return NOTHING;
  }

  /** `target`: SHA-1 of the value as bencode (BEP 44). */
  getItem(_target: Uint8Array, _listener: ItemListener, _now: number): DhtOperation {
    return NOTHING;
  }

  /** `publicKey` 32 bytes, `salt` at most 64. */
  getMutable(
    _key: { readonly publicKey: Uint8Array; readonly salt: Uint8Array },
    _listener: MutableListener,
    _now: number,
  ): DhtOperation {
    return NOTHING;
  }

  /** `value`: one bencoded value of at most 1000 bytes. */
  putImmutable(_value: Uint8Array, _listener: PutListener, _now: number): DhtOperation {
    return NOTHING;
  }

  /** `cas`: only where this is the sequence number of what is there. null = whatever is there. */
  putMutable(_item: SignedItem, _cas: bigint | null, _listener: PutListener, _now: number): DhtOperation {
    return NOTHING;
  }

  /** How many seeds and leechers there are (BEP 33). */
  scrape(_infoHash: Uint8Array, _listener: ScrapeListener, _now: number): DhtOperation {
    return NOTHING;
  }

  /** Asks the nodes closest to `target` for a sample of what they keep (BEP 51). */
  sampleInfohashes(_target: Uint8Array, _listener: SampleListener, _now: number): DhtOperation {
    return NOTHING;
  }

  /** Goes through the whole key space, each node asked once (BEP 51). */
  index(_listener: SampleListener, _now: number): DhtOperation {
    return NOTHING;
  }

  ping(_address: Address, _listener: PingListener, _now: number): DhtOperation {
    return NOTHING;
  }

  /** What a later run begins with: bencode, at most LIMITS.dhtSnapshotBytesMax. */
  snapshot(_now: number): Uint8Array {
    return new Uint8Array(0);
  }

  /** Takes up a snapshot of an earlier run, before or after open(). @returns false when it is not one. */
  restore(_snapshot: Uint8Array, _now: number): boolean {
    return false;
  }

  stats(_now: number): DhtStats {
    throw new Error('not yet');
  }
}
