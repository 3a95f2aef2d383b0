/** One connected peer as a program sees it: plain data, made on request. Rates in bytes per second. */
import type { CandidateSource } from './candidates.js';

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
