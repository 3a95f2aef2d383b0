import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32c } from './crc32c.js';

/** The check value that catalogues of checksums give, and the vectors of RFC 3720 appendix B.4. */
const VECTORS: [name: string, bytes: Uint8Array, checksum: number][] = [
  ['nothing', new Uint8Array(0), 0],
  ['the nine digits', new TextEncoder().encode('123456789'), 0xe3069283],
  ['32 bytes of zero', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 bytes that count up', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['32 bytes that count down', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
];

for (const [name, bytes, checksum] of VECTORS) {
  test(`the CRC32C of ${name} is what the specification says`, () => {
    assert.equal(crc32c(bytes), checksum);
  });
}
