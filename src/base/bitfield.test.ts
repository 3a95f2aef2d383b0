import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Bitfield } from './bitfield.js';

test('piece 0 is the highest bit of the first byte', () => {
  const field = new Bitfield(10);
  field.add(0);
  field.add(9);
  assert.deepEqual([...field.bytes], [0x80, 0x40]);
  assert.equal(field.has(0), true);
  assert.equal(field.has(1), false);
  assert.equal(field.has(9), true);
});

test('adding and deleting say whether something changed, and keep the count', () => {
  const field = new Bitfield(3);
  assert.equal(field.isEmpty, true);
  assert.equal(field.add(2), true);
  assert.equal(field.add(2), false);
  assert.equal(field.count, 1);
  assert.equal(field.delete(2), true);
  assert.equal(field.delete(2), false);
  assert.equal(field.count, 0);
});

test('filling leaves the spare bits zero', () => {
  for (const length of [1, 7, 8, 9, 16, 23]) {
    const field = new Bitfield(length);
    field.fill();
    assert.equal(field.isFull, true);
    assert.equal(field.count, length);
    assert.ok(Bitfield.fromWire(field.bytes, length)?.isFull, `length ${length}`);
    field.clear();
    assert.equal(field.isEmpty, true);
    assert.ok(field.bytes.every((byte) => byte === 0));
  }
});

test('a wire bitfield of the wrong length or with a spare bit set is refused', () => {
  assert.equal(Bitfield.fromWire(new Uint8Array(1), 9), null);
  assert.equal(Bitfield.fromWire(new Uint8Array(3), 9), null);
  assert.equal(Bitfield.fromWire(new Uint8Array([0xff, 0xc0]), 9), null);
  assert.equal(Bitfield.fromWire(new Uint8Array([0xff, 0x80]), 9)?.count, 9);
  assert.equal(Bitfield.fromWire(new Uint8Array(0), 0)?.isFull, true);
});

test('a wire bitfield is copied', () => {
  const bytes = new Uint8Array([0x80]);
  const field = Bitfield.fromWire(bytes, 8)!;
  bytes[0] = 0;
  assert.equal(field.has(0), true);
});

test('a piece out of range is absent, and adding it is a bug that is reported', () => {
  const field = new Bitfield(9);
  field.fill();
  for (const piece of [-1, 9, 15, 16, 2 ** 32 - 1]) assert.equal(field.has(piece), false, `piece ${piece}`);
  for (const piece of [-1, 9]) {
    assert.throws(() => field.add(piece), { code: 'EINTERNAL' });
    assert.throws(() => field.delete(piece), { code: 'EINTERNAL' });
  }
});

test('a bitfield behaves like a set, whatever is done to it', () => {
  const step = fc.tuple(fc.boolean(), fc.nat(69));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const field = new Bitfield(70);
      const model = new Set<number>();
      for (const [adds, piece] of steps) {
        if (adds) assert.equal(field.add(piece), !model.has(piece));
        else assert.equal(field.delete(piece), model.has(piece));
        if (adds) model.add(piece);
        else model.delete(piece);
      }
      assert.equal(field.count, model.size);
      for (let piece = 0; piece < 70; piece++) assert.equal(field.has(piece), model.has(piece));
      assert.equal(Bitfield.fromWire(field.bytes, 70)?.count, model.size);
    }),
  );
});

test('walks its pieces in order, and counts those that another has too', () => {
  const one = new Bitfield(20);
  const two = new Bitfield(20);
  for (const piece of [0, 7, 8, 13, 19]) one.add(piece);
  for (const piece of [7, 9, 19]) two.add(piece);
  const seen: number[] = [];
  one.forEachPiece((piece) => seen.push(piece));
  assert.deepEqual(seen, [0, 7, 8, 13, 19]);
  assert.equal(one.countCommon(two), 2);
  assert.equal(two.countCommon(one), 2);
});
