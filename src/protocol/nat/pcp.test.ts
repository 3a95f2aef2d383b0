import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../base/bytes.js';
import { decodePcpReply, encodePcpMapRequest, PCP_ADDRESS_MISMATCH, pcpResultText } from './pcp.js';

const NONCE = fromHex('000102030405060708090a0b')!;
const REQUEST = {
  protocol: 'tcp',
  nonce: NONCE,
  internalPort: 6881,
  externalPort: 6882,
  lifetimeSeconds: 3600,
} as const;
const V4_REPLY =
  '0281 0000 00000e10 00000102 000000000000000000000000 000102030405060708090a0b 06000000 1ae1 1ae3' +
  '00000000000000000000ffff 0b16212c';

function decode(hex: string): ReturnType<typeof decodePcpReply> {
  return decodePcpReply(fromHex(hex.replaceAll(' ', ''))!);
}

test('a request over IPv4 has its addresses mapped into IPv6', () => {
  assert.equal(
    toHex(encodePcpMapRequest({ ...REQUEST, clientIp: '192.168.1.7' })),
    '0201000000000e10' +
      '00000000000000000000ffffc0a80107' +
      '000102030405060708090a0b06000000' +
      '1ae11ae200000000000000000000ffff00000000',
  );
});

test('a request over IPv6 leaves the external address to the gateway', () => {
  const packet = toHex(encodePcpMapRequest({ ...REQUEST, protocol: 'udp', clientIp: '2001:db8::7' }));
  assert.equal(packet.slice(16, 48), '20010db8000000000000000000000007');
  assert.equal(packet.slice(72, 80), '11000000');
  assert.equal(packet.slice(88), '0'.repeat(32));
});

test('a reply with a mapping is read', () => {
  assert.deepEqual(decode(V4_REPLY), {
    result: 0,
    lifetimeSeconds: 3600,
    epochSeconds: 258,
    mapping: { nonce: NONCE, protocol: 'tcp', internalPort: 6881, externalPort: 6883, externalIp: '11.22.33.44' },
  });
  const v6 = V4_REPLY.replaceAll(' ', '').slice(0, -32).concat('20010db8000000000000000000000007');
  assert.equal(decode(v6)?.mapping?.externalIp, '2001:db8::7');
});

test('an error is read, with the mapping it is about where that is there', () => {
  const error = V4_REPLY.replace('0281 0000', '0281 000c');
  assert.equal(decode(error)?.result, PCP_ADDRESS_MISMATCH);
  assert.equal(decode(error)?.mapping?.protocol, 'tcp');
  const cut = error.replaceAll(' ', '').slice(0, 48);
  assert.deepEqual(decode(cut), { result: 12, lifetimeSeconds: 3600, epochSeconds: 258, mapping: null });
});

test('every result has words of its own', () => {
  const results = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
  assert.equal(new Set(results.map(pcpResultText)).size, results.length);
});

test('requests, other versions and opcodes, and cut packets are no replies', () => {
  const plain = V4_REPLY.replaceAll(' ', '');
  for (const hex of [
    '',
    '02',
    plain.slice(0, 46),
    plain.slice(0, 118),
    `0201${plain.slice(4)}`,
    `0282${plain.slice(4)}`,
  ]) {
    assert.equal(decode(hex), null, hex);
  }
  assert.equal(decode(`0181${plain.slice(4)}`), null);
  assert.equal(decode(V4_REPLY.replace('06000000', '07000000')), null, 'a protocol that is not ours');
});

test('whatever arrives is read or is no reply', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (packet) => void decodePcpReply(packet)));
});
