/** File names from strangers: what comes out is safe on every platform, and stays what it is when it comes in again. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fromUtf8 } from '../../../src/base/bytes.js';
import { LIMITS } from '../../../src/base/limits.js';
import { safeElement, safeName, safePath } from '../../../src/format/safe-path.js';
import type { FuzzTarget } from '../target.js';

const words = fc.oneof(
  fc.constantFrom(
    'con',
    'CON',
    'nul',
    'com1',
    'lpt³',
    'conin$',
    '.',
    '..',
    ' ',
    '/',
    '\\',
    'é',
    '\u202e',
    '\ufeff',
    '\0',
    ':',
    'x',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.tuple(fc.constantFrom(' ', '.', 'a', 'é', '😀'), fc.nat({ max: 300 })).map(([unit, count]) => unit.repeat(count)),
);

export const safePathTarget: FuzzTarget = {
  name: 'safe-path',
  inputs: fc.oneof(
    fc.array(words, { maxLength: 6 }).map((parts) => fromUtf8(parts.join(''))),
    fc.uint8Array({ maxLength: 400 }),
  ),
  samples: ['con.txt', 'a/b\\c', 'x'.repeat(400), `con${' '.repeat(300)}.txt`].map(fromUtf8),
  tokens: ['/', '\\', '..', '.', ' ', 'con', 'aux.', '\xe2\x80\xae', '\xef\xbb\xbf'],
  bytesMax: 4096,
  check,
};

function check(input: Uint8Array): void {
  const element = safeElement(input);
  if (element !== '') {
    checkSafeElement(element);
    assert.equal(safeElement(fromUtf8(element)), element, 'what is safe is left alone');
  }
  const name = safeName(input);
  if (name !== '') checkSafeElement(name);
  const path = safePath([input, fromUtf8('..'), input]);
  assert.ok(path.length >= 1);
  for (const each of path) checkSafeElement(each);
}

/** Written anew, not taken from the code: `element` names a file strictly below the directory that it is joined to. */
export function checkSafeElement(element: string): void {
  const shown = JSON.stringify(element);
  assert.ok(element !== '' && element !== '.' && element !== '..', `${shown} is no name`);
  assert.ok(!/\p{Cs}/u.test(element), `${shown} is no well-formed Unicode`);
  assert.ok(!/[/\\\p{Cc}?<>"|*:\ufffd]/u.test(element), `${shown} has a character that some system does not take`);
  assert.ok(!/[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/.test(element), `${shown} misleads`);
  assert.ok(!/[. ]$/.test(element), `${shown} is another name on Windows`);
  const stem = element.split('.')[0]!.replace(/ +$/, '').toLowerCase();
  assert.ok(!/^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)$/.test(stem), `${shown} is a device`);
  // A collision number may stand behind it.
  assert.ok(fromUtf8(element).length <= LIMITS.pathElementBytesMax + 8, `${shown} is too long`);
}
