/**
 * Choices read off an input's bytes, for targets whose input is a script and not a format. Bytes that have run out read
 * as zero, so every input is a script, and a shorter one is a simpler one.
 */
import { toUtf8 } from '../../src/base/bytes.js';
import { INTERESTING_NUMBERS } from './interesting.js';

export class Dice {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isOver(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  get leftBytes(): number {
    return Math.max(0, this.#bytes.length - this.#offset);
  }

  byte(): number {
    return this.#bytes[this.#offset++] ?? 0;
  }

  /** `bound` up to 256. */
  below(bound: number): number {
    return this.byte() % bound;
  }

  flag(): boolean {
    return this.below(2) === 1;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  uint32(): number {
    return ((this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte()) >>> 0;
  }

  /** Small, or one that mistakes live at. */
  number(): number {
    return this.flag() ? this.byte() : this.pick(INTERESTING_NUMBERS);
  }

  take(length: number): Uint8Array {
    const taken = new Uint8Array(length);
    taken.set(this.#bytes.subarray(this.#offset, this.#offset + length));
    this.#offset += length;
    return taken;
  }

  /** Up to 255 bytes, fewer at the end. */
  some(): Uint8Array {
    return this.take(Math.min(this.byte(), this.leftBytes));
  }

  text(): string {
    return toUtf8(this.some());
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.take(this.leftBytes);
  }
}
