import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { peerPriority } from './peer-priority.js';

const EXAMPLES: readonly (readonly [string, string, number])[] = [
  ['123.213.32.10', '98.76.54.32', 0xec2d7224],
  ['123.213.32.10', '123.213.32.234', 0x99568189],
  ['206.248.98.111', '142.147.89.224', 0x2b41d456],
  ['230.12.123.1', '230.12.123.3', 0x99c54d79],
  ['230.12.23.1', '230.12.123.1', 0x21fd5f80],
  ['230.120.23.1', '230.12.123.3', 0xfa9a860e],
  ['ffff:ffff:ffff:ffff::1', 'fff0:ffff:ffff:ffff::1', 0x9e3a0255],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', 0xc47615a9],
  ['2001:db8:1:2::1', '2001:db8:1:200::1', 0x12f00f01],
  ['2001:db8:1::1', '2001:db8:2::1', 0x3dcee008],
];

test('both sides come to the number that the specification and other clients have', () => {
  for (const [one, other, expected] of EXAMPLES) {
    const [a, b] = [makeAddress(one, 1)!, makeAddress(other, 2)!];
    assert.equal(peerPriority(a, b), expected, `${one} ${other}`);
    assert.equal(peerPriority(b, a), expected, `${other} ${one}`);
  }
});

test('on one address the ports decide', () => {
  const [a, b] = [makeAddress('1.2.3.4', 300)!, makeAddress('1.2.3.4', 1234)!];
  assert.equal(peerPriority(a, b), 0xae8b7034);
  assert.equal(peerPriority(b, a), 0xae8b7034);
});
