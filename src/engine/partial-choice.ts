/**
 * Which started piece a peer should go on with, and which one to give up when memory is short. Called by PiecePicker.
 * Invariant: a piece that failed its hash is never shared, so that the next failure has one culprit.
 */
import type { Bitfield } from '../base/bitfield.js';
import { NOBODY, type PartialPiece } from './partial-piece.js';
import type { PartialPieces } from './partial-pieces.js';
import type { RarityOrder } from './rarity-order.js';

/** Which started pieces a peer may join: those that nobody is asked for, those nobody has to himself, or all. */
export type Reach = 'idle' | 'unowned' | 'any';

/** With nothing else under way, an idle piece is given up after peers found nothing to do this many times. */
const IDLE_PICKS_MAX = 20;
/** With other pieces under way, it is given up once this many have been finished: the bytes lost stay a fraction. */
const IDLE_PIECES_MAX = 16;

interface Joiner {
  readonly number: number;
  readonly pieces: Bitfield;
}

export class PartialChoice {
  readonly #partials: PartialPieces;
  readonly #order: RarityOrder;
  readonly #isSequential: boolean;

  constructor(partials: PartialPieces, order: RarityOrder, { isSequential }: { readonly isSequential: boolean }) {
    this.#partials = partials;
    this.#order = order;
    this.#isSequential = isSequential;
  }

  /** Whether the peer can be asked for a block of the piece now. */
  canJoin(partial: PartialPiece, peer: Joiner, reach: Reach): boolean {
    return isOfUse(partial, peer, reach) && this.#partials.hasNext(partial);
  }

  /** Higher priority first, then the one closest to done; in sequential mode the lowest index. */
  best(peer: Joiner, reach: Reach): PartialPiece | null {
    let best: PartialPiece | null = null;
    let bestPriority = 0;
    for (const partial of this.#partials.open) {
      const priority = this.#order.priority(partial.piece);
      if (priority < Math.max(bestPriority, 1)) continue;
      if (best !== null && priority === bestPriority && !isBefore(partial, best, this.#isSequential)) continue;
      if (!this.canJoin(partial, peer, reach)) continue;
      best = partial;
      bestPriority = priority;
    }
    return best;
  }

  /** Whether the peer could go on with a started piece if there were memory for it. */
  wantsRoom(peer: Joiner): boolean {
    return this.#partials.open.some((partial) => {
      return this.#order.priority(partial.piece) > 0 && isOfUse(partial, peer, 'any') && partial.nextClosed() >= 0;
    });
  }

  /**
   * The piece to give up when a peer has nothing to do for want of room: better a few bytes lost than a stall, where
   * everything waits for a peer that chokes us. Null = rather wait.
   * @param options.isSpilled whether room is wanted for spilled pieces, or for memory, which only whole ones keep.
   */
  toGiveUp(options: {
    readonly isSpilled: boolean;
    readonly haveCount: number;
    availability(piece: number): number;
  }): PartialPiece | null {
    // An idle piece has a FREE block: where none is open, which is usual when the cache is full, none is idle.
    const { all, open } = this.#partials;
    if (open.length === 0) return null;
    const isAnyUnderWay = all.length > open.length || open.some((partial) => !partial.isIdle);
    let victim: PartialPiece | null = null;
    for (const partial of open) {
      if (partial.isSpilled !== options.isSpilled || !partial.isIdle) continue;
      partial.idlePicks++;
      const isForgotten = isAnyUnderWay
        ? options.haveCount - partial.haveCountAtPick >= IDLE_PIECES_MAX
        : partial.idlePicks > IDLE_PICKS_MAX;
      if (partial.hasBytes && !isForgotten && options.availability(partial.piece) > 0) continue;
      if (victim === null || partial.receivedCount < victim.receivedCount) victim = partial;
    }
    return victim;
  }
}

/** Whether the piece, memory aside, has a block that the peer may be asked for. */
function isOfUse(partial: PartialPiece, peer: Joiner, reach: Reach): boolean {
  return partial.freeCount > 0 && peer.pieces.has(partial.piece) && isWithin(partial, peer.number, reach);
}

function isWithin(partial: PartialPiece, peerNumber: number, reach: Reach): boolean {
  if (partial.owner === peerNumber) return true;
  if (partial.owner === NOBODY) return reach !== 'idle' || partial.outstandingCount === 0;
  // A piece that failed before changes hands only when its owner has nothing outstanding any more.
  return reach === 'any' && (!partial.isSolo || partial.isIdle);
}

function isBefore(a: PartialPiece, b: PartialPiece, isSequential: boolean): boolean {
  if (isSequential) return a.piece < b.piece;
  return a.blockCount - a.receivedCount < b.blockCount - b.receivedCount;
}
