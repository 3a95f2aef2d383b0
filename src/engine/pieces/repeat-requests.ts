/**
 * Blocks that are asked for already, asked of one more peer: when nothing else is left to ask of it, in the end game or
 * because others keep everyone waiting, and when a piece that a reader waits for is late. Called by PiecePicker.
 * Invariant: a block is asked of a peer at most once at a time; a piece that one peer alone is to send is asked of
 * nobody else, and a suspect has no part in what others send.
 */
import type { Bitfield } from '../../base/bitfield.js';
import { type PartialPiece, REQUESTED } from './partial-piece.js';
import type { PartialPieces } from './partial-pieces.js';
import type { PickerPeer } from './picker-peer.js';
import type { UrgentPieces } from './urgent-pieces.js';

/** How many peers one block is asked of in the end game, if they answer; each beyond the first may be waste. */
export const ENDGAME_REQUESTERS_MAX = 3;
/** What can be counted. */
const REQUESTERS_MAX = 255;
/**
 * In the end game a block is asked of one more peer when it would come from there this many times sooner than it is
 * to come from those asked. Then most of them are cancelled before they have sent it. Asked of whoever had nothing to
 * do, two thirds of what was asked twice came twice.
 */
export const ENDGAME_SOONER = 2;

/**
 * Before the end game a peer that has nothing else to do is asked for what others keep waiting for this long: it may be
 * that all memory is taken by pieces of peers that do not answer, and everything waits for them.
 */
export const STALLED_MS = 10_000;

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

  /**
   * Of what is asked for already: the block that would come last is taken over, as it were, by a peer that has nothing to
   * do. Whoever was asked first stays asked, for the guess may be wrong. `leastMs`: what is to come sooner is left alone.
   * @returns how many were picked: one or none, so that the next one is chosen by what has come meanwhile.
   */
  pickSlowest(
    peer: PickerPeer,
    {
      missing,
      peers,
      leastMs,
    }: { readonly missing: Bitfield; readonly peers: Iterable<PickerPeer>; readonly leastMs: number },
    { out, count }: Picks,
    now: number,
  ): number {
    const { outstanding } = peer.pick;
    if (peer.pick.isSuspect || outstanding.count > 0 || count === 0) return 0;
    // Before the end game not to one that has sent nothing yet: those who keep everyone waiting would take turns.
    if (leastMs > 0 && !outstanding.hasAnswered) return 0;
    let longestMs = Math.max(leastMs, ENDGAME_SOONER * outstanding.waitMs(0, now));
    let chosen: PartialPiece | null = null;
    let chosenBlock = -1;
    for (const { pick } of peers) {
      const others = pick.outstanding;
      // Peers answer in the order asked: from the last one back to the first that comes too soon to be worth it.
      for (let i = others.count - 1; i >= 0 && others !== outstanding; i--) {
        const waitMs = others.waitMs(i, now);
        if (waitMs <= longestMs) break;
        const piece = others.pieceAt(i);
        const block = others.blockAt(i);
        const partial = this.#repeatable(peer, piece, block);
        if (partial === null || !missing.has(piece)) continue;
        const requesters = partial.requestCount[block]!;
        const soonest = requesters > 1 ? soonestMs(peers, piece, block, now) : waitMs;
        if (soonest <= longestMs || requesters === REQUESTERS_MAX) continue;
        // Of those who do not answer there may be any number: a few of them must not keep it from one who does.
        if (requesters >= ENDGAME_REQUESTERS_MAX && !(soonest > STALLED_MS && outstanding.hasAnswered)) continue;
        chosen = partial;
        chosenBlock = block;
        longestMs = waitMs;
        break;
      }
    }
    if (chosen === null) return 0;
    this.#partials.request(chosen, chosenBlock);
    out[0] = chosen.piece;
    out[1] = chosenBlock;
    return 1;
  }

  /** Of urgent pieces that are late. @returns how many were picked. */
  pickLate(
    peer: PickerPeer,
    { urgent, peers }: { readonly urgent: UrgentPieces; readonly peers: Iterable<PickerPeer> },
    picks: Picks,
  ): number {
    if (peer.pick.isSuspect) return 0;
    let picked = 0;
    const inFlight = (piece: number): PartialPiece | null => this.#partials.get(piece);
    urgent.forEachLate(peer, peers, inFlight, (piece, requestersMax) => {
      const partial = this.#partials.get(piece)!;
      for (let requesters = 1; requesters < requestersMax; requesters++) {
        picked = this.#pick(peer, partial, requesters, picks, picked);
      }
      return picked < picks.count;
    });
    return picked;
  }

  /** The piece of a block that the peer may be asked for although others are, and of which nothing has come; or null. */
  #repeatable(peer: PickerPeer, piece: number, block: number): PartialPiece | null {
    const partial = this.#partials.get(piece);
    if (partial === null || partial.isSolo || partial.blockState[block] !== REQUESTED) return null;
    return peer.pieces.has(piece) && !peer.pick.outstanding.has(piece, block) ? partial : null;
  }

  /** Blocks that `requesters` peers are asked for. From the last one back: the first ones are about to come. */
  #pick(peer: PickerPeer, partial: PartialPiece, requesters: number, { out, count }: Picks, from: number): number {
    let picked = from;
    for (let block = partial.blockCount - 1; block >= 0 && picked < count; block--) {
      if (partial.requestCount[block] !== requesters || isPicked(out, picked, partial.piece, block)) continue;
      if (this.#repeatable(peer, partial.piece, block) === null) continue;
      this.#partials.request(partial, block);
      out[2 * picked] = partial.piece;
      out[2 * picked + 1] = block;
      picked++;
    }
    return picked;
  }
}

/** What is picked now is not outstanding yet, and counts one requester more already. */
function isPicked(out: Uint32Array, picked: number, piece: number, block: number): boolean {
  for (let i = 0; i < picked; i++) if (out[2 * i] === piece && out[2 * i + 1] === block) return true;
  return false;
}

/** When the first of those that are asked for it is expected to have sent it. */
function soonestMs(peers: Iterable<PickerPeer>, piece: number, block: number, now: number): number {
  let soonest = Number.POSITIVE_INFINITY;
  for (const { pick } of peers) soonest = Math.min(soonest, pick.outstanding.waitMsOf(piece, block, now));
  return soonest;
}
