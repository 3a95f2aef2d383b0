/** Our magnet links against the npm library `magnet-uri` 7: each reads what the other writes, and both read alike. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatHostPort } from '../../../src/base/address.js';
import { toHex } from '../../../src/base/bytes.js';
import { DtorrentError } from '../../../src/base/errors.js';
import { formatMagnet, type Magnet, parseMagnet } from '../../../src/format/magnet.js';
import { loadFormats, type TheirMagnet } from './formats.js';

const V1 = '759ba2303477e0e4517a6ab175c9a84c4238f8ec';
const LINK = `magnet:?xt=urn:btih:${V1}`;

/** What both are compared by. */
interface Reading {
  readonly v1: string | null;
  readonly v2: string | null;
  readonly name: string | null;
  readonly trackers: readonly string[];
  readonly webSeeds: readonly string[];
  readonly peers: readonly string[];
  readonly select: readonly number[] | null;
}

test('what we write both read alike, and what they write too', async (t) => {
  const formats = await loadFormats(t);
  if (formats === null) return;
  fc.assert(
    fc.property(anyMagnet(), (magnet) => {
      const ourLink = formatMagnet(magnet);
      const expected = readingOf(magnet);
      assert.deepEqual(readingOf(parseMagnet(ourLink)), expected, ourLink);
      assert.deepEqual(theirReading(formats.decodeMagnet(ourLink)), expected, ourLink);
      const theirLink = formats.encodeMagnet(theirsOf(expected));
      assert.deepEqual(readingOf(parseMagnet(theirLink)), expected, theirLink);
      assert.deepEqual(theirReading(formats.decodeMagnet(theirLink)), expected, theirLink);
    }),
    { numRuns: 1000 },
  );
});

/** Link -> the fields that both read differently, or who refuses it, and why. */
const DIFFERENCES: readonly {
  readonly link: string;
  readonly ours: Partial<Reading> | 'refused';
  readonly theirs: Partial<Reading> | 'refused';
  readonly why: string;
}[] = [
  {
    link: `${LINK}&tr=http://a.test/announce?passkey=x`,
    ours: { trackers: ['http://a.test/announce?passkey=x'] },
    theirs: { trackers: [] },
    why: 'only the first "=" separates: they drop the tracker',
  },
  {
    link: `${LINK}&tr.1=http://a.test/&tr.2=http://b.test/`,
    ours: { trackers: ['http://a.test/', 'http://b.test/'] },
    theirs: { trackers: [] },
    why: 'parameters may be numbered',
  },
  { link: `${LINK}&dn=100%`, ours: { name: '100%' }, theirs: 'refused', why: 'a stray "%" stands for itself' },
  {
    link: `${LINK}&dn=a%2Bb`,
    ours: { name: 'a+b' },
    theirs: { name: 'a b' },
    why: 'an encoded plus is a plus',
  },
  { link: `magnet:?xt=urn%3Abtih%3A${V1}`, ours: { v1: V1 }, theirs: { v1: null }, why: 'any value may be encoded' },
  { link: `MAGNET:?xt=urn:btih:${V1}`, ours: { v1: V1 }, theirs: { v1: null }, why: 'schemes have no case (RFC 3986)' },
  {
    link: `magnet:?xt=urn:btih:${V1}00`,
    ours: 'refused',
    theirs: { v1: V1 },
    why: 'a hash of another length is another hash',
  },
  { link: 'magnet:?dn=x', ours: 'refused', theirs: { name: 'x' }, why: 'a link that names no torrent is of no use' },
  {
    link: `${LINK}&xt=urn:btih:${'0'.repeat(40)}`,
    ours: { v1: V1 },
    theirs: { v1: '0'.repeat(40) },
    why: 'the first of two counts, as in libtorrent',
  },
  {
    link: `${LINK}&tr=%20http://a.test/%0a`,
    ours: { trackers: ['http://a.test/'] },
    theirs: { trackers: [' http://a.test/\n'] },
    why: 'white space around a URL is not part of it, and a line break must not reach a request',
  },
  {
    link: `${LINK}&x.pe=no-port&x.pe=10.0.0.1:6881`,
    ours: { peers: ['10.0.0.1:6881'] },
    theirs: { peers: ['no-port', '10.0.0.1:6881'] },
    why: 'what cannot be dialled is left out',
  },
  {
    link: `${LINK}&as=http://a.test/x.torrent`,
    ours: { webSeeds: [] },
    theirs: { webSeeds: ['http://a.test/x.torrent'] },
    why: 'an acceptable source is where the file is had by another protocol, no web seed (BEP 19 is ws)',
  },
];

