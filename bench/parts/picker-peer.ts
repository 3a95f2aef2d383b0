/** A peer that answers what it was asked, for the picker's benchmark: the cheapest pipeline that can be. */
import { Bitfield } from '../../src/base/bitfield.js';
import { type OutstandingRequests, PeerPickState, type PickerPeer } from '../../src/engine/pieces/picker-peer.js';
import type { PiecePicker } from '../../src/engine/pieces/piece-picker.js';

const DEPTH = 32;
/** Blocks that arrive in one turn. */
const BURST = 4;

export class BenchPeer implements PickerPeer, OutstandingRequests {
  readonly number: number;
  readonly pieces: Bitfield;
  readonly hasAnswered: boolean = true;
  readonly pick: PeerPickState = new PeerPickState(this);
  readonly #queue = new Uint32Array(2 * DEPTH);
  readonly #picks = new Uint32Array(2 * DEPTH);
  #head = 0;
  #count = 0;

  constructor(number: number, pieceCount: number) {
    this.number = number;
    this.pieces = new Bitfield(pieceCount);
  }

  get count(): number {
    return this.#count;
  }

  has(piece: number, block: number): boolean {
    for (let i = 0; i < this.#count; i++) {
      const at = 2 * ((this.#head + i) % DEPTH);
      if (this.#queue[at] === piece && this.#queue[at + 1] === block) return true;
    }
    return false;
  }

  pieceAt(index: number): number {
    return this.#queue[2 * ((this.#head + index) % DEPTH)]!;
  }

  blockAt(index: number): number {
    return this.#queue[2 * ((this.#head + index) % DEPTH) + 1]!;
  }

  waitMs(index: number): number {
    return index + 1;
  }

  waitMsOf(piece: number, block: number): number {
    return this.has(piece, block) ? this.#count : Number.POSITIVE_INFINITY;
  }

  /** One turn: some blocks arrive, and the queue is filled again. @returns how many blocks were of use. */
  exchange(picker: PiecePicker, mode: number): number {
    let received = 0;
    for (let i = 0; i < BURST && this.#count > 0; i++) {
      const at = 2 * this.#head;
      const piece = this.#queue[at]!;
      const block = this.#queue[at + 1]!;
      this.#head = (this.#head + 1) % DEPTH;
      this.#count--;
      if (picker.startBlock(this.number, piece, block) === null) {
        picker.releaseRequest(piece, block);
        continue;
      }
      received++;
      if (picker.finishBlock(this.number, piece, block) === 'piece-complete') picker.pieceVerified(piece);
    }
    const picked = picker.pick(this, DEPTH - this.#count, mode, this.#picks, 0);
    for (let i = 0; i < picked; i++) {
      const at = 2 * ((this.#head + this.#count++) % DEPTH);
      this.#queue[at] = this.#picks[2 * i]!;
      this.#queue[at + 1] = this.#picks[2 * i + 1]!;
    }
    return received;
  }

  leave(picker: PiecePicker): void {
    for (; this.#count > 0; this.#count--) {
      const at = 2 * this.#head;
      picker.releaseRequest(this.#queue[at]!, this.#queue[at + 1]!);
      this.#head = (this.#head + 1) % DEPTH;
    }
    picker.removePeer(this);
  }
}
