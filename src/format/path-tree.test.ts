import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeInTree, type TreeEntry } from './path-tree.js';

/** Paths as text; 'a -> b' is a link. */
function place(...entries: string[]): string[] {
  const placed = entries.map((entry): TreeEntry => {
    const [path, target] = entry.split(' -> ');
    return { path: path!.split('/'), symlinkTarget: target?.split('/') ?? null };
  });
  placeInTree(placed);
  return placed.map(({ path, symlinkTarget }) => {
    return symlinkTarget === null ? path.join('/') : `${path.join('/')} -> ${symlinkTarget.join('/')}`;
  });
}

test('paths that differ stay as they are', () => {
  assert.deepEqual(place('t/a', 't/b/a', 't/b/c'), ['t/a', 't/b/a', 't/b/c']);
});

test('the later of two equal paths gets a number before its extension', () => {
  assert.deepEqual(place('t/a.txt', 't/a.txt', 't/a.txt', 't/b', 't/b'), [
    't/a.txt',
    't/a.1.txt',
    't/a.2.txt',
    't/b',
    't/b.1',
  ]);
  assert.deepEqual(place('t/.rc', 't/.rc'), ['t/.rc', 't/.rc.1']);
});

test('a number that is taken is passed over', () => {
  assert.deepEqual(place('a.1', 'a', 'a', 'a'), ['a.1', 'a', 'a.2', 'a.3']);
  assert.deepEqual(place('a', 'a', 'a.1'), ['a', 'a.1', 'a.1.1']);
});

test('names that differ in case or composition only collide', () => {
  assert.deepEqual(place('t/README', 't/readme'), ['t/README', 't/readme.1']);
  assert.deepEqual(place('t/\u00e9', 't/e\u0301', 't/\u00c9'), ['t/\u00e9', 't/e\u0301.1', 't/\u00c9.2']);
  assert.deepEqual(place('t/ας', 't/ΑΣ', 't/ασ'), ['t/ας', 't/ΑΣ.1', 't/ασ.2']);
  assert.deepEqual(place('D/a', 'd/A'), ['D/a', 'd/A.1']);
});

test('a file that is also a directory gives way, whichever comes first', () => {
  assert.deepEqual(place('t/a', 't/a/b'), ['t/a.1', 't/a/b']);
  assert.deepEqual(place('t/a/b', 't/A'), ['t/a/b', 't/A.1']);
  assert.deepEqual(place('a', 'a/b', 'a.1/c'), ['a.2', 'a/b', 'a.1/c']);
});

test('a link keeps a target inside the torrent: a file, a directory, or through other links', () => {
  assert.deepEqual(place('t/f', 't/l -> t/f', 't/d/x', 't/m -> t/d'), ['t/f', 't/l -> t/f', 't/d/x', 't/m -> t/d']);
  assert.deepEqual(place('t/A/h', 't/C -> t/A', 't/H -> t/C/h'), ['t/A/h', 't/C -> t/A', 't/H -> t/C/h']);
});

test('a link that leads nowhere, to itself or in a circle becomes an empty file', () => {
  assert.deepEqual(place('t/f', 't/l -> t/g', 't/m -> u'), ['t/f', 't/l', 't/m']);
  assert.deepEqual(place('t/l -> t/l', 't/f'), ['t/l', 't/f']);
  assert.deepEqual(place('t/a -> t/b', 't/b -> t/a', 't/c -> t/a/x'), ['t/a', 't/b', 't/c']);
  assert.deepEqual(place('t/f', 't/l -> t/f/x'), ['t/f', 't/l']);
});

test('a chain of links longer than any system follows leads nowhere', () => {
  const chain = (length: number): string[] => Array.from({ length }, (_, i) => `t/${i} -> t/${i + 1}`);
  assert.equal(place(...chain(8), 't/8')[0], 't/0 -> t/1');
  assert.equal(place(...chain(10), 't/10')[0], 't/0');
  assert.equal(place(...chain(100_000), 't/100000')[0], 't/0');
});

test('no file lies behind a link', () => {
  assert.deepEqual(place('t/d -> t/e', 't/d/x', 't/e/y'), ['t/d.1 -> t/e', 't/d/x', 't/e/y']);
});

test('a hundred thousand equal names get distinct paths in linear time', () => {
  const started = performance.now();
  const paths = place(...Array.from({ length: 100_000 }, () => 't/a'));
  assert.equal(new Set(paths).size, 100_000);
  assert.ok(performance.now() - started < 5000);
});
