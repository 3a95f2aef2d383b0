/** What peers tell of themselves: handshake bits, client ids and the extension handshake (BEP 10). */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { concatBytes, fromLatin1 } from '../../../src/base/bytes.js';
import { LIMITS } from '../../../src/base/limits.js';
import { type BencodeInput, encodeBencode } from '../../../src/format/bencode.js';
import { clientOf } from '../../../src/protocol/wire/client-id.js';
import {
  decodeExtensionHandshake,
  type ExtensionHandshake,
  encodeExtensionHandshake,
} from '../../../src/protocol/wire/extension-handshake.js';
import {
  decodeDontHave,
  decodeUploadOnly,
  encodeDontHave,
  encodeUploadOnly,
} from '../../../src/protocol/wire/extension-messages.js';
import { decodeReserved, encodeReserved } from '../../../src/protocol/wire/handshake.js';
import { isOneLine } from '../expect.js';
import { bencodeTrees, latin1Keys } from '../generators/bencode-values.js';
import type { FuzzTarget } from '../target.js';

const within = (max: number): fc.Arbitrary<number | null> => fc.option(fc.integer({ min: 1, max }));
const handshakes: fc.Arbitrary<ExtensionHandshake> = fc.record(
  {
    extensions: fc.array(fc.tuple(latin1Keys, fc.nat({ max: 255 })), { maxLength: 8 }).map((pairs) => new Map(pairs)),
    metadataBytes: within(LIMITS.metadataBytesMax),
    listenPort: within(65535),
    clientName: fc.option(fc.string({ maxLength: 64 })),
    yourIp: fc.option(
      fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
    ),
    requestQueue: within(65535),
    isUploadOnly: fc.option(fc.boolean()),
  },
  { noNullPrototype: true },
);
const odd = fc
  .record(
    {
      m: bencodeTrees,
      metadata_size: fc.oneof(fc.maxSafeInteger(), bencodeTrees),
      p: fc.maxSafeInteger(),
      reqq: fc.maxSafeInteger(),
      upload_only: bencodeTrees,
      v: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 100 })),
      yourip: fc.uint8Array({ maxLength: 20 }),
    },
    { requiredKeys: [] },
  )
  .map((dict) => encodeBencode(dict as { [key: string]: BencodeInput | undefined }));

export const extensionHandshakeTarget: FuzzTarget = {
  name: 'extension-handshake',
  inputs: fc.oneof(handshakes.map(encodeExtensionHandshake), odd),
  samples: [fromLatin1('d1:md11:ut_metadatai3e6:ut_pexi1ee13:metadata_sizei31235e1:pi6881e4:reqqi500e1:v5:a 1.2e')],
  isBencode: true,
  tokens: ['m', 'metadata_size', 'p', 'reqq', 'upload_only', 'v', 'yourip', 'ut_metadata', 'ut_pex', 'lt_donthave'],
  laws: [
    fc.property(handshakes, (handshake) => {
      assert.deepEqual(decodeExtensionHandshake(encodeExtensionHandshake(handshake)), handshake);
    }),
    fc.property(fc.nat({ max: 2 ** 32 - 1 }), fc.boolean(), (piece, isUploadOnly) => {
      assert.equal(decodeDontHave(encodeDontHave(piece)), piece);
      assert.equal(decodeUploadOnly(encodeUploadOnly(isUploadOnly)), isUploadOnly);
    }),
    fc.property(
      fc.record(
        { extensions: fc.boolean(), fast: fc.boolean(), dht: fc.boolean(), v2Upgrade: fc.boolean() },
        { noNullPrototype: true },
      ),
      (features) => {
        assert.deepEqual(decodeReserved(encodeReserved(features)), features);
      },
    ),
  ],
  check,
};

function check(input: Uint8Array): void {
  const client = clientOf(concatBytes([input, new Uint8Array(20)]).subarray(0, 20));
  assert.ok(client.length <= 40 && /^[\x20-\x7eµ]*$/.test(client), JSON.stringify(client));
  decodeDontHave(input);
  decodeUploadOnly(input);
  const handshake = decodeExtensionHandshake(input);
  if (handshake === null) return;
  const { metadataBytes, listenPort, clientName, requestQueue } = handshake;
  assert.ok(metadataBytes === null || (metadataBytes >= 1 && metadataBytes <= LIMITS.metadataBytesMax));
  assert.ok(listenPort === null || (listenPort >= 1 && listenPort <= 65535));
  assert.ok(requestQueue === null || (requestQueue >= 1 && requestQueue <= 65535));
  assert.ok(clientName === null || (isOneLine(clientName) && [...clientName].length <= LIMITS.clientNameCharactersMax));
  assert.notEqual(handshake.yourIp?.buffer, input.buffer, 'a view of the message is kept');
  assert.deepEqual(decodeExtensionHandshake(encodeExtensionHandshake(handshake)), handshake);
}
