/** Arbitrary bencode: trees that encode canonically, and soups of its characters that mostly do not decode. */
import fc from 'fast-check';
import { fromLatin1, toLatin1 } from '../../../src/base/bytes.js';
import type { BencodeInput } from '../../../src/format/bencode.js';

/** Byte strings as latin1, short ones with all values. */
export const latin1Keys: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 8 }).map((text) => text.replaceAll(/[^\0-\xff]/g, '?')) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map(toLatin1) },
);

export const bencodeTrees: fc.Arbitrary<BencodeInput> = fc.letrec<{ value: BencodeInput }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 90n), max: 2n ** 90n }),
    fc.uint8Array({ maxLength: 100 }),
    fc.array(tie('value'), { maxLength: 6 }),
    fc
      .uniqueArray(fc.tuple(latin1Keys, tie('value')), { selector: ([key]) => key, maxLength: 12 })
      .map((entries) => new Map(entries)),
  ),
})).value;

const TOKENS = [
  ...'dlie0123456789:-x',
  'i0e',
  'de',
  'le',
  '1:a',
  '1:b',
  '0:',
  'i-0e',
  'i01e',
  '01:a',
  'd1:a',
  'i9999999999999999e',
];

export const bencodeSoup: fc.Arbitrary<Uint8Array> = fc
  .array(fc.constantFrom(...TOKENS), { maxLength: 60 })
  .map((tokens) => fromLatin1(tokens.join('')));
