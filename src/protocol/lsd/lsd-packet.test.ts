import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHex, fromLatin1, toHex, toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { encodeLsdPacket, LSD_HASHES_PER_PACKET, parseLsdPacket } from './lsd-packet.js';

const HASH = '0123456789abcdef0123456789abcdef01234567';
const EXAMPLE = `BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: ${HASH}\r\ncookie: 01234567\r\n\r\n\r\n`;

/** What is understood of a packet, as text. */
function understood(text: string): string | null {
  const announce = parseLsdPacket(fromLatin1(text));
  if (announce === null) return null;
  return [announce.port, ...announce.infoHashes.map(toHex), announce.cookie].join(' ');
}

describe('encodeLsdPacket', () => {
  test("makes the specification's example, 136 bytes", () => {
    const packet = encodeLsdPacket({ port: 6881, infoHashes: [fromHex(HASH)!], cookie: '01234567' }, 4);
    assert.equal(toLatin1(packet), EXAMPLE);
    assert.equal(packet.length, 136);
  });

  test('names the IPv6 group in brackets, and no cookie when there is none', () => {
    const text = toLatin1(encodeLsdPacket({ port: 1, infoHashes: [fromHex(HASH)!], cookie: '' }, 6));
    assert.ok(text.includes('\r\nHost: [ff15::efc0:988f]:6771\r\nPort: 1\r\n') && !text.includes('cookie'));
  });

  test('as many hashes as a packet has room for fit, and not one more', () => {
    const announce = {
      port: 65_535,
      infoHashes: Array(LSD_HASHES_PER_PACKET).fill(fromHex(HASH)!),
      cookie: '01234567',
    };
    const full = encodeLsdPacket(announce, 6);
    assert.ok(full.length <= LIMITS.lsdPacketBytesMax && full.length + 52 > LIMITS.lsdPacketBytesMax);
    assert.equal(parseLsdPacket(full)?.infoHashes.length, LSD_HASHES_PER_PACKET);
  });
});

describe('parseLsdPacket', () => {
  test('what was encoded is understood', () => {
    const infoHash = fc.uint8Array({ minLength: 20, maxLength: 20 });
    const announces = fc.record(
      {
        port: fc.integer({ min: 1, max: 65_535 }),
        infoHashes: fc.array(infoHash, { minLength: 1, maxLength: LSD_HASHES_PER_PACKET }),
        cookie: fc.stringMatching(/^[0-9a-f]{0,8}$/),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(announces, fc.constantFrom(4 as const, 6 as const), (announce, family) => {
        assert.deepEqual(parseLsdPacket(encodeLsdPacket(announce, family)), announce);
      }),
    );
  });

  test('other spellings mean the same: case, spaces, line ends, headers that are not known, no second empty line', () => {
    const said = `6881 ${HASH} x`;
    const lines = [
      'bt-search * http/1.1',
      'X-Other: 1',
      'PORT:6881',
      `infoHASH :  ${HASH.toUpperCase()} `,
      'Cookie: x',
    ];
    assert.equal(understood(`${lines.join('\n')}\n\n`), said);
    assert.equal(understood(lines.join('\r\n')), said);
  });

  test('info-hashes that are none are skipped, and what follows an empty line is not read', () => {
    const text = EXAMPLE.replace('cookie', `Infohash: 12\r\nInfohash: ${'g'.repeat(40)}\r\ncookie`);
    assert.equal(understood(`${text}Infohash: ${HASH}\r\n`), `6881 ${HASH} 01234567`);
  });

  test('what is no announce is none', () => {
    assert.equal(understood(EXAMPLE.replace('BT-SEARCH', 'M-SEARCH')), null);
    assert.equal(understood(EXAMPLE.replace('Infohash', 'Hash')), null);
    for (const port of ['0', '65536', '-1', '1e3', '6881x', '', '6881\r\nPort: 6882']) {
      assert.equal(understood(EXAMPLE.replace('6881', port)), null, port);
    }
    assert.equal(understood(EXAMPLE.replace('Port', 'Ports')), null);
    assert.equal(understood(''), null);
  });

  test('a packet that is longer than one may be is none', () => {
    const padded = (bytes: number): string => EXAMPLE + ' '.repeat(bytes - EXAMPLE.length);
    assert.notEqual(understood(padded(LIMITS.lsdPacketBytesMax)), null);
    assert.equal(understood(padded(LIMITS.lsdPacketBytesMax + 1)), null);
  });
});
