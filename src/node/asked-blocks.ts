/**
 * What we asked a remote for and have not got: tells the blocks that were asked for from those that a hostile peer
 * sends unasked (BEP 3). A block may still come after we cancelled it, so as many as were given up are forgiven.
 * Bounded by what its owner asks for. Used by WireStream.
 */
import { LIMITS } from '../base/limits.js';
import type { WireBlock } from './wire-events.js';

export class AskedBlocks {
  /** Place of a block to its length. */
  readonly #lengths = new Map<number, number>();
  #forgiven = 0;
  #unasked = 0;

  add({ piece, begin, length }: WireBlock): void {
    this.#lengths.set(placeOf(piece, begin), length);
  }

  /** @returns the length that was asked for, 0 when nothing was. */
  lengthAt(piece: number, begin: number): number {
    return piece < LIMITS.pieceCountMax ? (this.#lengths.get(placeOf(piece, begin)) ?? 0) : 0;
  }

  /** Answered, with a block or a reject. @returns whether it was still asked for. */
  settle(piece: number, begin: number): boolean {
    return piece < LIMITS.pieceCountMax && this.#lengths.delete(placeOf(piece, begin));
  }

  /** We want it no more. @returns whether it had been asked for. */
  cancel(piece: number, begin: number): boolean {
    if (!this.settle(piece, begin)) return false;
    this.#forgiven++;
    return true;
  }

  /** The remote has dropped everything that we asked for. */
  clear(): void {
    this.#forgiven += this.#lengths.size;
    this.#lengths.clear();
  }

  /** A block came that is not asked for. @returns false once there have been too many. */
  countUnasked(): boolean {
    if (this.#forgiven > 0) {
      this.#forgiven--;
      return true;
    }
    return ++this.#unasked <= LIMITS.unrequestedBlocksMax;
  }
}

/** One number for a place, so that no string is made per block: 21 bits of piece, 32 of begin. */
function placeOf(piece: number, begin: number): number {
  return piece * 2 ** 32 + begin;
}
