/**
 * A hash index of the embedded tracker: open addressing with linear probing over small numbers from 1 up, which stand
 * for rows that are elsewhere. Who owns the rows hashes and compares them; hashes have to be keyed, as the keys are
 * strangers' choice. At most half of the slots are taken.
 */
import { assert } from '../../base/assert.js';

export class ServerIndex {
  /** 0 = free. */
  slots: Uint16Array | Uint32Array;
  readonly #hashOf: (value: number) => number;

  /** @param hashOf the hash of the row that a value stands for. */
  constructor(slots: Uint16Array | Uint32Array, hashOf: (value: number) => number) {
    this.slots = slots;
    this.#hashOf = hashOf;
  }

  add(value: number, hash: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = value;
  }

  /** What `value` stood for is now `by`. */
  replace(value: number, hash: number, by: number): void {
    this.slots[this.#slotOf(value, hash)] = by;
  }

  /** Later entries of the same run move up, so that a search may end at a free slot. */
  remove(value: number, hash: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let hole = this.#slotOf(value, hash);
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashOf(slots[slot]!) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue; // it may not stand before its home
      slots[hole] = slots[slot]!;
      hole = slot;
    }
    slots[hole] = 0;
  }

  /** `slots` takes the place of those that have become too few. */
  moveTo(slots: Uint16Array | Uint32Array): void {
    const old = this.slots;
    this.slots = slots;
    for (const value of old) if (value !== 0) this.add(value, this.#hashOf(value));
  }

  #slotOf(value: number, hash: number): number {
    const { slots } = this;
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== value) {
      assert(slots[slot] !== 0, 'what is to be removed is in the index');
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}
