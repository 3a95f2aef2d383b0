import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HostPort } from '../base/address.js';
import { fromHex, toHex } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import {
  formatMagnet,
  formatMutableMagnet,
  type Magnet,
  type MutableMagnet,
  magnetOf,
  parseInfoHashText,
  parseMagnet,
  parseMutableMagnet,
} from './magnet.js';
import type { Metainfo } from './metainfo.js';

const V1 = '759ba2303477e0e4517a6ab175c9a84c4238f8ec';
const V1_BASE32 = 'OWN2EMBUO7QOIUL2NKYXLSNIJRBDR6HM';
const V2 = '3683f3e35f8cc8af29e8a7f513291314664c81ec3b4791afbe53380a3e596712';
/** fast-check's records have no prototype unless told, and deepEqual looks at it. */
const PLAIN = { noNullPrototype: true } as const;
const LINK = `magnet:?xt=urn:btih:${V1}`;
/** BEP 46. */
const KEY = '8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e';
const KEY_LINK = `magnet:?xs=urn:btpk:${KEY}`;

function hashesOf(magnet: Magnet): { v1: string | null; v2: string | null } {
  const { v1, v2 } = magnet.infoHash;
  return { v1: v1 && toHex(v1), v2: v2 && toHex(v2) };
}

function assertRefused(text: string, message: RegExp): void {
  assert.throws(
    () => parseMagnet(text),
    (error) => error instanceof DtorrentError && error.code === 'EMAGNET' && message.test(error.message),
  );
}

test('the info-hash is hex of any case or base32', () => {
  assert.deepEqual(hashesOf(parseMagnet(LINK)), { v1: V1, v2: null });
  assert.deepEqual(hashesOf(parseMagnet(`magnet:?xt=urn:btih:${V1.toUpperCase()}`)), { v1: V1, v2: null });
  assert.deepEqual(hashesOf(parseMagnet(`magnet:?xt=urn:btih:${V1_BASE32}`)), { v1: V1, v2: null });
  assert.deepEqual(hashesOf(parseMagnet(`magnet:?xt=urn:btih:${V1_BASE32.toLowerCase()}`)), { v1: V1, v2: null });
});

test('a v2 hash is a multihash of SHA-256; with a v1 hash it is a hybrid', () => {
  assert.deepEqual(hashesOf(parseMagnet(`magnet:?xt=urn:btmh:1220${V2}`)), { v1: null, v2: V2 });
  assert.deepEqual(hashesOf(parseMagnet(`${LINK}&xt=urn:btmh:1220${V2}`)), { v1: V1, v2: V2 });
  assertRefused(`magnet:?xt=urn:btmh:1114${V1}`, /malformed/);
  assertRefused(`magnet:?xt=urn:btmh:${V2}`, /malformed/);
});

test('scheme, names and urn are case-insensitive; names may be numbered, topics percent-encoded', () => {
  assert.deepEqual(hashesOf(parseMagnet(`MAGNET:?XT=URN:BTIH:${V1}`)), { v1: V1, v2: null });
  assert.deepEqual(hashesOf(parseMagnet(`magnet:?xt.1=urn:btih:${V1}&xt.2=urn:btmh:1220${V2}`)), { v1: V1, v2: V2 });
  assert.deepEqual(hashesOf(parseMagnet(`magnet:?xt=urn%3Abtih%3a${V1}`)), { v1: V1, v2: null });
  assert.deepEqual(parseMagnet(`${LINK}&tr.1=http://a/&TR.22=http://b/`).trackers, ['http://a/', 'http://b/']);
});

test('the first topic of a version counts, and other kinds of topics are ignored', () => {
  const other = '00'.repeat(20);
  assert.equal(hashesOf(parseMagnet(`magnet:?xt=urn:sha1:x&xt=urn:btih:${V1}&xt=urn:btih:${other}`)).v1, V1);
  assert.equal(hashesOf(parseMagnet(`magnet:?xt=urn:btih:short&xt=urn:btih:${V1}`)).v1, V1);
});

