/**
 * The next pieces to start from one peer that does not have everything, rarest first. Looking for them walks the
 * whole rarity order when the peer has only common pieces, so one walk collects many, and a peer that turned out to
 * have nothing is not asked again. Entries may go stale (begun by others meanwhile): they are checked when taken.
 * Called by PiecePicker. Invariant: while `isExhaustive`, every piece the peer could start is listed.
 */
import type { Bitfield } from '../../base/bitfield.js';
import { PRIORITY_MAX, type RarityOrder } from './rarity-order.js';

/** One walk serves this many pieces; more would let the rarities they were chosen by grow old. */
const SHORTLIST_MAX = 32;
/** The front of the order is looked at every time: what is rarest now beats what was when the list was made. */
const PROBES = 16;

export class PieceShortlist {
  #pieces: Uint32Array | null = null;
  #head = 0;
  #end = 0;
  #isExhaustive = false;
  #generation = -1;

  clear(): void {
    this.#head = 0;
    this.#end = 0;
    this.#isExhaustive = false;
  }

  /** @returns the rarest startable piece of `pieces`, or -1. `generation` changes when the order was turned over. */
  first(order: RarityOrder, pieces: Bitfield, generation: number): number {
    if (this.#generation !== generation) {
      this.clear();
      this.#generation = generation;
    }
    const probed = probe(order, pieces);
    if (probed >= 0) return probed;
    const listed = this.#firstListed(order);
    if (listed >= 0 || this.#isExhaustive) return listed;
    this.#refill(order, pieces);
    return this.#firstListed(order);
  }

  /** The peer got `piece`, or a piece that it has can be started again: keeps the list exhaustive without a walk. */
  offer(order: RarityOrder, piece: number): void {
    const list = this.#pieces;
    if (list === null || (!this.#isExhaustive && this.#end === this.#head)) return; // the next walk will find it
    list.copyWithin(0, this.#head, this.#end);
    this.#end -= this.#head;
    this.#head = 0;
    let place = this.#end;
    while (place > 0 && rank(order, list[place - 1]!) > rank(order, piece)) place--;
    if (place === this.#end && !this.#isExhaustive) return; // pieces that were never listed may come before it
    if (this.#end === SHORTLIST_MAX) {
      this.#isExhaustive = false;
      if (place === SHORTLIST_MAX) return;
      this.#end--;
    }
    list.copyWithin(place + 1, place, this.#end);
    list[place] = piece;
    this.#end++;
  }

  /** The peer has it no longer. */
  remove(piece: number): void {
    const place = this.#pieces?.subarray(this.#head, this.#end).indexOf(piece) ?? -1;
    if (place < 0) return;
    this.#pieces!.copyWithin(this.#head + place, this.#head + place + 1, this.#end);
    this.#end--;
  }

  #firstListed(order: RarityOrder): number {
    while (this.#head < this.#end) {
      const piece = this.#pieces![this.#head]!;
      if (order.has(piece)) return piece;
      this.#head++;
    }
    return -1;
  }

  #refill(order: RarityOrder, pieces: Bitfield): void {
    this.#pieces ??= new Uint32Array(SHORTLIST_MAX);
    this.clear();
    for (let priority = PRIORITY_MAX; priority >= 1; priority--) {
      const end = order.classEnd(priority);
      for (let i = order.announcedStart(priority); i < end; i++) {
        const piece = order.pieceAt(i);
        if (!pieces.has(piece)) continue;
        this.#pieces[this.#end++] = piece;
        if (this.#end === SHORTLIST_MAX) return;
      }
    }
    this.#isExhaustive = true;
  }
}

function probe(order: RarityOrder, pieces: Bitfield): number {
  let probes = PROBES;
  for (let priority = PRIORITY_MAX; priority >= 1; priority--) {
    const end = order.classEnd(priority);
    for (let i = order.announcedStart(priority); i < end; i++) {
      if (probes-- === 0) return -1;
      const piece = order.pieceAt(i);
      if (pieces.has(piece)) return piece;
    }
  }
  return -1;
}

/** Lower is picked sooner. */
function rank(order: RarityOrder, piece: number): number {
  return (PRIORITY_MAX - order.priority(piece)) * 2 ** 24 + order.availability(piece);
}
