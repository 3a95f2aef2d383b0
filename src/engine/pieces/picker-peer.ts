/** What PiecePicker needs to know of a torrent and of a peer, and what it keeps for each peer. */
import type { Bitfield } from '../../base/bitfield.js';
import { wide } from '../../base/wide.js';
import { PieceShortlist } from './piece-shortlist.js';

/** The torrent's pieces; bytes. FileLayout is one. */
export interface PieceGeometry {
  readonly pieceLength: number;
  readonly pieceCount: number;
  pieceBytes(piece: number): number;
  /** Bytes before the padding that ends the piece (BEP 47). */
  dataBytes(piece: number): number;
}

/** A peer as the picker sees it. */
export interface PickerPeer {
  /** Unique, 0 or more. */
  readonly number: number;
  /** What the peer has; onPeerHave adds to it. */
  readonly pieces: Bitfield;
  readonly pick: PeerPickState;
}

/** What is outstanding to a peer, in the order asked: its RequestPipeline. Time is monotonic ms. */
export interface OutstandingRequests {
  readonly count: number;
  /** A block has come that was asked for: it is more than a promise. */
  readonly hasAnswered: boolean;
  has(piece: number, block: number): boolean;
  pieceAt(index: number): number;
  blockAt(index: number): number;
  /** Guess of how long it takes until the request at `index` is answered; at `count`: one that would be sent now. */
  waitMs(index: number, now: number): number;
  /** The same of one that is known by its block; Infinity when it is not outstanding. */
  waitMsOf(piece: number, block: number, now: number): number;
}

/** What the picker keeps for a peer; of no interest to others. */
export class PeerPickState {
  readonly outstanding: OutstandingRequests;
  isAdded = false;
  /** Had everything when it was added: counted in one number instead of per piece. */
  isSeed = false;
  /** Pieces it has that we want and lack. */
  interestingCount = 0;
  /** It had a part in a piece that failed: until it is cleared, it has pieces to itself. See Parole. */
  isSuspect = false;
  /** The piece its last blocks were of. */
  currentPiece = -1;
  /** While pieces are urgent: how long a block takes that is asked of it now, and one more behind it, ms. */
  lagMs: number = Number.POSITIVE_INFINITY;
  blockMs: number = wide(0);
  readonly shortlist: PieceShortlist = new PieceShortlist();

  constructor(outstanding: OutstandingRequests) {
    this.outstanding = outstanding;
  }
}