test('a link without a usable info-hash is refused, and says what is wrong', () => {
  assertRefused('magnet:?', /names no torrent/);
  assertRefused('magnet:?dn=name&xt=urn:ed2k:31D6CFE0D16AE931B73C59D7E0C089C0', /names no torrent/);
  assertRefused(`magnet:?xt=urn:btih:${V1}0`, /malformed info-hash/);
  assertRefused(`magnet:?xt=urn:btih:${V1_BASE32.slice(1)}1`, /malformed info-hash/);
  assertRefused(`http://example.com/?xt=urn:btih:${V1}`, /no magnet link/);
  assertRefused('', /no magnet link/);
});

test('values are percent-decoded once; a plus is a space in names and a plus in URLs', () => {
  const magnet = parseMagnet(`${LINK}&dn=a+b%2Bc%2520d&tr=http%3A%2F%2Ft%2Fa+b%3Fx%3D1&ws=http://w/a%2Bb`);
  assert.equal(magnet.name, 'a b+c%20d');
  assert.deepEqual(magnet.trackers, ['http://t/a+b?x=1']);
  assert.deepEqual(magnet.webSeeds, ['http://w/a+b']);
});

test('a value goes on after a second equals sign', () => {
  assert.deepEqual(parseMagnet(`${LINK}&tr=http://t/announce?passkey=1=2`).trackers, ['http://t/announce?passkey=1=2']);
});

test('percent signs that encode nothing stand for themselves, and invalid UTF-8 becomes U+FFFD', () => {
  assert.equal(parseMagnet(`${LINK}&dn=100%&tr=%zz`).name, '100%');
  assert.deepEqual(parseMagnet(`${LINK}&tr=%zz&tr=%4`).trackers, ['%zz', '%4']);
  assert.equal(parseMagnet(`${LINK}&dn=%C3%A9%ff`).name, 'é\ufffd');
  assert.equal(parseMagnet(`${LINK}&dn=日本%E8%AA%9E`).name, '日本語');
});

test('what is unknown, empty or has no value is ignored, and so is the amp; of links copied from HTML', () => {
  const magnet = parseMagnet(` ${LINK}&amp;tr=http://t/&kt=a&xl=5&&as=x&dn=&tr=&ws=&=&so&constructor=1&__proto__=1\n`);
  assert.deepEqual(magnet, {
    infoHash: { v1: fromHex(V1), v2: null },
    name: null,
    trackers: ['http://t/'],
    webSeeds: [],
    peers: [],
    select: null,
  });
});

test('peers are names or addresses with a port; others are left out', () => {
  const { peers } = parseMagnet(
    `${LINK}&x.pe=192.0.2.1:6881&x.pe=[2001:db8::1]:1&x.pe=peer.example%3A51413&x.pe=192.0.2.1:6881` +
      '&x.pe=192.0.2.1&x.pe=192.0.2.1:0&x.pe=192.0.2.1:65536&x.pe=:80&x.pe=2001:db8::1:80',
  );
  assert.deepEqual(peers, [
    { host: '192.0.2.1', port: 6881 },
    { host: '2001:db8::1', port: 1 },
    { host: 'peer.example', port: 51413 },
  ]);
});

test('a selection keeps its valid ranges (BEP 53) and expands none', () => {
  assert.deepEqual(parseMagnet(`${LINK}&so=0,2,4,6-8`).select, [
    { first: 0, last: 0 },
    { first: 2, last: 2 },
    { first: 4, last: 4 },
    { first: 6, last: 8 },
  ]);
  assert.deepEqual(parseMagnet(`${LINK}&so=5-,8-6,a,-1,1-2-3,3,+4,1e3`).select, [{ first: 3, last: 3 }]);
  assert.equal(parseMagnet(`${LINK}&so=5-,x`).select, null);
});

test('file indices above the limit are not selected', () => {
  const max = LIMITS.magnetSelectIndexMax;
  assert.deepEqual(parseMagnet(`${LINK}&so=0-${max}`).select, [{ first: 0, last: max }]);
  assert.equal(parseMagnet(`${LINK}&so=${max + 1},0-${max + 1},0-4294967295,99999999999999999999`).select, null);
});

