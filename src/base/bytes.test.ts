import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bytesEqual,
  compareAsUtf8,
  compareBytes,
  concatBytes,
  fromHex,
  fromLatin1,
  fromUtf8,
  isAscii,
  readUint16,
  readUint32,
  readUint64,
  toHex,
  toLatin1,
  toUtf8,
  toUtf8Strict,
  writeUint16,
  writeUint32,
  writeUint64,
} from './bytes.js';

test('hex is two lower-case digits a byte and reads any case', () => {
  assert.equal(toHex(new Uint8Array([0, 15, 255])), '000fff');
  assert.deepEqual(fromHex('00fFFf'), new Uint8Array([0, 255, 255]));
  assert.deepEqual(fromHex(''), new Uint8Array(0));
  for (const wrong of ['0', '0g', '0x', ' 0', '00 ', '-1', '+1', '００']) assert.equal(fromHex(wrong), null, wrong);
});

test('hex and latin1 are lossless, also for long arrays', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000, size: 'max' }), (bytes) => {
      assert.deepEqual(fromHex(toHex(bytes)), bytes);
      assert.deepEqual(fromLatin1(toLatin1(bytes)), bytes);
    }),
    { numRuns: 30 },
  );
  assert.equal(toLatin1(new Uint8Array(1_000_000)).length, 1_000_000);
});

test('lenient UTF-8 replaces what is invalid, strict UTF-8 refuses it', () => {
  const invalid = new Uint8Array([0x61, 0xff, 0x62]);
  assert.equal(toUtf8(invalid), 'a\ufffdb');
  assert.equal(toUtf8Strict(invalid), null);
  assert.equal(toUtf8Strict(new Uint8Array([0xc0, 0xae])), null);
  assert.equal(toUtf8Strict(fromUtf8('\ufeffé😀')), '\ufeffé😀');
  assert.equal(toUtf8(fromUtf8('\ufeffa')), 'a');
});

test('comparison is memcmp, a shorter prefix first', () => {
  const of = (...bytes: number[]): Uint8Array => new Uint8Array(bytes);
  assert.ok(compareBytes(of(1), of(2)) < 0);
  assert.ok(compareBytes(of(0x7f), of(0x80)) < 0);
  assert.ok(compareBytes(of(1, 2), of(1)) > 0);
  assert.ok(compareBytes(of(), of(0)) < 0);
  assert.equal(compareBytes(of(1, 2), of(1, 2)), 0);
  assert.equal(bytesEqual(of(1, 2), of(1, 2)), true);
  assert.equal(bytesEqual(of(1, 2), of(1, 3)), false);
  assert.equal(bytesEqual(of(1), of(1, 2)), false);
});

test('texts compare as their UTF-8 bytes do', () => {
  const texts = [
    '',
    'a',
    'ab',
    'b',
    'é',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{10001}',
    '\u{1f600}',
    '\u{10ffff}',
  ];
  for (const a of texts) {
    for (const b of texts) assert.equal(Math.sign(compareAsUtf8(a, b)), Math.sign(texts.indexOf(a) - texts.indexOf(b)));
  }
  const unit = fc.constantFrom('a', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{1f600}');
  const text = fc.string({ unit, maxLength: 4 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(Math.sign(compareAsUtf8(a, b)), Math.sign(compareBytes(fromUtf8(a), fromUtf8(b))));
    }),
  );
});

test('parts are joined in order', () => {
  assert.deepEqual(
    concatBytes([new Uint8Array([1, 2]), new Uint8Array(0), new Uint8Array([3])]),
    new Uint8Array([1, 2, 3]),
  );
  assert.deepEqual(concatBytes([]), new Uint8Array(0));
});

test('integers are big-endian and unsigned', () => {
  const bytes = new Uint8Array(10);
  writeUint16(bytes, 1, 0xfffe);
  assert.equal(toHex(bytes.subarray(0, 4)), '00fffe00');
  assert.equal(readUint16(bytes, 1), 0xfffe);
  writeUint32(bytes, 1, 0xfffefdfc);
  assert.equal(toHex(bytes.subarray(0, 6)), '00fffefdfc00');
  assert.equal(readUint32(bytes, 1), 0xfffefdfc);
  writeUint64(bytes, 1, Number.MAX_SAFE_INTEGER);
  assert.equal(toHex(bytes), '00001fffffffffffff00');
  assert.equal(readUint64(bytes, 1), Number.MAX_SAFE_INTEGER);
});

test('every integer is read back', () => {
  const bytes = new Uint8Array(8);
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(0xffffffff), fc.maxSafeNat(), (a, b, c) => {
      writeUint16(bytes, 0, a);
      assert.equal(readUint16(bytes, 0), a);
      writeUint32(bytes, 0, b);
      assert.equal(readUint32(bytes, 0), b);
      writeUint64(bytes, 0, c);
      assert.equal(readUint64(bytes, 0), c);
    }),
  );
});

test('ASCII ends at 0x7f', () => {
  for (const text of ['', 'a', '\0\x7f']) assert.equal(isAscii(text), true, text);
  for (const text of ['\x80', 'aé', '\ud800']) assert.equal(isAscii(text), false, text);
});
