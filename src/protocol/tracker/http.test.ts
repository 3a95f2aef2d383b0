import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressKey } from '../../base/address.js';
import { concatBytes, fromHex, fromLatin1, fromUtf8, toLatin1 } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { type BencodeInput, encodeBencode } from '../../format/bencode.js';
import { AnnounceFailure, type AnnounceRequest, type AnnounceResponse } from './announce.js';
import { announceUrl, parseAnnounceResponse, parseScrapeResponse, percentEncode, scrapeUrl } from './http.js';

const REQUEST: AnnounceRequest = {
  infoHash: fromHex('123456789abcdef123456789abcdef123456789a')!,
  peerId: fromLatin1('-DT0001-0000000000~1'),
  port: 6881,
  uploaded: 3000,
  downloaded: 1000,
  left: 2 ** 40,
  event: 'started',
  numWant: 200,
  key: 0xbeef,
  trackerId: null,
};

function parse(answer: BencodeInput, status = 200): AnnounceResponse {
  const result = parseAnnounceResponse(status, encodeBencode(answer));
  if (result instanceof AnnounceFailure) throw result.error;
  return result;
}

function fail(body: BencodeInput | Uint8Array, status = 200): AnnounceFailure {
  const result = parseAnnounceResponse(status, body instanceof Uint8Array ? body : encodeBencode(body));
  assert.ok(result instanceof AnnounceFailure);
  assert.equal(result.error.code, 'ETRACKER');
  return result;
}

test('an info-hash is escaped byte by byte', () => {
  assert.equal(percentEncode(REQUEST.infoHash), '%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A');
  assert.equal(percentEncode(fromLatin1('aZ09-._~ +%&=/*!')), 'aZ09-._~%20%2B%25%26%3D%2F%2A%21');
});

test('an announce asks with every key of BEP 3 and BEP 23', () => {
  assert.equal(
    announceUrl('http://tracker.test/announce', REQUEST),
    'http://tracker.test/announce?info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A' +
      '&peer_id=-DT0001-0000000000~1&port=6881&uploaded=3000&downloaded=1000&left=1099511627776' +
      '&compact=1&no_peer_id=1&numwant=200&key=0000beef&event=started',
  );
});

test('a regular announce names no event, and the tracker gets its id back as it was', () => {
  const url = announceUrl('http://t/announce', { ...REQUEST, event: '', trackerId: Uint8Array.of(0xff, 0x41) });
  assert.doesNotMatch(url, /event/);
  assert.match(url, /&trackerid=%FFA$/);
});

