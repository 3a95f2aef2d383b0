/**
 * Pieces in flight, and every change of a block's state. Objects and arrays are reused from piece to piece; nothing is
 * allocated per block. Called by PiecePicker only.
 * Invariant: the counts of a piece and of its extents agree with the states of its blocks; a block is asked for only
 * while its extent is open, which is to say has memory for it.
 */
import { assert } from '../../base/assert.js';
import { LIMITS } from '../../base/limits.js';
import type { SlotPool } from '../../base/slot-pool.js';
import {
  Extent,
  FORMER_SESSION,
  FREE,
  NOBODY,
  ON_DISK,
  PartialPiece,
  RECEIVED,
  RECEIVING,
  REQUESTED,
} from './partial-piece.js';

const BLOCK_BYTES = LIMITS.blockBytes;

/** Bytes of a piece, with and without the padding that ends it. */
export interface PieceSizes {
  readonly pieceBytes: number;
  readonly dataBytes: number;
}

export class PartialPieces {
  readonly #slots: SlotPool;
  readonly #blocksPerExtent: number;
  readonly #blockCountMax: number;
  /** Index into #all per piece, -1 = not in flight. */
  readonly #indexOf: Int32Array;
  readonly #all: PartialPiece[] = [];
  readonly #open: PartialPiece[] = [];
  readonly #spare: PartialPiece[] = [];

  /** Blocks of the spilled pieces together: what is kept of each block is what strangers could make grow. */
  #spilledBlocks = 0;

  constructor(options: { readonly pieceCount: number; readonly pieceLength: number; readonly slots: SlotPool }) {
    this.#slots = options.slots;
    this.#blocksPerExtent = Math.ceil(options.slots.slotBytes / BLOCK_BYTES);
    this.#blockCountMax = Math.ceil(options.pieceLength / BLOCK_BYTES);
    this.#indexOf = new Int32Array(options.pieceCount).fill(-1);
  }

