import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Address,
  addressFromIp,
  addressKey,
  formatHostPort,
  fromCompact,
  isDiallable,
  isLoopback,
  makeAddress,
  parseHostPort,
  parseIp,
  toCompact,
} from './address.js';
import { fromHex, toHex } from './bytes.js';

function canonical(text: string): string | null {
  return makeAddress(text, 1)?.host ?? null;
}

test('IPv6 text is RFC 5952: lower case, no leading zeros, the first longest run of zeros is left out', () => {
  const spellings: [string, string][] = [
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ];
  for (const [text, expected] of spellings) assert.equal(canonical(text), expected);
});

test('IPv4 mapped into IPv6 is IPv4', () => {
  assert.deepEqual(makeAddress('::ffff:1.2.3.4', 80), { family: 4, host: '1.2.3.4', port: 80 });
  assert.deepEqual(makeAddress('::FFFF:102:304', 80), makeAddress('1.2.3.4', 80));
});

test('what is no IP address, or no port, is refused', () => {
  const hosts = [
    '',
    'a',
    'example.org',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1.2.3.-4',
  ];
  const v6 = [
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    ':1',
    '1:',
  ];
  const mixed = ['::1.2.3', '1.2.3.4::', '::1.2.3.4:5', '1:2:3:4:5:6:7:1.2.3.4', ':1.2.3.4', 'fe80::1%eth0', '[::1]'];
  for (const host of [...hosts, ...v6, ...mixed]) assert.equal(makeAddress(host, 1), null, host);
  for (const port of [-1, 65536, 1.5, Number.NaN]) assert.equal(makeAddress('1.2.3.4', port), null);
  assert.equal(addressFromIp(new Uint8Array(5), 1), null);
});

test('endpoints are read with port, and IPv6 in brackets', () => {
  assert.deepEqual(parseHostPort('1.2.3.4:6881'), { host: '1.2.3.4', port: 6881 });
  assert.deepEqual(parseHostPort('[2001:db8::1]:1'), { host: '2001:db8::1', port: 1 });
  assert.deepEqual(parseHostPort('example.org:65535'), { host: 'example.org', port: 65535 });
  const wrong = [
    '1.2.3.4',
    ':80',
    'a:0',
    'a:65536',
    'a:-1',
    'a:b',
    '2001:db8::1:80',
    '[1.2.3.4]:80',
    '[::1]',
    'a b:1',
    'a/b:1',
    'u@h:1',
  ];
  for (const text of wrong) assert.equal(parseHostPort(text), null, text);
});

test('what is formatted is read back', () => {
  for (const text of ['1.2.3.4:1', '[::1]:65535', 'example.org:80'])
    assert.equal(formatHostPort(parseHostPort(text)!), text);
  assert.equal(addressKey(makeAddress('0:0::1', 5)!), addressKey(makeAddress('::1', 5)!));
});

test('compact forms are 6 and 18 bytes, big-endian', () => {
  assert.equal(toHex(toCompact(makeAddress('1.2.3.4', 6881)!)), '010203041ae1');
  assert.equal(toHex(toCompact(makeAddress('2001:db8::1', 1)!)), '20010db80000000000000000000000010001');
});

test('a compact list is read in whole entries, a cut-off rest is ignored', () => {
  const list = fromHex('010203041ae105060708000009')!;
  assert.deepEqual(fromCompact(list, 4), [
    { family: 4, host: '1.2.3.4', port: 6881 },
    { family: 4, host: '5.6.7.8', port: 0 },
  ]);
  assert.deepEqual(fromCompact(new Uint8Array(17), 6), []);
  const mapped = fromHex('00000000000000000000ffff010203040050')!;
  assert.deepEqual(fromCompact(mapped, 6), [{ family: 4, host: '1.2.3.4', port: 80 }]);
});

test('unspecified, multicast and broadcast addresses and port 0 are not diallable', () => {
  const no = ['0.0.0.0', '0.1.2.3', '224.0.0.1', '239.1.1.1', '255.255.255.255', '::', 'ff02::1'];
  for (const host of no) assert.equal(isDiallable(makeAddress(host, 1)!), false, host);
  for (const host of ['1.2.3.4', '127.0.0.1', '223.1.1.1', '::1', 'fe80::1', '2001:db8::1']) {
    assert.equal(isDiallable(makeAddress(host, 1)!), true, host);
    assert.equal(isDiallable(makeAddress(host, 0)!), false);
  }
  assert.equal(isDiallable({ family: 4, host: 'example.org', port: 1 }), false);
});

test('loopback is 127/8 and ::1', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
    assert.ok(isLoopback(makeAddress(host, 1)!), host);
  for (const host of ['128.0.0.1', '::2', '1.27.0.0']) assert.ok(!isLoopback(makeAddress(host, 1)!), host);
});

test('every address survives text and the compact form', () => {
  const ip = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), sparseIpv6());
  fc.assert(
    fc.property(ip, fc.nat(65535), (bytes, port) => {
      const address = addressFromIp(bytes, port) as Address;
      assert.deepEqual(makeAddress(address.host, port), address);
      assert.deepEqual(fromCompact(toCompact(address), address.family), [address]);
      if (address.family === 6) assert.deepEqual(parseIp(address.host), bytes);
    }),
  );
});

/** Addresses with runs of zeros, where the text form is most easily wrong. */
function sparseIpv6(): fc.Arbitrary<Uint8Array> {
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  return fc
    .array(group, { minLength: 8, maxLength: 8 })
    .map((groups) => Uint8Array.from(groups.flatMap((g) => [g >> 8, g & 0xff])));
}
