/**
 * A set of piece indices in wire order (BEP 3: bit 7 of byte 0 is piece 0), with its cardinality kept up to date.
 * Invariant: spare bits at the end are zero and `count` is the number of set bits.
 */
import { assert } from './assert.js';

/** A set of pieces in wire order (BEP 3: bit 7 of byte 0 is piece 0). */
export class Bitfield {
  /** Number of pieces, not of bytes. */
  readonly length: number;
  /** The wire form, ceil(length / 8) bytes. Read it; change it only through the methods. */
  readonly bytes: Uint8Array;
  #count = 0;

  /** An empty set for `length` pieces. */
  constructor(length: number) {
    this.length = length;
    this.bytes = new Uint8Array(Math.ceil(length / 8));
  }

  /** @returns null when the byte count does not fit `length` pieces or a spare bit is set (BEP 3). Copies `bytes`. */
  static fromWire(bytes: Uint8Array, length: number): Bitfield | null {
    const field = new Bitfield(length);
    if (bytes.length !== field.bytes.length) return null;
    const spare = bytes.length * 8 - length;
    if (spare > 0 && (bytes[bytes.length - 1]! & ((1 << spare) - 1)) !== 0) return null;
    field.bytes.set(bytes);
    let count = 0;
    for (const byte of bytes) count += bitCount(byte);
    field.#count = count;
    return field;
  }

  /** How many pieces are in the set. */
  get count(): number {
    return this.#count;
  }

  /** Every piece is in it. */
  get isFull(): boolean {
    return this.#count === this.length;
  }

  /** No piece is in it. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Whether the piece, 0 to length - 1, is in the set. */
  has(piece: number): boolean {
    return (this.bytes[piece >>> 3]! & (0x80 >>> (piece & 7))) !== 0;
  }

  /** @returns whether the piece was added now. */
  add(piece: number): boolean {
    assert(piece >= 0 && piece < this.length, 'piece index out of range');
    const mask = 0x80 >>> (piece & 7);
    const byte = this.bytes[piece >>> 3]!;
    if ((byte & mask) !== 0) return false;
    this.bytes[piece >>> 3] = byte | mask;
    this.#count++;
    return true;
  }

  /** @returns whether the piece was removed now. */
  delete(piece: number): boolean {
    assert(piece >= 0 && piece < this.length, 'piece index out of range');
    const mask = 0x80 >>> (piece & 7);
    const byte = this.bytes[piece >>> 3]!;
    if ((byte & mask) === 0) return false;
    this.bytes[piece >>> 3] = byte & ~mask;
    this.#count--;
    return true;
  }

  /** Calls `visit` for each piece in the set, in order. */
  forEachPiece(visit: (piece: number) => void): void {
    const { bytes } = this;
    for (let i = 0; i < bytes.length; i++) {
      for (let bits = bytes[i]!; bits !== 0; ) {
        const place = Math.clz32(bits) - 24;
        bits &= ~(0x80 >>> place);
        visit(8 * i + place);
      }
    }
  }

  /** How many pieces are in both sets, which are of one length. */
  countCommon(other: Bitfield): number {
    let count = 0;
    for (let i = 0; i < this.bytes.length; i++) count += bitCount(this.bytes[i]! & other.bytes[i]!);
    return count;
  }

  /** Adds every piece. */
  fill(): void {
    this.bytes.fill(0xff);
    const spare = this.bytes.length * 8 - this.length;
    if (spare > 0) this.bytes[this.bytes.length - 1] = 0xff << spare;
    this.#count = this.length;
  }

  /** Removes every piece. */
  clear(): void {
    this.bytes.fill(0);
    this.#count = 0;
  }
}

function bitCount(byte: number): number {
  let bits = byte - ((byte >>> 1) & 0x55);
  bits = (bits & 0x33) + ((bits >>> 2) & 0x33);
  return (bits + (bits >>> 4)) & 0x0f;
}
