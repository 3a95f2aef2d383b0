import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clipText, sanitizeText, textWidth, toAscii } from './terminal-text.js';

test('nothing that a terminal obeys survives', () => {
  assert.equal(sanitizeText('a\x1b[2Jb\r\nc\x07\x9b31m'), 'a\ufffd[2Jb\ufffd\ufffdc\ufffd\ufffd31m');
  assert.equal(sanitizeText('film\u202egpj.exe'), 'film\ufffdgpj.exe');
  assert.equal(sanitizeText('half \ud800 pair'), 'half \ufffd pair');
  assert.equal(sanitizeText('ünï 🎬 名前'), 'ünï 🎬 名前');
});

test('whatever a name holds, its sanitised form has no control character', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (name) => !/[\p{Cc}\u202a-\u202e]/u.test(sanitizeText(name))));
});

test('wide characters count two columns, combining ones none', () => {
  assert.equal(textWidth('abc'), 3);
  assert.equal(textWidth('名前'), 4);
  assert.equal(textWidth('e\u0301'), 1);
  assert.equal(textWidth('🎬'), 2);
});

test('clipped text says that it was clipped', () => {
  assert.equal(clipText('ubuntu.iso', 10), 'ubuntu.iso');
  assert.equal(clipText('ubuntu.iso', 7), 'ubuntu…');
  assert.equal(clipText('名前名前', 6), '名前…');
  assert.equal(clipText('ubuntu.iso', 7, '...'), 'ubun...');
  assert.equal(clipText('ubuntu.iso', 0), '');
});

test('clipped text fits, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, columns) => {
      return textWidth(clipText(sanitizeText(text), columns)) <= columns;
    }),
  );
});

test('terminals without UTF-8 get ASCII', () => {
  assert.equal(toAscii('naïve 名'), 'na?ve ?');
});