  get spilledBlocks(): number {
    return this.#spilledBlocks;
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

  /** Whether the piece is, from the beginning, too large for a slot. */
  isSpilledFromBeginning({ pieceBytes }: PieceSizes): boolean {
    return pieceBytes > this.#blocksPerExtent * BLOCK_BYTES;
  }

  /**
   * Begins a piece, without memory yet. Blocks that start at or after `dataBytes` are padding (BEP 47): they count as
   * received and are zeros. Block 0 is always asked for, so that even a piece of nothing but padding ends as others do.
   */
  begin(piece: number, sizes: PieceSizes, options: { readonly isRestored: boolean }): PartialPiece {
    assert(this.#indexOf[piece] === -1, 'a piece is begun twice');
    const partial = this.#spare.pop() ?? new PartialPiece(this.#blockCountMax);
    const blockCount = Math.ceil(sizes.pieceBytes / BLOCK_BYTES);
    const askedFor = Math.max(1, Math.ceil(sizes.dataBytes / BLOCK_BYTES));
    partial.piece = piece;
    partial.blockCount = blockCount;
    partial.isSpilled = options.isRestored || this.isSpilledFromBeginning(sizes);
    partial.blockState.fill(FREE, 0, askedFor).fill(partial.isSpilled ? ON_DISK : RECEIVED, askedFor, blockCount);
    partial.requestCount.fill(0, 0, blockCount);
    partial.contributor.fill(NOBODY, 0, blockCount);
    partial.freeCount = askedFor;
    partial.readyCount = 0;
    partial.paddingCount = blockCount - askedFor;
    partial.receivedCount = partial.paddingCount;
    partial.outstandingCount = 0;
    partial.isStoring = false;
    partial.owner = NOBODY;
    partial.isSolo = false;
    partial.idlePicks = 0;
    partial.takeOverPicks = 0;
    this.#layExtents(partial, askedFor);
    partial.index = this.#all.push(partial) - 1;
    this.#indexOf[piece] = partial.index;
    if (partial.isSpilled) this.#spilledBlocks += blockCount;
    this.#setOpen(partial);
    return partial;
  }

  /** The block is on disk since an earlier session; of a piece that was begun as restored. */
  restore(partial: PartialPiece, block: number): void {
    assert(partial.isSpilled && partial.blockState[block] === FREE, 'only a free block of a spilled piece is restored');
    this.#leaveFree(partial, block, ON_DISK);
    partial.contributor[block] = FORMER_SESSION;
    partial.receivedCount++;
    partial.extentOf(block).missingCount--;
  }

  /** Ends a piece: its memory goes back to the pool, the object serves another piece. */
  end(partial: PartialPiece): void {
    assert(partial.writingCount === 0, 'a piece ends while the storage has memory of it');
    for (let index = 0; index < partial.extentCount && partial.slotCount > 0; index++) this.#close(partial, index);
    if (partial.isSpilled) this.#spilledBlocks -= partial.blockCount;
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
    this.#spare.push(partial);
  }

  /** @returns the block to ask for next, of an extent that gets memory now if need be; -1 = there is no memory. */
  next(partial: PartialPiece): number {
    if (partial.readyCount === 0 && !this.#openNext(partial)) return -1;
    return partial.nextReady();
  }

  /** Whether `next` has a block to ask for. */
  hasNext(partial: PartialPiece): boolean {
    return partial.readyCount > 0 || (partial.freeCount > 0 && this.#slots.hasRoom && partial.nextClosed() >= 0);
  }

  /** A peer is asked for a block that is FREE, or REQUESTED of others (end game). */
  request(partial: PartialPiece, block: number): void {
    const state = partial.blockState[block];
    assert(state === FREE || state === REQUESTED, 'a block is requested that has come already');
    if (state === FREE) this.#leaveFree(partial, block, REQUESTED);
    partial.requestCount[block]!++;
    partial.outstandingCount++;
    partial.idlePicks = 0;
    partial.takeOverPicks = 0;
  }

  /** A peer is no longer asked: it refused, timed out, choked us, left, or the block came from someone else. */
  release(partial: PartialPiece, block: number): void {
    this.#forgetRequest(partial, block);
    if (partial.blockState[block] === REQUESTED && partial.requestCount[block] === 0) this.#becomeFree(partial, block);
  }

  /** False when the block is not needed (any more), or is arriving from another peer. */
  canStart(partial: PartialPiece, block: number): boolean {
    const state = partial.blockState[block];
    if (block >= partial.blockCount || (state !== FREE && state !== REQUESTED)) return false;
    return partial.extentOf(block).isOpen;
  }

  /** @returns whether it can be. */
  start(partial: PartialPiece, block: number, peerNumber: number): boolean {
    if (!this.canStart(partial, block)) return false;
    if (partial.blockState[block] === FREE) this.#leaveFree(partial, block, RECEIVING);
    else partial.blockState[block] = RECEIVING;
    partial.contributor[block] = peerNumber;
    return true;
  }

  /** The block has arrived; its sender's request is answered. */
  finish(partial: PartialPiece, block: number): void {
    assert(partial.blockState[block] === RECEIVING, 'a block ends that did not begin');
    partial.blockState[block] = RECEIVED;
    partial.receivedCount++;
    partial.extentOf(block).missingCount--;
    this.#forgetRequest(partial, block);
  }

  /** The sender left in the middle of the block. Its request is still to be released. */
  abort(partial: PartialPiece, block: number): void {
    assert(partial.blockState[block] === RECEIVING, 'a block is given up that did not begin');
    this.#forgetBytes(partial, block);
  }

  /** The same, but the sender goes on. @returns a copy of its memory: what has come, then anything. */
  setAside(partial: PartialPiece, block: number): Uint8Array {
    const offset = (block - partial.firstBlockOf(partial.extentIndexOf(block))) * BLOCK_BYTES;
    const copy = partial.extentOf(block).slot!.bytes.slice(offset, offset + BLOCK_BYTES);
    this.abort(partial, block);
    return copy;
  }

  /** The storage takes the slot of an extent: what has come of it is being written. */
  startWriting(partial: PartialPiece, index: number): void {
    const extent = partial.extents[index]!;
    assert(partial.isSpilled && extent.isOpen, 'an extent is written that is not in memory');
    assert(extent.missingCount === extent.freeCount, 'an extent is written while blocks of it are arriving');
    partial.readyCount -= extent.freeCount;
    extent.isWriting = true;
    partial.writingCount++;
  }

  /** The storage gives the slot back; the memory is free. `isStored`: what had come of the extent is on disk. */
  finishWriting(partial: PartialPiece, index: number, { isStored }: { readonly isStored: boolean }): void {
    const extent = partial.extents[index]!;
    assert(extent.isWriting, 'an extent was not being written');
    extent.isWriting = false;
    partial.writingCount--;
    partial.readyCount += extent.freeCount;
    for (let block = partial.firstBlockOf(index); block < partial.firstBlockOf(index + 1); block++) {
      if (partial.blockState[block] !== RECEIVED) continue;
      if (isStored) partial.blockState[block] = ON_DISK;
      else this.#discard(partial, block);
    }
    this.#close(partial, index);
  }

  /** From now on its extents are written as they are; it can no longer be hashed in memory. */
  spill(partial: PartialPiece): void {
    if (partial.isSpilled) return;
    assert(!partial.isStoring, 'a piece is spilled while it is being stored');
    partial.isSpilled = true;
    this.#spilledBlocks += partial.blockCount;
    partial.blockState.fill(ON_DISK, partial.blockCount - partial.paddingCount, partial.blockCount);
  }

  /** Forgets the bytes that peers other than `peerNumber` sent: after a failed hash, or before a solo attempt. */
  discardReceived(partial: PartialPiece, peerNumber: number): void {
    for (let block = 0; block < partial.blockCount; block++) {
      const contributor = partial.contributor[block]!;
      if (partial.blockState[block]! < RECEIVED || contributor === NOBODY || contributor === peerNumber) continue;
      this.#discard(partial, block);
    }
  }

  /** Asserts the invariant block by block; for tests. */
  verify(): void {
    let spilled = 0;
    for (const partial of this.#all) verifyPartial(partial);
    for (const [index, partial] of this.#all.entries()) {
      spilled += partial.isSpilled ? partial.blockCount : 0;
      assert(partial.index === index && this.get(partial.piece) === partial, 'piece index disagrees');
      assert(partial.openIndex >= 0 === partial.freeCount > 0, 'open list disagrees');
    }
    for (const [index, partial] of this.#open.entries()) assert(partial.openIndex === index, 'open index disagrees');
    assert(spilled === this.#spilledBlocks, 'spilled blocks are counted wrong');
  }

  /** Tolerates one release too many: a block can time out while it arrives, and is then answered as well. */
  #forgetRequest(partial: PartialPiece, block: number): void {
    if (block >= partial.blockCount || partial.requestCount[block] === 0) return;
    partial.requestCount[block]!--;
    partial.outstandingCount--;
  }

  #discard(partial: PartialPiece, block: number): void {
    partial.receivedCount--;
    partial.extentOf(block).missingCount++;
    this.#forgetBytes(partial, block);
  }

  #forgetBytes(partial: PartialPiece, block: number): void {
    partial.contributor[block] = NOBODY;
    partial.blockState[block] = REQUESTED;
    if (partial.requestCount[block] === 0) this.#becomeFree(partial, block);
  }

  #leaveFree(partial: PartialPiece, block: number, state: number): void {
    const extent = partial.extentOf(block);
    partial.blockState[block] = state;
    partial.freeCount--;
    extent.freeCount--;
    if (extent.isOpen) partial.readyCount--;
    assert(partial.freeCount >= 0, 'fewer free blocks than none');
    if (partial.freeCount === 0) this.#setOpen(partial);
  }

  #becomeFree(partial: PartialPiece, block: number): void {
    const index = partial.extentIndexOf(block);
    const extent = partial.extents[index]!;
    partial.blockState[block] = FREE;
    partial.freeCount++;
    extent.freeCount++;
    if (extent.isOpen) partial.readyCount++;
    if (block < extent.freeHint) extent.freeHint = block;
    if (index < partial.extentHint) partial.extentHint = index;
    if (partial.freeCount === 1) this.#setOpen(partial);
  }

  /** Cuts the piece into extents, of which the first `askedFor` blocks are to come. */
  #layExtents(partial: PartialPiece, askedFor: number): void {
    partial.blocksPerExtent = this.#blocksPerExtent;
    partial.extentCount = Math.ceil(partial.blockCount / this.#blocksPerExtent);
    partial.extentHint = 0;
    while (partial.extents.length < partial.extentCount) partial.extents.push(new Extent());
    for (let index = 0; index < partial.extentCount; index++) {
      const extent = partial.extents[index]!;
      const firstBlock = partial.firstBlockOf(index);
      extent.freeCount = Math.max(0, Math.min(askedFor, partial.firstBlockOf(index + 1)) - firstBlock);
      extent.missingCount = extent.freeCount;
      extent.freeHint = firstBlock;
    }
  }

  /** Gives memory to the lowest extent that wants some. @returns whether it got any. */
  #openNext(partial: PartialPiece): boolean {
    const index = partial.nextClosed();
    const slot = index < 0 ? null : this.#slots.acquire();
    if (slot === null) return false;
    const extent = partial.extents[index]!;
    extent.slot = slot;
    partial.slotCount++;
    partial.readyCount += extent.freeCount;
    // Hashed in memory with all that belongs to it.
    if (!partial.isSpilled && partial.paddingCount > 0) {
      slot.bytes.fill(0, (partial.blockCount - partial.paddingCount) * BLOCK_BYTES);
    }
    return true;
  }

  /** Takes the memory of an extent, if it has any. */
  #close(partial: PartialPiece, index: number): void {
    const extent = partial.extents[index]!;
    if (extent.slot === null) return;
    partial.readyCount -= extent.freeCount;
    partial.slotCount--;
    this.#slots.release(extent.slot);
    extent.slot = null;
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
  let outstanding = 0;
  for (let block = 0; block < partial.blockCount; block++) {
    const state = partial.blockState[block]!;
    const requests = partial.requestCount[block]!;
    const extent = partial.extentOf(block);
    outstanding += requests;
    assert(state !== FREE || requests === 0, 'a free block has requests');
    assert(state !== REQUESTED || requests > 0, 'a requested block has none');
    assert(state !== FREE || block >= extent.freeHint, 'a free block below the hint');
    const isInMemory = partial.contributor[block] !== NOBODY && (state === RECEIVING || state === RECEIVED);
    assert(!isInMemory || extent.slot !== null, 'a block in memory without memory');
    assert(state >= RECEIVING || partial.contributor[block] === NOBODY, 'a stray contributor');
    assert(state !== ON_DISK || partial.isSpilled, 'a whole piece has blocks on disk');
  }
  assert(outstanding === partial.outstandingCount, 'request counts disagree');
  verifyExtents(partial);
}

function verifyExtents(partial: PartialPiece): void {
  const sums = { free: 0, ready: 0, missing: 0, slots: 0, writing: 0 };
  for (let index = 0; index < partial.extentCount; index++) {
    const extent = partial.extents[index]!;
    const states = partial.blockState.subarray(partial.firstBlockOf(index), partial.firstBlockOf(index + 1));
    const free = states.filter((state) => state === FREE).length;
    const missing = states.filter((state) => state < RECEIVED).length;
    assert(free === extent.freeCount && missing === extent.missingCount, 'extent counts disagree with states');
    assert(free === 0 || index >= partial.extentHint, 'a free block in an extent below the hint');
    sums.free += free;
    sums.missing += missing;
    if (extent.isOpen) sums.ready += free;
    if (extent.slot !== null) sums.slots++;
    if (extent.isWriting) sums.writing++;
  }
  assert(sums.free === partial.freeCount && sums.ready === partial.readyCount, 'free counts disagree with extents');
  assert(sums.missing === partial.blockCount - partial.receivedCount, 'received count disagrees with extents');
  assert(sums.slots === partial.slotCount && sums.writing === partial.writingCount, 'slot counts disagree');
}
