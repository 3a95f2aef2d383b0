/** What the DHT can be asked to do, as whoever asks sees it: options, listeners and what they are told. */
import type { Address } from '../../base/address.js';

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
  readonly storedItems: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Packets from others that we did not serve: malformed, too many, unasked for. */
  readonly packetsDropped: number;
}
