/**
 * Pieces in flight: a buffer each, and the state of each of its blocks. Objects and arrays are reused from piece to
 * piece; nothing is allocated per block. Called by PiecePicker only.
 * Invariant: each block is in exactly one state, and the counts agree with the states.
 *   FREE       nobody is asked for it, requestCount 0
 *   REQUESTED  requestCount >= 1 peers are asked for it
 *   RECEIVING  its bytes are arriving from `contributor` (others may still be asked for it)
 *   RECEIVED   its bytes are in the slot; `contributor` sent them, -1 = padding that nobody has to send
 */
import { assert } from '../base/assert.js';
import { LIMITS } from '../base/limits.js';
import type { Slot } from '../base/slot-pool.js';

export const FREE = 0;
export const REQUESTED = 1;
export const RECEIVING = 2;
export const RECEIVED = 3;

/** Stands where the number of a peer would. */
export const NOBODY = -1;

export class PartialPiece {
  piece = -1;
  slot: Slot = NO_SLOT;
  blockCount = 0;
  readonly blockState: Uint8Array;
  /** Per block: how many peers have it outstanding. */
  readonly requestCount: Uint8Array;
  /** Per block that is RECEIVING or RECEIVED: the number of the peer, or NOBODY. */
  readonly contributor: Int32Array;
  freeCount = 0;
  /** Padding included. */
  receivedCount = 0;
  paddingCount = 0;
  /** Requests outstanding, all blocks and peers together. */
  outstandingCount = 0;
  /** The storage has the slot: complete, and being hashed and written. */
  isWriting = false;
  /** Number of the peer that has the piece to itself; NOBODY = anyone may join. */
  owner: number = NOBODY;
  /** It failed its hash before: one peer alone is to send all of it, so that the next failure has one culprit. */
  isSolo = false;
  /** How many times a peer found nothing to do while this piece waited for someone to go on with it. */
  idlePicks = 0;
  /** How many pieces we had when a block of this one was last picked. */
  haveCountAtPick = 0;
  /** No block below this index is FREE. */
  firstFreeHint = 0;
  /** Places in the two lists of PartialPieces; -1 = not in that list. */
  index = -1;
  openIndex = -1;

  constructor(blockCountMax: number) {
    this.blockState = new Uint8Array(blockCountMax);
    this.requestCount = new Uint8Array(blockCountMax);
    this.contributor = new Int32Array(blockCountMax);
  }

  get isComplete(): boolean {
    return this.receivedCount === this.blockCount;
  }

  /** Some block of it came from a peer. */
  get hasBytes(): boolean {
    return this.receivedCount > this.paddingCount;
  }

  /** Unfinished; nobody is asked for a block of it, and none is arriving. */
  get isIdle(): boolean {
    return this.outstandingCount === 0 && !this.isComplete && this.freeCount + this.receivedCount === this.blockCount;
  }

  /** Lowest FREE block; there has to be one. */
  nextFree(): number {
    let block = this.firstFreeHint;
    while (block < this.blockCount && this.blockState[block] !== FREE) block++;
    assert(block < this.blockCount, 'no free block where the count says there is one');
    this.firstFreeHint = block;
    return block;
  }
}

const NO_SLOT: Slot = { bytes: new Uint8Array(0), buffer: new SharedArrayBuffer(0) };

export class PartialPieces {
  readonly #blockCountMax: number;
  /** Index into #all per piece, -1 = not in flight. */
  readonly #indexOf: Int32Array;
  readonly #all: PartialPiece[] = [];
  readonly #open: PartialPiece[] = [];
  readonly #spare: PartialPiece[] = [];

  constructor(pieceCount: number, blockCountMax: number) {
    this.#blockCountMax = blockCountMax;
    this.#indexOf = new Int32Array(pieceCount).fill(-1);
  }

  /** Every piece in flight, in no order. */
  get all(): readonly PartialPiece[] {
    return this.#all;
  }

