import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../base/bytes.js';
import { WireEncoder } from './encoder.js';
import { EXTENSION_IDS } from './extension-handshake.js';
import { decodeDontHave, decodeUploadOnly, encodeDontHave, encodeUploadOnly } from './extension-messages.js';

test('lt_donthave is the known vector, both ways', () => {
  const encoder = new WireEncoder();
  encoder.extended(EXTENSION_IDS.lt_donthave, encodeDontHave(5));
  assert.equal(toHex(encoder.take()!), '00000006140700000005');
  assert.equal(decodeDontHave(fromHex('00000005')!), 5);
  assert.equal(decodeDontHave(fromHex('ffffffff')!), 0xffff_ffff);
});

test('lt_donthave of another length than four bytes is none', () => {
  for (const hex of ['', '000005', '0000000500']) assert.equal(decodeDontHave(fromHex(hex)!), null);
});

test('upload_only is one byte', () => {
  for (const isUploadOnly of [true, false]) {
    assert.equal(decodeUploadOnly(encodeUploadOnly(isUploadOnly)), isUploadOnly);
  }
  assert.equal(toHex(encodeUploadOnly(true)), '01');
  assert.equal(decodeUploadOnly(Uint8Array.of(2)), true);
  for (const bytes of [[], [1, 0]]) assert.equal(decodeUploadOnly(Uint8Array.from(bytes)), null);
});
