import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bitfield } from '../../base/bitfield.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { FileLayout } from '../../format/file-layout.js';
import { v1Torrent } from '../../format/testing/v1-torrent.js';
import type { FileStamp } from '../../host/storage.js';
import { type DataMemory, planCheck } from './check-plan.js';

const GONE: FileStamp = { lengthBytes: -1, modifiedUs: 0 };

function stamp(lengthBytes: number, modifiedUs = 1): FileStamp {
  return { lengthBytes, modifiedUs };
}

/** Lengths of files, negative = padding; pieces of 10 bytes. */
function layoutOf(lengths: readonly number[]): FileLayout {
  return new FileLayout(v1Torrent(lengths, 10));
}

/** The stamp of the parts file, now and when it was remembered. */
const NO_PARTS = { now: GONE, before: GONE };

/** `t` trusted, `?` to be hashed, `-` missing; one a piece. */
function planOf(
  layout: FileLayout,
  stamps: readonly FileStamp[],
  memory: { readonly had: string; readonly files?: readonly FileStamp[]; readonly isClean?: boolean } | null,
  parts: { readonly now: FileStamp; readonly before: FileStamp } = NO_PARTS,
): string {
  const then = [...(memory?.files ?? stamps), parts.before];
  const plan = planCheck(layout, [...stamps, parts.now], memory && memoryOf(memory.had, then, memory.isClean));
  return Array.from({ length: layout.pieceCount }, (_, piece) => {
    assert.ok(!(plan.trusted.has(piece) && plan.doubtful.has(piece)), 'a piece is not both');
    return plan.trusted.has(piece) ? 't' : plan.doubtful.has(piece) ? '?' : '-';
  }).join('');
}

/** `had`: one character a piece, `x` = had. */
function memoryOf(had: string, files: readonly FileStamp[], isClean = true): DataMemory {
  const have = new Bitfield(had.length);
  for (let piece = 0; piece < had.length; piece++) if (had[piece] === 'x') have.add(piece);
  return { have, files, isClean, partials: [] };
}

test('with nothing remembered, all that may be there is hashed', () => {
  const layout = layoutOf([25, 15, 20]);
  assert.equal(planOf(layout, [stamp(25), stamp(15), stamp(20)], null), '??????');
  assert.equal(planOf(layout, [GONE, stamp(15), GONE], null), '--??--');
  assert.equal(planOf(layout, [GONE, GONE, GONE], null), '------');
});

test('unchanged files need no hashing: what was had is trusted, what was not is missing', () => {
  const layout = layoutOf([25, 15, 20]);
  const stamps = [stamp(25), stamp(15), stamp(20)];
  assert.equal(planOf(layout, stamps, { had: 'xxxxxx' }), 'tttttt');
  assert.equal(planOf(layout, stamps, { had: 'x-x--x' }), 't-t--t');
});

test('after a crash, what was not had is hashed, because it may have come after the last save', () => {
  const layout = layoutOf([25, 15, 20]);
  assert.equal(planOf(layout, [stamp(25), stamp(15), GONE], { had: 'x-x---', isClean: false }), 't?t?--');
});

test('all that touches a changed file is hashed, and nothing else', () => {
  const layout = layoutOf([25, 15, 20]);
  const now = [stamp(25), stamp(15, 2), stamp(20)];
  const files = [stamp(25), stamp(15, 1), stamp(20)];
  assert.equal(planOf(layout, now, { had: 'xxxxxx', files }), 'tt??tt');
  assert.equal(planOf(layout, now, { had: 'x----x', files }), 't-??-t');
});

test('blocks of unfinished pieces are gone on with where files are as they were, and after a crash where they changed', () => {
  const layout = layoutOf([25, 15, 20]);
  const files = [stamp(25), stamp(15), stamp(20), GONE];
  const partials = [0, 2, 4].map((piece) => ({ piece, blocks: Uint8Array.of(0x80) }));
  const resumableOf = (now: readonly FileStamp[], isClean: boolean): unknown => {
    const plan = planCheck(layout, [...now, GONE], { ...memoryOf('------', files, isClean), partials });
    return partials
      .filter(({ piece }) => plan.resumable.has(piece))
      .map(({ piece }) => [piece, plan.resumableBytes.get(piece)]);
  };
  const same = [
    [0, undefined],
    [2, undefined],
    [4, undefined],
  ];
  assert.deepEqual(resumableOf(files.slice(0, 3), true), same);
  const changed = [stamp(25, 2), stamp(15), stamp(20)];
  assert.deepEqual(resumableOf(changed, true), [[4, undefined]], 'who else may have written to it');
  assert.deepEqual(resumableOf(changed, false), same, 'it was us');
  assert.deepEqual(resumableOf([stamp(25, 2), stamp(15), GONE], false), [
    [0, undefined],
    [2, undefined],
  ]);
  assert.deepEqual(
    resumableOf([stamp(6, 2), stamp(15), stamp(3, 2)], false),
    [
      [0, 6],
      [4, 3],
    ],
    'as far as they reach',
  );
});

test('of a file that was cut off, what lies beyond its end is missing without a look', () => {
  const layout = layoutOf([25, 15, 20]);
  const files = [stamp(25), stamp(15), stamp(20)];
  assert.equal(planOf(layout, [stamp(11, 2), stamp(15), stamp(20)], { had: 'xxxxxx', files }), '?--ttt');
  assert.equal(planOf(layout, [stamp(0, 2), stamp(15), stamp(20)], { had: 'xxxxxx', files }), '---ttt');
  assert.equal(planOf(layout, [stamp(20, 2), stamp(15), stamp(20)], { had: 'xxxxxx', files }), '??-ttt');
});

