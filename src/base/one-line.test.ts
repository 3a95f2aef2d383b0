import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8 } from './bytes.js';
import { toOneLine } from './one-line.js';

test('lines become one, and what a terminal would obey becomes a space', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['not registered\r\n', 'not registered'],
    ['two\n\nlines', 'two lines'],
    ['\u001b[2J\u009bxgone', '[2J xgone'],
    ['exe.\u202etxt\u2028\u200b', 'exe. txt'],
    ['naïve 漢字 😀', 'naïve 漢字 😀'],
    ['\0', ''],
  ];
  for (const [said, shown] of cases) assert.equal(toOneLine(fromUtf8(said)), shown);
});
