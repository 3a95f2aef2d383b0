/**
 * Which started piece a peer should go on with, and which one to give up when memory is short. Called by PiecePicker.
 * Invariant: a piece that failed its hash is never shared, nor one that a suspect has to himself, so that the next
 * failure has one culprit.
 */
import { NOBODY, type PartialPiece } from './partial-piece.js';
import type { PartialPieces } from './partial-pieces.js';
import type { PickerPeer } from './picker-peer.js';
import type { RarityOrder } from './rarity-order.js';

/** Which started pieces a peer may join: those that nobody is asked for, those nobody has to himself, or all. */
export type Reach = 'idle' | 'unowned' | 'any';

/** With nothing else under way, an idle piece is given up after peers found nothing to do this many times. */
const IDLE_PICKS_MAX = 20;
/** With other pieces under way, it is given up once this many have been finished: the bytes lost stay a fraction. */
const IDLE_PIECES_MAX = 16;

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
  canJoin(partial: PartialPiece, peer: PickerPeer, reach: Reach): boolean {
    return isOfUse(partial, peer, reach) && this.#partials.hasNext(partial);
  }

  /** Higher priority first, then the one closest to done; in sequential mode the lowest index. */
  best(peer: PickerPeer, reach: Reach): PartialPiece | null {
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
  wantsRoom(peer: PickerPeer): boolean {
    return this.#partials.open.some((partial) => {
      return this.#order.priority(partial.piece) > 0 && isOfUse(partial, peer, 'any') && partial.nextClosed() >= 0;
    });
  }

  /** A piece with an idle extent; null also while another extent is being written: one at a time is enough. */
  toSpill(): PartialPiece | null {
    const { all, spilledBlocks } = this.#partials;
    if (spilledBlocks === 0 || all.some((partial) => partial.writingCount > 0)) return null;
    return all.find((partial) => partial.isSpilled && partial.idleExtent() >= 0) ?? null;
  }

  /**
   * For a peer with nothing else to do: a piece that it may not share, and that nobody goes on with. What others have
   * sent of it is fetched again, so it waits the longer the more that is: an owner that is choked may come back.
   */
  toTakeOver(peer: PickerPeer): PartialPiece | null {
    let best: PartialPiece | null = null;
    for (const partial of this.#partials.open) {
      if (!partial.isIdle || !(partial.isSolo || peer.pick.isSuspect) || !peer.pieces.has(partial.piece)) continue;
      if (this.#order.priority(partial.piece) === 0 || !this.#partials.hasNext(partial)) continue;
      partial.takeOverPicks++;
      if (partial.takeOverPicks <= partial.receivedCount - partial.paddingCount) continue;
      if (best === null || partial.receivedCount < best.receivedCount) best = partial;
    }
    return best;
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
function isOfUse(partial: PartialPiece, peer: PickerPeer, reach: Reach): boolean {
  return partial.freeCount > 0 && peer.pieces.has(partial.piece) && isWithin(partial, peer, reach);
}

function isWithin(partial: PartialPiece, peer: PickerPeer, reach: Reach): boolean {
  if (partial.owner === peer.number) return true;
  // A solo piece changes hands when its owner has gone, or by toTakeOver.
  if (partial.owner !== NOBODY) return reach === 'any' && !partial.isSolo && !peer.pick.isSuspect;
  if (!partial.isSolo && peer.pick.isSuspect) return partial.isIdle && !partial.hasBytes;
  return reach !== 'idle' || partial.outstandingCount === 0;
}

function isBefore(a: PartialPiece, b: PartialPiece, isSequential: boolean): boolean {
  if (isSequential) return a.piece < b.piece;
  return a.blockCount - a.receivedCount < b.blockCount - b.receivedCount;
}
