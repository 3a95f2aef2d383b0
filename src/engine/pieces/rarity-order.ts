/**
 * Pieces that may still be started, kept in picking order: priority class 7 to 1, then availability, then chance.
 * One permutation cut into buckets, so that a HAVE is a swap at a bucket edge (O(1)); taking a piece out or putting
 * it back moves one piece per bucket behind it. Typed arrays only. Called by PiecePicker.
 * Invariant: bucket k is `order[ends[k-1] .. ends[k])`; buckets behind `lastBucket` are empty; `position[order[i]] = i`.
 * Availability here counts peers that announced single pieces; peers with everything are one number of the picker's.
 */
import { assert } from '../../base/assert.js';
import { type Random, SeededRandom } from '../../base/random.js';

/** Priorities go from 1 to 7; 0 means unwanted, and such a piece is never in the order. */
export const PRIORITY_MAX = 7;
export const PRIORITY_DEFAULT = 4;

const STRIDE_START = 16;

export class RarityOrder {
  readonly #order: Uint32Array;
  /** Index of a piece in #order, -1 = not in it. */
  readonly #position: Int32Array;
  readonly #availability: Uint32Array;
  readonly #priority: Uint8Array;
  /** Breaks ties. Its own generator: a bitfield costs one number a piece, and the host's are dearer. */
  readonly #random: SeededRandom;
  /** Buckets per class; grows with the highest availability. */
  #stride = STRIDE_START;
  #ends: Uint32Array = new Uint32Array(PRIORITY_MAX * STRIDE_START);
  #lastBucket: number;
  #count: number;

  /** Starts with all of `pieceCount` pieces in it, at the default priority and availability 0. */
  constructor(pieceCount: number, random: Random) {
    this.#random = new SeededRandom(random.uint32());
    this.#count = pieceCount;
    this.#order = new Uint32Array(pieceCount);
    this.#position = new Int32Array(pieceCount);
    this.#availability = new Uint32Array(pieceCount);
    this.#priority = new Uint8Array(pieceCount).fill(PRIORITY_DEFAULT);
    for (let i = 0; i < pieceCount; i++) this.#place(i, i);
    for (let i = pieceCount - 1; i > 0; i--) this.#swap(i, this.#randomIn(0, i + 1));
    this.#lastBucket = this.#bucketStart(PRIORITY_DEFAULT);
    this.#ends[this.#lastBucket] = pieceCount;
  }

  /** How many pieces are in the order. */
  get count(): number {
    return this.#count;
  }

  /** The piece at `index` in [0, count). */
  pieceAt(index: number): number {
    return this.#order[index]!;
  }

  has(piece: number): boolean {
    return this.#position[piece]! >= 0;
  }

  availability(piece: number): number {
    return this.#availability[piece]!;
  }

  priority(piece: number): number {
    return this.#priority[piece]!;
  }

  /** Index of the first piece of a class that somebody announced by itself; the ones before have availability 0. */
  announcedStart(priority: number): number {
    return this.#end(this.#bucketStart(priority));
  }

  /** Classes lie from 7 down to 1. */
  classStart(priority: number): number {
    return priority === PRIORITY_MAX ? 0 : this.classEnd(priority + 1);
  }

  /** Index behind the last piece of a class. */
  classEnd(priority: number): number {
    return this.#end(this.#bucketStart(priority) + this.#stride - 1);
  }

