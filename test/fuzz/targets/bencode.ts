/** Bencode: what decodes encodes back to the same bytes, in both modes, and nothing passes the limits. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { concatBytes, fromLatin1 } from '../../../src/base/bytes.js';
import { randomBelow } from '../../../src/base/random.js';
import {
  BencodeDict,
  type BencodeDocument,
  BencodeList,
  type BencodeOptions,
  type BencodeSpan,
  type BencodeValue,
  decodeBencode,
  encodeBencode,
} from '../../../src/format/bencode.js';
import { HYBRID_TORRENT, V2_TORRENT } from '../../../src/format/testing/example-torrents.js';
import { readOrRefuse } from '../expect.js';
import { bencodeSoup, bencodeTrees } from '../generators/bencode-values.js';
import { type FuzzTarget, randomOf } from '../target.js';

const TIGHT = { depthMax: 4, tokensMax: 20 } as const;
const SPANS_CHECKED_MAX = 200;

export const bencodeTarget: FuzzTarget = {
  name: 'bencode',
  inputs: fc.oneof(
    bencodeTrees.map((tree) => encodeBencode(tree)),
    bencodeSoup,
    fc.uint8Array({ maxLength: 200 }),
  ),
  samples: [V2_TORRENT, HYBRID_TORRENT, fromLatin1('d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe')],
  isBencode: true,
  tokens: ['d', 'l', 'e', 'i', 'i-0e', '0:', '1:a', 'd1:a', '00:', 'i00e'],
  check,
};

function check(input: Uint8Array): void {
  const strict = read(input, {});
  const lenient = read(input, { mode: 'lenient' });
  if (strict !== null) checkStrict(input, strict, lenient);
  if (lenient !== null) checkLenient(lenient);
  checkTrailing(input, strict);
  const tight = read(input, TIGHT);
  if (tight !== null) assert.ok(depthOf(tight.value) <= TIGHT.depthMax && tokensOf(tight.value) <= TIGHT.tokensMax);
  checkSpans(input);
}

function read(input: Uint8Array, options: BencodeOptions): BencodeDocument | null {
  return readOrRefuse(['EBENCODE'], () => decodeBencode(input, options));
}

function checkStrict(input: Uint8Array, strict: BencodeDocument, lenient: BencodeDocument | null): void {
  assert.deepEqual(encodeBencode(strict.value), input, 'strict bencode has one encoding');
  assert.equal(strict.softError, null);
  assert.equal(lenient?.softError, null, 'what is strict is no oddity to the lenient mode');
  assert.deepEqual(encodeBencode(lenient.value), input);
  const cut = randomBelow(randomOf(input), input.length);
  assert.equal(read(input.subarray(0, cut), { allowTrailing: true }), null, 'no prefix of a value is a value');
}

function checkLenient(lenient: BencodeDocument): void {
  const canonical = encodeBencode(lenient.value);
  const again = decodeBencode(canonical);
  assert.deepEqual(encodeBencode(again.value), canonical);
}

function checkTrailing(input: Uint8Array, strict: BencodeDocument | null): void {
  const open = read(input, { allowTrailing: true });
  if (strict !== null) assert.equal(open?.end, input.length);
  if (open === null) return;
  const value = input.subarray(0, open.end);
  assert.deepEqual(encodeBencode(decodeBencode(value).value), value, 'the value ends where it is said to end');
  const longer = concatBytes([input, fromLatin1('e1:x')]);
  assert.equal(decodeBencode(longer, { allowTrailing: true }).end, open.end);
}

/** Info-hashes are taken from spans. */
function checkSpans(input: Uint8Array): void {
  const document = read(input, { mode: 'lenient', allowTrailing: true });
  if (document === null) return;
  const open: BencodeValue[] = [document.value];
  for (let checked = 0; open.length > 0 && checked < SPANS_CHECKED_MAX; checked++) {
    const value = open.pop()!;
    if (value instanceof BencodeList) open.push(...value.items);
    if (!(value instanceof BencodeDict)) continue;
    for (const [i, key] of value.keys.entries()) {
      const { start, end }: BencodeSpan = value.span(key)!;
      const again: BencodeValue = decodeBencode(input.subarray(start, end), { mode: 'lenient' }).value;
      assert.deepEqual(encodeBencode(again), encodeBencode(value.values[i]!), 'a span holds its value');
      assert.equal(value.get(key), value.values[i]);
    }
    open.push(...value.values);
  }
}

function depthOf(value: BencodeValue): number {
  const inner = value instanceof BencodeList ? value.items : value instanceof BencodeDict ? value.values : null;
  return inner === null ? 0 : 1 + Math.max(0, ...inner.map(depthOf));
}

function tokensOf(value: BencodeValue): number {
  if (value instanceof BencodeList) return value.items.reduce<number>((sum, item) => sum + tokensOf(item), 1);
  if (value instanceof BencodeDict) return value.values.reduce<number>((sum, item) => sum + 1 + tokensOf(item), 1);
  return 1;
}
