import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressKey, makeAddress } from '../../base/address.js';
import { fromLatin1, toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { BencodeDict, decodeBencode } from '../../format/bencode.js';
import { AnnounceFailure, type AnnounceRequest, type AnnounceResponse } from './announce.js';
import { announceUrl, parseAnnounceResponse, parseScrapeResponse, percentEncode, scrapeUrl } from './http.js';
import { TrackerServer } from './server.js';
import { answerHttp } from './server-http.js';

/** Every byte value that a hasty decoder gets wrong: `%`, `+`, `&`, `=`, NUL, and what is no UTF-8. */
const HASH = fromLatin1('%+&= \0\xff\xfe\x80abcdefghijk');
const REQUEST: AnnounceRequest = {
  infoHash: HASH,
  peerId: fromLatin1('-DT0001-\0\xff%+&=#?/\\~.'),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1000,
  event: 'started',
  numWant: 200,
  key: 1,
  trackerId: null,
};

function makeServer(): TrackerServer {
  return new TrackerServer({ intervalSeconds: 1800, random: new SeededRandom(5) });
}

function targetOf(url: string): string {
  return url.slice('http://t'.length);
}

function get(server: TrackerServer, target: string, ip = '192.0.2.1'): Uint8Array {
  const body = answerHttp(server, target, makeAddress(ip, 40_000)!, 0);
  assert.ok(body !== null);
  return body;
}

/** Through our own client's codec, both ways. */
function announce(server: TrackerServer, ip: string, given: Partial<AnnounceRequest> = {}): AnnounceResponse {
  const url = announceUrl('http://t/announce', { ...REQUEST, ...given });
  const result = parseAnnounceResponse(200, get(server, targetOf(url), ip));
  if (result instanceof AnnounceFailure) throw result.error;
  return result;
}

function failureOf(server: TrackerServer, target: string): string {
  const result = parseAnnounceResponse(200, get(server, target));
  assert.ok(result instanceof AnnounceFailure, target);
  return result.error.message;
}

test('our client understands our tracker', () => {
  const server = makeServer();
  announce(server, '192.0.2.1', { left: 0 });
  announce(server, '2001:db8::1', { port: 7000 });
  const response = announce(server, '192.0.2.2');
  assert.deepEqual(response.peers.map(addressKey).sort(), ['192.0.2.1:6881', '[2001:db8::1]:7000']);
  assert.deepEqual(
    { ...response, peers: null },
    {
      intervalMs: 1_800_000,
      minIntervalMs: 300_000,
      seeds: 1,
      leechers: 2,
      completed: 0,
      peers: null,
      namedPeers: [],
      warning: null,
      trackerId: null,
      externalIps: ['192.0.2.2'],
    },
  );
  announce(server, '192.0.2.2', { event: 'stopped' });
  assert.equal(announce(server, '192.0.2.1', { left: 0, event: '' }).peers.length, 1);
});

test('who asks for dictionaries gets them, with peer ids unless told not to', () => {
  const server = makeServer();
  announce(server, '192.0.2.1');
  announce(server, '2001:db8::1');
  const target = targetOf(announceUrl('http://t/announce', REQUEST)).replace('compact=1', 'compact=0');
  const bare = parseAnnounceResponse(200, get(server, target, '192.0.2.9')) as AnnounceResponse;
  assert.deepEqual(bare.peers.map(addressKey).sort(), ['192.0.2.1:6881', '[2001:db8::1]:6881']);
  const full = get(server, target.replace('no_peer_id=1', 'no_peer_id=0'), '192.0.2.9');
  const { value } = decodeBencode(full);
  const [peer] = value instanceof BencodeDict ? value.getList('peers')!.items : [];
  assert.ok(peer instanceof BencodeDict);
  assert.equal(toLatin1(peer.getBytes('peer id')!), toLatin1(REQUEST.peerId));
});

test('an address in the query is not believed', () => {
  const server = makeServer();
  const target = `${targetOf(announceUrl('http://t/announce', REQUEST))}&ip=198.51.100.66&ipv4=198.51.100.66`;
  get(server, target, '192.0.2.1');
  assert.deepEqual(announce(server, '192.0.2.2').peers.map(addressKey), ['192.0.2.1:6881']);
});

test('an announce without what it needs is refused with the reason', () => {
  const server = makeServer();
  const good = targetOf(announceUrl('http://t/announce', REQUEST));
  const cases: [string, RegExp][] = [
    ['/announce', /info_hash/],
    ['/announce?', /info_hash/],
    [good.replace(/info_hash=[^&]*/, 'info_hash=short'), /info_hash/],
    [good.replace(/info_hash=[^&]*/, 'info_hash'), /info_hash/],
    [good.replace(/peer_id=[^&]*/, 'peer_id='), /peer_id/],
    [good.replace('port=6881', 'port=0'), /port/],
    [good.replace('port=6881', 'port=65536'), /port/],
    [good.replace('port=6881', 'port=-1'), /port/],
    [good.replace('port=6881', 'port=1e3'), /port/],
    [good.replace('left=1000', 'left='), /left/],
    [good.replace('left=1000', 'lefty=1'), /left/],
    [good.replace('left=1000', `left=${'9'.repeat(21)}`), /left/],
  ];
  for (const [target, expected] of cases) assert.match(failureOf(server, target), expected, target);
  assert.equal(server.stats(0).peers, 0);
});

test('odd but readable requests are served', () => {
  const server = makeServer();
  const good = targetOf(announceUrl('http://t/announce', REQUEST));
  for (const target of [
    good.replace('left=1000', 'left=18446744073709551615'),
    good.replace('numwant=200', 'numwant=-1'),
    good.replace('event=started', 'event=nonsense'),
    good.replace('compact=1', 'compact'),
    `${good}&&&=&x=%zz&%=%`,
  ]) {
    assert.ok(!(parseAnnounceResponse(200, get(server, target)) instanceof AnnounceFailure), target);
  }
});

test('a form-encoded hash means the same as a percent-encoded one', () => {
  const server = makeServer();
  announce(server, '192.0.2.1', { infoHash: fromLatin1('a b'.padEnd(20, 'x')) });
  const target = targetOf(announceUrl('http://t/announce', REQUEST)).replace(
    /info_hash=[^&]*/,
    `info_hash=a+b${'x'.repeat(17)}`,
  );
  const response = parseAnnounceResponse(200, get(server, target, '192.0.2.2')) as AnnounceResponse;
  assert.equal(response.peers.length, 1);
});

test('our client understands our scrape', () => {
  const server = makeServer();
  const other = new Uint8Array(20);
  announce(server, '192.0.2.1', { left: 0 });
  announce(server, '192.0.2.2');
  const body = get(server, targetOf(scrapeUrl('http://t/announce', [other, HASH])!));
  const counts = [
    { seeds: 1, leechers: 1, completed: 0 },
    { seeds: 0, leechers: 0, completed: 0 },
  ];
  assert.deepEqual(parseScrapeResponse(200, body, [HASH, other]), { counts, minIntervalMs: null });
});

test('a scrape names its torrents, and not too many', () => {
  const server = makeServer();
  assert.match(failureOf(server, '/scrape'), /info_hash/);
  assert.match(failureOf(server, '/scrape?info_hash=short'), /20 bytes/);
  const max = LIMITS.trackerServerScrapeHashesMax;
  const hashes = Array.from({ length: max + 1 }, (_, i) => fromLatin1(`hash${i}`.padEnd(20, 'x')));
  const body = get(server, `/scrape?${hashes.map((hash) => `info_hash=${percentEncode(hash)}`).join('&')}`);
  const { value } = decodeBencode(body);
  assert.equal(value instanceof BencodeDict && value.getDict('files')?.size, max);
});

test('other paths are not the tracker’s', () => {
  for (const path of ['/', '', '/announce/', '/ANNOUNCE', '/favicon.ico?info_hash=x', 'announce', '*']) {
    assert.equal(answerHttp(makeServer(), path, makeAddress('192.0.2.1', 1)!, 0), null, path);
  }
});

test('a request that is too long or has too many parameters is refused', () => {
  const server = makeServer();
  const good = targetOf(announceUrl('http://t/announce', REQUEST));
  const padded = (length: number): string => `${good}&x=`.padEnd(length, 'x');
  assert.ok(!(parseAnnounceResponse(200, get(server, padded(8192))) instanceof AnnounceFailure));
  assert.match(failureOf(server, padded(LIMITS.trackerServerRequestLineBytesMax + 1)), /too long/);
  const many = good + '&a'.repeat(LIMITS.trackerServerParametersMax - good.split('&').length);
  assert.ok(!(parseAnnounceResponse(200, get(server, many)) instanceof AnnounceFailure));
  assert.match(failureOf(server, `${many}&a`), /too long/);
});

test('no request-target makes the tracker throw', () => {
  const piece = fc.constantFrom(
    'info_hash=',
    'peer_id=',
    'port=',
    'left=',
    '&',
    '%',
    '%4',
    '=',
    '+',
    '\0',
    'é',
    '9',
    'x'.repeat(20),
  );
  fc.assert(
    fc.property(fc.constantFrom('/announce?', '/scrape?'), fc.array(piece), (path, pieces) => {
      get(makeServer(), path + pieces.join(''));
    }),
  );
});
