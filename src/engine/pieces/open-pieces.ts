/**
 * Wanted pieces that we lack and nobody has begun, and which of them a peer should begin next: the rarest it has, a
 * random one, the most common one, or the lowest index. Called by PiecePicker.
 * Invariant: `order` and the set by index hold the same pieces.
 */
import { assert } from '../../base/assert.js';
import { Bitfield } from '../../base/bitfield.js';
import { type Random, randomBelow } from '../../base/random.js';
import type { PieceShortlist } from './piece-shortlist.js';
import { PRIORITY_MAX, RarityOrder } from './rarity-order.js';

/** Within the highest priority class that the peer has a piece of. */
export type PiecePreference = 'rare' | 'random' | 'common';

export class OpenPieces {
  readonly order: RarityOrder;
  readonly #random: Random;
  readonly #isSequential: boolean;
  /** The pieces of `order` again, by index, for sequential picking. */
  readonly #set: Bitfield;
  /** No open piece is in a byte of #set below this one. */
  #byteHint = 0;
  /** Changes when priorities do: what peers have listed is then void. */
  #generation = 0;

  /** Begins with all pieces open, at the default priority. */
  constructor(options: { readonly pieceCount: number; readonly random: Random; readonly isSequential: boolean }) {
    this.#random = options.random;
    this.#isSequential = options.isSequential;
    this.order = new RarityOrder(options.pieceCount, options.random);
    this.#set = new Bitfield(options.pieceCount);
    this.#set.fill();
  }

  get count(): number {
    return this.order.count;
  }

  has(piece: number): boolean {
    return this.order.has(piece);
  }

  add(piece: number): void {
    this.order.insert(piece);
    this.#set.add(piece);
    this.#byteHint = Math.min(this.#byteHint, piece >>> 3);
  }

  /** No-op for a piece that is not open. */
  remove(piece: number): void {
    this.order.remove(piece);
    this.#set.delete(piece);
  }

  /** 0 takes the piece out; a piece that is out stays out. */
  setPriority(piece: number, priority: number): void {
    this.#generation++;
    if (priority === 0) this.remove(piece);
    this.order.setPriority(piece, priority);
  }

  /** Gives the pieces from `first` on their priorities at once; those that `isOpen` says and that are wanted are open. */
  setPriorities(first: number, priorities: Uint8Array, isOpen: (piece: number) => boolean): void {
    this.#generation++;
    this.order.reorder(first, priorities, isOpen);
    this.#set.clear();
    for (let i = 0; i < this.order.count; i++) this.#set.add(this.order.pieceAt(i));
    this.#byteHint = 0;
  }

  /** @returns a piece that the peer has, or -1. In sequential mode the preference does not matter. */
  choose(
    pieces: Bitfield,
    peer: { readonly isSeed: boolean; readonly shortlist: PieceShortlist },
    preference: PiecePreference,
  ): number {
    if (this.order.count === 0) return -1;
    if (this.#isSequential) return this.#lowest(pieces);
    if (preference === 'rare') {
      return peer.isSeed ? this.order.pieceAt(0) : peer.shortlist.first(this.order, pieces, this.#generation);
    }
    for (let priority = PRIORITY_MAX; priority >= 1; priority--) {
      const start = peer.isSeed ? this.order.classStart(priority) : this.order.announcedStart(priority);
      const end = this.order.classEnd(priority);
      if (start === end) continue;
      const first = preference === 'common' ? 0 : randomBelow(this.#random, end - start);
      const piece = this.#backwards(pieces, start, end, first);
      if (piece >= 0) return piece;
    }
    return -1;
  }

  /** Asserts the invariant; for tests. */
  verify(): void {
    this.order.verify();
    assert(this.#set.count === this.order.count, 'open set and order differ in size');
    for (let i = 0; i < this.order.count; i++) {
      const piece = this.order.pieceAt(i);
      assert(this.#set.has(piece) && piece >>> 3 >= this.#byteHint, 'open set and order disagree');
    }
  }

  /** The first piece that the peer has, from `skipped` places before the end of the range down, then around. */
  #backwards(pieces: Bitfield, start: number, end: number, skipped: number): number {
    const size = end - start;
    for (let i = 0; i < size; i++) {
      const piece = this.order.pieceAt(end - 1 - ((skipped + i) % size));
      if (pieces.has(piece)) return piece;
    }
    return -1;
  }

  /** By priority, then by index; eight pieces a step. */
  #lowest(pieces: Bitfield): number {
    const open = this.#set.bytes;
    while (open[this.#byteHint] === 0) this.#byteHint++;
    const topPriority = this.order.priority(this.order.pieceAt(0));
    let best = -1;
    let bestPriority = 0;
    for (let i = this.#byteHint; i < open.length && bestPriority < topPriority; i++) {
      const common = open[i]! & pieces.bytes[i]!;
      if (common === 0) continue;
      for (let bit = 0; bit < 8; bit++) {
        const piece = 8 * i + bit;
        if ((common & (0x80 >>> bit)) === 0 || this.order.priority(piece) <= bestPriority) continue;
        best = piece;
        bestPriority = this.order.priority(piece);
      }
    }
    return best;
  }
}
