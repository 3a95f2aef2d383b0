/** Addresses as text and in compact form: one spelling each, and both forms say the same. */
import assert from 'node:assert/strict';
import { isIP, isIPv6 } from 'node:net';
import fc from 'fast-check';
import {
  addressFromIp,
  formatHostPort,
  fromCompact,
  isDiallable,
  makeAddress,
  parseHostPort,
  parseIp,
  toCompact,
} from '../../../src/base/address.js';
import { fromUtf8, toUtf8 } from '../../../src/base/bytes.js';
import { addresses } from '../generators/addresses.js';
import type { FuzzTarget } from '../target.js';

const texts = fc.oneof(
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6(),
  fc
    .array(fc.constantFrom('0', '1', 'ffff', ':', '::', '.', '255', '256', '%', 'g'), { maxLength: 14 })
    .map((parts) => parts.join('')),
  fc.constantFrom('::ffff:1.2.3.4', '::1.2.3.4', '1::2::3', '01.2.3.4', '[::1]:80', 'host:1', '1.2.3.4:65536', ''),
);

export const addressTarget: FuzzTarget = {
  name: 'address',
  inputs: fc.oneof(texts.map(fromUtf8), fc.uint8Array({ maxLength: 40 })),
  samples: ['1.2.3.4:80', '[2001:db8::1]:6881', '::ffff:1.2.3.4'].map(fromUtf8),
  tokens: [':', '::', '.', '[', ']', '0', 'ffff', '%25'],
  bytesMax: 200,
  laws: [
    fc.property(addresses, (address) => {
      assert.deepEqual(fromCompact(toCompact(address), address.family), [address]);
      assert.deepEqual(makeAddress(address.host, address.port), address);
      assert.deepEqual(parseHostPort(formatHostPort(address)), { host: address.host, port: address.port });
    }),
  ],
  check,
};

function check(input: Uint8Array): void {
  const text = toUtf8(input);
  const ip = parseIp(text);
  // Node takes zones, which no address of a peer has.
  if (!text.includes('%'))
    assert.equal(ip !== null, isIP(text) !== 0, `${JSON.stringify(text)} is an address to one only`);
  const address = makeAddress(text, 80);
  if (address !== null) {
    assert.deepEqual(makeAddress(address.host, 80), address, 'canonical text is canonical');
    assert.equal(address.family === 6, isIPv6(address.host));
    assert.deepEqual(addressFromIp(parseIp(address.host)!, 80), address);
  }
  const endpoint = parseHostPort(text);
  if (endpoint !== null) assert.deepEqual(parseHostPort(formatHostPort(endpoint)), endpoint);
  for (const family of [4, 6] as const) {
    for (const each of fromCompact(input, family)) if (isDiallable(each)) assert.ok(each.port > 0);
  }
}
