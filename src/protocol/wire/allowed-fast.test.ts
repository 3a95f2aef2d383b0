import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../../base/address.js';
import { allowedFastSet } from './allowed-fast.js';

const BEP_HASH = new Uint8Array(20).fill(0xaa);
const BEP_SET = [1059, 431, 808, 1217, 287, 376, 1188, 353, 508, 1246];
const ARIA2_HASH = Uint8Array.from({ length: 20 }, (_, i) => (i === 0 ? 0xff : 0));

test('the sets of BEP 6 for 80.4.4.200 come out, whatever the last octet', () => {
  for (const count of [7, 9, 10]) {
    assert.deepEqual(allowedFastSet(parseIp('80.4.4.200')!, BEP_HASH, 1313, count), BEP_SET.slice(0, count));
    assert.deepEqual(allowedFastSet(parseIp('80.4.4.1')!, BEP_HASH, 1313, count), BEP_SET.slice(0, count));
  }
});

test('the sets are those of aria2', () => {
  const sets: [string, number, number[]][] = [
    ['192.168.0.1', 1000, [686, 459, 278, 200, 404, 834, 64, 203, 760, 950]],
    ['10.0.0.1', 1000, [568, 188, 466, 452, 550, 662, 109, 226, 398, 11]],
    ['10.0.0.1', 9, [8, 6, 7, 5, 1, 4, 0, 2, 3]],
  ];
  for (const [ip, pieceCount, expected] of sets) {
    assert.deepEqual(allowedFastSet(parseIp(ip)!, ARIA2_HASH, pieceCount, 10), expected);
  }
});

test('a torrent with fewer pieces than asked for allows all of them, and ends', () => {
  assert.deepEqual(allowedFastSet(parseIp('10.0.0.1')!, ARIA2_HASH, 1, 10), [0]);
  assert.deepEqual(allowedFastSet(parseIp('10.0.0.1')!, ARIA2_HASH, 0, 10), []);
});

test('IPv6 peers have no set', () => {
  assert.deepEqual(allowedFastSet(parseIp('2001:db8::1')!, ARIA2_HASH, 1000, 10), []);
});