test('the query of an announce URL is kept as it is, and its fragment stays at home', () => {
  assert.match(
    announceUrl('http://t/a?passkey=%7e%7E#top', REQUEST),
    /^http:\/\/t\/a\?passkey=%7e%7E&info_hash=[^#]*$/,
  );
  assert.match(announceUrl('http://t/a?', REQUEST), /^http:\/\/t\/a\?info_hash=/);
  assert.match(announceUrl('http://t/a?b&', REQUEST), /^http:\/\/t\/a\?b&info_hash=/);
  assert.match(announceUrl('http://t/a?key=b?', REQUEST), /^http:\/\/t\/a\?key=b\?&info_hash=/);
});

test('the scrape URL replaces the announce of the last path segment', () => {
  const hash = fromLatin1('x'.repeat(20));
  const query = `info_hash=${'x'.repeat(20)}`;
  const cases: [string, string | null][] = [
    ['http://t/announce', `http://t/scrape?${query}`],
    ['http://t/x/announce', `http://t/x/scrape?${query}`],
    ['http://t/announce.php?x', `http://t/scrape.php?x&${query}`],
    ['http://t/announce?x=2/4', `http://t/scrape?x=2/4&${query}`],
    ['http://t/a', null],
    ['http://t/x%064announce', null],
    ['http://t/announce/x', null],
    ['http://announce', null],
  ];
  for (const [url, expected] of cases) assert.equal(scrapeUrl(url, [hash]), expected, url);
  assert.equal(scrapeUrl('http://t/announce', [hash, hash]), `http://t/scrape?${query}&${query}`);
});

test('an answer with compact peers of both families is read', () => {
  const response = parse({
    interval: 1800,
    'min interval': 900,
    complete: 7,
    incomplete: 5,
    downloaded: 42,
    peers: fromHex('c00002011ae1c6336409c8d5')!,
    peers6: fromHex('20010db80000000000000000000000011ae1')!,
    'warning message': 'be nice',
    'tracker id': 'abc',
    'external ip': Uint8Array.of(203, 0, 113, 5),
  });
  assert.deepEqual(response.peers.map(addressKey), ['192.0.2.1:6881', '198.51.100.9:51413', '[2001:db8::1]:6881']);
  assert.deepEqual(
    { ...response, peers: [], trackerId: [...response.trackerId!] },
    {
      intervalMs: 1_800_000,
      minIntervalMs: 900_000,
      seeds: 7,
      leechers: 5,
      completed: 42,
      peers: [],
      namedPeers: [],
      warning: 'be nice',
      trackerId: [97, 98, 99],
      externalIps: ['203.0.113.5'],
    },
  );
});

test('peers as dictionaries may be IPv4, IPv6 or host names', () => {
  const response = parse({
    interval: 1800,
    peers: [
      { ip: '192.0.2.1', port: 1, 'peer id': 'x'.repeat(20) },
      { ip: '2001:DB8::1', port: 65535 },
      { ip: 'peer.example.org', port: 6881 },
    ],
  });
  assert.deepEqual(response.peers.map(addressKey), ['192.0.2.1:1', '[2001:db8::1]:65535']);
  assert.deepEqual(response.namedPeers, [{ host: 'peer.example.org', port: 6881 }]);
});

test('peers that cannot be dialled, or are no peers, are left out', () => {
  const compact = fromHex('c000020100000000000000ffe00000011ae1ffffffff1ae1c00002011a')!;
  assert.deepEqual(parse({ interval: 1, peers: compact }).peers, []);
  const response = parse({
    interval: 1,
    peers: [
      1,
      'text',
      {},
      { ip: '192.0.2.1' },
      { ip: '192.0.2.1', port: 0 },
      { ip: '192.0.2.1', port: 65536 },
      { ip: '192.0.2.1', port: -1 },
      { ip: '192.0.2.1', port: '80' },
      { ip: '192.0.2.999', port: 80 },
      { ip: '0x7f.1', port: 80 },
      { ip: 'bad name', port: 80 },
      { ip: 'a/b', port: 80 },
      { ip: '', port: 80 },
      { ip: `${'a'.repeat(300)}.org`, port: 80 },
    ],
  });
  assert.deepEqual([response.peers, response.namedPeers], [[], []]);
});

test('no announce brings more peers than the limit', () => {
  const max = LIMITS.peersPerAnnounceMax;
  const compact = new Uint8Array(6 * (max + 500)).fill(9);
  assert.equal(parse({ interval: 1, peers: compact }).peers.length, max);
  const compact6 = new Uint8Array(18 * max).fill(9);
  assert.equal(parse({ interval: 1, peers: compact, peers6: compact6 }).peers.length, max);
  const dicts = Array.from({ length: max + 500 }, () => ({ ip: '192.0.2.1', port: 80 }));
  assert.equal(parse({ interval: 1, peers: dicts }).peers.length, max);
});

test('no announce makes us resolve more names than the limit', () => {
  const named = Array.from({ length: LIMITS.peerNamesPerAnnounceMax + 1 }, (_, i) => ({ ip: `p${i}.test`, port: 80 }));
  assert.equal(parse({ interval: 1, peers: named }).namedPeers.length, LIMITS.peerNamesPerAnnounceMax);
});

test('intervals are clamped: neither a storm nor a year of silence', () => {
  assert.equal(parse({ interval: 0 }).intervalMs, LIMITS.announceIntervalMinMs);
  assert.equal(parse({ interval: -5 }).intervalMs, LIMITS.announceIntervalMinMs);
  assert.equal(parse({ interval: 10 ** 9 }).intervalMs, LIMITS.announceIntervalMaxMs);
  assert.equal(parse({ interval: 2n ** 70n }).intervalMs, 1_800_000);
  assert.equal(parse({ peers: '' }).intervalMs, 1_800_000);
  assert.equal(parse({ interval: 60, 'min interval': 10 ** 9 }).minIntervalMs, LIMITS.announceIntervalMaxMs);
  assert.equal(parse({ interval: 60, 'min interval': 0 }).minIntervalMs, null);
});

test('counts that make no sense are unknown', () => {
  const { seeds, leechers, completed } = parse({
    interval: 60,
    complete: -1,
    incomplete: 'many',
    downloaded: 2n ** 60n,
  });
  assert.deepEqual([seeds, leechers, completed], [null, null, null]);
});

test('messages and ids of a tracker are cut or dropped at their limits', () => {
  const long = 'x'.repeat(LIMITS.trackerMessageBytesMax + 1);
  assert.equal(parse({ interval: 1, 'warning message': long }).warning?.length, LIMITS.trackerMessageBytesMax);
  assert.ok(fail({ 'failure reason': long }).error.message.length < LIMITS.trackerMessageBytesMax + 50);
  const id = 'i'.repeat(LIMITS.trackerIdBytesMax);
  assert.equal(parse({ interval: 1, 'tracker id': id }).trackerId?.length, LIMITS.trackerIdBytesMax);
  assert.equal(parse({ interval: 1, 'tracker id': `${id}i` }).trackerId, null);
});

test('an external address may be raw or text, and nonsense is none', () => {
  const ipsIn = (ip: string | Uint8Array): readonly string[] => parse({ interval: 1, 'external ip': ip }).externalIps;
  assert.deepEqual(ipsIn('1.2.3.4'), ['1.2.3.4']);
  assert.deepEqual(ipsIn(fromHex('00000000000000000000ffff01020304')!), ['1.2.3.4']);
  assert.deepEqual(ipsIn('somewhere'), []);
});

test('a failure reason fails the announce, whatever the status', () => {
  assert.match(fail({ 'failure reason': 'unregistered' }).error.message, /unregistered/);
  assert.match(fail({ 'failure reason': 'go away', interval: 1800, peers: '' }, 403).error.message, /go away/);
  assert.equal(fail({ 'failure reason': 'x' }).retryInMs, null);
});

test('a refusal may say when to come back', () => {
  assert.equal(fail({ 'failure reason': 'x', 'retry in': '5' }).retryInMs, 300_000);
  assert.equal(fail({ 'failure reason': 'x', 'retry in': 5 }).retryInMs, 300_000);
  assert.equal(fail({ 'failure reason': 'x', 'retry in': 'never' }).retryInMs, Number.POSITIVE_INFINITY);
  assert.equal(fail({ 'failure reason': 'x', 'retry in': 'later' }).retryInMs, null);
  assert.equal(fail({ 'failure reason': 'x', 'retry in': -1 }).retryInMs, null);
  assert.equal(fail({ 'failure reason': 'x', 'retry in': 10 ** 9 }).retryInMs, LIMITS.announceIntervalMaxMs);
  assert.equal(fail({ 'failure reason': 'x', interval: 600 }).retryInMs, 600_000);
  assert.equal(fail(fromUtf8('<html>'), 410).retryInMs, Number.POSITIVE_INFINITY);
});

test('a good answer counts even with a bad status, and with bytes after it', () => {
  assert.equal(parse({ interval: 60 }, 500).intervalMs, 60_000);
  assert.ok(!(parseAnnounceResponse(200, fromUtf8('d8:intervali60ee\r\n')) instanceof AnnounceFailure));
});

test('garbage fails the announce and says so', () => {
  assert.match(fail(fromUtf8('<html>502</html>')).error.message, /not bencode/);
  assert.match(fail(fromUtf8('<html>502</html>'), 502).error.message, /502/);
  for (const body of ['', 'le', 'i5e', 'de', 'd8:intervali60e', 'd5:peers999999999:e', 'l'.repeat(5000)]) {
    fail(fromUtf8(body));
  }
  fail(new Uint8Array(LIMITS.httpTrackerBodyBytesMax + 1).fill(0x6c));
});

test('no bytes make the parsers throw', () => {
  const keys = ['interval', 'min interval', 'peers', 'peers6', 'external ip', 'retry in', 'failure reason', 'files'];
  const value: fc.Arbitrary<BencodeInput> = fc.oneof(
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(fc.dictionary(fc.constantFrom('ip', 'port'), fc.oneof(fc.string(), fc.maxSafeInteger()))),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keys), value), fc.nat(600), (answer, status) => {
      const body = encodeBencode(answer);
      parseAnnounceResponse(status, body);
      parseScrapeResponse(status, body, [REQUEST.infoHash]);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array(), (body) => {
      parseAnnounceResponse(200, body);
    }),
  );
});

