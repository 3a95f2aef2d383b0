import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateMeter } from './rate.js';

/** Adds `bytes` every 100 ms in [from, to). */
function feed(meter: RateMeter, bytes: number, from: number, to: number): void {
  for (let now = from; now < to; now += 100) meter.add(bytes, now);
}

test('nothing transferred is a rate of zero', () => {
  assert.equal(new RateMeter().rateBytesPerSecond(1000), 0);
});

test('a steady transfer is measured exactly, at any time of the clock', () => {
  for (const start of [0, 12345, 1e12]) {
    const meter = new RateMeter();
    feed(meter, 1000, start, start + 20_000);
    const rate = meter.rateBytesPerSecond(start + 20_000);
    assert.ok(Math.abs(rate - 10_000) < 300, `${rate} at ${start}`);
  }
});

test('a young transfer is measured over its own time, not over five seconds', () => {
  const meter = new RateMeter();
  feed(meter, 1000, 10_000, 11_000);
  const rate = meter.rateBytesPerSecond(11_000);
  assert.ok(rate >= 9_000 && rate <= 11_000, String(rate));
});

test('one block at once is not an infinite rate', () => {
  const meter = new RateMeter();
  meter.add(16384, 5000);
  assert.equal(meter.rateBytesPerSecond(5000), 32768);
});

test('after five silent seconds the rate is zero, and the total stays', () => {
  const meter = new RateMeter();
  feed(meter, 1000, 0, 3000);
  assert.ok(meter.rateBytesPerSecond(5000) > 0);
  assert.equal(meter.rateBytesPerSecond(8500), 0);
  assert.equal(meter.totalBytes, 30_000);
});

test('a long gap leaves nothing of the past', () => {
  const meter = new RateMeter();
  feed(meter, 1000, 0, 5000);
  meter.add(450, 1_000_000);
  assert.equal(meter.rateBytesPerSecond(1_000_000), 100);
});

test('a change of speed shows within five seconds', () => {
  const meter = new RateMeter();
  feed(meter, 1000, 0, 10_000);
  feed(meter, 100, 10_000, 15_000);
  const rate = meter.rateBytesPerSecond(15_000);
  assert.ok(Math.abs(rate - 1000) < 50, String(rate));
});
