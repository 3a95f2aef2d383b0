import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { RateGuard } from './rate-guard.js';

const QUERIES = LIMITS.dhtQueriesPerWindowMax;
const WINDOW_MS = LIMITS.dhtQueryWindowMs;

/** @returns how many of `count` queries were accepted. */
function ask(guard: RateGuard, ip: string, count: number, now: number): number {
  let accepted = 0;
  for (let i = 0; i < count; i++) if (guard.accepts(ip, now)) accepted++;
  return accepted;
}

test('who asks no more than is allowed is always answered', () => {
  const guard = new RateGuard();
  for (let window = 0; window < 5; window++) {
    assert.equal(ask(guard, '192.0.2.1', QUERIES, window * WINDOW_MS), QUERIES);
  }
});

test('who asks too much is not answered for five minutes, and then is again', () => {
  const guard = new RateGuard();
  assert.equal(ask(guard, '192.0.2.1', QUERIES + 10, 0), QUERIES);
  assert.equal(guard.accepts('192.0.2.2', 0), true);
  assert.equal(guard.accepts('192.0.2.1', LIMITS.dhtBanMs - 1), false);
  assert.equal(ask(guard, '192.0.2.1', QUERIES + 1, LIMITS.dhtBanMs), QUERIES);
});

test('all addresses of an IPv6 /64 count as one', () => {
  const guard = new RateGuard();
  let accepted = 0;
  for (let i = 1; i <= 2 * QUERIES; i++) accepted += ask(guard, `2001:db8::${i.toString(16)}`, 1, 0);
  assert.equal(accepted, QUERIES);
  assert.equal(guard.accepts('2001:db8:0:1::1', 0), true);
});

test('local networks are never too much', () => {
  const guard = new RateGuard();
  for (const ip of ['127.0.0.1', '::1', '192.168.1.2']) assert.equal(ask(guard, ip, 10 * QUERIES, 0), 10 * QUERIES);
});

test('the oldest count gives way to new addresses, and so does the oldest ban', () => {
  const others = Array.from({ length: LIMITS.dhtGuardedAddressesMax }, (_, i) => `198.51.${i >>> 8}.${i & 255}`);
  const counting = new RateGuard();
  ask(counting, '192.0.2.1', QUERIES, 0);
  for (const ip of others.slice(1)) ask(counting, ip, 1, 0);
  assert.equal(counting.accepts('192.0.2.1', 0), false, 'still counted');

  const forgotten = new RateGuard();
  ask(forgotten, '192.0.2.1', QUERIES, 0);
  for (const ip of others) ask(forgotten, ip, 1, 0);
  assert.equal(forgotten.accepts('192.0.2.1', 0), true, 'counted anew');

  const banning = new RateGuard();
  ask(banning, '192.0.2.1', QUERIES + 1, 0);
  for (const ip of others.slice(1)) ask(banning, ip, QUERIES + 1, 0);
  assert.equal(banning.accepts('192.0.2.1', 0), false, 'still banned');
  ask(banning, others[0]!, QUERIES + 1, 0);
  assert.equal(banning.accepts('192.0.2.1', 0), true, 'no longer banned');
});
