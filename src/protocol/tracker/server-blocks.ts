/**
 * Room for the embedded tracker's rows: blocks of 1, 2, 3, 4, 6, 8, 12 … rows in pages of typed arrays, so that a
 * million peers are some hundred objects. A page holds blocks of one size; it is given back when all are free.
 * A block's number stays the same for as long as it is held; 0 is no block. A new block holds what was there before.
 */
import { assert } from '../../base/assert.js';

export const NO_BLOCK = 0;

/** Rows of a block by its size class: each doubles the last but one, so a third is unused at worst, on growing. */
export const BLOCK_ROWS: readonly number[] = [
  1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512,
].concat([768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384, 24_576, 32_768, 49_152]);
export const BLOCK_ROWS_MAX: number = BLOCK_ROWS.at(-1)!;

const PAGE_BITS = 11;
/** Larger blocks have a page of their own. */
const PAGE_ROWS = 1 << PAGE_BITS;
const ROW_MASK = PAGE_ROWS - 1;
const NO_WORDS = new Uint32Array(0);

export class BlockPages {
  readonly rowWords: number;
  /** 0 stays empty, so that no block has the number 0. */
  readonly #pages: Page[] = [new Page(0, NO_WORDS)];
  readonly #freeNumbers: number[] = [];
  /** By size class: the pages with a free block. */
  readonly #open: number[][] = BLOCK_ROWS.map(() => []);

  constructor(rowWords: number) {
    this.rowWords = rowWords;
  }

  /** How many words all pages hold together. */
  get words(): number {
    return this.#pages.reduce((total, page) => total + page.words.length, 0);
  }

  /** The words among which a block's rows are; they begin at `startOf`. */
  wordsOf(block: number): Uint32Array {
    return this.#pages[block >>> PAGE_BITS]!.words;
  }

  startOf(block: number): number {
    return (block & ROW_MASK) * this.rowWords;
  }

  /** @returns its number. */
  allocate(sizeClass: number): number {
    const open = this.#open[sizeClass]!;
    const number = open.at(-1) ?? this.#addPage(sizeClass);
    const page = this.#pages[number]!;
    const row = page.take(BLOCK_ROWS[sizeClass]!, this.rowWords);
    if (page.isFull(BLOCK_ROWS[sizeClass]!)) this.#close(number, sizeClass);
    return number * PAGE_ROWS + row;
  }

  free(block: number, sizeClass: number): void {
    const number = block >>> PAGE_BITS;
    const page = this.#pages[number]!;
    const open = this.#open[sizeClass]!;
    if (page.place < 0) page.place = open.push(number) - 1;
    page.giveBack(block & ROW_MASK, this.rowWords);
    // One empty page stays: a peer that comes and goes is no reason to make one each time.
    if (page.used === 0 && (open.length > 1 || BLOCK_ROWS[sizeClass]! > PAGE_ROWS)) this.#dropPage(number, sizeClass);
  }

  #addPage(sizeClass: number): number {
    const rows = Math.max(BLOCK_ROWS[sizeClass]!, PAGE_ROWS);
    const number = this.#freeNumbers.pop() ?? this.#pages.length;
    assert(number < 2 ** 32 / PAGE_ROWS, 'pages of the tracker are numbered in 21 bits');
    const page = new Page(rows, new Uint32Array(rows * this.rowWords));
    this.#pages[number] = page;
    page.place = this.#open[sizeClass]!.push(number) - 1;
    return number;
  }

  #dropPage(number: number, sizeClass: number): void {
    this.#close(number, sizeClass);
    this.#pages[number] = this.#pages[0]!;
    this.#freeNumbers.push(number);
  }

  #close(number: number, sizeClass: number): void {
    const open = this.#open[sizeClass]!;
    const page = this.#pages[number]!;
    const last = open.pop()!;
    if (last !== number) {
      open[page.place] = last;
      this.#pages[last]!.place = page.place;
    }
    page.place = -1;
  }
}

/** Free blocks that were in use are a list: the first word of each says which is next, as row + 1. */
class Page {
  readonly words: Uint32Array;
  readonly #rows: number;
  /** Index among the open pages of its size, -1 when it is full. */
  place = -1;
  /** Blocks that are held. */
  used = 0;
  #freed = 0;
  #untouchedRow = 0;

  constructor(rows: number, words: Uint32Array) {
    this.#rows = rows;
    this.words = words;
  }

  isFull(blockRows: number): boolean {
    return this.#freed === 0 && this.#untouchedRow + blockRows > this.#rows;
  }

  /** @returns the first row. */
  take(blockRows: number, rowWords: number): number {
    this.used++;
    if (this.#freed === 0) {
      const row = this.#untouchedRow;
      this.#untouchedRow += blockRows;
      return row;
    }
    const row = this.#freed - 1;
    this.#freed = this.words[row * rowWords]!;
    return row;
  }

  giveBack(row: number, rowWords: number): void {
    this.used--;
    this.words[row * rowWords] = this.#freed;
    this.#freed = row + 1;
  }
}
