import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, fromLatin1, fromUtf8, toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import {
  decodeExtensionHandshake,
  EXTENSION_IDS,
  type ExtensionHandshake,
  encodeExtensionHandshake,
} from './extension-handshake.js';

const NOTHING: ExtensionHandshake = {
  extensions: new Map(),
  metadataBytes: null,
  listenPort: null,
  clientName: null,
  yourIp: null,
  requestQueue: null,
  isUploadOnly: null,
};

const VECTOR =
  'd1:md11:lt_donthavei7e11:upload_onlyi3e12:ut_holepunchi4e11:ut_metadatai2e6:ut_pexi1ee13:metadata_sizei31235e' +
  '1:pi6881e4:reqqi250e1:v12:dtorrent 0.16:yourip4:\xc0\x00\x02\x01e';
const VECTOR_FIELDS: ExtensionHandshake = {
  extensions: new Map<string, number>([...Object.entries(EXTENSION_IDS), ['ut_holepunch', 4]]),
  metadataBytes: 31235,
  listenPort: 6881,
  clientName: 'dtorrent 0.1',
  yourIp: Uint8Array.of(192, 0, 2, 1),
  requestQueue: 250,
  isUploadOnly: null,
};

function decode(text: string): ExtensionHandshake | null {
  return decodeExtensionHandshake(fromLatin1(text));
}

test('a full handshake is the known vector, both ways', () => {
  assert.equal(toLatin1(encodeExtensionHandshake(VECTOR_FIELDS)), VECTOR);
  assert.deepEqual(decode(VECTOR), VECTOR_FIELDS);
});

test('what is not told is left out, and reads as null', () => {
  assert.equal(toLatin1(encodeExtensionHandshake(NOTHING)), 'd1:mdee');
  assert.deepEqual(decode('de'), NOTHING);
});

test('upload_only is one bit with three states', () => {
  for (const isUploadOnly of [true, false, null]) {
    const handshake = { ...NOTHING, isUploadOnly };
    assert.deepEqual(decodeExtensionHandshake(encodeExtensionHandshake(handshake)), handshake);
  }
});

test('our extension ids fit a byte and do not repeat', () => {
  const ids = Object.values(EXTENSION_IDS);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => id > 0 && id < 256));
});

test('values out of range read as absent', () => {
  const hostile = [
    'd13:metadata_sizei0ee',
    'd13:metadata_sizei-1ee',
    `d13:metadata_sizei${LIMITS.metadataBytesMax + 1}ee`,
    'd13:metadata_sizei99999999999999999999ee',
    'd13:metadata_size5:31235e',
    'd1:pi0ee',
    'd1:pi65536ee',
    'd1:pi-6881ee',
    'd4:reqqi0ee',
    'd4:reqqi-5ee',
    'd6:yourip5:12345e',
    'd6:yourip0:e',
    'd6:youripi1ee',
    'd1:vi1ee',
    'd1:mlee',
    'd1:mi1ee',
    'd11:upload_only1:1e',
  ];
  for (const text of hostile) assert.deepEqual(decode(text), NOTHING, text);
  assert.equal(decode(`d13:metadata_sizei${LIMITS.metadataBytesMax}ee`)?.metadataBytes, LIMITS.metadataBytesMax);
});

test('a huge request queue is clamped', () => {
  assert.equal(decode('d4:reqqi2000000000ee')?.requestQueue, 65535);
});

test('extension ids that do not fit a byte are ignored, 0 means disabled, and no name is special', () => {
  const decoded = decode('d1:md9:__proto__i5e1:ai256e1:bi-1e1:ci0e1:d1:x1:ei255eee');
  assert.deepEqual(
    decoded?.extensions,
    new Map([
      ['__proto__', 5],
      ['c', 0],
      ['e', 255],
    ]),
  );
});

test('a client name is one short line without control or direction characters', () => {
  const name = fromUtf8('evil\x1b[2J\r\n\u202etxt\u0085\u2028 é€😀');
  const payload = concatBytes([fromLatin1(`d1:v${name.length}:`), name, fromLatin1('e')]);
  assert.equal(decodeExtensionHandshake(payload)?.clientName, 'evil[2Jtxt é€😀');
  const long = 'x'.repeat(1000);
  assert.equal(decode(`d1:v1000:${long}e`)?.clientName, 'x'.repeat(LIMITS.clientNameCharactersMax));
});

test('nothing decoded is a view of the payload', () => {
  const payload = fromLatin1(VECTOR);
  const decoded = decodeExtensionHandshake(payload);
  payload.fill(0);
  assert.deepEqual(decoded, VECTOR_FIELDS);
});

test('odd but readable handshakes are read: unsorted keys, bytes behind the dictionary', () => {
  assert.equal(decode('d1:v1:x1:pi6881eejunk')?.listenPort, 6881);
});

test('what is no dictionary, or longer than a handshake may be, is ignored', () => {
  for (const text of ['', 'i1e', 'le', '4:spam', 'd', 'd1:m', 'x', `${'d1:a'.repeat(50)}`]) {
    assert.equal(decode(text), null, text);
  }
  const padding = LIMITS.extensionHandshakeBytesMax - 'd1:p65524:e'.length;
  const longest = `d1:p${padding}:${'x'.repeat(padding)}e`;
  assert.equal(longest.length, LIMITS.extensionHandshakeBytesMax);
  assert.notEqual(decode(longest), null);
  assert.equal(decode(`${longest}x`), null);
});

test('random bytes and random dictionaries never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeExtensionHandshake(bytes);
      decodeExtensionHandshake(concatBytes([fromLatin1('d1:md'), bytes, fromLatin1('ee')]));
    }),
  );
});
