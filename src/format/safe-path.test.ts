import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromLatin1, fromUtf8, toUtf8 } from '../base/bytes.js';
import { LIMITS } from '../base/limits.js';
import { safeName, safePath, safeTextPath } from './safe-path.js';

function safe(...elements: string[]): string {
  return safePath(elements.map(fromUtf8)).join('/');
}

test('an ordinary path is left as it is', () => {
  assert.equal(safe('Season 1', 'Folge – Über (2020) [x265].mkv'), 'Season 1/Folge – Über (2020) [x265].mkv');
  assert.equal(safe('.hidden', '日本語.txt', '...a', ' a'), '.hidden/日本語.txt/...a/ a');
});

test('no path climbs or is absolute', () => {
  assert.equal(safe('..', '..', 'etc', 'passwd'), 'etc/passwd');
  assert.equal(safe('../../etc/passwd'), '....etcpasswd');
  assert.equal(safe('/etc', '\\windows', 'C:\\x'), 'etc/windows/C_x');
  assert.equal(safe('a', '.', './', '\u202e..', 'b'), 'a/b');
});

test('an element with nothing left becomes an underscore, and so does an empty path', () => {
  assert.equal(safe('a', '', 'b'), 'a/_/b');
  assert.equal(safe('/', '.'), '_');
  assert.equal(safe('...', '. '), '_/_');
  assert.equal(safe('..'), '_');
  assert.equal(safe(), '_');
});

test('what Windows does not allow is replaced on every platform', () => {
  assert.equal(safe('a<b>c:d"e|f?g*h'), 'a_b_c_d_e_f_g_h');
  assert.equal(safe('file.txt:stream'), 'file.txt_stream');
  assert.equal(safe('name. . ', 'dir.'), 'name/dir');
});

test('Windows devices are defused, with any extension', () => {
  assert.equal(
    safe('CON', 'nul.txt', 'Com1', 'lpt9.tar.gz', 'COM²', 'aux .c'),
    '_CON/_nul.txt/_Com1/_lpt9.tar.gz/_COM²/_aux .c',
  );
  assert.equal(safe('console', 'com', 'com10', 'nul-1', 'lpt'), 'console/com/com10/nul-1/lpt');
});

test('control characters and invalid UTF-8 are replaced, what has no width or turns the text is dropped', () => {
  assert.equal(safe('a\0b\x1b[31m\x7f\u0085c'), 'a_b_[31m__c');
  assert.equal(safe('invoice\u202efdp.exe', 'a\u200bb\ufeff'), 'invoicefdp.exe/ab');
  assert.deepEqual(safePath([fromLatin1('\xffa\x80b')]), ['_a_b']);
  // Overlong forms of '.' and '/': they must not turn into the characters that they imitate.
  assert.deepEqual(safePath([fromLatin1('\xc0\xae\xc0\xae'), fromLatin1('\xc0\xaf')]), ['____', '__']);
});

test('a long element is cut between characters and keeps its extension', () => {
  const bytesMax = LIMITS.pathElementBytesMax;
  assert.equal(safe('a'.repeat(bytesMax)), 'a'.repeat(bytesMax));
  assert.equal(safe('a'.repeat(bytesMax + 1)), 'a'.repeat(bytesMax));
  assert.equal(safe(`${'a'.repeat(300)}.mkv`), `${'a'.repeat(bytesMax - 4)}.mkv`);
  assert.equal(safe(`a.${'b'.repeat(300)}`), `a.${'b'.repeat(bytesMax - 2)}`);
  assert.equal(safe('€'.repeat(100)), '€'.repeat(80));
  assert.equal(safe(`a${'😀'.repeat(100)}.txt`), `a${'😀'.repeat(58)}.txt`);
  assert.equal(safe(`${'a'.repeat(bytesMax - 1)}. ${'b'.repeat(50)}`), 'a'.repeat(bytesMax - 1));
});

test('a device does not come out of a long name that is cut', () => {
  assert.equal(safe(`con${' '.repeat(300)}x`), '_con');
  assert.equal(safe(`nul${' '.repeat(300)}x.txt`), `_nul${' '.repeat(232)}.txt`);
});

test('a name with nothing to keep is empty', () => {
  for (const name of ['', '.', '..', '/', '\u200b', ' ']) assert.equal(safeName(fromUtf8(name)), '');
  assert.equal(safeName(fromUtf8('a/b')), 'ab');
});

test('a megabyte of dots takes no quadratic time', () => {
  const started = performance.now();
  assert.equal(safe(`${'. '.repeat(1_000_000)}x`).length, LIMITS.pathElementBytesMax);
  assert.ok(performance.now() - started < 2000);
});

test('whatever comes in, what comes out is safe, and safe already', () => {
  const element = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.string({ unit: 'binary', maxLength: 300 }).map(fromUtf8),
    fc.string({ maxLength: 20 }).map(fromUtf8),
    fc.constantFrom('..', '.', '/', 'con', 'a.b', ' ', '\u202e', ':').map(fromUtf8),
  );
  fc.assert(
    fc.property(fc.array(element, { maxLength: 5 }), (elements) => {
      const path = safePath(elements);
      assert.ok(path.length > 0);
      for (const safeElement of path) {
        assert.ok(safeElement !== '' && safeElement !== '.' && safeElement !== '..');
        assert.doesNotMatch(safeElement, /[/\\\p{Cc}?<>"|*:]|[. ]$|^(con|nul|aux|prn)(\.|$)/iu);
        assert.ok(fromUtf8(safeElement).length <= LIMITS.pathElementBytesMax);
      }
      assert.deepEqual(safePath(path.map(fromUtf8)), path);
      assert.deepEqual(safeTextPath(elements.map(toUtf8)), path);
    }),
    { numRuns: 500 },
  );
});
