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
  /** From the call that began it to its end. */
  readonly elapsedMs: number;
}

/** What a search for peers took. */
export interface PeersSummary extends LookupSummary {
  /** Different addresses that were found. */
  readonly peers: number;
}

/** Hears of a search for peers. */
export interface PeersListener {
  /** Each address is told once. Any address that a peer can have; `addresses` is never empty. */
  onPeers(addresses: readonly Address[]): void;
  /** The end, unless it was cancelled. */
  onDone(summary: PeersSummary): void;
}

/** What is announced. */
export interface AnnounceOptions {
  /** Our listening port, 1 to 65535. */
  readonly port: number;
  /** Has others take the port that the packet came from instead: behind a NAT it is the better one. */
  readonly isImpliedPort: boolean;
  /** We have all of it (BEP 33). */
  readonly isSeed: boolean;
}

/** What an announce took. */
export interface AnnounceSummary extends PeersSummary {
  /** Nodes that took the announce. */
  readonly stored: number;
}

/** Hears of an announce, which is a search for peers as well. */
export interface AnnounceListener {
  /** As of PeersListener. */
  onPeers(addresses: readonly Address[]): void;
  /** The end, unless it was cancelled. */
  onDone(summary: AnnounceSummary): void;
}

/** What is kept under a public key (BEP 44). */
export interface FoundMutable {
  /** One bencoded value, as it was signed. */
  readonly value: Uint8Array;
  /** 0 to 2^63 - 1: the highest counts. */
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

/** What a search for an item took. */
export interface ItemSummary extends LookupSummary {
  /** Nodes that had it, in the newest version. */
  readonly copies: number;
}

/** Hears of a search for an immutable item. */
export interface ItemListener {
  /** The value, bencoded, checked against its target; null = nobody has it. */
  onDone(value: Uint8Array | null, summary: ItemSummary): void;
}

/** Hears of a search for a mutable item. */
export interface MutableListener {
  /** A version that is newer than all before it. */
  onVersion?(found: FoundMutable): void;
  /** The newest version; null = nobody has one. */
  onDone(found: FoundMutable | null, summary: ItemSummary): void;
}

/** What a put took. */
export interface PutSummary extends LookupSummary {
  /** Nodes that took the value. */
  readonly stored: number;
  /** The code of the last refusal, as 301 (compare-and-swap failed) and 302 (there is a newer one); 0 = none. */
  readonly refusal: number;
}

/** Hears of a put. */
export interface PutListener {
  /** The end, unless it was cancelled. */
  onDone(summary: PutSummary): void;
}

/** What a scrape has found, and what it took. */
export interface ScrapeSummary extends LookupSummary {
  /** Estimates (BEP 33); null = nobody could say. */
  readonly seeds: number | null;
  /** As `seeds`. */
  readonly leechers: number | null;
}

/** Hears of a scrape. */
export interface ScrapeListener {
  /** The end, unless it was cancelled. */
  onDone(summary: ScrapeSummary): void;
}

/** Hears of samples of what nodes keep peers of. */
export interface SampleListener {
  /** Info-hashes, 20 bytes each, that a node keeps peers of; `total`: how many it keeps. */
  onSamples(hashes: readonly Uint8Array[], from: Address, total: number): void;
  /** The end, unless it was cancelled. */
  onDone(summary: LookupSummary): void;
}

/** Hears of a ping. */
export interface PingListener {
  /** The round trip; null = no answer. */
  onDone(rttMs: number | null): void;
}

/** How the DHT is doing: what is known, under way, kept for others, and what it took since the start. */
export interface DhtStats {
  /** Nodes in the routing tables that answered lately. */
  readonly goodNodes: number;
  /** All nodes in the routing tables. */
  readonly tableNodes: number;
  /** Our estimate of how many nodes there are, in the larger network of the two. */
  readonly networkNodes: number;
  /** Under way. */
  readonly lookups: number;
  /** Not answered yet. */
  readonly outstandingQueries: number;
  /** Of which we keep peers for others. */
  readonly storedInfoHashes: number;
  /** Kept for others, all info-hashes together. */
  readonly storedPeers: number;
  /** Kept for others (BEP 44). */
  readonly storedItems: number;
  /** Received, good or bad. */
  readonly packetsIn: number;
  /** Sent. */
  readonly packetsOut: number;
  /** Of packets received, without headers. */
  readonly bytesIn: number;
  /** Of packets sent, without headers. */
  readonly bytesOut: number;
  /** Packets from others that we did not serve: malformed, too many, unasked for. */
  readonly packetsDropped: number;
}