  /** Pieces in flight that have a FREE block, in no order. */
  get open(): readonly PartialPiece[] {
    return this.#open;
  }

  /** @returns null for a piece that is not in flight; any number may be asked for. */
  get(piece: number): PartialPiece | null {
    const index = this.#indexOf[piece];
    return index === undefined || index < 0 ? null : this.#all[index]!;
  }

  /**
   * Begins a piece. Blocks that start at or after `dataBytes` are padding (BEP 47): they count as received and are
   * zeros. Block 0 is always asked for, so that even a piece of nothing but padding ends the way others do.
   */
  begin(
    piece: number,
    slot: Slot,
    { pieceBytes, dataBytes }: { readonly pieceBytes: number; readonly dataBytes: number },
  ): PartialPiece {
    assert(this.#indexOf[piece] === -1, 'a piece is begun twice');
    const partial = this.#spare.pop() ?? new PartialPiece(this.#blockCountMax);
    const blockCount = Math.ceil(pieceBytes / LIMITS.blockBytes);
    const askedFor = Math.max(1, Math.ceil(dataBytes / LIMITS.blockBytes));
    if (askedFor < blockCount) slot.bytes.fill(0, askedFor * LIMITS.blockBytes, pieceBytes);
    partial.piece = piece;
    partial.slot = slot;
    partial.blockCount = blockCount;
    partial.blockState.fill(FREE, 0, askedFor).fill(RECEIVED, askedFor, blockCount);
    partial.requestCount.fill(0, 0, blockCount);
    partial.contributor.fill(NOBODY, 0, blockCount);
    partial.freeCount = askedFor;
    partial.paddingCount = blockCount - askedFor;
    partial.receivedCount = partial.paddingCount;
    partial.outstandingCount = 0;
    partial.isWriting = false;
    partial.owner = NOBODY;
    partial.isSolo = false;
    partial.idlePicks = 0;
    partial.firstFreeHint = 0;
    partial.index = this.#all.push(partial) - 1;
    this.#indexOf[piece] = partial.index;
    this.#setOpen(partial);
    return partial;
  }

  /** Ends a piece: its slot is the caller's to release, the object serves another piece. */
  end(partial: PartialPiece): void {
    const last = this.#all.pop()!;
    if (last !== partial) {
      last.index = partial.index;
      this.#all[last.index] = last;
      this.#indexOf[last.piece] = last.index;
    }
    this.#indexOf[partial.piece] = -1;
    partial.index = -1;
    partial.freeCount = 0;
    this.#setOpen(partial);
    partial.slot = NO_SLOT;
    this.#spare.push(partial);
  }

  /** A peer is asked for a block that is FREE, or REQUESTED of others (end game). */
  request(partial: PartialPiece, block: number): void {
    const state = partial.blockState[block];
    assert(state === FREE || state === REQUESTED, 'a block is requested that has come already');
    if (state === FREE) this.#leaveFree(partial, block, REQUESTED);
    partial.requestCount[block]!++;
    partial.outstandingCount++;
    partial.idlePicks = 0;
  }

  /** A peer is no longer asked: it refused, timed out, choked us, left, or the block came from someone else. */
  release(partial: PartialPiece, block: number): void {
    this.#forgetRequest(partial, block);
    if (partial.blockState[block] === REQUESTED && partial.requestCount[block] === 0) this.#becomeFree(partial, block);
  }

  /** @returns false when the block is not needed (any more), or is arriving from another peer. */
  start(partial: PartialPiece, block: number, peerNumber: number): boolean {
    const state = partial.blockState[block];
    if (block >= partial.blockCount || (state !== FREE && state !== REQUESTED)) return false;
    if (state === FREE) this.#leaveFree(partial, block, RECEIVING);
    else partial.blockState[block] = RECEIVING;
    partial.contributor[block] = peerNumber;
    return true;
  }

  /** The block has arrived; its sender's request is answered. */
  finish(partial: PartialPiece, block: number): void {
    assert(partial.blockState[block] === RECEIVING, 'a block ends that did not begin');
    partial.blockState[block] = RECEIVED;
    partial.receivedCount++;
    this.#forgetRequest(partial, block);
  }

  /** The sender left in the middle of the block. Its request is still to be released. */
  abort(partial: PartialPiece, block: number): void {
    assert(partial.blockState[block] === RECEIVING, 'a block is given up that did not begin');
    this.#forgetBytes(partial, block);
  }

  /** Forgets the bytes that peers other than `peerNumber` sent: after a failed hash, or before a solo attempt. */
  discardReceived(partial: PartialPiece, peerNumber: number): void {
    for (let block = 0; block < partial.blockCount; block++) {
      const contributor = partial.contributor[block]!;
      if (partial.blockState[block] !== RECEIVED || contributor === NOBODY || contributor === peerNumber) continue;
      partial.receivedCount--;
      this.#forgetBytes(partial, block);
    }
  }

  /** Asserts the invariant block by block; for tests. */
  verify(): void {
    for (const partial of this.#all) verifyPartial(partial);
    for (const [index, partial] of this.#all.entries()) {
      assert(partial.index === index && this.get(partial.piece) === partial, 'piece index disagrees');
      assert(partial.openIndex >= 0 === partial.freeCount > 0, 'open list disagrees');
    }
    for (const [index, partial] of this.#open.entries()) assert(partial.openIndex === index, 'open index disagrees');
  }

  /** Tolerates one release too many: a block can time out while it arrives, and is then answered as well. */
  #forgetRequest(partial: PartialPiece, block: number): void {
    if (block >= partial.blockCount || partial.requestCount[block] === 0) return;
    partial.requestCount[block]!--;
    partial.outstandingCount--;
  }

  #forgetBytes(partial: PartialPiece, block: number): void {
    partial.contributor[block] = NOBODY;
    partial.blockState[block] = REQUESTED;
    if (partial.requestCount[block] === 0) this.#becomeFree(partial, block);
  }

  #leaveFree(partial: PartialPiece, block: number, state: number): void {
    partial.blockState[block] = state;
    partial.freeCount--;
    assert(partial.freeCount >= 0, 'fewer free blocks than none');
    if (partial.freeCount === 0) this.#setOpen(partial);
  }