test('a file that grew is hashed', () => {
  const layout = layoutOf([25]);
  assert.equal(planOf(layout, [stamp(30, 2)], { had: 'xxx', files: [stamp(25)] }), '???');
});

test('what lay in a removed file alone is missing; what it shared with others is hashed', () => {
  const layout = layoutOf([25, 15, 20]);
  const files = [stamp(25), stamp(15), stamp(20)];
  assert.equal(planOf(layout, [GONE, stamp(15), stamp(20)], { had: 'xxxxxx', files }), '--?ttt');
});

test('what lies partly aside is trusted while the parts file is there and unchanged', () => {
  const layout = layoutOf([25, 15, 20]);
  const stamps = [stamp(25), GONE, stamp(20)];
  const had = { had: 'xxx-xx' };
  assert.equal(planOf(layout, stamps, had, { now: stamp(10), before: stamp(10) }), 'ttt-tt');
  assert.equal(planOf(layout, stamps, had, { now: stamp(10, 2), before: stamp(10) }), 'tt?-tt');
  assert.equal(planOf(layout, stamps, had, { now: GONE, before: stamp(10) }), 'tt?-tt');
  assert.equal(planOf(layout, stamps, had, { now: GONE, before: GONE }), 'tt?-tt');
  assert.equal(planOf(layout, stamps, { had: 'xx--xx' }, { now: stamp(10), before: GONE }), 'tt?-tt');
  assert.equal(planOf(layout, stamps, { had: 'xx--xx' }, { now: GONE, before: GONE }), 'tt--tt');
});

test('padding is in no file: a piece of nothing else is hashed, empty files do not count', () => {
  const layout = layoutOf([10, -20, 0, 10]);
  const stamps = [stamp(10), stamp(0, 0), GONE, GONE];
  assert.equal(planOf(layout, stamps, null), '???-');
  assert.equal(planOf(layout, stamps, { had: 'xxx-' }), 'ttt-');
});

test('in any torrent, nothing is trusted that a changed file could have spoiled, and nothing good is given up', () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  for (let round = 0; round < 500; round++) {
    const count = 1 + randomBelow(random, 12);
    const lengths = Array.from(
      { length: count },
      () => randomBelow(random, 45) - (randomBelow(random, 5) === 0 ? 44 : 0),
    );
    if (lengths.every((length) => length <= 0)) continue;
    const layout = layoutOf(lengths);
    const then = layout.files.map(({ padding, lengthBytes }) =>
      padding ? stamp(0, 0) : randomBelow(random, 4) === 0 ? GONE : stamp(randomBelow(random, lengthBytes + 1)),
    );
    const now = then.map((old, i) => {
      if (layout.files[i]!.padding || randomBelow(random, 2) === 0) return old;
      return randomBelow(random, 4) === 0 ? GONE : stamp(randomBelow(random, layout.files[i]!.lengthBytes + 9), 2);
    });
    const had = Array.from({ length: layout.pieceCount }, () => 'x-'[randomBelow(random, 2)]).join('');
    const isClean = randomBelow(random, 2) === 0;
    const plan = planOf(layout, now, { had, files: then, isClean });
    for (let piece = 0; piece < layout.pieceCount; piece++) {
      const { isChanged, isShort, isAbsent, isAllAbsent } = lookAt(layout, piece, then, now);
      const where = `seed ${seed} round ${round} piece ${piece} of ${plan}`;
      if (plan[piece] === 't') assert.ok(had[piece] === 'x' && !isChanged && !isShort && !isAbsent, where);
      if (plan[piece] === '-') {
        const wasNeverThere = had[piece] !== 'x' && isClean && !isChanged;
        assert.ok(isShort || isAllAbsent || wasNeverThere, where);
      }
      if (plan[piece] === '?')
        assert.ok(isChanged || isAbsent || (had[piece] !== 'x' && !isClean) || hasNoFile(layout, piece), where);
    }
  }
});

/** By brute force, span by span. */
function lookAt(
  layout: FileLayout,
  piece: number,
  then: readonly FileStamp[],
  now: readonly FileStamp[],
): { isChanged: boolean; isShort: boolean; isAbsent: boolean; isAllAbsent: boolean } {
  const look = { isChanged: false, isShort: false, isAbsent: false, isAllAbsent: true };
  layout.forEachSpan(piece, 0, layout.pieceBytes(piece), (file, offset, length) => {
    if (layout.files[file]!.padding) return;
    const { lengthBytes, modifiedUs } = now[file]!;
    if (lengthBytes !== then[file]!.lengthBytes || modifiedUs !== then[file]!.modifiedUs) look.isChanged = true;
    if (lengthBytes < 0) look.isAbsent = true;
    else {
      look.isAllAbsent = false;
      if (lengthBytes < offset + length) look.isShort = true;
    }
  });
  return look;
}

function hasNoFile(layout: FileLayout, piece: number): boolean {
  let hasFile = false;
  layout.forEachSpan(piece, 0, layout.pieceBytes(piece), (file) => {
    if (!layout.files[file]!.padding) hasFile = true;
  });
  return !hasFile;
}
