import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressKey, makeAddress } from '../../base/address.js';
import { concatBytes, fromLatin1, toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { type BencodeInput, encodeBencode } from '../../format/bencode.js';
import { decodePex, encodePex, PEX_FLAGS } from './pex.js';

const V4 = makeAddress('192.0.2.1', 6881)!;
const V6 = makeAddress('2001:db8::1', 51_413)!;

test('one contact that can be reached, as the specification has it', () => {
  const payload = encodePex({ added: [{ address: V4, flags: PEX_FLAGS.isReachable }], dropped: [] });
  const expected = 'd5:added6:\xc0\x00\x02\x01\x1a\xe17:added.f1:\x106:added60:8:added6.f0:7:dropped0:8:dropped60:e';
  assert.equal(toLatin1(payload), expected);
});

test('contacts of both families come back with their flags, those met before those lost', () => {
  const other = makeAddress('192.0.2.2', 1)!;
  const message = {
    added: [
      { address: V4, flags: PEX_FLAGS.isSeed },
      { address: V6, flags: PEX_FLAGS.isReachable | PEX_FLAGS.speaksUtp },
    ],
    dropped: [other, { ...V6, port: 2 }],
  };
  assert.deepEqual(decodePex(encodePex(message)), message);
});

test('a message with one of the lists alone is read', () => {
  const compact = fromLatin1('\xc0\x00\x02\x01\x1a\xe1');
  assert.deepEqual(decode({ added: compact }), { added: [{ address: V4, flags: 0 }], dropped: [] });
  assert.deepEqual(decode({ dropped: compact }), { added: [], dropped: [V4] });
  assert.deepEqual(decode({ dropped6: new Uint8Array(0) }), { added: [], dropped: [] });
});

test('flags that are not one a contact are not read', () => {
  const added = fromLatin1('\xc0\x00\x02\x01\x1a\xe1\xc0\x00\x02\x02\x1a\xe1');
  for (const length of [0, 1, 3, 12]) {
    const message = decode({ added, 'added.f': new Uint8Array(length).fill(0xff) });
    assert.deepEqual(
      message?.added.map(({ flags }) => flags),
      [0, 0],
      `${length}`,
    );
  }
});

test('a list that ends within an entry is left out, and the others are read', () => {
  const message = decode({
    added: new Uint8Array(7),
    added6: new Uint8Array(19),
    dropped: fromLatin1('\x01\x02\x03\x04\0\x05'),
  });
  assert.deepEqual(message, { added: [], dropped: [makeAddress('1.2.3.4', 5)] });
});

test('what is no message of peer exchange is none', () => {
  const others: BencodeInput[] = [{}, [], 7, 'added', { added: 7, dropped: [] }, { 'added.f': 'x' }];
  for (const other of others) assert.equal(decode(other), null);
  for (const text of ['', 'd5:added', 'd5:added6:abc', 'd5:added99999999999:'])
    assert.equal(decodePex(fromLatin1(text)), null);
});

test('of a list that is too long the first contacts are read', () => {
  const max = LIMITS.pexContactsPerMessageMax;
  const list = new Uint8Array(6 * (max + 1)).fill(9);
  const message = decode({
    added: list,
    'added.f': new Uint8Array(max + 1).fill(2),
    dropped: list,
    added6: new Uint8Array(18),
  })!;
  assert.equal(message.added.length, max);
  assert.equal(message.dropped.length, max);
  assert.equal(message.added[0]!.flags, 2);
  assert.equal(decode({ added: list.subarray(6) })!.added.length, max);
});

test('a message that is too long is not read', () => {
  const whole = encodePex({ added: [{ address: V4, flags: 0 }], dropped: [] });
  const padded = (length: number): Uint8Array => concatBytes([whole, new Uint8Array(length - whole.length)]);
  assert.notEqual(decodePex(padded(LIMITS.pexMessageBytesMax)), null);
  assert.equal(decodePex(padded(LIMITS.pexMessageBytesMax + 1)), null);
});

test('an IPv4 address that is written as IPv6 is IPv4', () => {
  const mapped = fromLatin1(`${'\0'.repeat(10)}\xff\xff\xc0\x00\x02\x01\x1a\xe1`);
  assert.equal(addressKey(decode({ added6: mapped })!.added[0]!.address), '192.0.2.1:6881');
});

function decode(value: BencodeInput): ReturnType<typeof decodePex> {
  return decodePex(encodeBencode(value));
}
