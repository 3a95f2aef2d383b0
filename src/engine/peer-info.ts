/** One connected peer as a program sees it: plain data, made on request. Rates in bytes per second. */
import type { CandidateSource } from './candidates.js';

export interface PeerInfo {
  /** `host:port`, where we dialled it or where it dials from. */
  readonly address: string;
  /** Name and version, its own words or what its peer id says; '' when neither tells. */
  readonly client: string;
  readonly isOutgoing: boolean;
  /** How we know of it; 'incoming' when it dialled us. */
  readonly source: CandidateSource;
  /** Share of the pieces that it has, 0 to 1; 0 while the metadata is unknown. */
  readonly progress: number;
  /** From the peer to us. */
  readonly downloadRate: number;
  readonly uploadRate: number;
  /** Payload since it connected. */
  readonly downloadedBytes: number;
  readonly uploadedBytes: number;
  /** We choke it / it chokes us / we want something it has / it wants something of us (BEP 3). */
  readonly isChokedByUs: boolean;
  readonly isChokingUs: boolean;
  readonly isInterestingToUs: boolean;
  readonly isInterested: boolean;
}
