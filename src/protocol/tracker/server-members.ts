/**
 * The members of one address family in all swarms of the embedded tracker. A swarm's members are one block of rows,
 * leechers first, so that a random choice among either is a range, and a small swarm is a few cache lines that are
 * searched one after the other; a large one has an index. Times are ms modulo 2^32: no row may be older than 24 days.
 * What a swarm has here are MEMBER_FIELDS words of its own row, at `at` in `swarm`. Called by server-swarms.ts.
 */
import { writeUint16, writeUint32 } from '../../base/bytes.js';
import { type Random, randomBelow } from '../../base/random.js';
import type { SipHash } from '../../base/siphash.js';
import { type AnnounceWords, bytesOfWords, HASH_WORDS } from './announce-words.js';
import { BLOCK_ROWS, BlockPages, NO_BLOCK } from './server-blocks.js';
import { ServerIndex } from './server-index.js';

export const MEMBER_FIELDS = 5;
/** Fields of a swarm. */
const BLOCK = 0;
const SIZE_CLASS = 1;
const SIZE = 2;
const LEECHERS = 3;
/** No member was touched before this time. */
const OLDEST_MS = 4;

/** Behind the words of the address: fields of a member. */
const PORT = 0;
const TOUCHED_MS = 1;
const PEER_ID = 2;
const FIELDS_BEHIND_IP = PEER_ID + HASH_WORDS;

/** Blocks of fewer rows are searched from end to end. */
const INDEXED_ROWS_MIN = 96;
/** A block shrinks by as many sizes at once, and not before it would be full: otherwise one peer could go to and fro. */
const SHRINK_CLASSES = 3;

export class ServerMembers {
  readonly #ipWords: number;
  readonly #rowWords: number;
  readonly #blocks: BlockPages;
  readonly #sipHash: SipHash;
  /** By block. */
  readonly #indices = new Map<number, ServerIndex>();
  /** Of the address that is hashed. */
  readonly #address = new Uint32Array(5);
  /** Rows that the last choice fell on. */
  readonly chosen: Uint16Array;

  constructor(family: 4 | 6, sipHash: SipHash, choiceMax: number) {
    this.#ipWords = family === 4 ? 1 : 4;
    this.#rowWords = this.#ipWords + FIELDS_BEHIND_IP;
    this.#blocks = new BlockPages(this.#rowWords);
    this.#sipHash = sipHash;
    this.chosen = new Uint16Array(choiceMax);
  }

  size(swarm: Uint32Array, at: number): number {
    return swarm[at + SIZE]!;
  }

  leechers(swarm: Uint32Array, at: number): number {
    return swarm[at + LEECHERS]!;
  }

  isSeed(swarm: Uint32Array, at: number, row: number): boolean {
    return row >= swarm[at + LEECHERS]!;
  }