test('a scrape is read in the order it was asked for', () => {
  const known = fromLatin1('x'.repeat(20));
  const body = fromLatin1(`d5:filesd20:${'x'.repeat(20)}d8:completei11e10:downloadedi13772e10:incompletei19eeee`);
  const counts = [null, { seeds: 11, leechers: 19, completed: 13772 }];
  assert.deepEqual(parseScrapeResponse(200, body, [REQUEST.infoHash, known]), { counts, minIntervalMs: null });
});

test('a scrape of bittorrent-tracker is read, which writes the bytes of an info-hash as characters in UTF-8', () => {
  const infoHash = new Uint8Array(20).fill(0x41);
  infoHash.set([0, 0xff, 0x80, 0xc3, 0xa9, 0x25]);
  const key = fromUtf8(toLatin1(infoHash));
  const body = concatBytes([
    fromLatin1(`d5:filesd${key.length}:`),
    key,
    fromLatin1('d8:completei3e10:downloadedi3e10:incompletei0eeee'),
  ]);
  const counts = [{ seeds: 3, leechers: 0, completed: 3 }];
  assert.deepEqual(parseScrapeResponse(200, body, [infoHash]), { counts, minIntervalMs: null });
});

test('a scrape says when the next one is welcome, within a day', () => {
  for (const [seconds, expected] of [
    [900, 900_000],
    [-5, 0],
    [10 ** 12, LIMITS.announceIntervalMaxMs],
  ] as const) {
    const body = fromUtf8(`d5:filesde5:flagsd20:min_request_intervali${seconds}eee`);
    assert.deepEqual(parseScrapeResponse(200, body, []), { counts: [], minIntervalMs: expected });
  }
});

test('a scrape that fails is an error that says why', () => {
  for (const [body, expected] of [
    ['d14:failure reason4:nopee', /nope/],
    ['d5:filesi1ee', /without files/],
    ['garbage', /not bencode/],
  ] as const) {
    const result = parseScrapeResponse(200, fromUtf8(body), [REQUEST.infoHash]);
    assert.ok(result instanceof DtorrentError);
    assert.match(result.message, expected);
  }
});
