/**
 * Blocks that are asked for already, asked of one more peer: in the end game, when nothing else is left to ask for, and
 * when a piece that a reader waits for is late. Called by PiecePicker.
 * Invariant: a block is asked of a peer at most once at a time; a piece that one peer alone is to send is asked of
 * nobody else, and a suspect has no part in what others send.
 */
import type { Bitfield } from '../../base/bitfield.js';
import { type PartialPiece, REQUESTED } from './partial-piece.js';
import type { PartialPieces } from './partial-pieces.js';
import type { OutstandingRequests, PickerPeer } from './picker-peer.js';
import type { UrgentPieces } from './urgent-pieces.js';

/** How many peers one block is asked of in the end game; each beyond the first may be waste. */
export const ENDGAME_REQUESTERS_MAX = 3;
/**
 * A peer that has this many requests outstanding is not given blocks of others in the end game. One at a time: in
 * simulated swarms 4 took as long and wasted twice as much.
 */
export const ENDGAME_OUTSTANDING_MAX = 1;

/** Where picked blocks go: (piece, block) pairs from index 0, at most `count` of them. */
export interface Picks {
  readonly out: Uint32Array;
  readonly count: number;
}

export class RepeatRequests {
  readonly #partials: PartialPieces;

  constructor(partials: PartialPieces) {
    this.#partials = partials;
  }

  /** All blocks are asked for: those asked of the fewest peers are asked of one more. @returns how many were picked. */
  pickEndgame(peer: PickerPeer, missing: Bitfield, picks: Picks, outstanding: OutstandingRequests): number {
    if (peer.pick.isSuspect) return 0;
    const limit = Math.min(picks.count, ENDGAME_OUTSTANDING_MAX - outstanding.count);
    let picked = 0;
    for (let requesters = 1; requesters < ENDGAME_REQUESTERS_MAX && picked === 0; requesters++) {
      for (const partial of this.#partials.all) {
        if (!missing.has(partial.piece) || !peer.pieces.has(partial.piece)) continue;
        picked = this.#pick(partial, requesters, { out: picks.out, count: limit }, picked, outstanding);
      }
    }
    return picked;
  }

  /** Of urgent pieces that are late. @returns how many were picked. */
  pickLate(
    peer: PickerPeer,
    { urgent, peers }: { readonly urgent: UrgentPieces; readonly peers: Iterable<PickerPeer> },
    picks: Picks,
    outstanding: OutstandingRequests,
  ): number {
    if (peer.pick.isSuspect) return 0;
    let picked = 0;
    const inFlight = (piece: number): PartialPiece | null => this.#partials.get(piece);
    urgent.forEachLate(peer, peers, inFlight, (piece, requestersMax) => {
      const partial = this.#partials.get(piece)!;
      for (let requesters = 1; requesters < requestersMax; requesters++) {
        picked = this.#pick(partial, requesters, picks, picked, outstanding);
      }
      return picked < picks.count;
    });
    return picked;
  }

  /**
   * Blocks that `requesters` peers are asked for, this one not among them, and of which nothing has come. From the last
   * one back: peers answer in the order asked, so the first ones are about to come.
   */
  #pick(
    partial: PartialPiece,
    requesters: number,
    { out, count }: Picks,
    from: number,
    outstanding: OutstandingRequests,
  ): number {
    let picked = from;
    if (partial.isSolo) return picked;
    for (let block = partial.blockCount - 1; block >= 0 && picked < count; block--) {
      if (partial.blockState[block] !== REQUESTED || partial.requestCount[block] !== requesters) continue;
      if (outstanding.has(partial.piece, block)) continue;
      this.#partials.request(partial, block);
      out[2 * picked] = partial.piece;
      out[2 * picked + 1] = block;
      picked++;
    }
    return picked;
  }
}
