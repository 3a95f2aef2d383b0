/** Our bencode against the npm library `bencode` 4, which WebTorrent and its trackers stand on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromLatin1 } from '../../../src/base/bytes.js';
import { DtorrentError } from '../../../src/base/errors.js';
import {
  BencodeDict,
  type BencodeInput,
  BencodeList,
  type BencodeValue,
  decodeBencode,
  encodeBencode,
} from '../../../src/format/bencode.js';
import { loadFormats, type TheirBencode } from './formats.js';

/** Keys are ASCII: theirs are strings, of which only these stand for one byte each. */
const { value: anyValue } = fc.letrec<{ value: BencodeInput }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.maxSafeInteger(),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string({ unit: 'grapheme-ascii', maxLength: 8 }).filter((key) => key !== '__proto__'),
      tie('value'),
      {
        maxKeys: 5,
        noNullPrototype: true,
      },
    ),
  ),
}));

test('what both encode is the same, and what one encodes both decode alike', async (t) => {
  const formats = await loadFormats(t);
  if (formats === null) return;
  const { bencode } = formats;
  fc.assert(
    fc.property(anyValue, (value) => {
      const bytes = encodeBencode(value);
      assert.deepEqual(bytes, new Uint8Array(bencode.encode(value)));
      assert.deepEqual(plain(decodeBencode(bytes).value), theirPlain(bencode.decode(bytes)));
    }),
    { numRuns: 2000 },
  );
});

/** Input -> what they make of it, what we make of it in strict and in lenient mode, and why. An error is 'refused'. */
const DIFFERENCES: readonly {
  readonly input: string;
  readonly theirs: unknown;
  readonly strict: unknown;
  readonly lenient: unknown;
  readonly why: string;
}[] = [
  {
    input: 'i007e',
    theirs: 7,
    strict: 'refused',
    lenient: 7,
    why: 'BEP 3 forbids leading zeros: two texts of one integer are two info-hashes of one torrent',
  },
  { input: 'i-0e', theirs: -0, strict: 'refused', lenient: 0, why: 'BEP 3 forbids it' },
  { input: 'i12.3e', theirs: 12, strict: 'refused', lenient: 'refused', why: 'there are no fractions' },
  { input: 'i+5e', theirs: 5, strict: 'refused', lenient: 'refused', why: 'there is no plus sign' },
  { input: 'ie', theirs: 0, strict: 'refused', lenient: 'refused', why: 'that is no number' },
  {
    input: 'i9007199254740993e',
    theirs: 9007199254740992,
    strict: 9007199254740993n,
    lenient: 9007199254740993n,
    why: 'no integer is rounded: a rounded one encodes to another info-hash',
  },
  { input: 'i1ejunk', theirs: 1, strict: 'refused', lenient: 'refused', why: 'what follows is told, not dropped' },
  { input: '5:ab', theirs: 'ab', strict: 'refused', lenient: 'refused', why: 'a string that ends early is damage' },
  {
    input: 'd1:ai1e1:ai2ee',
    theirs: { a: 2 },
    strict: 'refused',
    lenient: { a: 1 },
    why: 'the first counts, as in libtorrent',
  },
  {
    input: 'd1:bi1e1:ai2ee',
    theirs: { b: 1, a: 2 },
    strict: 'refused',
    lenient: { b: 1, a: 2 },
    why: 'BEP 3 wants them sorted',
  },
  {
    input: 'd2:\xff\xfei1ee',
    theirs: { fffe: 1 },
    strict: { '\xff\xfe': 1 },
    lenient: { '\xff\xfe': 1 },
    why: 'keys are bytes: an info-hash must not turn into its hex digits',
  },
  {
    input: 'd9:__proto__i1ee',
    theirs: {},
    strict: { ['__proto__']: 1 },
    lenient: { ['__proto__']: 1 },
    why: 'no key is special',
  },
  {
    input: `${'l'.repeat(20_000)}${'e'.repeat(20_000)}`,
    theirs: 'refused',
    strict: 'refused',
    lenient: 'refused',
    why: 'ours is a limit, theirs an overflow of the stack',
  },
];

for (const { input, theirs, strict, lenient, why } of DIFFERENCES) {
  test(`${input.slice(0, 24)} is read differently: ${why}`, async (t) => {
    const formats = await loadFormats(t);
    if (formats === null) return;
    const bytes = fromLatin1(input);
    assert.deepEqual(
      attempt(() => theirPlain(formats.bencode.decode(bytes)), Error),
      theirs,
      'theirs',
    );
    for (const [mode, ours] of [
      ['strict', strict],
      ['lenient', lenient],
    ] as const) {
      assert.deepEqual(
        attempt(() => plain(decodeBencode(bytes, { mode }).value), DtorrentError),
        ours,
        mode,
      );
    }
  });
}

function attempt(read: () => unknown, refusal: new (...args: never[]) => Error): unknown {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof refusal, String(error));
    return 'refused';
  }
}

/** Byte strings as latin1, dictionaries as objects. */
function plain(value: BencodeValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (value instanceof BencodeList) return value.items.map(plain);
  if (value instanceof BencodeDict)
    return Object.fromEntries(value.keys.map((key, i) => [key, plain(value.values[i]!)]));
  return value;
}

function theirPlain(value: TheirBencode): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (Array.isArray(value)) return value.map(theirPlain);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, theirPlain(item)]));
}
