import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RareMap, RareSet } from './rarely-filled.js';

test('a rarely filled set is an empty set, then a set', () => {
  const set = new RareSet<number>();
  assert.deepEqual([set.size, set.has(1), set.delete(1), [...set], [...set.keys()]], [0, false, false, [], []]);
  set.clear();
  set.forEach(() => {
    assert.fail('there is nothing to visit');
  });
  for (const value of [3, 1, 3, 2]) set.add(value);
  assert.deepEqual([set.size, set.has(1), set.has(4), [...set]], [3, true, false, [3, 1, 2]]);
  assert.deepEqual(
    [[...set.values()], [...set.entries()][1]],
    [
      [3, 1, 2],
      [1, 1],
    ],
  );
  const visited: number[] = [];
  set.forEach((value, same, itself) => {
    assert.ok(value === same && itself === set);
    visited.push(value);
  });
  assert.deepEqual(visited, [3, 1, 2]);
  assert.deepEqual([set.delete(1), set.delete(1), [...set]], [true, false, [3, 2]]);
  set.clear();
  assert.deepEqual([set.size, [...set]], [0, []]);
});

test('a rarely filled map is an empty map, then a map', () => {
  const map = new RareMap<string, number>();
  assert.deepEqual([map.size, map.has('a'), map.get('a'), map.delete('a'), [...map]], [0, false, undefined, false, []]);
  map.clear();
  map.forEach(() => {
    assert.fail('there is nothing to visit');
  });
  map.set('b', 1);
  map.set('a', 2);
  map.set('b', 3);
  assert.deepEqual([map.size, map.has('a'), map.get('b'), map.get('c')], [2, true, 3, undefined]);
  assert.deepEqual([[...map.keys()], [...map.values()], [...map.entries()]], [['b', 'a'], [3, 2], [...map]]);
  const visited: [string, number][] = [];
  map.forEach((value, key, itself) => {
    assert.equal(itself, map);
    visited.push([key, value]);
  });
  assert.deepEqual(visited, [...map]);
  assert.deepEqual([map.delete('b'), map.delete('b'), [...map]], [true, false, [['a', 2]]]);
  map.clear();
  assert.deepEqual([map.size, [...map]], [0, []]);
});

test('two that are empty do not share what is put into one of them', () => {
  const [sets, maps] = [
    [new RareSet<number>(), new RareSet<number>()],
    [new RareMap<number, number>(), new RareMap<number, number>()],
  ];
  sets[0]!.add(1);
  maps[0]!.set(1, 1);
  assert.deepEqual([sets[1]!.size, maps[1]!.size], [0, 0]);
});
