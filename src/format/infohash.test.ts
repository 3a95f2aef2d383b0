import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, fromUtf8, toHex } from '../base/bytes.js';
import { encodeBencode } from './bencode.js';
import { type InfoHash, infoHashHex, infoHashOf, matchesInfoHash, wireHashes } from './infohash.js';
import { V1_INFO_HASH, V1_PIECES } from './testing/example-torrents.js';

const V1 = 'aa'.repeat(20);
const V2 = 'bb'.repeat(32);
const hybrid: InfoHash = { v1: fromHex(V1), v2: fromHex(V2) };

test('the v1 info-hash is the SHA-1 of the info dictionary', () => {
  const info = encodeBencode({ length: 40000, name: 'v1.bin', 'piece length': 16384, pieces: V1_PIECES });
  const infoHash = infoHashOf(info, { v1: true, v2: false });
  assert.equal(infoHashHex(infoHash), V1_INFO_HASH);
  assert.equal(infoHash.v2, null);
});

test('a torrent is known by its v1 hash, or by its v2 hash when that is all it has', () => {
  assert.equal(infoHashHex(hybrid), V1);
  assert.equal(infoHashHex({ v1: null, v2: hybrid.v2 }), V2);
});

test('on the wire a hybrid has two ids of 20 bytes', () => {
  assert.deepEqual(wireHashes(hybrid).map(toHex), [V1, 'bb'.repeat(20)]);
  assert.deepEqual(wireHashes({ v1: null, v2: hybrid.v2 }).map(toHex), ['bb'.repeat(20)]);
  assert.deepEqual(wireHashes({ v1: hybrid.v1, v2: null }).map(toHex), [V1]);
});

test('metadata has to match every hash that is known', () => {
  const info = fromUtf8('de');
  const good = infoHashOf(info, { v1: true, v2: true });
  assert.equal(matchesInfoHash(info, good), true);
  assert.equal(matchesInfoHash(info, { v1: good.v1, v2: null }), true);
  assert.equal(matchesInfoHash(info, { v1: null, v2: good.v2 }), true);
  assert.equal(matchesInfoHash(info, { v1: good.v1, v2: hybrid.v2 }), false);
  assert.equal(matchesInfoHash(info, { v1: hybrid.v1, v2: good.v2 }), false);
  assert.equal(matchesInfoHash(info, { v1: null, v2: null }), false);
});
