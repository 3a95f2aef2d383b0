/**
 * Which started piece a peer should go on with, and which one to give up when buffers are short. Called by PiecePicker.
 * Invariant: a piece that failed its hash is never shared, so that the next failure has one culprit.
 */
import type { Bitfield } from '../base/bitfield.js';
import { NOBODY, type PartialPiece } from './partial-pieces.js';
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

/** Whether the peer can be asked for a block of the piece now. */
export function canJoin(partial: PartialPiece, peer: Joiner, reach: Reach): boolean {
  return partial.freeCount > 0 && peer.pieces.has(partial.piece) && isWithin(partial, peer.number, reach);
}

/** Higher priority first, then the one closest to done; `isSequential`: then the lowest index. */
export function bestPartial(
  open: readonly PartialPiece[],
  peer: Joiner,
  reach: Reach,
  order: RarityOrder,
  isSequential: boolean,
): PartialPiece | null {
  let best: PartialPiece | null = null;
  let bestPriority = 0;
  for (const partial of open) {
    const priority = order.priority(partial.piece);
    if (priority < Math.max(bestPriority, 1)) continue;
    if (best !== null && priority === bestPriority && !isBefore(partial, best, isSequential)) continue;
    if (!canJoin(partial, peer, reach)) continue;
    best = partial;
    bestPriority = priority;
  }
  return best;
}

/**
 * The piece to give up when a peer has nothing to do for want of a buffer: better a few bytes lost than a stall, where
 * every buffer waits for a peer that chokes us. Null = rather wait.
 */
export function pieceToGiveUp(
  open: readonly PartialPiece[],
  options: { readonly isAnyUnderWay: boolean; readonly haveCount: number; availability(piece: number): number },
): PartialPiece | null {
  let victim: PartialPiece | null = null;
  for (const partial of open) {
    if (!partial.isIdle) continue;
    partial.idlePicks++;
    const isForgotten = options.isAnyUnderWay
      ? options.haveCount - partial.haveCountAtPick >= IDLE_PIECES_MAX
      : partial.idlePicks > IDLE_PICKS_MAX;
    if (partial.hasBytes && !isForgotten && options.availability(partial.piece) > 0) continue;
    if (victim === null || partial.receivedCount < victim.receivedCount) victim = partial;
  }
  return victim;
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