  #becomeFree(partial: PartialPiece, block: number): void {
    partial.blockState[block] = FREE;
    partial.freeCount++;
    if (block < partial.firstFreeHint) partial.firstFreeHint = block;
    if (partial.freeCount === 1) this.#setOpen(partial);
  }

  /** Enters or leaves the open list, as freeCount says. */
  #setOpen(partial: PartialPiece): void {
    if (partial.freeCount > 0) {
      if (partial.openIndex < 0) partial.openIndex = this.#open.push(partial) - 1;
      return;
    }
    if (partial.openIndex < 0) return;
    const last = this.#open.pop()!;
    if (last !== partial) {
      last.openIndex = partial.openIndex;
      this.#open[last.openIndex] = last;
    }
    partial.openIndex = -1;
  }
}

function verifyPartial(partial: PartialPiece): void {
  let free = 0;
  let received = 0;
  let outstanding = 0;
  for (let block = 0; block < partial.blockCount; block++) {
    const state = partial.blockState[block]!;
    const requests = partial.requestCount[block]!;
    if (state === FREE) free++;
    if (state === RECEIVED) received++;
    outstanding += requests;
    assert(state !== FREE || requests === 0, 'a free block has requests');
    assert(state !== REQUESTED || requests > 0, 'a requested block has none');
    assert(state !== FREE || block >= partial.firstFreeHint, 'a free block below the hint');
    assert(state === RECEIVING || state === RECEIVED || partial.contributor[block] === NOBODY, 'a stray contributor');
  }
  assert(free === partial.freeCount && received === partial.receivedCount, 'block counts disagree with states');
  assert(outstanding === partial.outstandingCount, 'request counts disagree');
}
