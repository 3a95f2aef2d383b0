import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, fromLatin1, fromUtf8, toLatin1 } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import {
  BencodeDict,
  type BencodeInput,
  BencodeList,
  type BencodeOptions,
  type BencodeValue,
  decodeBencode,
  decodeBencodeSteps,
  encodeBencode,
  RawBencode,
} from './bencode.js';
import { runSteps } from './steps.js';

function decode(text: string, options?: BencodeOptions): BencodeValue {
  return decodeBencode(fromLatin1(text), options).value;
}

function decodeDict(text: string, options?: BencodeOptions): BencodeDict {
  const value = decode(text, options);
  assert.ok(value instanceof BencodeDict);
  return value;
}

function assertMalformed(bytes: Uint8Array, message: RegExp, options?: BencodeOptions): void {
  assert.throws(
    () => decodeBencode(bytes, options),
    (error) => error instanceof DtorrentError && error.code === 'EBENCODE' && message.test(error.message),
  );
}

test('every canonical example decodes, and encodes to the same bytes', () => {
  const examples = ['0:', '4:spam', 'i3e', 'i-3e', 'i0e', 'le', 'de', 'l4:spam4:eggse', 'd3:cow3:moo4:spam4:eggse'];
  for (const text of [...examples, 'd4:spaml1:a1:bee', 'lllleeee', 'd0:d0:d0:0:eee', 'i9223372036854775807e']) {
    assert.equal(toLatin1(encodeBencode(decode(text))), text);
  }
});

test('strict mode refuses everything that is not canonical', () => {
  const malformed = ['i-0e', 'i03e', 'i-03e', 'ie', 'i-e', 'i 3e', 'i3', 'i', '01:a', '-1:a', '5:spam', '5', '4spam'];
  const nested = ['d1:b0:1:a0:e', 'd1:a0:1:a0:e', 'di1e0:e', 'd1:ae', 'd1:a', 'd', 'l', 'li1e', 'e', 'dle0:e', 'x'];
  for (const text of [...malformed, ...nested, 'i3ei4e', '', 'i1.5e', 'i--1e', 'i1', ':', 'd1:a0:1:b', 'd0:', 'd1:']) {
    assertMalformed(fromLatin1(text), /^malformed bencode at byte \d+: /);
  }
});

test('an error names the byte where reading stopped', () => {
  assertMalformed(fromLatin1('d3:fooi03ee'), /at byte 6: an integer has a leading zero/);
  assertMalformed(fromLatin1('d1:b0:1:a0:e'), /at byte 6: the keys of a dictionary are not sorted/);
  assertMalformed(fromLatin1('i3ei4e'), /at byte 3: /);
});

test('lenient mode reads what deployed files contain and reports the first oddity', () => {
  const odd: [string, string, RegExp][] = [
    ['i03e', 'i3e', /byte 0: .*leading zero/],
    ['i-0e', 'i0e', /minus/],
    ['02:ab', '2:ab', /leading zero/],
    ['d1:b0:1:a0:e', 'd1:a0:1:b0:e', /byte 6: .*not sorted/],
    ['d1:a1:x1:a1:ye', 'd1:a1:xe', /twice/],
    ['d1:bi01e1:ai2ee', 'd1:ai2e1:bi1ee', /byte 4: .*leading zero/],
  ];
  for (const [text, canonical, softError] of odd) {
    const document = decodeBencode(fromLatin1(text), { mode: 'lenient' });
    assert.equal(toLatin1(encodeBencode(document.value)), canonical);
    assert.match(document.softError ?? '', softError);
  }
  assert.equal(decodeBencode(fromLatin1('d1:ai1ee'), { mode: 'lenient' }).softError, null);
  for (const text of ['ie', 'd1:ae', 'i3ei4e', 'di1e0:e']) assertMalformed(fromLatin1(text), /./, { mode: 'lenient' });
});

test('a duplicate key is found among unsorted ones, and its first value counts', () => {
  const dict = decodeDict('d1:b1:x1:a1:y1:c1:z1:b1:we', { mode: 'lenient' });
  assert.deepEqual(dict.keys, ['b', 'a', 'c']);
  assert.equal(dict.getText('b'), 'x');
});

test('with allowTrailing the end of the value is told: a ut_metadata block follows its dictionary', () => {
  const document = decodeBencode(fromLatin1('d8:msg_typei1eepayload'), { allowTrailing: true });
  assert.equal(document.end, 15);
});

test('every value knows its source span', () => {
  const text = 'd4:infod4:name3:fooe4:listli1eli2eee1:n2:abe';
  const bytes = fromLatin1(text);
  const dict = decodeDict(text);
  const slice = (span: { start: number; end: number }): string => toLatin1(bytes.subarray(span.start, span.end));
  assert.equal(slice(dict), text);
  assert.equal(slice(dict.span('info')!), 'd4:name3:fooe');
  assert.equal(slice(dict.getDict('info')!), 'd4:name3:fooe');
  assert.equal(slice(dict.span('list')!), 'li1eli2eee');
  assert.equal(slice(dict.getList('list')!.items[1] as BencodeList), 'li2ee');
  assert.equal(slice(dict.span('n')!), '2:ab');
  assert.equal(dict.span('absent'), null);
});