test('a link above the size limit is refused, in bytes', () => {
  const room = LIMITS.magnetBytesMax - LINK.length - '&dn='.length;
  assert.equal(parseMagnet(`${LINK}&dn=${'a'.repeat(room)}`).name?.length, room);
  assertRefused(`${LINK}&dn=${'a'.repeat(room + 1)}`, /longer than 65536 bytes/);
  assertRefused(`${LINK}&dn=${'é'.repeat(room / 2 + 1)}`, /longer than 65536 bytes/);
});

test('trackers, web seeds and peers above their limits are left out, and so are duplicates', () => {
  const many = (name: string, value: (i: number) => string, count: number): string =>
    Array.from({ length: count }, (_, i) => `&${name}=${value(i)}&${name}=${value(i)}`).join('');
  const { magnetTrackersMax, magnetPeersMax, webSeedsMax } = LIMITS;
  const trackers = parseMagnet(LINK + many('tr', (i) => `udp://t${i}/`, magnetTrackersMax + 1)).trackers;
  assert.equal(trackers.length, magnetTrackersMax);
  assert.equal(new Set(trackers).size, magnetTrackersMax);
  assert.equal(parseMagnet(LINK + many('ws', (i) => `http://w${i}/`, webSeedsMax + 1)).webSeeds.length, webSeedsMax);
  assert.equal(parseMagnet(LINK + many('x.pe', (i) => `h${i}:1`, magnetPeersMax + 1)).peers.length, magnetPeersMax);
});

test('URLs that are too long or have control characters are left out', () => {
  const longest = `http://t/${'a'.repeat(LIMITS.trackerUrlBytesMax - 'http://t/'.length)}`;
  const { trackers, webSeeds } = parseMagnet(
    `${LINK}&tr=${longest}&tr=${longest}a&tr=http://t/%0d%0aHost:x&ws=http://w/%00&ws=http://w/%7f`,
  );
  assert.deepEqual(trackers, [longest]);
  assert.deepEqual(webSeeds, []);
});

test('formatting puts bare topics first, v1 before v2, and encodes the rest', () => {
  const magnet: Magnet = {
    infoHash: { v1: fromHex(V1), v2: fromHex(V2) },
    name: `it's a (tést) & 100%`,
    trackers: ['http://t.example/announce?a=1&b=2'],
    webSeeds: ['https://w.example/x y'],
    peers: [
      { host: '192.0.2.1', port: 6881 },
      { host: '2001:db8::1', port: 6882 },
    ],
    select: [
      { first: 0, last: 0 },
      { first: 6, last: 8 },
    ],
  };
  assert.equal(
    formatMagnet(magnet),
    `magnet:?xt=urn:btih:${V1}&xt=urn:btmh:1220${V2}&dn=it%27s%20a%20%28t%C3%A9st%29%20%26%20100%25&so=0,6-8` +
      '&tr=http%3A%2F%2Ft.example%2Fannounce%3Fa%3D1%26b%3D2&ws=https%3A%2F%2Fw.example%2Fx%20y' +
      '&x.pe=192.0.2.1:6881&x.pe=[2001:db8::1]:6882',
  );
});

test('a magnet that would be too long to be read back loses trackers, not its hash or name', () => {
  const trackers = Array.from({ length: 200 }, (_, i) => `http://t${i}/${'a'.repeat(1000)}`);
  const magnet = { ...parseMagnet(`${LINK}&dn=name`), trackers };
  const link = formatMagnet(magnet);
  assert.ok(link.length <= LIMITS.magnetBytesMax);
  const read = parseMagnet(link);
  assert.deepEqual(hashesOf(read), { v1: V1, v2: null });
  assert.equal(read.name, 'name');
  assert.ok(read.trackers.length > 50 && read.trackers.length < 200);
});

