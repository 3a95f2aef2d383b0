/**
 * One piece in flight: the state of each of its blocks, and its extents, the parts of a slot's length that get memory
 * and give it back on their own. Objects and arrays are reused from piece to piece; nothing is allocated per block.
 * A piece that fits one slot is whole: hashed in memory, then written. Any other is spilled: its extents are written
 * as they are complete, and the piece is verified on disk once all of them are there; so is one that was restored.
 * Changed by PartialPieces only, which also keeps the counts; read by PiecePicker and PieceStore.
 */
import { assert } from '../../base/assert.js';
import type { Slot } from '../../base/slot-pool.js';

// Each block is in exactly one of these states.
/** Nobody is asked for it; requestCount 0. */
export const FREE = 0;
/** One or more peers are asked for it. */
export const REQUESTED = 1;
/** Its bytes are arriving from `contributor`; others may still be asked for it. */
export const RECEIVING = 2;
/** Its bytes are in the slot of its extent. */
export const RECEIVED = 3;
/** Its bytes are on disk, unverified; of a spilled piece only. */
export const ON_DISK = 4;

// Stand where the number of a peer would.
/** Padding, which nobody has to send; or as an owner: anyone may join. */
export const NOBODY = -1;
/** Received in an earlier session. */
export const FORMER_SESSION = -2;

/** A stretch of a piece that has one slot while blocks of it are asked for or in memory. */
export class Extent {
  slot: Slot | null = null;
  /** The storage has the slot; no block of the extent is asked for meanwhile. */
  isWriting = false;
  freeCount = 0;
  /** Blocks that have not come: FREE, REQUESTED or RECEIVING. */
  missingCount = 0;
  /** No block of the extent below this one is FREE. */
  freeHint = 0;

  /** Has memory that blocks can be received into. */
  get isOpen(): boolean {
    return this.slot !== null && !this.isWriting;
  }

  /** Has memory, and nobody is asked for any of its blocks. */
  get isIdle(): boolean {
    return this.isOpen && this.missingCount > 0 && this.missingCount === this.freeCount;
  }
}

export class PartialPiece {
  piece = -1;
  blockCount = 0;
  readonly blockState: Uint8Array;
  /** Per block: how many peers have it outstanding. */
  readonly requestCount: Uint8Array;
  /** Per block that is RECEIVING or beyond: the number of the peer, NOBODY or FORMER_SESSION. */
  readonly contributor: Int32Array;
  /** The first `extentCount` are this piece's. */
  readonly extents: Extent[] = [new Extent()];
  extentCount = 1;
  /** Of every extent but the last, which may have fewer. */
  blocksPerExtent = 0;
  /** Written extent by extent and verified on disk, instead of hashed in memory. */
  isSpilled = false;
  freeCount = 0;
  /** FREE blocks of open extents: those that can be asked for without more memory. */
  readyCount = 0;
  /** RECEIVED or ON_DISK, padding included. */
  receivedCount = 0;
  paddingCount = 0;
  /** Requests outstanding, all blocks and peers together. */
  outstandingCount = 0;
  /** Extents that hold a slot, and those of them that the storage has. */
  slotCount = 0;
  writingCount = 0;
  /** Complete, and the storage is hashing it. */
  isStoring = false;
  /** Number of the peer that has the piece to itself; NOBODY = anyone may join. */
  owner: number = NOBODY;
  /** One peer alone is to send all of it, because it failed its hash before, or because he is a suspect. */
  isSolo = false;
  /** How many times a peer found nothing to do while this piece waited for someone to go on with it. */
  idlePicks = 0;
  /** How many times a peer that may not share it found nothing to do while nobody was asked for a block of it. */
  takeOverPicks = 0;
  /** How many pieces we had when a block of this one was last picked. */
  haveCountAtPick = 0;
  /** No block of an extent below this one is FREE. */
  extentHint = 0;
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

  /** Unfinished; nobody is asked for a block of it, none is arriving, and the storage has nothing of it. */
  get isIdle(): boolean {
    if (this.outstandingCount > 0 || this.isComplete || this.writingCount > 0) return false;
    return this.freeCount + this.receivedCount === this.blockCount;
  }

  /** Spilled, and everything of it is on disk: it can be verified. */
  get isReadyToVerify(): boolean {
    return this.isSpilled && this.isComplete && this.slotCount === 0;
  }

  /** @returns the numbers of the peers that sent blocks of it, each once. */
  contributors(): number[] {
    return [...new Set(this.contributor.subarray(0, this.blockCount))].filter((number) => number >= 0);
  }

  /** @returns the number of the only peer that can have sent it, padding aside; -1 when there is doubt. */
  soleContributor(): number {
    const contributors = this.contributors();
    const isAllKnown = !this.contributor.subarray(0, this.blockCount).includes(FORMER_SESSION);
    return isAllKnown && contributors.length === 1 ? contributors[0]! : -1;
  }

  extentIndexOf(block: number): number {
    return this.extentCount === 1 ? 0 : Math.floor(block / this.blocksPerExtent);
  }

  extentOf(block: number): Extent {
    return this.extents[this.extentIndexOf(block)]!;
  }

  /** The first block of an extent; of the one behind the last: blockCount. */
  firstBlockOf(extentIndex: number): number {
    return Math.min(extentIndex * this.blocksPerExtent, this.blockCount);
  }

  /** The lowest FREE block of an open extent; there has to be one. */
  nextReady(): number {
    while (this.extentHint < this.extentCount - 1 && this.extents[this.extentHint]!.freeCount === 0) this.extentHint++;
    let index = this.extentHint;
    while (index < this.extentCount && !this.#isReady(index)) index++;
    assert(index < this.extentCount, 'no free block where the count says there is one');
    const extent = this.extents[index]!;
    const end = this.firstBlockOf(index + 1);
    let block = extent.freeHint;
    while (block < end && this.blockState[block] !== FREE) block++;
    assert(block < end, 'no free block where the count says there is one');
    extent.freeHint = block;
    return block;
  }

  /** @returns the lowest extent that needs a slot before its FREE blocks can be asked for, or -1. */
  nextClosed(): number {
    for (let index = this.extentHint; index < this.extentCount; index++) {
      const extent = this.extents[index]!;
      if (extent.freeCount > 0 && extent.slot === null) return index;
    }
    return -1;
  }

  /** @returns the lowest extent that keeps memory while nobody is asked for its blocks, or -1. */
  idleExtent(): number {
    if (this.slotCount === 0) return -1;
    for (let index = 0; index < this.extentCount; index++) if (this.extents[index]!.isIdle) return index;
    return -1;
  }

  #isReady(index: number): boolean {
    const extent = this.extents[index]!;
    return extent.freeCount > 0 && extent.isOpen;
  }
}
