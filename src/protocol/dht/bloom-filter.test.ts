import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../../base/address.js';
import { toHex } from '../../base/bytes.js';
import { BloomFilter } from './bloom-filter.js';

/** BEP 33. */
const VECTOR = [
  'f6c3f5eaa07ffd91bde89f777f26fb2bff37bdb8fb2bbaa2fd3ddde7bacfff75ee7ccbaefe5eedb1fbfaff67f6abff5e43ddbca3fd9b9ffdf4ffd3e9dff12d1b',
  'df59db53dbe9fa5b7ff3b8fdfcde1afb8bedd7be2f3ee71ebbbfe93bcdeefe148246c2bc5dbff7e7efdcf24fd8dc7adffd8fffdfddfff7a4bbeedf5cb95ce81f',
  'c7fcff1ff4ffffdfe5f7fdcbb7fd79b3fa1fc77bfe07fff905b7b7ffc7fefeffe0b8370bb0cd3f5b7f2bd93feb4386cfdd6f7fd5bfaf2e9ebffffeecd67adbf7',
  'c67f17efd5d75eba6ffeba7fff47a91eb1bfbb53e8abfb5762abe8ff237279bfefbfeef5ffc5febfdfe5adffadfee1fb737ffffbfd9f6aeffeee76b6fd8f72ef',
].join('');

const anIp = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }));

test('the filter of BEP 33 has its bits and its estimate', () => {
  const filter = new BloomFilter();
  for (let i = 0; i < 256; i++) filter.add(parseIp(`192.0.2.${i}`)!);
  for (let i = 0; i < 1000; i++) filter.add(parseIp(`2001:db8::${i.toString(16)}`)!);
  assert.equal(toHex(filter.bytes), VECTOR);
  assert.equal(filter.estimate().toFixed(4), '1224.9309');
});

test('what was added is there, also after a union', () => {
  fc.assert(
    fc.property(fc.array(anIp), fc.array(anIp), (some, others) => {
      const [a, b, both] = [new BloomFilter(), new BloomFilter(), new BloomFilter()];
      for (const ip of some) a.add(ip);
      for (const ip of others) b.add(ip);
      for (const ip of [...some, ...others]) both.add(ip);
      assert.equal(a.union(b.bytes), true);
      assert.deepEqual(a.bytes, both.bytes);
      for (const ip of [...some, ...others]) assert.equal(a.has(ip), true);
    }),
  );
});

test('an empty filter holds nothing, and a full one about as much as it can tell', () => {
  const filter = new BloomFilter();
  assert.equal(filter.estimate(), 0);
  assert.equal(filter.has(parseIp('192.0.2.1')!), false);
  filter.bytes.fill(0xff);
  assert.equal(Math.floor(filter.estimate()), 7805);
});

test('a filter of another length is not joined', () => {
  const filter = new BloomFilter();
  for (const length of [0, 255, 257, 1000]) assert.equal(filter.union(new Uint8Array(length).fill(0xff)), false);
  assert.equal(filter.estimate(), 0);
});
