/** A peer for tests and benchmarks of the picker: its pieces and its outstanding requests, nothing else. */
import { Bitfield } from '../../base/bitfield.js';
import { type OutstandingRequests, PeerPickState, type PickerPeer } from '../pieces/picker-peer.js';
import type { PiecePicker } from '../pieces/piece-picker.js';

export type PickedBlock = readonly [piece: number, block: number];

export class TestPickerPeer implements PickerPeer, OutstandingRequests {
  readonly number: number;
  readonly pieces: Bitfield;
  readonly pick: PeerPickState = new PeerPickState(this);
  readonly requests: PickedBlock[] = [];
  hasAnswered = true;
  /** How long it takes to send a block. */
  blockMs = 1000;
  readonly #picks = new Uint32Array(2000);

  constructor(number: number, pieceCount: number, pieces: Iterable<number> | 'all' = []) {
    this.number = number;
    this.pieces = new Bitfield(pieceCount);
    if (pieces === 'all') this.pieces.fill();
    else for (const piece of pieces) this.pieces.add(piece);
  }

  get count(): number {
    return this.requests.length;
  }

  pieceAt(index: number): number {
    return this.requests[index]![0];
  }

  blockAt(index: number): number {
    return this.requests[index]![1];
  }

  waitMs(index: number): number {
    return (index + 1) * this.blockMs;
  }

  waitMsOf(piece: number, block: number): number {
    const index = this.requests.findIndex((request) => request[0] === piece && request[1] === block);
    return index < 0 ? Number.POSITIVE_INFINITY : this.waitMs(index);
  }

  has(piece: number, block: number): boolean {
    return this.requests.some((request) => request[0] === piece && request[1] === block);
  }

  /** Picks and notes what was picked as outstanding. */
  ask(
    picker: PiecePicker,
    count: number,
    { isFast = false, isSnubbed = false }: { readonly isFast?: boolean; readonly isSnubbed?: boolean } = {},
  ): PickedBlock[] {
    const mode = picker.modeFor({ isFast, isSnubbed });
    return this.#note(picker.pick(this, count, mode, this.#picks, 0));
  }

  askAllowedFast(picker: PiecePicker, pieces: ReadonlySet<number>, count: number): PickedBlock[] {
    return this.#note(picker.pickAllowedFast(this, pieces, count, this.#picks));
  }

  /** Answers an outstanding request. @returns null when the block was not needed any more. */
  deliver(picker: PiecePicker, [piece, block]: PickedBlock): 'more' | 'extent-complete' | 'piece-complete' | null {
    this.forget([piece, block]);
    if (picker.startBlock(this.number, piece, block) === null) {
      picker.releaseRequest(piece, block);
      return null;
    }
    return picker.finishBlock(this.number, piece, block);
  }

  /** Gives one request back. */
  release(picker: PiecePicker, [piece, block]: PickedBlock): void {
    this.forget([piece, block]);
    picker.releaseRequest(piece, block);
  }

  releaseAll(picker: PiecePicker): void {
    for (const request of [...this.requests]) this.release(picker, request);
  }

  forget([piece, block]: PickedBlock): void {
    const index = this.requests.findIndex((request) => request[0] === piece && request[1] === block);
    if (index < 0) throw new Error(`block ${block} of piece ${piece} is not outstanding`);
    this.requests.splice(index, 1);
  }

  #note(count: number): PickedBlock[] {
    const picked: PickedBlock[] = [];
    for (let i = 0; i < count; i++) {
      const [piece, block] = [this.#picks[2 * i]!, this.#picks[2 * i + 1]!];
      if (this.has(piece, block)) throw new Error(`block ${block} of piece ${piece} is asked for twice`);
      picked.push([piece, block]);
      this.requests.push([piece, block]);
    }
    return picked;
  }
}
