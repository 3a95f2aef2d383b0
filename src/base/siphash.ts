/**
 * SipHash-2-4 (Aumasson and Bernstein) over 32-bit words: a keyed hash for short messages. Who does not know the key can
 * neither forge a value nor find messages that collide, so it is good for tokens that prove an address and for hash
 * tables of what strangers send. Two halves of 32 bits stand for each of its 64-bit numbers; nothing is allocated.
 */
import { assert } from './assert.js';

export const SIPHASH_KEY_BYTES = 16;

const COMPRESSION_ROUNDS = 2;
const FINAL_ROUNDS = 4;

export class SipHash {
  /** Of the last hash, each an int32. */
  low = 0;
  high = 0;
  readonly #key: Int32Array;

  /** @param key 16 unpredictable bytes. */
  constructor(key: Uint8Array) {
    assert(key.length === SIPHASH_KEY_BYTES, 'a SipHash key has 16 bytes');
    this.#key = Int32Array.from({ length: 4 }, (_, i) => littleEndian(key, 4 * i));
  }

  /**
   * Hashes the first `count` words, each taken as four bytes in little-endian order. `count` is below 64. The hash is
   * in `low` and `high` until the next call.
   * @returns `low`
   */
  hash(words: Uint32Array, count: number): number {
    const key = this.#key;
    let aL = key[0]! ^ 0x70736575;
    let aH = key[1]! ^ 0x736f6d65;
    let bL = key[2]! ^ 0x6e646f6d;
    let bH = key[3]! ^ 0x646f7261;
    let cL = key[0]! ^ 0x6e657261;
    let cH = key[1]! ^ 0x6c796765;
    let dL = key[2]! ^ 0x79746573;
    let dH = key[3]! ^ 0x74656462;
    const blocks = (count >>> 1) + 1;
    const lastBlock = blocks - 1;
    for (let block = 0; block <= blocks; block++) {
      const isFinal = block === blocks;
      let mL = 0;
      let mH = 0;
      if (!isFinal) {
        // The last block holds the word that is left over, and the length in bytes at its end.
        mL = block < lastBlock || (count & 1) === 1 ? words[2 * block]! : 0;
        mH = block < lastBlock ? words[2 * block + 1]! : count << 26;
        dL ^= mL;
        dH ^= mH;
      } else {
        cL ^= 0xff;
      }
      const rounds = isFinal ? FINAL_ROUNDS : COMPRESSION_ROUNDS;
      for (let round = 0; round < rounds; round++) {
        // a += b; b = rotate(b, 13) ^ a; a = rotate(a, 32)
        let sum = (aL + bL) | 0;
        aH = (aH + bH + (sum >>> 0 < aL >>> 0 ? 1 : 0)) | 0;
        aL = sum;
        let turned = ((bL << 13) | (bH >>> 19)) ^ aL;
        bH = ((bH << 13) | (bL >>> 19)) ^ aH;
        bL = turned;
        turned = aL;
        aL = aH;
        aH = turned;
        // c += d; d = rotate(d, 16) ^ c
        sum = (cL + dL) | 0;
        cH = (cH + dH + (sum >>> 0 < cL >>> 0 ? 1 : 0)) | 0;
        cL = sum;
        turned = ((dL << 16) | (dH >>> 16)) ^ cL;
        dH = ((dH << 16) | (dL >>> 16)) ^ cH;
        dL = turned;
        // c += b; b = rotate(b, 17) ^ c; c = rotate(c, 32)
        sum = (cL + bL) | 0;
        cH = (cH + bH + (sum >>> 0 < cL >>> 0 ? 1 : 0)) | 0;
        cL = sum;
        turned = ((bL << 17) | (bH >>> 15)) ^ cL;
        bH = ((bH << 17) | (bL >>> 15)) ^ cH;
        bL = turned;
        turned = cL;
        cL = cH;
        cH = turned;
        // a += d; d = rotate(d, 21) ^ a
        sum = (aL + dL) | 0;
        aH = (aH + dH + (sum >>> 0 < aL >>> 0 ? 1 : 0)) | 0;
        aL = sum;
        turned = ((dL << 21) | (dH >>> 11)) ^ aL;
        dH = ((dH << 21) | (dL >>> 11)) ^ aH;
        dL = turned;
      }
      aL ^= mL;
      aH ^= mH;
    }
    this.low = aL ^ bL ^ cL ^ dL;
    this.high = aH ^ bH ^ cH ^ dH;
    return this.low;
  }
}

function littleEndian(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24);
}
