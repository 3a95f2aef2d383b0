/**
 * What a peer connection asks and tells of the swarm it belongs to. Swarm implements it; Peer knows nothing else of it.
 * Every call is made inside a turn.
 */
import type { Address } from '../../base/address.js';
import type { ExtensionHandshake } from '../../protocol/wire/extension-handshake.js';
import type { TorrentData } from '../data/torrent-data.js';
import type { RateGroup } from '../swarm/rate-limiter.js';
import type { CloseReason } from './close-reason.js';
import type { Peer } from './peer.js';

/** The swarm as one of its peers sees it. */
export interface PeerOwner {
  /** What our handshake carries when we dial: SHA-1 info-hash, or the truncated SHA-256 (BEP 52). 20 bytes. */
  readonly wireHash: Uint8Array;
  /** The truncated SHA-256 (BEP 52), 20 bytes; null for a torrent that has none, or is not known to have one. */
  readonly v2WireHash: Uint8Array | null;
  readonly localPeerId: Uint8Array;
  /** Null until the metadata is there and the storage is open. */
  readonly data: TorrentData | null;
  readonly extensionHandshake: ExtensionHandshake;
  /** Its peers share a turn where the rate is limited. */
  readonly downloadTurns: RateGroup;
  readonly uploadTurns: RateGroup;
  /** BEP 16: we say that we have nothing, and then show each peer one piece after the other. */
  readonly isSuperSeeding: boolean;
  /** BEP 5: our handshake says so; never of a torrent that is known to be private. */
  readonly usesDht: boolean;
  /** UDP port of our DHT node of that family, 0 = the peer is told of none. */
  dhtPort(family: 4 | 6): number;
  /** The peer says that its DHT node is there: the peer's host, and a port that is not 0. Once a connection at most. */
  onDhtNode(address: Address): void;
  /** Whether places are so short that those who only fill one may have to go. */
  readonly isCrowded: boolean;
  /** Handshake complete. @returns a reason to close the connection, or null. */
  onHandshake(peer: Peer): CloseReason | null;
  onExtensionHandshake(peer: Peer, handshake: ExtensionHandshake): void;
  /** BEP 21: whether the peer downloads anything. */
  onUploadOnlyChanged(peer: Peer): void;
  onMetadataMessage(peer: Peer, payload: Uint8Array): void;
  /** BEP 11. `payload` is valid only during the call. */
  onPexMessage(peer: Peer, payload: Uint8Array): void;
  /** The peer became or ceased to be interested in us. */
  onInterestChanged(peer: Peer): void;
  /** Whether a peer may be served the piece, as far as super-seeding goes. */
  isShownTo(peer: Peer, piece: number): boolean;
  /** The peer now has a piece more. */
  onPeerHave(peer: Peer, piece: number): void;
  /** The peer now has everything. */
  onPeerComplete(peer: Peer): void;
  /** Another peer may still be asked for a block that has arrived (end game). */
  onBlockStored(peer: Peer, piece: number, block: number): void;
  /** `block` was the last missing one of its piece, or of an extent of it. */
  onBlocksComplete(piece: number, block: number): void;
  onClosed(peer: Peer, reason: CloseReason): void;
}

/** Finds the swarm that an incoming handshake is for. */
export type PeerRouter = (infoHash: Uint8Array) => PeerOwner | null;