test('byte strings are views of the input', () => {
  const bytes = fromLatin1('3:abc');
  const value = decodeBencode(bytes).value as Uint8Array;
  assert.equal(value.buffer, bytes.buffer);
  assert.equal(value.byteOffset, bytes.byteOffset + 2);
});

test('a Buffer is read like any bytes and gives plain arrays', () => {
  const value = decodeBencode(Buffer.from('..3:abc').subarray(2)).value as Uint8Array;
  assert.equal(Buffer.isBuffer(value), false);
  assert.equal(toLatin1(value), 'abc');
});

test('typed access gives null for another type and for an absent key', () => {
  const dict = decodeDict('d1:ai7e1:b3:foo1:cle1:dde1:ei9223372036854775807ee');
  assert.equal(dict.getInteger('a'), 7);
  assert.equal(dict.getText('b'), 'foo');
  assert.ok(dict.getList('c') instanceof BencodeList);
  assert.ok(dict.getDict('d') instanceof BencodeDict);
  assert.equal(dict.get('e'), 9223372036854775807n);
  assert.equal(dict.getInteger('e'), null);
  assert.equal(dict.getInteger('b'), null);
  assert.equal(dict.getText('a'), null);
  assert.equal(dict.getBytes('z'), null);
  assert.equal(dict.getList('d'), null);
  assert.equal(dict.getDict('c'), null);
  assert.equal(dict.has('a'), true);
  assert.equal(dict.has('z'), false);
});

test('integers are exact: numbers while safe, bigints beyond', () => {
  assert.equal(decode('i9007199254740991e'), 9007199254740991);
  assert.equal(decode('i-9007199254740991e'), -9007199254740991);
  assert.equal(decode('i9007199254740992e'), 9007199254740992n);
  assert.equal(decode('i9007199254740993e'), 9007199254740993n);
  assert.equal(decode('i-9223372036854775808e'), -9223372036854775808n);
  assert.equal(decode('i18446744073709551615e'), 18446744073709551615n);
});

test('__proto__ and other names of Object are plain keys', () => {
  const dict = decodeDict('d9:__proto__i1e11:constructori2ee');
  assert.equal(dict.get('__proto__'), 1);
  assert.equal(dict.get('constructor'), 2);
  assert.equal(dict.get('toString'), undefined);
  assert.equal(toLatin1(encodeBencode(new Map([['__proto__', 1]]))), 'd9:__proto__i1ee');
});

test('records are sorted, without what is undefined, and their text is UTF-8 of any kind', () => {
  const record = { b: 'é', a: 'plain', '\xff': ['\ud83d\ude00', ''], empty: undefined, Z: 1 };
  assert.equal(toLatin1(encodeBencode(record)), 'd1:Zi1e1:a5:plain1:b2:Ã©1:ÿl4:ð\x9f\x98\x800:ee');
  assert.throws(() => encodeBencode({ '\u0100': 1 }), /latin1/);
});

test('keys that are not UTF-8 stay apart', () => {
  const dict = decodeDict('d1:\xfei1e1:\xffi2ee');
  assert.equal(dict.get('\xfe'), 1);
  assert.equal(dict.get('\xff'), 2);
});

test('a dictionary with many keys finds each of them', () => {
  const many = new Map(Array.from({ length: 1000 }, (_, i) => [String(i), i]));
  const dict = decodeBencode(encodeBencode(many)).value as BencodeDict;
  assert.equal(dict.size, 1000);
  for (const [key, value] of many) assert.equal(dict.get(key), value);
  assert.equal(dict.get('1000'), undefined);
});

test('a depth bomb is refused at the limit and never reaches the end of the stack', () => {
  const { bencodeDepthMax } = LIMITS;
  decode('l'.repeat(bencodeDepthMax) + 'e'.repeat(bencodeDepthMax));
  const message = /nested deeper than 100 levels/;
  assertMalformed(fromLatin1('l'.repeat(bencodeDepthMax + 1) + 'e'.repeat(bencodeDepthMax + 1)), message);
  assertMalformed(new Uint8Array(1_000_000).fill(0x6c), message);
  assertMalformed(fromLatin1('d1:a'.repeat(500_000)), message);
  assertMalformed(fromLatin1('lleee'), /nested deeper than 1 levels/, { depthMax: 1 });
});

test('a huge length prefix is refused before anything is allocated for it', () => {
  assertMalformed(fromLatin1('99999999999999999999:a'), /longer than the input/);
  assertMalformed(fromLatin1('4294967295:a'), /longer than the input/);
  assertMalformed(fromLatin1('9'.repeat(1_000_000)), /longer than the input/);
  assertMalformed(fromLatin1('l6:hello'), /a string of 6 bytes does not fit the 5 that are left/);
});

test('an integer of a million digits is refused at the limit', () => {
  const digits = LIMITS.bencodeIntegerDigitsMax;
  assert.equal(decode(`i${'9'.repeat(digits)}e`), 10n ** BigInt(digits) - 1n);
  assertMalformed(fromLatin1(`i${'9'.repeat(digits + 1)}e`), /more than 32 digits/);
  assertMalformed(fromLatin1(`i${'9'.repeat(1_000_000)}e`), /more than 32 digits/);
});

