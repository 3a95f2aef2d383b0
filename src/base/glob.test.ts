import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Glob } from './glob.js';

/** [pattern, paths that fit, paths that do not] */
const CASES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['a.txt', ['a.txt'], ['A.txt', 'a.txt.bak', 'xa.txt', '']],
  ['*', ['', 'a', 'a.b'], ['a/b', '/']],
  ['*.iso', ['.iso', 'x.iso', 'x.iso.iso'], ['x.isa', 'd/x.iso', 'x.iso/']],
  ['a*b*c', ['abc', 'aXbYc', 'abbbc', 'abcbc'], ['ab', 'aXbY', 'a/bc']],
  ['d/*', ['d/', 'd/x'], ['d', 'd/x/y', 'e/x']],
  ['?', ['a', 'ä', '😀'], ['', 'ab', '/']],
  ['**', ['', 'a', 'a/b/c'], []],
  ['**/x', ['x', 'a/x', 'a/b/x', '/x'], ['ax', 'a/bx', 'x/a']],
  ['a/**/x', ['a/x', 'a/b/x', 'a/b/c/x'], ['a/bx', 'ax', 'b/a/x']],
  ['a/**', ['a/', 'a/b', 'a/b/c'], ['a', 'b/a/c']],
  ['a/', ['a/b', 'a/b/c'], ['a', 'ab']],
  ['a**z', ['az', 'a/b/z', 'abcz'], ['a/b', 'z']],
  ['**/*.s[0-9]', ['x.s1', 'd/e/x.s9'], ['x.sa', 'd/x.s10']],
  ['[a-cx]', ['a', 'b', 'c', 'x'], ['d', 'y', '-', '']],
  ['[!a-c]', ['d', '-', 'é'], ['a', '/', '']],
  ['[^a]', ['b'], ['a', '/']],
  ['[]a]', [']', 'a'], ['b', '[]a]']],
  ['[a-]', ['a', '-'], ['b']],
  ['[\\]\\\\]', [']', '\\'], ['[', 'a']],
  ['[Z-\\]]', ['Z', '[', '\\', ']'], ['^', 'Y']],
  ['[Grp] x', ['G x', 'p x'], ['[Grp] x']],
  ['[open', ['[open'], ['o']],
  ['[a-', ['[a-'], ['a']],
  ['\\*\\?\\[', ['*?['], ['a?[', '\\*\\?\\[']],
  ['end\\', ['end\\'], ['end']],
  ['/**/', ['/', '/a', '/a/b'], ['a']],
];

for (const [pattern, fitting, others] of CASES) {
  test(`the pattern ${pattern} fits what it says and nothing else`, () => {
    const glob = new Glob(pattern);
    for (const path of fitting) assert.equal(glob.matches(path), true, `${JSON.stringify(path)} should fit`);
    for (const path of others) assert.equal(glob.matches(path), false, `${JSON.stringify(path)} should not fit`);
  });
}

test('composed and decomposed letters are one letter', () => {
  assert.equal(new Glob('caf\u00e9/?').matches('cafe\u0301/e\u0301'), true);
});

test('one glob answers again and again', () => {
  const glob = new Glob('*a');
  assert.deepEqual(
    ['a', 'b', 'ba', ''].map((path) => glob.matches(path)),
    [true, false, true, false],
  );
});

test('a pattern that makes backtracking matchers run for ages is answered at once', () => {
  // 2000 stars against 20 000 characters: billions of years by trying, 40 million steps by keeping a set.
  assert.equal(new Glob(`${'*a'.repeat(2000)}b`).matches('a'.repeat(20_000)), false);
  assert.equal(new Glob(`${'**/'.repeat(1000)}b`).matches('a/'.repeat(10_000)), false);
});

test('agrees with a regular expression made from the same pattern', () => {
  const piece = fc.constantFrom('a', 'b', '/', '*', '**', '?', '**/', '[ab]', '[!a]', '.');
  const text = fc.array(fc.constantFrom('a', 'b', '/', '.', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), text, (pieces, characters) => {
      const pattern = pieces.join('');
      const path = characters.join('');
      assert.equal(new Glob(pattern).matches(path), toRegExp(pattern).test(path), `${pattern} on ${path}`);
    }),
    { numRuns: 3000 },
  );
});

/** Written from the rules, with backtracking: for short texts only. */
function toRegExp(pattern: string): RegExp {
  const whole = pattern.endsWith('/') ? `${pattern}**` : pattern;
  const source = whole.replace(/(?<=^|\/)\*{2,}\/|\*{2,}|\*|\?|\[(!?)([^\]]*)\]|[^a-z/]/g, (found, not, members) => {
    if (members !== undefined) return not === '' ? `[${members}]` : `[^/${members}]`;
    if (found === '*') return '[^/]*';
    if (found === '?') return '[^/]';
    if (found.endsWith('*')) return '.*';
    return found.endsWith('*/') ? '(?:.*/)?' : `\\${found}`;
  });
  return new RegExp(`^${source}$`, 's');
}