  /** One more peer has the piece, whether it is in the order or not. */
  increment(piece: number): void {
    const availability = this.#availability[piece]!;
    if (availability + 1 === this.#stride) this.#grow();
    this.#availability[piece] = availability + 1;
    if (!this.has(piece)) return;
    const from = this.#bucketStart(this.#priority[piece]!) + availability;
    this.#extendTo(from + 1);
    const edge = this.#ends[from]! - 1;
    this.#swap(this.#position[piece]!, edge);
    this.#ends[from] = edge;
    this.#mix(piece, from + 1);
  }

  /** One peer less has the piece. */
  decrement(piece: number): void {
    const availability = this.#availability[piece]!;
    assert(availability > 0, 'availability below zero');
    this.#availability[piece] = availability - 1;
    if (!this.has(piece)) return;
    const to = this.#bucketStart(this.#priority[piece]!) + availability - 1;
    const edge = this.#ends[to]!;
    this.#swap(this.#position[piece]!, edge);
    this.#ends[to] = edge + 1;
    this.#mix(piece, to);
  }

  /** A piece in the order moves to its new class; one that is out only remembers it. Take it out before giving it 0. */
  setPriority(piece: number, priority: number): void {
    const isInOrder = this.has(piece);
    if (isInOrder) this.remove(piece);
    this.#priority[piece] = priority;
    if (isInOrder) this.insert(piece);
  }

  /** Takes a piece out: it is in flight, had or unwanted. No-op when it is out. */
  remove(piece: number): void {
    if (!this.has(piece)) return;
    let hole = this.#position[piece]!;
    for (let k = this.#bucketOf(piece); k <= this.#lastBucket; k++) {
      // The last piece of each bucket fills the hole that the bucket before it left.
      const last = this.#ends[k]! - 1;
      this.#ends[k] = last;
      if (last > hole) this.#place(this.#order[last]!, hole);
      hole = last;
    }
    this.#position[piece] = -1;
    this.#count--;
  }

  /** Puts a piece back. */
  insert(piece: number): void {
    assert(!this.has(piece) && this.#priority[piece]! > 0, 'a piece enters the order twice or unwanted');
    const bucket = this.#bucketOf(piece);
    this.#extendTo(bucket);
    for (let k = this.#lastBucket; k > bucket; k--) {
      // The first piece of each bucket moves behind its last one, which frees a place for the bucket before it.
      const first = this.#ends[k - 1]!;
      const end = this.#ends[k]!;
      if (first < end) this.#place(this.#order[first]!, end);
      this.#ends[k] = end + 1;
    }
    this.#place(piece, this.#ends[bucket]!);
    this.#ends[bucket]!++;
    this.#count++;
    this.#mix(piece, bucket);
  }

  /**
   * Gives the pieces from `first` on new classes, all at once, and decides anew which of all pieces are in the order:
   * those that `isOpen` says and that have a priority above 0. O(pieces + buckets), where one by one each costs buckets.
   */
  reorder(first: number, priorities: Uint8Array, isOpen: (piece: number) => boolean): void {
    this.#priority.set(priorities, first);
    const ends = new Uint32Array(this.#ends.length);
    this.#lastBucket = 0;
    for (let piece = 0; piece < this.#priority.length; piece++) {
      const isMember = this.#priority[piece]! > 0 && isOpen(piece);
      this.#position[piece] = isMember ? 0 : -1;
      if (!isMember) continue;
      const bucket = this.#bucketOf(piece);
      ends[bucket]!++;
      this.#lastBucket = Math.max(this.#lastBucket, bucket);
    }
    this.#count = 0;
    for (let k = 0; k <= this.#lastBucket; k++) {
      const size = ends[k]!;
      ends[k] = this.#count; // where the bucket's next piece goes; in the end, its end
      this.#count += size;
    }
    for (let piece = 0; piece < this.#priority.length; piece++) {
      if (this.has(piece)) this.#place(piece, ends[this.#bucketOf(piece)]!++);
    }
    this.#ends = ends;
    let start = 0;
    for (let k = 0; k <= this.#lastBucket; k++) {
      for (let i = ends[k]! - 1; i > start; i--) this.#swap(i, this.#randomIn(start, i + 1));
      start = ends[k]!;
    }
  }

  /** Asserts the invariant piece by piece; for tests. */
  verify(): void {
    let previous = 0;
    for (let i = 0; i < this.#count; i++) {
      const piece = this.#order[i]!;
      const bucket = this.#bucketOf(piece);
      assert(this.#position[piece] === i, 'position and order disagree');
      assert(bucket >= previous, 'pieces out of order');
      assert(i >= (bucket === 0 ? 0 : this.#end(bucket - 1)) && i < this.#end(bucket), 'piece outside its bucket');
      previous = bucket;
    }
    assert(this.#end(this.#lastBucket) === this.#count, 'the last bucket does not end the order');
  }

  #bucketStart(priority: number): number {
    return (PRIORITY_MAX - priority) * this.#stride;
  }

  #bucketOf(piece: number): number {
    return this.#bucketStart(this.#priority[piece]!) + this.#availability[piece]!;
  }

  #end(bucket: number): number {
    return bucket > this.#lastBucket ? this.#count : this.#ends[bucket]!;
  }

  #extendTo(bucket: number): void {
    while (this.#lastBucket < bucket) this.#ends[++this.#lastBucket] = this.#count;
  }

  /** Puts a piece at a random place of its bucket: whoever comes last must not be whom everyone picks next. */
  #mix(piece: number, bucket: number): void {
    const start = bucket === 0 ? 0 : this.#ends[bucket - 1]!;
    this.#swap(this.#position[piece]!, this.#randomIn(start, this.#ends[bucket]!));
  }

  /** In [low, high), high > low. The bias of scaling 32 bits is of no consequence here. */
  #randomIn(low: number, high: number): number {
    return low + Math.floor((this.#random.uint32() / 2 ** 32) * (high - low));
  }

  #swap(a: number, b: number): void {
    const piece = this.#order[a]!;
    this.#place(this.#order[b]!, a);
    this.#place(piece, b);
  }

  #place(piece: number, index: number): void {
    this.#order[index] = piece;
    this.#position[piece] = index;
  }

  #grow(): void {
    const stride = 2 * this.#stride;
    const ends = new Uint32Array(PRIORITY_MAX * stride);
    for (let k = 0; k < ends.length; k++) {
      // Buckets that are new to a class are empty: they end where the class does.
      const within = Math.min(k % stride, this.#stride - 1);
      ends[k] = this.#end(Math.floor(k / stride) * this.#stride + within);
    }
    const lastClass = Math.floor(this.#lastBucket / this.#stride);
    this.#lastBucket = lastClass * stride + (this.#lastBucket % this.#stride);
    this.#stride = stride;
    this.#ends = ends;
  }
}
