/** One connected peer as a program sees it: plain data, made on request. Rates in bytes per second. */
import { addressKey } from '../../base/address.js';
import { clientOf } from '../../protocol/wire/client-id.js';
import type { CandidateSource } from '../swarm/candidates.js';
import type { Peer } from './peer.js';

/** One connected peer. A snapshot; rates in bytes per second. */
export interface PeerInfo {
  /** `host:port`, where we dialled it or where it dials from. */
  readonly address: string;
  /** Name and version, its own words or what its peer id says; '' when neither tells. */
  readonly client: string;
  /** We dialled it. */
  readonly isOutgoing: boolean;
  /** How we know of it; 'incoming' when it dialled us. */
  readonly source: CandidateSource;
  /** Share of the pieces that it has, 0 to 1; 0 while the metadata is unknown. */
  readonly progress: number;
  /** From the peer to us. */
  readonly downloadRate: number;
  /** From us to the peer. */
  readonly uploadRate: number;
  /** Payload since it connected. */
  readonly downloadedBytes: number;
  /** Payload since it connected. */
  readonly uploadedBytes: number;
  /** BEP 3: we do not serve it. */
  readonly isChokedByUs: boolean;
  /** It does not serve us. */
  readonly isChokingUs: boolean;
  /** It has something that we want. */
  readonly isInterestingToUs: boolean;
  /** It wants something of us. */
  readonly isInterested: boolean;
}

/** A snapshot of `peer`. */
export function peerInfoOf(peer: Peer, now: number): PeerInfo {
  const { pieces, peerId } = peer;
  return {
    address: addressKey(peer.remote),
    client: peer.extensions.clientName || (peerId === null ? '' : clientOf(peerId)),
    isOutgoing: peer.isOutgoing,
    source: peer.source,
    progress: pieces.length === 0 ? 0 : pieces.count / pieces.length,
    downloadRate: peer.download.pipeline.bytesPerSecond(now),
    uploadRate: peer.upload.rate.rateBytesPerSecond(now),
    downloadedBytes: peer.download.receivedBytes,
    uploadedBytes: peer.uploadedBytes,
    isChokedByUs: !peer.isUnchoked,
    isChokingUs: peer.isChokingUs,
    isInterestingToUs: peer.isInterestingToUs,
    isInterested: peer.isInterested,
  };
}