test('formatting a magnet without any hash is a bug of the caller', () => {
  assert.throws(() => formatMagnet({ ...parseMagnet(LINK), infoHash: { v1: null, v2: null } }), DtorrentError);
});

test('parsing what was formatted gives the same magnet (random)', () => {
  const hash = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
  const url = text
    .map((path) => `udp://t/${path}`.trim())
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what the parser leaves out
    .filter((candidate) => !/[\u0000-\u001f\u007f]/.test(candidate));
  const urls = fc.uniqueArray(url, { maxLength: 8 });
  const host = fc.oneof(fc.ipV4(), fc.domain(), fc.constantFrom('2001:db8::1', '::1', 'a&b=c%41', 'ü.example'));
  const peer: fc.Arbitrary<HostPort> = fc.record({ host, port: fc.integer({ min: 1, max: 65535 }) }, PLAIN);
  const range = fc
    .tuple(fc.nat(LIMITS.magnetSelectIndexMax), fc.nat(LIMITS.magnetSelectIndexMax))
    .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
  const magnets: fc.Arbitrary<Magnet> = fc.record(
    {
      infoHash: fc.oneof(
        fc.record({ v1: hash(20), v2: fc.option(hash(32)) }, PLAIN),
        fc.record({ v1: fc.constant(null), v2: hash(32) }, PLAIN),
      ),
      name: fc.option(text),
      trackers: urls,
      webSeeds: urls,
      peers: fc.uniqueArray(peer, { maxLength: 8, selector: ({ host, port }) => `${host} ${port}` }),
      select: fc.option(fc.array(range, { minLength: 1, maxLength: 8 })),
    },
    PLAIN,
  );
  fc.assert(
    fc.property(magnets, (magnet) => {
      assert.deepEqual(parseMagnet(formatMagnet(magnet)), magnet);
    }),
  );
});

test('whatever follows "magnet:?" ends in a magnet or in EMAGNET (random)', () => {
  const parameter = fc
    .tuple(fc.constantFrom('xt', 'xs', 's', 'dn', 'tr', 'ws', 'x.pe', 'so', 'xt.1', '%'), fc.string({ unit: 'binary' }))
    .map(([name, value]) => `${name}=${value}`);
  fc.assert(
    fc.property(fc.array(parameter), (parameters) => {
      const read = parseMagnet(`${LINK}&${parameters.join('&')}`);
      assert.equal(hashesOf(read).v1, V1);
      for (const parse of [parseMagnet, parseMutableMagnet]) {
        try {
          parse(`magnet:?${parameters.join('&')}`);
        } catch (error) {
          assert.ok(error instanceof DtorrentError && error.code === 'EMAGNET');
        }
      }
    }),
  );
});

test('a mutable torrent is named by a public key and perhaps a salt (BEP 46)', () => {
  const nothingElse = { name: null, trackers: [], webSeeds: [], peers: [], select: null };
  const publicKey = fromHex(KEY)!;
  assert.deepEqual(parseMutableMagnet(KEY_LINK), {
    publicKey,
    salt: new Uint8Array(0),
    infoHash: null,
    ...nothingElse,
  });
  assert.deepEqual(parseMutableMagnet(`${KEY_LINK}&s=6e`).salt, fromHex('6e'));
  const all = parseMutableMagnet(
    `magnet:?xt=urn:btih:${V1}&XS.1=URN%3Abtpk:${KEY.toUpperCase()}&S=6E&dn=a+b&tr=http://t/`,
  );
  const infoHash = { v1: fromHex(V1), v2: null };
  assert.deepEqual(all, {
    ...nothingElse,
    publicKey,
    salt: fromHex('6e'),
    infoHash,
    name: 'a b',
    trackers: ['http://t/'],
  });
});

test('a link that names a torrent and a key is read as either', () => {
  assert.deepEqual(parseMagnet(`${LINK}&xs=urn:btpk:${KEY}&s=6e`), parseMagnet(LINK));
  assertRefused(KEY_LINK, /names a public key .* and no torrent/);
});

