import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.js';
import { BLOCK_ROWS, BlockPages, NO_BLOCK } from './server-blocks.js';

const ROW_WORDS = 3;

interface Held {
  readonly block: number;
  readonly sizeClass: number;
  readonly mark: number;
}

function mark(pages: BlockPages, { block, sizeClass, mark }: Held): void {
  const start = pages.startOf(block);
  pages.wordsOf(block).fill(mark, start, start + BLOCK_ROWS[sizeClass]! * ROW_WORDS);
}

function assertMarked(pages: BlockPages, { block, sizeClass, mark }: Held): void {
  const start = pages.startOf(block);
  const words = pages.wordsOf(block).subarray(start, start + BLOCK_ROWS[sizeClass]! * ROW_WORDS);
  assert.equal(words.length, BLOCK_ROWS[sizeClass]! * ROW_WORDS);
  assert.ok(words.every((word) => word === mark));
}

test('blocks of all sizes never share a word, through thousands of allocations', () => {
  const seed = Number(process.env['SEED'] ?? 5);
  const random = new SeededRandom(seed);
  const pages = new BlockPages(ROW_WORDS);
  const held: Held[] = [];
  for (let step = 0; step < 8000; step++) {
    const isGrowing = step % 2000 < 1200;
    if (held.length === 0 || random.uint32() % 10 < (isGrowing ? 7 : 3)) {
      // Mostly small ones, as swarms are.
      const sizeClass = random.uint32() % (random.uint32() % 50 === 0 ? BLOCK_ROWS.length : 12);
      const block = { block: pages.allocate(sizeClass), sizeClass, mark: step + 1 };
      assert.notEqual(block.block, NO_BLOCK);
      mark(pages, block);
      held.push(block);
    } else {
      const index = random.uint32() % held.length;
      const block = held[index]!;
      assertMarked(pages, block);
      held[index] = held.at(-1)!;
      held.pop();
      pages.free(block.block, block.sizeClass);
    }
  }
  for (const block of held) assertMarked(pages, block);
});

test('pages that nothing is in any more are given back, but for one of each size', () => {
  const pages = new BlockPages(ROW_WORDS);
  const small = Array.from({ length: 5000 }, () => pages.allocate(0));
  const onePage = 2048 * ROW_WORDS;
  assert.equal(pages.words, 3 * onePage);
  for (const block of small) pages.free(block, 0);
  assert.equal(pages.words, onePage);
  const largest = BLOCK_ROWS.length - 1;
  const large = [pages.allocate(largest), pages.allocate(largest)];
  assert.equal(pages.words, onePage + 2 * BLOCK_ROWS[largest]! * ROW_WORDS);
  for (const block of large) pages.free(block, largest);
  assert.equal(pages.words, onePage);
});

test('a block that is freed is the next to be given out', () => {
  const pages = new BlockPages(ROW_WORDS);
  const blocks = [pages.allocate(4), pages.allocate(4), pages.allocate(4)];
  pages.free(blocks[1]!, 4);
  assert.equal(pages.allocate(4), blocks[1]);
});
