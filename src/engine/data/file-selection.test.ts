import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { parseSelection, type SelectableTorrent, selectionOfMagnet } from './file-selection.js';

/** Padding stands between the files, as in a hybrid torrent. */
const TORRENT: SelectableTorrent = {
  name: 'album',
  files: [
    { path: ['album', 'a.flac'], padding: false },
    { path: ['.pad', '100'], padding: true },
    { path: ['album', 'b.flac'], padding: false },
    { path: ['.pad', '200'], padding: true },
    { path: ['album', 'cover [front].jpg'], padding: false },
    { path: ['album', 'extra', 'c.flac'], padding: false },
    { path: ['album', 'extra', '3'], padding: false },
  ],
};

/** The names that the patterns choose. */
function chosen(...patterns: string[]): string[] {
  return named(parseSelection(patterns)!.choose(TORRENT));
}

function named(wanted: Uint8Array): string[] {
  return TORRENT.files.filter((_, index) => wanted[index] === 1).map((file) => file.path.at(-1)!);
}

function refuses(patterns: readonly string[], message: RegExp): void {
  assert.throws(() => parseSelection(patterns)?.choose(TORRENT), { code: 'EOPTION', message });
}

test('a selection has so many patterns of so many characters, and no more', () => {
  const { selectPatternsMax, selectPatternCharactersMax } = LIMITS;
  assert.notEqual(parseSelection(new Array(selectPatternsMax).fill('*')), null);
  refuses(new Array(selectPatternsMax + 1).fill('*'), /more than 1000 patterns/);
  const longest = '*'.padStart(selectPatternCharactersMax, '?');
  assert.notEqual(parseSelection([longest]), null);
  refuses([`${longest}?`], /longer than 4096 characters/);
});

test('no patterns mean everything', () => {
  assert.equal(parseSelection([]), null);
});

test('ranges that overlap choose what each of them chooses', () => {
  assert.deepEqual(
    chosen('3-5,1-3,2', '1-1'),
    TORRENT.files.filter((file) => !file.padding).map((file) => file.path.at(-1)!),
  );
  const ranges = [
    { first: 4, last: 5 },
    { first: 0, last: 0 },
    { first: 0, last: 2 },
    { first: 4, last: 4 },
  ];
  assert.deepEqual(named(selectionOfMagnet(ranges).choose(TORRENT)), [
    'a.flac',
    'b.flac',
    'cover [front].jpg',
    'c.flac',
  ]);
});

test('numbers count from 1, as show lists the files, padding left out', () => {
  assert.deepEqual(chosen('1'), ['a.flac']);
  assert.deepEqual(chosen('2-3'), ['b.flac', 'cover [front].jpg']);
  assert.deepEqual(chosen(' 1, 3-4,4 '), ['a.flac', 'cover [front].jpg', 'c.flac']);
  assert.deepEqual(chosen('5-999999999'), ['3'], 'a range may end behind the last file');
});

test('a pattern without a slash fits names in every directory, one with a slash the whole path, with the torrent or without', () => {
  assert.deepEqual(chosen('*.flac'), ['a.flac', 'b.flac', 'c.flac']);
  assert.deepEqual(chosen('album/*.flac'), ['a.flac', 'b.flac']);
  assert.deepEqual(chosen('**/extra/*.flac'), ['c.flac']);
  assert.deepEqual(chosen('album/extra/'), ['c.flac', '3']);
  assert.deepEqual(chosen('extra/c*'), ['c.flac']);
  assert.deepEqual(chosen('extra/'), ['c.flac', '3']);
  refuses(['c/*'], /"c\/\*" selects none of the 5 files of album/);
  refuses(['A.flac'], /none/);
});

test('a text that is exactly a name or a path fits, brackets and all', () => {
  assert.deepEqual(chosen('cover [front].jpg'), ['cover [front].jpg']);
  assert.deepEqual(chosen('album/cover [front].jpg'), ['cover [front].jpg']);
  assert.deepEqual(chosen('[3]'), ['3'], 'a file that is called like a number is named by a pattern');
});

test('several patterns choose what any of them fits, and each has to fit something', () => {
  assert.deepEqual(chosen('b.*', '1', '*.flac'), ['a.flac', 'b.flac', 'c.flac']);
  assert.deepEqual(chosen('*.flac', 'b.flac'), ['a.flac', 'b.flac', 'c.flac'], 'also what others have chosen already');
  refuses(['*.flac', '*.iso'], /"\*\.iso" selects none of the 5 files/);
});

test('padding is never chosen', () => {
  assert.deepEqual(chosen('**').length, 5);
  refuses(['100'], /there is no file 100 to select: album has 5 files/);
  refuses(['.pad/*'], /none/);
});

test('numbers that make no sense are refused before the files are known', () => {
  for (const text of ['0', '3-1', '1,,2', '1-', '-1', '1-2-3', '1 2', '1234567890']) {
    assert.throws(() => parseSelection([text]), { code: 'EOPTION', message: /no list of file numbers/ }, text);
  }
  assert.throws(() => parseSelection(['']), { code: 'EOPTION', message: /empty pattern/ });
});

test('a number behind the last file is refused once the files are known', () => {
  refuses(['1,6'], /there is no file 6 to select: album has 5 files/);
  refuses(['6-7'], /there is no file 6/);
});

test('how many patterns there may be, and how long they may be, is limited', () => {
  const { selectPatternsMax, selectPatternCharactersMax } = LIMITS;
  assert.doesNotThrow(() => parseSelection(Array.from({ length: selectPatternsMax }, () => '*')));
  assert.throws(() => parseSelection(Array.from({ length: selectPatternsMax + 1 }, () => '*')), { code: 'EOPTION' });
  assert.doesNotThrow(() => parseSelection(['*'.repeat(selectPatternCharactersMax)]));
  assert.throws(() => parseSelection(['*'.repeat(selectPatternCharactersMax + 1)]), { code: 'EOPTION' });
});

test('a magnet link counts from 0 with padding, and what it names beyond the end does not matter', () => {
  const choose = (first: number, last: number): string[] => named(selectionOfMagnet([{ first, last }]).choose(TORRENT));
  assert.deepEqual(choose(0, 0), ['a.flac']);
  assert.deepEqual(choose(1, 2), ['b.flac']);
  assert.deepEqual(choose(6, 1_000_000), ['3']);
  assert.equal(choose(1, 1).length, 5, 'padding alone selects nothing, so everything');
  assert.equal(choose(7, 9).length, 5);
});
