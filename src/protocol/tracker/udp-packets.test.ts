import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressKey } from '../../base/address.js';
import { concatBytes, EMPTY_BYTES, fromHex, fromLatin1, fromUtf8, toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { AnnounceRequest } from './announce.js';
import {
  decodeUdpAnnounce,
  decodeUdpAnnounceAnswer,
  decodeUdpError,
  decodeUdpScrape,
  decodeUdpScrapeAnswer,
  encodeUdpAnnounce,
  encodeUdpAnnounceAnswer,
  encodeUdpConnect,
  encodeUdpConnectAnswer,
  encodeUdpError,
  encodeUdpScrape,
  encodeUdpScrapeAnswer,
  isUdpConnect,
} from './udp-packets.js';

const CONNECTION_ID = fromHex('0102030405060708')!;
const HASH = new Uint8Array(20).fill(0xaa);
const REQUEST: AnnounceRequest = {
  infoHash: HASH,
  peerId: fromLatin1('-DT0001-000000000001'),
  port: 6881,
  uploaded: 3000,
  downloaded: 1000,
  left: 2000,
  event: 'started',
  numWant: -1,
  key: 0xdeadbeef,
  trackerId: null,
};
const ANNOUNCE_HEX =
  '0102030405060708000000019abcdef0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2d4454303030312d303030303030303030303031' +
  '00000000000003e800000000000007d00000000000000bb80000000200000000deadbeefffffffff1ae1';

test('a connect is as BEP 15 has it', () => {
  const packet = encodeUdpConnect(0x12345678);
  assert.equal(toHex(packet), '00000417271019800000000012345678');
  assert.ok(isUdpConnect(packet));
  assert.ok(!isUdpConnect(packet.subarray(0, 15)));
  assert.ok(!isUdpConnect(fromHex('00000417271019810000000012345678')!));
  assert.equal(toHex(encodeUdpConnectAnswer(0x12345678, CONNECTION_ID)), '00000000123456780102030405060708');
});

test('an announce is as BEP 15 has it, and is read back', () => {
  const packet = encodeUdpAnnounce(CONNECTION_ID, 0x9abcdef0, REQUEST, EMPTY_BYTES);
  assert.equal(toHex(packet), ANNOUNCE_HEX);
  assert.deepEqual(decodeUdpAnnounce(packet), {
    infoHash: HASH,
    peerId: REQUEST.peerId,
    downloaded: 1000,
    left: 2000,
    uploaded: 3000,
    event: 'started',
    key: 0xdeadbeef,
    numWant: null,
    port: 6881,
  });
  assert.equal(decodeUdpAnnounce(packet.subarray(0, 97)), null);
});

test('every event has its code', () => {
  const codes = (['', 'completed', 'started', 'stopped', 'paused'] as const).map((event) => {
    const packet = encodeUdpAnnounce(CONNECTION_ID, 0, { ...REQUEST, event }, EMPTY_BYTES);
    assert.equal(decodeUdpAnnounce(packet)?.event, event);
    return packet[83];
  });
  assert.deepEqual(codes, [0, 1, 2, 3, 4]);
  const strange = encodeUdpAnnounce(CONNECTION_ID, 0, REQUEST, EMPTY_BYTES);
  strange[83] = 99;
  assert.equal(decodeUdpAnnounce(strange)?.event, '');
});

test('the URL is told in the options of BEP 41, in pieces when it is long', () => {
  const optionsOf = (urlData: string): Uint8Array =>
    encodeUdpAnnounce(CONNECTION_ID, 0, REQUEST, fromUtf8(urlData)).subarray(98);
  assert.equal(toHex(optionsOf('/dir?a=b&c=d')), '020c2f6469723f613d6226633d64');
  assert.equal(optionsOf('').length, 0);
  const long = optionsOf('x'.repeat(255 + 255 + 3));
  assert.equal(long.length, 2 + 255 + 2 + 255 + 2 + 3);
  assert.deepEqual([...long.subarray(0, 2)], [2, 255]);
  assert.deepEqual([...long.subarray(257, 259)], [2, 255]);
  assert.deepEqual([...long.subarray(514, 517)], [2, 3, 0x78]);
});

test('an announce answer names leechers before seeds', () => {
  const hex = '000000019abcdef0000007080000000500000007c00002011ae1c6336409c8d5';
  const response = decodeUdpAnnounceAnswer(fromHex(hex)!, 4)!;
  assert.equal(response.intervalMs, 1_800_000);
  assert.deepEqual([response.leechers, response.seeds], [5, 7]);
  assert.deepEqual(response.peers.map(addressKey), ['192.0.2.1:6881', '198.51.100.9:51413']);
  const counts = { intervalSeconds: 1800, leechers: 5, seeds: 7 };
  assert.equal(toHex(encodeUdpAnnounceAnswer(0x9abcdef0, counts, fromHex(hex)!.subarray(20))), hex);
});

test('towards IPv6 the peers of an answer have 18 bytes', () => {
  const peers = fromHex('20010db80000000000000000000000011ae1')!;
  const packet = encodeUdpAnnounceAnswer(1, { intervalSeconds: 1800, leechers: 0, seeds: 0 }, peers);
  assert.deepEqual(decodeUdpAnnounceAnswer(packet, 6)!.peers.map(addressKey), ['[2001:db8::1]:6881']);
});

test('an announce answer is bounded: interval, peers, length', () => {
  const none = { intervalSeconds: 0, leechers: 0xffffffff, seeds: 0 };
  const response = decodeUdpAnnounceAnswer(
    encodeUdpAnnounceAnswer(1, none, new Uint8Array(6 * (LIMITS.peersPerAnnounceMax + 1)).fill(9)),
    4,
  )!;
  assert.equal(response.intervalMs, LIMITS.announceIntervalMinMs);
  assert.equal(response.leechers, null);
  assert.equal(response.peers.length, LIMITS.peersPerAnnounceMax);
  const forever = encodeUdpAnnounceAnswer(1, { ...none, intervalSeconds: 0xffffffff }, EMPTY_BYTES);
  assert.equal(decodeUdpAnnounceAnswer(forever, 4)!.intervalMs, LIMITS.announceIntervalMaxMs);
  assert.equal(decodeUdpAnnounceAnswer(forever.subarray(0, 19), 4), null);
});

test('a scrape and its answer are as BEP 15 has them: seeds, completed, leechers', () => {
  const packet = encodeUdpScrape(CONNECTION_ID, 0x11223344, [HASH]);
  assert.equal(toHex(packet), `01020304050607080000000211223344${'aa'.repeat(20)}`);
  assert.deepEqual(decodeUdpScrape(packet), [HASH]);
  const answer = encodeUdpScrapeAnswer(0x11223344, [{ seeds: 7, completed: 42, leechers: 5 }]);
  assert.equal(toHex(answer), '0000000211223344000000070000002a00000005');
  assert.deepEqual(decodeUdpScrapeAnswer(answer, 1), [{ seeds: 7, completed: 42, leechers: 5 }]);
  assert.equal(decodeUdpScrapeAnswer(answer, 2), null);
});

test('a scrape of too many hashes is read up to the limit, and a cut-off hash is not read', () => {
  const max = LIMITS.trackerServerScrapeHashesMax;
  const full = encodeUdpScrape(
    CONNECTION_ID,
    1,
    Array.from({ length: LIMITS.udpScrapeHashesMax }, () => HASH),
  );
  const packet = concatBytes([full, HASH]);
  assert.equal(decodeUdpScrape(packet).length, max);
  assert.equal(decodeUdpScrape(packet.subarray(0, 16 + 39)).length, 1);
});

test('we never ask about none or too many torrents in one scrape', () => {
  for (const length of [0, LIMITS.udpScrapeHashesMax + 1]) {
    assert.throws(
      () =>
        encodeUdpScrape(
          CONNECTION_ID,
          1,
          Array.from({ length }, () => HASH),
        ),
      { code: 'EINTERNAL' },
    );
  }
});

test('an error is text, with or without a NUL, and cut at the limit', () => {
  const packet = encodeUdpError(0x9abcdef0, fromUtf8('no such torrent'));
  assert.equal(toHex(packet.subarray(0, 8)), '000000039abcdef0');
  assert.equal(decodeUdpError(packet), 'no such torrent');
  assert.equal(decodeUdpError(encodeUdpError(1, fromUtf8('nope\0junk'))), 'nope');
  const long = encodeUdpError(1, new Uint8Array(LIMITS.trackerMessageBytesMax + 1).fill(0x61));
  assert.equal(decodeUdpError(long).length, LIMITS.trackerMessageBytesMax);
});

test('no packet makes the decoders throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (packet) => {
      decodeUdpAnnounce(packet);
      decodeUdpAnnounceAnswer(packet, 4);
      decodeUdpAnnounceAnswer(packet, 6);
      decodeUdpScrape(packet);
      decodeUdpScrapeAnswer(packet, 3);
      decodeUdpError(packet);
    }),
  );
});
