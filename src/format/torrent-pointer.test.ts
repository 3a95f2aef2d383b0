import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8 } from '../base/bytes.js';
import { decodeTorrentPointer, encodeTorrentPointer } from './torrent-pointer.js';

const INFO_HASH = new Uint8Array(20).fill(0xaa);

test('a pointer is a dictionary with the info-hash (BEP 46)', () => {
  const value = encodeTorrentPointer(INFO_HASH);
  assert.deepEqual(value, new Uint8Array([...fromUtf8('d2:ih20:'), ...INFO_HASH, ...fromUtf8('e')]));
  assert.deepEqual(decodeTorrentPointer(value), INFO_HASH);
});

test('keys that we do not know are no trouble', () => {
  const value = new Uint8Array([...fromUtf8('d2:ih20:'), ...INFO_HASH, ...fromUtf8('4:name4:filme')]);
  assert.deepEqual(decodeTorrentPointer(value), INFO_HASH);
});

for (const text of ['', 'i1e', 'de', 'd2:ih3:abce', 'd2:ihi5ee', 'l20:aaaaaaaaaaaaaaaaaaaae', 'd2:ih20:abc']) {
  test(`"${text}" points at no torrent`, () => {
    assert.equal(decodeTorrentPointer(fromUtf8(text)), null);
  });
}