for (const { link, ours, theirs, why } of DIFFERENCES) {
  test(`${link} is read differently: ${why}`, async (t) => {
    const formats = await loadFormats(t);
    if (formats === null) return;
    assert.deepEqual(
      selected(
        attempt(() => readingOf(parseMagnet(link)), DtorrentError),
        ours,
      ),
      ours,
      'ours',
    );
    const read = attempt(() => theirReading(formats.decodeMagnet(link)), Error);
    assert.deepEqual(selected(read, theirs), theirs, 'theirs');
    assert.notDeepEqual(ours, theirs);
  });
}

function attempt(read: () => Reading, refusal: new (...args: never[]) => Error): Reading | 'refused' {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof refusal, String(error));
    return 'refused';
  }
}

/** The fields of `reading` that `expected` has. */
function selected(reading: Reading | 'refused', expected: Partial<Reading> | 'refused'): unknown {
  if (reading === 'refused' || expected === 'refused') return reading;
  return Object.fromEntries(Object.keys(expected).map((field) => [field, reading[field as keyof Reading]]));
}

function readingOf({ infoHash: { v1, v2 }, name, trackers, webSeeds, peers, select }: Magnet): Reading {
  return {
    v1: v1 === null ? null : toHex(v1),
    v2: v2 === null ? null : toHex(v2),
    name,
    trackers,
    webSeeds,
    peers: peers.map(formatHostPort),
    select: select?.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i)) ?? null,
  };
}

function theirReading(magnet: TheirMagnet): Reading {
  return {
    v1: magnet.infoHash ?? null,
    v2: magnet.infoHashV2 ?? null,
    name: magnet.name ?? null,
    trackers: magnet.announce ?? [],
    webSeeds: magnet.urlList ?? [],
    peers: magnet.peerAddresses ?? [],
    select: magnet.so ?? null,
  };
}

function theirsOf({ v1, v2, name, trackers, webSeeds, peers, select }: Reading): TheirMagnet {
  return {
    ...(v1 === null ? {} : { infoHash: v1 }),
    ...(v2 === null ? {} : { infoHashV2: v2 }),
    ...(name === null ? {} : { name }),
    announce: trackers,
    urlList: webSeeds,
    peerAddresses: peers,
    ...(select === null ? {} : { so: select }),
  };
}

function anyMagnet(): fc.Arbitrary<Magnet> {
  const hash = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
  const url = fc.webUrl({ withQueryParameters: true });
  const peer = fc.record({ host: fc.ipV4(), port: fc.integer({ min: 1, max: 65_535 }) });
  return fc.record({
    infoHash: fc.oneof(
      fc.record({ v1: hash(20), v2: fc.constant(null) }),
      fc.record({ v1: fc.constant(null), v2: hash(32) }),
      fc.record({ v1: hash(20), v2: hash(32) }),
    ),
    // A plus is a space to them however it is encoded: in DIFFERENCES.
    name: fc.option(fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes('+'))),
    trackers: fc.uniqueArray(url, { maxLength: 4 }),
    webSeeds: fc.uniqueArray(url, { maxLength: 2 }),
    peers: fc.uniqueArray(peer, { maxLength: 3, selector: formatHostPort }),
    select: fc.option(
      fc
        .uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 5 })
        .map((indices) => indices.sort((a, b) => a - b).map((index) => ({ first: index, last: index }))),
    ),
  });
}
