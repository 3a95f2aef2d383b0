/**
 * Piece buffers in shared memory, so that a disk worker hashes and writes them where they are. A pool serves one
 * torrent (its slots hold a piece, or an extent of a larger one) and draws from the engine's ByteBudget, which is what bounds the memory.
 * Free slots are reused last in, first out: pages that were never needed are never touched.
 */
import { assert } from './assert.js';

/** A named amount of memory shared by several pools. Invariant: 0 <= usedBytes, and <= limitBytes but for `overdraw`. */
export class ByteBudget {
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether `bytes` could be reserved now. */
  hasRoomFor(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.limitBytes;
  }

  /** @returns false, and takes nothing, when `bytes` would pass the limit. */
  reserve(bytes: number): boolean {
    if (!this.hasRoomFor(bytes)) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Takes `bytes` even beyond the limit. */
  overdraw(bytes: number): void {
    this.#usedBytes += bytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    assert(this.#usedBytes >= 0, 'budget released more than it gave');
  }
}

/** One piece buffer. `bytes` always spans the pool's slot length, also for a short last piece. */
export interface Slot {
  readonly bytes: Uint8Array;
  readonly buffer: SharedArrayBuffer;
}

/** @returns a view of `lengthBytes` of the slot from `offsetBytes`, for a storage that takes slots from their start. */
export function slotPart(
  { bytes, buffer }: Slot,
  { offsetBytes, lengthBytes }: { readonly offsetBytes: number; readonly lengthBytes: number },
): Slot {
  return { bytes: bytes.subarray(offsetBytes, offsetBytes + lengthBytes), buffer };
}

export class SlotPool {
  readonly slotBytes: number;
  readonly #budget: ByteBudget;
  readonly #free: Slot[] = [];
  /** Kept by identity: a slot released twice would be written by two pieces at once. */
  readonly #inUse = new Set<Slot>();
  /** How many free slots there were at the least since trimIdle was called last: so many nobody needs. */
  #idleCount = 0;

  constructor(slotBytes: number, budget: ByteBudget) {
    this.slotBytes = slotBytes;
    this.#budget = budget;
  }

  get inUse(): number {
    return this.#inUse.size;
  }

  /** What it has of the budget: slots in use, and free ones kept for later. */
  get heldBytes(): number {
    return (this.#inUse.size + this.#free.length) * this.slotBytes;
  }

  /** Whether `acquire` would give a slot. */
  get hasRoom(): boolean {
    return this.#free.length > 0 || this.#inUse.size === 0 || this.#budget.hasRoomFor(this.slotBytes);
  }

  /**
   * A pool gets its first slot also when others have spent the budget: a torrent whose peers are gone, or slow, keeps
   * what it has, and without a slot of its own another torrent would wait for it for ever.
   * @returns a slot with whatever the last user left in it, or null when the budget is spent.
   */
  acquire(): Slot | null {
    let slot = this.#free.pop();
    this.#idleCount = Math.min(this.#idleCount, this.#free.length);
    if (slot === undefined) {
      if (!this.#budget.reserve(this.slotBytes)) {
        if (this.#inUse.size > 0) return null;
        this.#budget.overdraw(this.slotBytes);
      }
      const buffer = new SharedArrayBuffer(this.slotBytes);
      slot = { bytes: new Uint8Array(buffer), buffer };
    }
    this.#inUse.add(slot);
    return slot;
  }

  release(slot: Slot): void {
    assert(this.#inUse.delete(slot), 'slot released twice, or to a foreign pool');
    this.#free.push(slot);
  }

  /** Gives free slots back to the budget, when a torrent has nothing left to download. @returns whether it had any. */
  trim(): boolean {
    return this.#giveBack(this.#free.length);
  }

  /** Gives back the free slots that were not needed since the last call. @returns whether there were any. */
  trimIdle(): boolean {
    return this.#giveBack(this.#idleCount);
  }

  /** Those that have been free for longest. */
  #giveBack(count: number): boolean {
    this.#free.splice(0, count);
    this.#idleCount = this.#free.length;
    this.#budget.release(count * this.slotBytes);
    return count > 0;
  }
}
