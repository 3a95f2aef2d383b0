/**
 * Mutations that know bencode: the input is taken apart, one place in the tree is changed, and it is put together
 * again, so that the change is met by what reads the meaning and not by the decoder.
 */
import { fromLatin1, toLatin1 } from '../../src/base/bytes.js';
import { DtorrentError } from '../../src/base/errors.js';
import { type Random, randomBelow } from '../../src/base/random.js';
import { BencodeDict, type BencodeInput, BencodeList, decodeBencode, encodeBencode } from '../../src/format/bencode.js';
import { INTERESTING_NUMBERS, pick } from './interesting.js';

/** `tokens`: keys worth trying. @returns `input` itself when it is no bencode. */
export function mutateBencode(input: Uint8Array, tokens: readonly string[], random: Random): Uint8Array {
  let tree: Tree;
  try {
    tree = toTree(decodeBencode(input, { mode: 'lenient', allowTrailing: true }).value);
  } catch (thrown) {
    if (thrown instanceof DtorrentError) return input;
    throw thrown;
  }
  const containers: Container[] = [];
  collect(tree, containers);
  if (containers.length === 0) return encodeBencode(strange(random));
  change(pick(random, containers), tokens, random);
  return encodeBencode(tree);
}

type Tree = BencodeInput;
type Container = Tree[] | Map<string, Tree>;

function toTree(value: BencodeInput): Tree {
  if (value instanceof BencodeList) return value.items.map(toTree);
  if (value instanceof BencodeDict) return new Map(value.keys.map((key, i) => [key, toTree(value.values[i]!)]));
  return value;
}

function collect(tree: Tree, into: Container[]): void {
  if (Array.isArray(tree)) {
    into.push(tree);
    for (const item of tree) collect(item, into);
  } else if (tree instanceof Map) {
    into.push(tree);
    for (const item of tree.values()) collect(item, into);
  }
}

function change(container: Container, tokens: readonly string[], random: Random): void {
  const what = randomBelow(random, 5);
  if (container instanceof Map) changeDict(container, what, tokens, random);
  else changeList(container, what, random);
}

function changeDict(dict: Map<string, Tree>, what: number, tokens: readonly string[], random: Random): void {
  const keys = [...dict.keys()];
  if (what === 0 || keys.length === 0) {
    dict.set(tokens.length > 0 ? pick(random, tokens) : 'x', strange(random));
    return;
  }
  const key = pick(random, keys);
  const value = dict.get(key)!;
  if (what === 1) dict.delete(key);
  else if (what === 2) dict.set(key, strange(random));
  else if (what === 3) dict.set(key, varied(value, random));
  else {
    dict.delete(key);
    const renamed = tokens.length > 0 && randomBelow(random, 2) === 0 ? pick(random, tokens) : strangeText(random);
    dict.set(renamed.replaceAll(/[^\0-\xff]/g, '?'), value);
  }
}

function changeList(list: Tree[], what: number, random: Random): void {
  if (what === 0 || list.length === 0) {
    list.push(strange(random));
    return;
  }
  const index = randomBelow(random, list.length);
  if (what === 1) list.splice(index, 1);
  else if (what === 2) list[index] = strange(random);
  else if (what === 3) list[index] = varied(list[index]!, random);
  else list.splice(index, 0, ...new Array<Tree>(1 + randomBelow(random, 40)).fill(list[index]!));
}

/** The value, a little different. */
function varied(value: Tree, random: Random): Tree {
  if (typeof value === 'number') {
    const number = randomBelow(random, 2) === 0 ? value + pick(random, [-1, 1]) : pick(random, INTERESTING_NUMBERS);
    return Number.isSafeInteger(number) ? number : BigInt(number);
  }
  if (value instanceof Uint8Array) {
    const text = toLatin1(value);
    const at = randomBelow(random, text.length + 1);
    return fromLatin1(
      text.slice(0, at) + pick(random, ['', strangeLatin1(random)]) + text.slice(at + randomBelow(random, 3)),
    );
  }
  return strange(random);
}

function strange(random: Random): Tree {
  switch (randomBelow(random, 6)) {
    case 0:
      return pick(random, [-1, 0, 1, 2, 3, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1), 2n ** 64n, -(2n ** 70n)]);
    case 1:
      return [];
    case 2:
      return new Map();
    case 3:
      return [strangeText(random), strangeText(random)];
    case 4:
      return new Map<string, Tree>([['', new Map()]]);
    default:
      return strangeText(random);
  }
}

function strangeText(random: Random): string {
  return pick(random, STRANGE_TEXTS)(random);
}

function strangeLatin1(random: Random): string {
  return strangeText(random).replaceAll(/[^\0-\xff]/g, '?');
}

/** Names that file systems, terminals and readers stumble over. */
const STRANGE_TEXTS: readonly ((random: Random) => string)[] = [
  () => '',
  () => '.',
  () => '..',
  () => '/',
  () => '../../x',
  () => 'con',
  () => 'CON .txt',
  (random) => `con${' '.repeat(randomBelow(random, 400))}x`,
  (random) => 'a'.repeat(randomBelow(random, 600)),
  (random) => `${'é'.repeat(randomBelow(random, 300))}.txt`,
  (random) => `${'.'.repeat(randomBelow(random, 300))}a`,
  (random) => String.fromCodePoint(randomBelow(random, 0xd800)),
  () => '\u202egpj.exe',
  () => 'a\0b',
  () => '\ud83d\ude00',
  () => '\x1b[2J',
  () => 'l',
  () => 'p',
];
