/** Which files are wanted, in the words of people and of magnet links; and globs, against a slow reading of them. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fromUtf8, toUtf8 } from '../../../src/base/bytes.js';
import { Glob } from '../../../src/base/glob.js';
import { parseSelection, selectionOfMagnet } from '../../../src/engine/data/file-selection.js';
import { readOrRefuse } from '../expect.js';
import type { FuzzTarget } from '../target.js';
import { naiveGlobMatches } from './naive-glob.js';

const FILES = ['t/a.txt', 't/b.txt', 't/sub/a.txt', 't/sub/deep/c [1].iso', 't/é', 't/.pad/5', 't/sub/1,2'];
const TORRENT = { name: 't', files: FILES.map((path) => ({ path: path.split('/'), padding: path.includes('.pad') })) };
const PATHS_MAX = 6;

const pieces = fc.oneof(
  fc.constantFrom(
    '*',
    '**',
    '**/',
    '?',
    '[',
    ']',
    '[a-z]',
    '[!a]',
    '[]a]',
    '[a-',
    '\\',
    '/',
    '.',
    'a',
    'b',
    'sub',
    '.txt',
    'é',
    'e\u0301',
    '😀',
    ',',
  ),
  fc.string({ maxLength: 3 }),
  fc.constantFrom('1', '2-3', '0', '9-1', '1-999999999', '1,', '-'),
);
const words = fc.array(pieces, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));

export const fileSelectionTarget: FuzzTarget = {
  name: 'file-selection',
  // Lines: patterns, each also a path to match the first one against.
  inputs: fc.array(words, { minLength: 1, maxLength: PATHS_MAX }).map((lines) => fromUtf8(lines.join('\n'))),
  samples: ['*.txt', '1,3-5', 't/**/a.txt', 'sub/', '[!a-c]*'].map(fromUtf8),
  tokens: ['*', '**/', '[', ']', '!', '\\', '/', '-', ',', '\n'],
  bytesMax: 300,
  check,
};

function check(input: Uint8Array): void {
  const lines = toUtf8(input).split('\n').slice(0, PATHS_MAX);
  checkGlob(lines[0]!, [...FILES, ...lines.slice(1)]);
  const wanted = readOrRefuse(['EOPTION'], () => parseSelection(lines)?.choose(TORRENT) ?? null);
  if (wanted !== null) checkChoice(wanted);
  const ranges = lines.flatMap((line) => {
    const match = /^(\d{1,6})-(\d{1,6})/.exec(line);
    return match === null ? [] : [{ first: Math.min(Number(match[1]), Number(match[2])), last: Number(match[2]) }];
  });
  checkChoice(selectionOfMagnet(ranges).choose(TORRENT));
}

function checkChoice(wanted: Uint8Array): void {
  assert.equal(wanted.length, TORRENT.files.length);
  assert.ok(wanted.includes(1), 'a selection that selects nothing is refused');
  for (const [index, { padding }] of TORRENT.files.entries()) assert.ok(wanted[index]! <= (padding ? 0 : 1));
}

function checkGlob(pattern: string, paths: readonly string[]): void {
  const glob = new Glob(pattern);
  for (const path of paths) {
    const matches = glob.matches(path);
    const expected = naiveGlobMatches(pattern, path);
    if (expected !== null) assert.equal(matches, expected, `${JSON.stringify(pattern)} on ${JSON.stringify(path)}`);
  }
}
