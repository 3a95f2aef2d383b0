/**
 * What one peer asked us for and has not been sent yet: a ring of numbers, no object per request (BEP 3 requests,
 * BEP 6 answers). Requests wait here, not in the socket, so that a choke or a cancel can still drop them before the
 * block is read. Invariant: with the fast extension every request that entered leaves as a block or a reject.
 */
import { LIMITS } from '../../base/limits.js';

export class UploadQueue {
  readonly #pieces = new Uint32Array(LIMITS.peerRequestsQueuedMax);
  readonly #begins = new Uint32Array(LIMITS.peerRequestsQueuedMax);
  readonly #lengths = new Uint32Array(LIMITS.peerRequestsQueuedMax);
  #head = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns false when the queue is full: the request is to be rejected. */
  push(piece: number, begin: number, length: number): boolean {
    if (this.#count === LIMITS.peerRequestsQueuedMax) return false;
    const slot = this.#slotAt(this.#count++);
    this.#pieces[slot] = piece;
    this.#begins[slot] = begin;
    this.#lengths[slot] = length;
    return true;
  }

  /** The request `index` places behind the front. */
  pieceAt(index: number): number {
    return this.#pieces[this.#slotAt(index)]!;
  }
  beginAt(index: number): number {
    return this.#begins[this.#slotAt(index)]!;
  }
  lengthAt(index: number): number {
    return this.#lengths[this.#slotAt(index)]!;
  }

  /** Drops the front request. */
  shift(): void {
    this.#head = this.#slotAt(1);
    this.#count--;
  }

  /** @returns whether the request was still queued. */
  cancel(piece: number, begin: number, length: number): boolean {
    for (let i = 0; i < this.#count; i++) {
      if (this.pieceAt(i) === piece && this.beginAt(i) === begin && this.lengthAt(i) === length) {
        this.#removeAt(i);
        return true;
      }
    }
    return false;
  }

  /** Removes every request that `keeps` refuses, oldest first, telling `dropped` of each. */
  retain(keeps: (piece: number) => boolean, dropped: (piece: number, begin: number, length: number) => void): void {
    let kept = 0;
    for (let i = 0; i < this.#count; i++) {
      const piece = this.pieceAt(i);
      const begin = this.beginAt(i);
      const length = this.lengthAt(i);
      if (!keeps(piece)) {
        dropped(piece, begin, length);
        continue;
      }
      const slot = this.#slotAt(kept++);
      this.#pieces[slot] = piece;
      this.#begins[slot] = begin;
      this.#lengths[slot] = length;
    }
    this.#count = kept;
  }

  #removeAt(index: number): void {
    for (let i = index; i + 1 < this.#count; i++) {
      const to = this.#slotAt(i);
      const from = this.#slotAt(i + 1);
      this.#pieces[to] = this.#pieces[from]!;
      this.#begins[to] = this.#begins[from]!;
      this.#lengths[to] = this.#lengths[from]!;
    }
    this.#count--;
  }

  #slotAt(index: number): number {
    return (this.#head + index) % LIMITS.peerRequestsQueuedMax;
  }
}
