import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, fromLatin1, toHex, toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { WireEncoder } from './encoder.js';
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  METADATA_BLOCK_BYTES,
  type MetadataMessage,
  metadataBlockBytes,
  metadataBlockCount,
} from './metadata.js';

function decode(text: string): MetadataMessage | null {
  return decodeMetadataMessage(fromLatin1(text));
}

test('a request in its frame is the known vector', () => {
  const encoder = new WireEncoder();
  encoder.extended(3, encodeMetadataRequest(0));
  assert.equal(toHex(encoder.take()!), '0000001b140364383a6d73675f74797065693065353a706965636569306565');
});

test('data is a dictionary and the block right behind it', () => {
  const block = new Uint8Array(3425).fill(0x65);
  const payload = encodeMetadataData(0, 3425, block);
  const head = 'd8:msg_typei1e5:piecei0e10:total_sizei3425ee';
  assert.equal(toLatin1(payload), head + toLatin1(block));
  assert.deepEqual(decodeMetadataMessage(payload), { type: 'data', block: 0, totalBytes: 3425, bytes: block });
});

test('reject is message type 2', () => {
  assert.equal(toLatin1(encodeMetadataReject(9)), 'd8:msg_typei2e5:piecei9ee');
  assert.deepEqual(decode('d8:msg_typei2e5:piecei9ee'), { type: 'reject', block: 9 });
  assert.deepEqual(decode('d8:msg_typei0e5:piecei9ee'), { type: 'request', block: 9 });
});

test('a block that looks like the end of a dictionary is not taken for one', () => {
  const block = fromLatin1('eeeed1:xee');
  const decoded = decodeMetadataMessage(concatBytes([fromLatin1('d8:msg_typei1e5:piecei0ee'), block]));
  assert.deepEqual(decoded, { type: 'data', block: 0, totalBytes: null, bytes: block });
});

test('unknown types, negative or missing blocks and malformed dictionaries are ignored', () => {
  const ignored = [
    'd8:msg_typei3e5:piecei0ee',
    'd8:msg_typei-1e5:piecei0ee',
    'd5:piecei0ee',
    'd8:msg_typei0ee',
    'd8:msg_typei0e5:piecei-1ee',
    'd8:msg_typei0e5:piecei99999999999999999999ee',
    'd8:msg_type1:05:piecei0ee',
    'le',
    'i0e',
    '',
    'd8:msg_typei0e',
    `d1:a${'l'.repeat(20)}${'e'.repeat(20)}8:msg_typei0e5:piecei0ee`,
    `d1:al${'i1e'.repeat(100)}e8:msg_typei0e5:piecei0ee`,
  ];
  for (const text of ignored) assert.equal(decode(text), null, text);
});

test('a message longer than a block and its dictionary can be is ignored', () => {
  const head = fromLatin1('d8:msg_typei1e5:piecei0ee');
  const rest = new Uint8Array(LIMITS.metadataMessageBytesMax - head.length);
  assert.equal(decodeMetadataMessage(concatBytes([head, rest]))?.type, 'data');
  assert.equal(decodeMetadataMessage(concatBytes([head, rest, Uint8Array.of(0)])), null);
});

test('only the last block is short, and there is none behind it', () => {
  assert.equal(metadataBlockCount(1), 1);
  assert.equal(metadataBlockCount(METADATA_BLOCK_BYTES), 1);
  assert.equal(metadataBlockCount(METADATA_BLOCK_BYTES + 1), 2);
  assert.equal(metadataBlockBytes(METADATA_BLOCK_BYTES + 1, 0), METADATA_BLOCK_BYTES);
  assert.equal(metadataBlockBytes(METADATA_BLOCK_BYTES + 1, 1), 1);
  assert.equal(metadataBlockBytes(METADATA_BLOCK_BYTES + 1, 2), 0);
  assert.equal(metadataBlockBytes(METADATA_BLOCK_BYTES, 1), 0);
});

test('random bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      decodeMetadataMessage(bytes);
      decodeMetadataMessage(concatBytes([fromLatin1('d8:msg_typei1e5:piecei0e'), bytes]));
    }),
  );
});
