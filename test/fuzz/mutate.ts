/**
 * Makes a new input of real ones: bits flipped, stretches cut, repeated, moved and spliced, numbers replaced by those
 * that off-by-one mistakes live at. Deterministic: everything comes from `random`.
 */
import { concatBytes, fromLatin1, toLatin1 } from '../../src/base/bytes.js';
import { type Random, randomBelow, type SeededRandom } from '../../src/base/random.js';
import { INTERESTING_BYTES, INTERESTING_NUMBERS, pick } from './interesting.js';
import { mutateBencode } from './mutate-bencode.js';
import type { FuzzTarget } from './target.js';

const MUTATIONS_MAX = 6;
const BYTES_MAX_DEFAULT = 64 * 1024;
const REPEATS_MAX = 64;
const INSERTED_BYTES_MAX = 16;

/** `pool` has at least one input. @returns a fresh array. */
export function mutate(pool: readonly Uint8Array[], target: FuzzTarget, random: SeededRandom): Uint8Array {
  let input: Uint8Array = pick(random, pool).slice();
  if (target.mutate !== undefined && randomBelow(random, 2) === 0) {
    input = target.mutate(input, pool, random);
    if (randomBelow(random, 4) > 0) return input;
  }
  const count = 1 + randomBelow(random, MUTATIONS_MAX);
  for (let i = 0; i < count; i++) {
    const isStructured = target.isBencode === true && randomBelow(random, 2) === 0;
    input = isStructured
      ? mutateBencode(input, target.tokens ?? [], random)
      : pick(random, MUTATIONS)(input, { random, pool, tokens: target.tokens ?? [] });
  }
  return input.subarray(0, target.bytesMax ?? BYTES_MAX_DEFAULT);
}

interface Source {
  readonly random: Random;
  readonly pool: readonly Uint8Array[];
  readonly tokens: readonly string[];
}

type Mutation = (input: Uint8Array, source: Source) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  setByte,
  insertBytes,
  insertToken,
  deleteStretch,
  repeatStretch,
  moveStretch,
  overwriteUint32,
  replaceDecimal,
  splice,
  truncate,
];

function flipBit(input: Uint8Array, { random }: Source): Uint8Array {
  if (input.length > 0) input[randomBelow(random, input.length)]! ^= 1 << randomBelow(random, 8);
  return input;
}

function setByte(input: Uint8Array, { random }: Source): Uint8Array {
  if (input.length > 0) input[randomBelow(random, input.length)] = pick(random, INTERESTING_BYTES);
  return input;
}

function insertBytes(input: Uint8Array, { random }: Source): Uint8Array {
  const inserted = new Uint8Array(1 + randomBelow(random, INSERTED_BYTES_MAX));
  random.fill(inserted);
  return insertAt(input, randomBelow(random, input.length + 1), inserted);
}

function insertToken(input: Uint8Array, { random, tokens }: Source): Uint8Array {
  if (tokens.length === 0) return input;
  return insertAt(input, randomBelow(random, input.length + 1), fromLatin1(pick(random, tokens)));
}

function deleteStretch(input: Uint8Array, { random }: Source): Uint8Array {
  const [start, end] = stretch(input, random);
  return concatBytes([input.subarray(0, start), input.subarray(end)]);
}

function repeatStretch(input: Uint8Array, { random }: Source): Uint8Array {
  const [start, end] = stretch(input, random);
  const times = 1 + randomBelow(random, randomBelow(random, 4) === 0 ? REPEATS_MAX : 3);
  return insertAt(input, end, concatBytes(new Array<Uint8Array>(times).fill(input.subarray(start, end))));
}

function moveStretch(input: Uint8Array, { random }: Source): Uint8Array {
  const [start, end] = stretch(input, random);
  const rest = concatBytes([input.subarray(0, start), input.subarray(end)]);
  return insertAt(rest, randomBelow(random, rest.length + 1), input.subarray(start, end));
}

function overwriteUint32(input: Uint8Array, { random }: Source): Uint8Array {
  if (input.length < 4) return input;
  const offset = randomBelow(random, input.length - 3);
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const near = randomBelow(random, 4) === 0 ? input.length - offset - 4 : pick(random, INTERESTING_NUMBERS);
  view.setUint32(offset, (near + pick(random, [-1, 0, 0, 1])) >>> 0);
  return input;
}

/** A run of ASCII digits becomes another number: lengths of bencode, ports, ranges. */
function replaceDecimal(input: Uint8Array, { random }: Source): Uint8Array {
  const text = toLatin1(input);
  const runs = [...text.matchAll(/\d+/g)];
  if (runs.length === 0) return input;
  const run = pick(random, runs);
  const shift = BigInt(pick(random, [-1, 1, 0]));
  const written = BigInt(randomBelow(random, 2) === 0 ? pick(random, INTERESTING_NUMBERS) : run[0].slice(0, 40));
  const replacement = String(written + shift);
  return fromLatin1(text.slice(0, run.index) + replacement + text.slice(run.index + run[0].length));
}

function splice(input: Uint8Array, { random, pool }: Source): Uint8Array {
  const other = pick(random, pool);
  const [start, end] = stretch(other, random);
  return insertAt(input, randomBelow(random, input.length + 1), other.subarray(start, end));
}

function truncate(input: Uint8Array, { random }: Source): Uint8Array {
  return input.subarray(0, randomBelow(random, input.length + 1));
}

function insertAt(input: Uint8Array, offset: number, inserted: Uint8Array): Uint8Array {
  return concatBytes([input.subarray(0, offset), inserted, input.subarray(offset)]);
}

/** Short ones more often than long ones. */
function stretch(input: Uint8Array, random: Random): readonly [start: number, end: number] {
  const start = randomBelow(random, input.length + 1);
  const room = input.length - start;
  const longest = randomBelow(random, 4) === 0 ? room : Math.min(room, 64);
  return [start, start + randomBelow(random, longest + 1)];
}