  /** @returns the row of the address and port of `who`, or -1. */
  find(swarm: Uint32Array, at: number, who: AnnounceWords): number {
    const block = swarm[at + BLOCK]!;
    if (block === NO_BLOCK) return -1;
    const words = this.#blocks.wordsOf(block);
    const start = this.#blocks.startOf(block);
    const index = this.#indices.get(block);
    if (index !== undefined) return this.#findIndexed(index, words, start, who);
    const size = swarm[at + SIZE]!;
    const ip = who.ip[0]!;
    for (let row = 0, offset = start; row < size; row++, offset += this.#rowWords) {
      if (words[offset] === ip && this.#isOf(words, offset, who)) return row;
    }
    return -1;
  }

  /** A newcomer. @returns its row. */
  add(swarm: Uint32Array, at: number, who: AnnounceWords, nowMs: number): number {
    const size = swarm[at + SIZE]!;
    if (size === 0) swarm[at + OLDEST_MS] = nowMs;
    if (swarm[at + BLOCK] === NO_BLOCK) this.#moveTo(swarm, at, 0);
    else if (size === BLOCK_ROWS[swarm[at + SIZE_CLASS]!]) this.#moveTo(swarm, at, swarm[at + SIZE_CLASS]! + 1);
    const block = swarm[at + BLOCK]!;
    const words = this.#blocks.wordsOf(block);
    const offset = this.#blocks.startOf(block) + size * this.#rowWords;
    for (let i = 0; i < this.#ipWords; i++) words[offset + i] = who.ip[i]!;
    words[offset + this.#ipWords + PORT] = who.port;
    this.#write(words, offset, who, nowMs);
    swarm[at + SIZE] = size + 1;
    this.#indices.get(block)?.add(size + 1, this.#hashAt(words, offset));
    // It stands where seeds stand.
    return who.isSeed ? size : this.#becomeLeecher(swarm, at, size);
  }

  /** A member again. @returns the row that it has now. */
  renew(swarm: Uint32Array, at: number, row: number, who: AnnounceWords, nowMs: number): number {
    const block = swarm[at + BLOCK]!;
    const offset = this.#blocks.startOf(block) + row * this.#rowWords;
    this.#write(this.#blocks.wordsOf(block), offset, who, nowMs);
    if (this.isSeed(swarm, at, row) === who.isSeed) return row;
    return who.isSeed ? this.#becomeSeed(swarm, at, row) : this.#becomeLeecher(swarm, at, row);
  }

  remove(swarm: Uint32Array, at: number, row: number): void {
    this.#drop(swarm, at, row);
    this.#shrink(swarm, at);
  }

  /** Forgets the members that were silent for longer than `lifetimeMs`. */
  expire(swarm: Uint32Array, at: number, nowMs: number, lifetimeMs: number): void {
    if (swarm[at + SIZE] === 0 || ((nowMs - swarm[at + OLDEST_MS]!) | 0) <= lifetimeMs) return;
    const block = swarm[at + BLOCK]!;
    const words = this.#blocks.wordsOf(block);
    const touched = this.#blocks.startOf(block) + this.#ipWords + TOUCHED_MS;
    let ageMaxMs = 0;
    // From the end: what takes the place of a dropped one has been looked at.
    for (let row = swarm[at + SIZE]! - 1; row >= 0; row--) {
      const ageMs = (nowMs - words[touched + row * this.#rowWords]!) | 0;
      if (ageMs > lifetimeMs) this.#drop(swarm, at, row);
      else ageMaxMs = Math.max(ageMaxMs, ageMs);
    }
    swarm[at + OLDEST_MS] = nowMs - ageMaxMs;
    this.#shrink(swarm, at);
  }

  /** Forgets all of them. */
  clear(swarm: Uint32Array, at: number): void {
    swarm[at + SIZE] = 0;
    swarm[at + LEECHERS] = 0;
    this.#shrink(swarm, at);
  }

  /**
   * Chooses at most `wanted` of the rows before `limit`, all different and without `except`; each has the same chance.
   * One of each of as many parts of the range, which begins anywhere: that needs no memory of what was chosen.
   * @returns how many; they are in `chosen`.
   */
  choose(choice: { limit: number; except: number; wanted: number }, random: Random): number {
    const { limit, except, wanted } = choice;
    const isWithin = except >= 0 && except < limit;
    const total = isWithin ? limit - 1 : limit;
    const count = Math.min(wanted, total, this.chosen.length);
    const shift = count === total || count === 0 ? 0 : randomBelow(random, total);
    for (let i = 0, from = 0; i < count; i++) {
      const to = Math.floor(((i + 1) * total) / count);
      // A multiplication is not quite as even as randomBelow, by one in 400,000 for the largest swarm, but quicker.
      const within = to - from === 1 ? 0 : Math.floor((random.uint32() / 2 ** 32) * (to - from));
      let row = from + within + shift;
      if (row >= total) row -= total;
      this.chosen[i] = isWithin && row >= except ? row + 1 : row;
      from = to;
    }
    return count;
  }

  /** Writes the compact form, 6 or 18 bytes. */
  writeCompact(swarm: Uint32Array, at: number, row: number, out: Uint8Array, offset: number): void {
    const block = swarm[at + BLOCK]!;
    const words = this.#blocks.wordsOf(block);
    const start = this.#blocks.startOf(block) + row * this.#rowWords;
    for (let i = 0; i < this.#ipWords; i++) writeUint32(out, offset + 4 * i, words[start + i]!);
    writeUint16(out, offset + 4 * this.#ipWords, words[start + this.#ipWords + PORT]!);
  }

  peerId(swarm: Uint32Array, at: number, row: number): Uint8Array {
    const block = swarm[at + BLOCK]!;
    const start = this.#blocks.startOf(block) + row * this.#rowWords + this.#ipWords + PEER_ID;
    return bytesOfWords(this.#blocks.wordsOf(block), start, HASH_WORDS);
  }

  #write(words: Uint32Array, offset: number, who: AnnounceWords, nowMs: number): void {
    const fields = offset + this.#ipWords;
    words[fields + TOUCHED_MS] = nowMs;
    for (let i = 0; i < HASH_WORDS; i++) words[fields + PEER_ID + i] = who.peerId[i]!;
  }

  #becomeLeecher(swarm: Uint32Array, at: number, row: number): number {
    const to = swarm[at + LEECHERS]!;
    this.#swap(swarm[at + BLOCK]!, row, to);
    swarm[at + LEECHERS] = to + 1;
    return to;
  }

  #becomeSeed(swarm: Uint32Array, at: number, row: number): number {
    const to = swarm[at + LEECHERS]! - 1;
    this.#swap(swarm[at + BLOCK]!, row, to);
    swarm[at + LEECHERS] = to;
    return to;
  }

  /** Without giving back what is too much room. */
  #drop(swarm: Uint32Array, at: number, row: number): void {
    const block = swarm[at + BLOCK]!;
    const last = swarm[at + SIZE]! - 1;
    this.#swap(block, this.isSeed(swarm, at, row) ? row : this.#becomeSeed(swarm, at, row), last);
    const index = this.#indices.get(block);
    if (index !== undefined) {
      index.remove(last + 1, this.#hashAt(this.#blocks.wordsOf(block), this.#offsetOf(block, last)));
    }
    swarm[at + SIZE] = last;
  }

  #swap(block: number, a: number, b: number): void {
    if (a === b) return;
    const words = this.#blocks.wordsOf(block);
    const offsetA = this.#offsetOf(block, a);
    const offsetB = this.#offsetOf(block, b);
    const index = this.#indices.get(block);
    if (index !== undefined) {
      const hashB = this.#hashAt(words, offsetB);
      // In between both stand for one row; a third number keeps them apart.
      index.replace(a + 1, this.#hashAt(words, offsetA), SWAPPED);
      index.replace(b + 1, hashB, a + 1);
      index.replace(SWAPPED, this.#hashAt(words, offsetA), b + 1);
    }
    for (let i = 0; i < this.#rowWords; i++) {
      const word = words[offsetA + i]!;
      words[offsetA + i] = words[offsetB + i]!;
      words[offsetB + i] = word;
    }
  }

  #offsetOf(block: number, row: number): number {
    return this.#blocks.startOf(block) + row * this.#rowWords;
  }

  #shrink(swarm: Uint32Array, at: number): void {
    const size = swarm[at + SIZE]!;
    const sizeClass = swarm[at + SIZE_CLASS]!;
    if (size === 0) this.#release(swarm, at);
    else if (sizeClass > SHRINK_CLASSES && size < BLOCK_ROWS[sizeClass - SHRINK_CLASSES]!) {
      this.#moveTo(swarm, at, sizeClass - SHRINK_CLASSES + 1);
    }
  }

  #release(swarm: Uint32Array, at: number): void {
    const block = swarm[at + BLOCK]!;
    if (block === NO_BLOCK) return;
    this.#indices.delete(block);
    this.#blocks.free(block, swarm[at + SIZE_CLASS]!);
    swarm[at + BLOCK] = NO_BLOCK;
  }

  /** To a block of another size, which holds what there is. */
  #moveTo(swarm: Uint32Array, at: number, sizeClass: number): void {
    const old = swarm[at + BLOCK]!;
    const count = swarm[at + SIZE]! * this.#rowWords;
    const block = this.#blocks.allocate(sizeClass);
    const words = this.#blocks.wordsOf(block);
    const start = this.#blocks.startOf(block);
    const oldWords = this.#blocks.wordsOf(old);
    const oldStart = this.#blocks.startOf(old);
    for (let i = 0; i < count; i++) words[start + i] = oldWords[oldStart + i]!;
    this.#release(swarm, at);
    swarm[at + BLOCK] = block;
    swarm[at + SIZE_CLASS] = sizeClass;
    if (BLOCK_ROWS[sizeClass]! >= INDEXED_ROWS_MIN) this.#makeIndex(swarm, at);
  }

  #makeIndex(swarm: Uint32Array, at: number): void {
    const block = swarm[at + BLOCK]!;
    const words = this.#blocks.wordsOf(block);
    const rows = BLOCK_ROWS[swarm[at + SIZE_CLASS]!]!;
    const slots = new Uint16Array(2 ** Math.ceil(Math.log2(2 * rows)));
    const hashOf = (value: number): number => this.#hashAt(words, this.#offsetOf(block, value - 1));
    const index = new ServerIndex(slots, hashOf);
    for (let row = 0; row < swarm[at + SIZE]!; row++) index.add(row + 1, hashOf(row + 1));
    this.#indices.set(block, index);
  }

  #findIndexed(index: ServerIndex, words: Uint32Array, start: number, who: AnnounceWords): number {
    const { slots } = index;
    const mask = slots.length - 1;
    this.#address.set(who.ip);
    this.#address[this.#ipWords] = who.port;
    const hash = this.#sipHash.hash(this.#address, this.#ipWords + 1);
    for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const row = slots[slot]! - 1;
      if (this.#isOf(words, start + row * this.#rowWords, who)) return row;
    }
    return -1;
  }

  #hashAt(words: Uint32Array, offset: number): number {
    const count = this.#ipWords + 1;
    for (let i = 0; i < count; i++) this.#address[i] = words[offset + i]!;
    return this.#sipHash.hash(this.#address, count);
  }

  #isOf(words: Uint32Array, offset: number, who: AnnounceWords): boolean {
    for (let i = 0; i < this.#ipWords; i++) if (words[offset + i] !== who.ip[i]) return false;
    return words[offset + this.#ipWords + PORT] === who.port;
  }
}

/** No row has this number in an index. */
const SWAPPED = 0xffff;
