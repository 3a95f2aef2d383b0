import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../base/bytes.js';
import { decodeNatPmpReply, encodeNatPmpAddressRequest, encodeNatPmpMapRequest, natPmpResultText } from './nat-pmp.js';

function decode(hex: string): ReturnType<typeof decodeNatPmpReply> {
  return decodeNatPmpReply(fromHex(hex.replaceAll(' ', ''))!);
}

test('requests are laid out as RFC 6886 has them', () => {
  assert.equal(toHex(encodeNatPmpAddressRequest()), '0000');
  const mapping = { internalPort: 6881, externalPort: 6882, lifetimeSeconds: 3600 };
  assert.equal(toHex(encodeNatPmpMapRequest({ protocol: 'udp', ...mapping })), '000100001ae11ae200000e10');
  assert.equal(toHex(encodeNatPmpMapRequest({ protocol: 'tcp', ...mapping })), '000200001ae11ae200000e10');
  const removal = { protocol: 'tcp', internalPort: 6881, externalPort: 0, lifetimeSeconds: 0 } as const;
  assert.equal(toHex(encodeNatPmpMapRequest(removal)), '000200001ae1000000000000');
});

test('the reply to the question for the address is read', () => {
  const expected = { type: 'address', result: 0, epochSeconds: 258, ip: '11.22.33.44' };
  assert.deepEqual(decode('0080 0000 00000102 0b16212c'), expected);
});

test('the reply with a mapping is read', () => {
  assert.deepEqual(decode('0082 0000 00000102 1ae1 1ae2 00000e10'), {
    type: 'mapping',
    result: 0,
    epochSeconds: 258,
    protocol: 'tcp',
    internalPort: 6881,
    externalPort: 6882,
    lifetimeSeconds: 3600,
  });
});

test('an error is read, however short its reply', () => {
  assert.deepEqual(decode('0081 0002'), { type: 'error', result: 2, protocol: 'udp' });
  assert.deepEqual(decode('0080 0003 00000102'), { type: 'error', result: 3, protocol: null });
  assert.deepEqual(decode('00ff 0001 00000102'), { type: 'error', result: 1, protocol: null });
});

test('every result has words of its own', () => {
  assert.equal(new Set([1, 2, 3, 4, 5, 6].map(natPmpResultText)).size, 6);
});

test('requests, other versions, unknown opcodes and cut packets are no replies', () => {
  for (const hex of ['', '00', '008000', '0000', '0180 0000 00000102 0b16212c', '0080 0000 00000102 0b1621']) {
    assert.equal(decode(hex), null, hex);
  }
  assert.equal(decode('0083 0000 00000102 1ae1 1ae2 00000e10'), null);
  assert.equal(decode('0082 0000 00000102 1ae1 1ae2 00000e'), null);
});

test('whatever arrives is read or is no reply', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (packet) => void decodeNatPmpReply(packet)));
});
