import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../../base/address.js';
import { fromHex, toHex } from '../../base/bytes.js';
import { SeededRandom } from '../../base/random.js';
import { commonPrefixBits, compareDistance, isSecureId, makeNodeId, NODE_ID_BYTES } from './node-id.js';

/** BEP 42; the last byte of each id is the random number of the table. */
const SECURE: [ip: string, id: string][] = [
  ['124.31.75.21', '5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401'],
  ['21.75.31.124', '5a3ce9c14e7a08645677bbd1cfe7d8f956d53256'],
  ['65.23.51.170', 'a5d43220bc8f112a3d426c84764f8c2a1150e616'],
  ['84.124.73.14', '1b0321dd1bb1fe518101ceef99462b947a01ff41'],
  ['43.213.53.83', 'e56f6cbf5b7c4be0237986d5243b87aa6d51305a'],
];

const anId = fc.uint8Array({ minLength: NODE_ID_BYTES, maxLength: NODE_ID_BYTES });
const anIp = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }));

test('the ids of BEP 42 belong to their addresses, and to no others', () => {
  for (const [ip, id] of SECURE) {
    assert.equal(isSecureId(fromHex(id)!, parseIp(ip)!), true, ip);
    for (const [otherIp] of SECURE) {
      if (otherIp !== ip) assert.equal(isSecureId(fromHex(id)!, parseIp(otherIp)!), false, `${id} at ${otherIp}`);
    }
  }
});

test('21 bits of an id and the low three of its last byte are checked, and nothing else', () => {
  const [ip, id] = SECURE[0]!;
  for (let bit = 0; bit < 8 * NODE_ID_BYTES; bit++) {
    const changed = fromHex(id)!;
    changed[bit >>> 3]! ^= 0x80 >>> (bit & 7);
    const isChecked = bit < 21 || bit >= 157;
    assert.equal(isSecureId(changed, parseIp(ip)!), !isChecked, `bit ${bit}`);
  }
});

test('an IPv6 id is made of the first half of the address', () => {
  const id = new Uint8Array(NODE_ID_BYTES);
  id.set(fromHex('e8859a')!);
  id[NODE_ID_BYTES - 1] = 5;
  assert.equal(isSecureId(id, parseIp('2001:db8:85a3::8a2e:370:7334')!), true);
  assert.equal(isSecureId(id, parseIp('2001:db8:85a3::1')!), true);
  assert.equal(isSecureId(id, parseIp('2001:db8:85a4::8a2e:370:7334')!), false);
});

test('an id that is made for an address belongs to it', () => {
  fc.assert(
    fc.property(anIp, fc.integer(), (ip, seed) => {
      assert.equal(isSecureId(makeNodeId(ip, new SeededRandom(seed)), ip), true);
    }),
  );
});

test('without an address an id is random', () => {
  const random = new SeededRandom(1);
  const ids = new Set(Array.from({ length: 100 }, () => toHex(makeNodeId(null, random))));
  assert.equal(ids.size, 100);
});

test('of the addresses of local networks every id is good', () => {
  const local = ['10.1.2.3', '127.0.0.1', '127.9.9.9', '169.254.1.1', '172.16.0.1', '172.31.255.255', '192.168.0.1'];
  const localV6 = ['::1', 'fe80::1', 'febf::1', 'fc00::1', 'fdff::1'];
  for (const ip of [...local, ...localV6]) {
    assert.equal(isSecureId(new Uint8Array(NODE_ID_BYTES), parseIp(ip)!), true, ip);
  }
});

test('distance is the XOR as a number', () => {
  const toNumber = (a: Uint8Array, b: Uint8Array): bigint => BigInt(`0x${toHex(a)}`) ^ BigInt(`0x${toHex(b)}`);
  fc.assert(
    fc.property(anId, anId, anId, (target, a, b) => {
      const expected = toNumber(target, a) - toNumber(target, b);
      assert.equal(Math.sign(compareDistance(target, a, b)), expected === 0n ? 0 : expected < 0n ? -1 : 1);
      assert.equal(compareDistance(target, a, a), 0);
      const xor = toNumber(a, b);
      assert.equal(commonPrefixBits(a, b), xor === 0n ? 160 : 160 - xor.toString(2).length);
      assert.equal(commonPrefixBits(a, a), 160);
    }),
  );
});
