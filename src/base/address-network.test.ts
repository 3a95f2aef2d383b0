import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInNetwork } from './address-network.js';

test('an address is in a network as far as the leading bits are the same', () => {
  assert.ok(isInNetwork('192.0.2.200', '192.0.2.1', 24));
  assert.ok(!isInNetwork('192.0.3.1', '192.0.2.1', 24));
  assert.ok(isInNetwork('192.0.3.1', '192.0.2.1', 23));
  assert.ok(isInNetwork('10.127.0.1', '10.64.0.1', 10) && !isInNetwork('10.128.0.1', '10.64.0.1', 10));
  assert.ok(isInNetwork('192.0.2.1', '192.0.2.1', 32) && !isInNetwork('192.0.2.0', '192.0.2.1', 32));
  assert.ok(isInNetwork('9.9.9.9', '192.0.2.1', 0));
  assert.ok(isInNetwork('2001:db8::9', '2001:db8::1', 64) && !isInNetwork('2001:db8:0:1::9', '2001:db8::1', 64));
});

test('no address is in a network of the other family, and what is no address is in none', () => {
  assert.ok(!isInNetwork('192.0.2.1', '2001:db8::1', 0));
  assert.ok(!isInNetwork('a', '192.0.2.1', 0));
});