test('a link without a usable public key is refused, and says what is wrong', () => {
  const refused: [string, RegExp][] = [
    [LINK, /names no public key/],
    [`${LINK}&xs=http://example.com/a.torrent`, /names no public key/],
    [`magnet:?xs=urn:btpk:${KEY}0`, /malformed public key/],
    [`magnet:?xs=urn:btpk:${KEY.slice(2)}zz`, /malformed public key/],
    [`${KEY_LINK}&s=6`, /malformed salt/],
    [`${KEY_LINK}&s=zz`, /malformed salt/],
    [`${KEY_LINK}&s=${'00'.repeat(LIMITS.dhtSaltBytesMax + 1)}`, /malformed salt/],
    ['', /no magnet link/],
  ];
  for (const [text, message] of refused) {
    assert.throws(
      () => parseMutableMagnet(text),
      (error) => error instanceof DtorrentError && error.code === 'EMAGNET' && message.test(error.message),
    );
  }
  assert.equal(parseMutableMagnet(`${KEY_LINK}&s=${'00'.repeat(LIMITS.dhtSaltBytesMax)}`).salt.length, 64);
  assert.deepEqual(parseMutableMagnet(`magnet:?xs=urn:btpk:short&xs=urn:btpk:${KEY}`).publicKey, fromHex(KEY));
});

test('formatting a mutable magnet gives what BEP 46 writes, and parsing it the same magnet', () => {
  assert.equal(formatMutableMagnet(parseMutableMagnet(KEY_LINK)), KEY_LINK);
  assert.equal(formatMutableMagnet(parseMutableMagnet(`${KEY_LINK}&s=6E`)), `${KEY_LINK}&s=6e`);
  const magnet: MutableMagnet = {
    publicKey: fromHex(KEY)!,
    salt: fromHex('6e')!,
    infoHash: { v1: fromHex(V1), v2: fromHex(V2) },
    name: 'a & b',
    trackers: ['http://t/'],
    webSeeds: ['http://w/'],
    peers: [{ host: '192.0.2.1', port: 1 }],
    select: [{ first: 0, last: 1 }],
  };
  const link = formatMutableMagnet(magnet);
  assert.match(link, /^magnet:\?xt=urn:btih:[^&]+&xt=urn:btmh:[^&]+&xs=urn:btpk:[^&]+&s=6e&dn=a%20%26%20b&/);
  assert.deepEqual(parseMutableMagnet(link), magnet);
});

test('a bare info-hash is 40 hex or 32 base32 digits (v1), 64 or 68 hex (v2)', () => {
  assert.deepEqual(hashesOf(parseInfoHashText(` ${V1.toUpperCase()}\n`)!), { v1: V1, v2: null });
  assert.deepEqual(hashesOf(parseInfoHashText(V1_BASE32.toLowerCase())!), { v1: V1, v2: null });
  assert.deepEqual(hashesOf(parseInfoHashText(V2)!), { v1: null, v2: V2 });
  assert.deepEqual(hashesOf(parseInfoHashText(`1220${V2}`)!), { v1: null, v2: V2 });
  const noHashes = [
    '',
    'a.torrent',
    V1.slice(1),
    `${V1}0`,
    `1114${V2}`,
    V1_BASE32.replace('O', '1'),
    `x${V1.slice(1)}`,
  ];
  for (const text of noHashes) assert.equal(parseInfoHashText(text), null, text);
});

test('the magnet of a torrent has its hashes, its name and its trackers in the order of their tiers', () => {
  const metainfo = {
    infoHash: { v1: fromHex(V1), v2: fromHex(V2) },
    name: 'name',
    trackers: [['udp://a/', 'udp://b/'], ['udp://c/']],
    webSeeds: ['http://w/'],
  } as unknown as Metainfo;
  assert.deepEqual(magnetOf(metainfo), {
    infoHash: metainfo.infoHash,
    name: 'name',
    trackers: ['udp://a/', 'udp://b/', 'udp://c/'],
    webSeeds: ['http://w/'],
    peers: [],
    select: null,
  });
});
