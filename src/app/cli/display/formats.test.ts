import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatCount,
  formatDuration,
  formatPercent,
  formatRate,
  formatSize,
  formatUnixTime,
  shareOf,
} from './formats.js';

test('sizes keep three digits and step up at 1024', () => {
  const expected: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [1, '1 B'],
    [999, '999 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [1536, '1.50 KiB'],
    [10 * 1024 - 1, '10.0 KiB'],
    [99.96 * 1024, '100 KiB'],
    [1024 * 1024 - 1, '1.00 MiB'],
    [4.7 * 1024 ** 3, '4.70 GiB'],
    [123.4 * 1024 ** 3, '123 GiB'],
    [5 * 1024 ** 5, '5.00 PiB'],
  ];
  for (const [bytes, text] of expected) assert.equal(formatSize(bytes), text);
});

test('no size is longer than eight characters below a thousand PiB', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 999 * 1024 ** 5, noNaN: true }), (bytes) => formatSize(bytes).length <= 8),
  );
});

test('rates are sizes a second', () => {
  assert.equal(formatRate(11.4 * 1024 * 1024), '11.4 MiB/s');
});

test('durations show their two largest units', () => {
  const expected: readonly (readonly [number, string])[] = [
    [0, '0s'],
    [0.4, '0s'],
    [59.4, '59s'],
    [59.6, '1m 00s'],
    [185, '3m 05s'],
    [8040, '2h 14m'],
    [86_400 * 5 + 3 * 3600, '5d 03h'],
    [86_400 * 100, 'over 99d'],
    [Number.POSITIVE_INFINITY, 'over 99d'],
  ];
  for (const [seconds, text] of expected) assert.equal(formatDuration(seconds), text);
});

test('a share is rounded down, so that 100.0% means all of it', () => {
  assert.equal(formatPercent(0.99999), '99.9%');
  assert.equal(formatPercent(1), '100.0%');
  assert.equal(formatPercent(7), '100.0%');
  assert.equal(formatPercent(0.1234), '12.3%');
});

test('a share of nothing known is none', () => {
  assert.equal(shareOf(5, 0), 0);
  assert.equal(shareOf(5, 10), 0.5);
});

test('one is singular', () => {
  assert.equal(formatCount(1, 'peer'), '1 peer');
  assert.equal(formatCount(0, 'peer'), '0 peers');
});

test('times are UTC, and a time beyond any calendar does not throw', () => {
  assert.equal(formatUnixTime(1714050420), '2024-04-25 13:07 UTC');
  assert.equal(formatUnixTime(1e300), '1e+300 s since 1970');
});
