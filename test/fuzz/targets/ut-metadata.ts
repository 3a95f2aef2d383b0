/** ut_metadata messages (BEP 9): a dictionary and a block behind it. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { concatBytes, fromLatin1 } from '../../../src/base/bytes.js';
import { LIMITS } from '../../../src/base/limits.js';
import { encodeBencode } from '../../../src/format/bencode.js';
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  METADATA_BLOCK_BYTES,
  metadataBlockBytes,
  metadataBlockCount,
} from '../../../src/protocol/wire/metadata.js';
import { bencodeTrees } from '../generators/bencode-values.js';
import type { FuzzTarget } from '../target.js';

const numbers = fc.oneof(fc.nat({ max: 5 }), fc.maxSafeInteger());
const blocks = fc.uint8Array({ maxLength: 200 });

export const utMetadataTarget: FuzzTarget = {
  name: 'ut-metadata',
  inputs: fc.oneof(
    fc.tuple(numbers, numbers, blocks).map(([block, total, bytes]) => encodeMetadataData(block, total, bytes)),
    fc
      .tuple(fc.oneof(numbers, bencodeTrees), fc.oneof(numbers, bencodeTrees), fc.oneof(numbers, bencodeTrees), blocks)
      .map(([type, piece, total, bytes]) =>
        concatBytes([encodeBencode({ msg_type: type, piece, total_size: total }), bytes]),
      ),
  ),
  samples: [
    fromLatin1('d8:msg_typei0e5:piecei0ee'),
    fromLatin1('d8:msg_typei1e5:piecei0e10:total_sizei34256eexxxxxxxx'),
  ],
  isBencode: true,
  tokens: ['msg_type', 'piece', 'total_size', 'ee', 'e'],
  laws: [
    fc.property(fc.maxSafeNat(), (block) => {
      assert.deepEqual(decodeMetadataMessage(encodeMetadataRequest(block)), { type: 'request', block });
      assert.deepEqual(decodeMetadataMessage(encodeMetadataReject(block)), { type: 'reject', block });
    }),
    fc.property(fc.maxSafeNat(), fc.maxSafeInteger(), blocks, (block, totalBytes, bytes) => {
      const decoded = decodeMetadataMessage(encodeMetadataData(block, totalBytes, bytes));
      assert.ok(decoded?.type === 'data');
      assert.deepEqual({ ...decoded, bytes: decoded.bytes.slice() }, { type: 'data', block, totalBytes, bytes });
    }),
    fc.property(fc.integer({ min: 1, max: LIMITS.metadataBytesMax }), (totalBytes) => {
      let sum = 0;
      for (let block = 0; block < metadataBlockCount(totalBytes); block++) sum += metadataBlockBytes(totalBytes, block);
      assert.equal(sum, totalBytes);
      assert.ok(metadataBlockBytes(totalBytes, 0) <= METADATA_BLOCK_BYTES);
      assert.equal(metadataBlockBytes(totalBytes, metadataBlockCount(totalBytes)), 0);
    }),
  ],
  check,
};

function check(input: Uint8Array): void {
  const message = decodeMetadataMessage(input);
  if (message === null) return;
  assert.ok(Number.isSafeInteger(message.block) && message.block >= 0);
  if (message.type !== 'data') return;
  assert.ok(message.totalBytes === null || Number.isSafeInteger(message.totalBytes));
  assert.ok(message.bytes.length < input.length);
  assert.deepEqual(message.bytes, input.subarray(input.length - message.bytes.length), 'the block is all that follows');
}