test('more values than allowed are refused', () => {
  assertMalformed(fromLatin1('li1ei2ee'), /more than 2 values/, { tokensMax: 2 });
  assert.ok(decode('li1ei2ee', { tokensMax: 3 }) instanceof BencodeList);
  assertMalformed(fromLatin1('d1:ai1ee'), /more than 2 values/, { tokensMax: 2 });
  const bomb = new Uint8Array(2 * LIMITS.bencodeTokensMax + 2).fill(0x65);
  for (let i = 1; i < bomb.length - 1; i += 2) bomb[i] = 0x6c;
  bomb[0] = 0x6c;
  assertMalformed(bomb, /more than 3000000 values/);
});

test('input longer than allowed is refused unread', () => {
  assertMalformed(fromLatin1('3:abc'), /5 bytes are more than the 4 allowed/, { bytesMax: 4 });
  assertMalformed(new Uint8Array(LIMITS.torrentFileBytesMax + 1), /more than the 83886080 allowed/);
});

test('the encoder sorts keys as bytes, takes text as UTF-8 and leaves out undefined', () => {
  const record = { b: 1, a: [new Uint8Array([0xff]), 'é'], ab: undefined, '\xff': 2, Z: 3n };
  assert.equal(toLatin1(encodeBencode(record)), 'd1:Zi3e1:al1:\xff2:\xc3\xa9e1:bi1e1:\xffi2ee');
});

test('an info dictionary is embedded byte for byte, canonical or not', () => {
  const raw = fromLatin1('d1:bi01e1:ai2ee');
  assert.equal(toLatin1(encodeBencode({ info: new RawBencode(raw) })), 'd4:infod1:bi01e1:ai2eee');
});

test('encoding what bencode cannot say is a bug that is reported', () => {
  for (const value of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, { ключ: 1 }]) {
    assert.throws(() => encodeBencode(value), { code: 'EINTERNAL' });
  }
});

test('what was encoded decodes to the same value, and the encoding is canonical', () => {
  const { value } = fc.letrec<{ value: BencodeInput }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.maxSafeInteger(),
      fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie('value'), { maxLength: 6 }),
      fc
        .uniqueArray(fc.tuple(fc.uint8Array({ maxLength: 60 }).map(toLatin1), tie('value')), {
          selector: ([key]) => key,
          maxLength: 12,
        })
        .map((entries) => new Map(entries)),
    ),
  }));
  fc.assert(
    fc.property(value, (input) => {
      const encoded = encodeBencode(input);
      const decoded = decodeBencode(encoded);
      assert.equal(decoded.softError, null);
      assert.equal(decoded.end, encoded.length);
      assert.deepEqual(plain(decoded.value), plain(input));
      assert.deepEqual(encodeBencode(decoded.value), encoded);
    }),
  );
});

test('arbitrary bytes decode or are refused, in both modes, and never crash', () => {
  const alphabet = fc.constantFrom(...'dlie0123456789:-abx');
  const soup = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(alphabet, { maxLength: 60 }).map((characters) => fromLatin1(characters.join(''))),
  );
  fc.assert(
    fc.property(soup, fc.constantFrom('strict' as const, 'lenient' as const), (bytes, mode) => {
      try {
        const { value } = decodeBencode(bytes, { mode });
        if (mode === 'strict') assert.deepEqual(encodeBencode(value), bytes);
      } catch (error) {
        assert.ok(error instanceof DtorrentError && error.code === 'EBENCODE', String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('bytes behind the value do not change it', () => {
  const bytes = concatBytes([encodeBencode({ a: 1 }), fromUtf8('rest')]);
  assert.equal((decodeBencode(bytes, { allowTrailing: true }).value as BencodeDict).get('a'), 1);
});

/** One form for inputs and decoded values, for comparison. */
function plain(value: BencodeInput): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return toLatin1(value);
  if (value instanceof BencodeList) return value.items.map(plain);
  if (Array.isArray(value)) return value.map(plain);
  const entries =
    value instanceof BencodeDict
      ? value.keys.map((key, i) => [key, value.values[i]])
      : [...(value as Map<string, BencodeInput>)];
  return new Map(entries.map(([key, item]) => [key as string, plain(item as BencodeInput)] as const));
}

test('what is decoded in steps is what is decoded at once', () => {
  const items = Array.from(
    { length: 10_000 },
    (_, i) =>
      new Map<string, BencodeInput>([
        ['length', i],
        ['path', ['a', `${i}`]],
      ]),
  );
  const source = encodeBencode({ files: items, name: 'n' });
  let yields = 0;
  const steps = decodeBencodeSteps(source);
  let step = steps.next();
  for (; !step.done; step = steps.next()) yields++;
  assert.ok(yields >= 3, String(yields));
  assert.deepEqual(step.value, decodeBencode(source));
  assert.throws(() => runSteps(decodeBencodeSteps(source.subarray(0, source.length - 1))), /ends too early/);
});
