import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, fromLatin1, toHex } from '../../base/bytes.js';
import { decodeReserved, encodeHandshake, encodeReserved } from './handshake.js';

test('a handshake with the DHT, fast and extension bits is the known vector', () => {
  const reserved = encodeReserved({ dht: true, fast: true, extensions: true });
  const handshake = encodeHandshake(reserved, new Uint8Array(20).fill(0xaa), fromLatin1('-DT0001-000000000001'));
  assert.equal(
    toHex(handshake),
    '13426974546f7272656e742070726f746f636f6c0000000000100005aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2d4454303030312d303030303030303030303031',
  );
});

test('each feature has its own bit, and reads back alone', () => {
  const bits = { extensions: '0000000000100000', fast: '0000000000000004', dht: '0000000000000001' } as const;
  const none = { extensions: false, fast: false, dht: false, v2Upgrade: false };
  for (const [feature, hex] of Object.entries({ ...bits, v2Upgrade: '0000000000000010' })) {
    const reserved = encodeReserved({ [feature]: true });
    assert.equal(toHex(reserved), hex);
    assert.deepEqual(decodeReserved(reserved), { ...none, [feature]: true });
  }
  assert.deepEqual(decodeReserved(encodeReserved({})), none);
});

test('reserved bits that nobody knows are ignored', () => {
  assert.deepEqual(decodeReserved(fromHex('ffffffffffefffea')!), {
    extensions: false,
    fast: false,
    dht: false,
    v2Upgrade: false,
  });
});
