import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isDiallable, makeAddress } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { randomBelow, SeededRandom } from '../base/random.js';
import { BencodeDict, type BencodeInput, decodeBencode, encodeBencode } from './bencode.js';
import { decodeResumeData, encodeResumeData, type ResumeData } from './resume-data.js';

const HASH = '0123456789abcdef0123456789abcdef01234567';
const PLAIN = { noNullPrototype: true } as const;

const EXAMPLE: ResumeData = {
  infoHash: HASH,
  directory: '/home/ann/Überraschung',
  isClean: true,
  infoBytes: Uint8Array.of(0x64, 0x65),
  have: Uint8Array.of(0xf0, 0x80),
  files: [
    { lengthBytes: 5_000_000_000_000, modifiedUs: 1_700_000_000_123_456 },
    { lengthBytes: -1, modifiedUs: 0 },
    { lengthBytes: 0, modifiedUs: -5 },
  ],
  partials: [
    { piece: 9, blocks: Uint8Array.of(0x80) },
    { piece: 12, blocks: Uint8Array.of(0x01, 0x00) },
  ],
  filePriorities: Uint8Array.of(4, 0, 7),
  trackers: [
    {
      key: 'http://t:80/announce',
      notBeforeUnixTime: 1_700_000_900,
      waitSeconds: 900,
      trackerId: Uint8Array.of(1, 0, 255),
    },
  ],
  addedTrackers: ['udp://added.test:6969/announce'],
  peers: [makeAddress('192.0.2.1', 6881)!, makeAddress('2001:db8::7', 1)!],
  uploadedBytes: 123,
  downloadedBytes: 2 ** 52,
  seedingSeconds: 3600,
  addedUnixTime: 1_700_000_000,
  completedUnixTime: 1_700_000_100,
  isPaused: true,
};

function assertRefused(record: Uint8Array, message = /damaged/): void {
  assert.throws(
    () => decodeResumeData(record),
    (error) => error instanceof DtorrentError && error.code === 'ESTATE' && message.test(error.message),
  );
}

/** The example's record with some keys replaced; undefined = left out. */
function withKeys(changes: Readonly<Record<string, BencodeInput | undefined>>): Uint8Array {
  const { value } = decodeBencode(encodeResumeData(EXAMPLE));
  assert.ok(value instanceof BencodeDict);
  const entries: Record<string, BencodeInput | undefined> = {};
  for (const key of value.keys) entries[key] = value.get(key)!;
  return encodeBencode({ ...entries, ...changes });
}

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const stamp = fc.record({ lengthBytes: fc.integer({ min: -1, max: 2 ** 50 }), modifiedUs: fc.maxSafeInteger() }, PLAIN);
const partial = fc.record(
  { piece: fc.nat(LIMITS.pieceCountMax - 1), blocks: fc.uint8Array({ minLength: 1, maxLength: 40 }) },
  PLAIN,
);
const tracker = fc.record(
  {
    key: fc.webUrl(),
    notBeforeUnixTime: fc.maxSafeNat(),
    waitSeconds: fc.maxSafeNat(),
    trackerId: fc.option(fc.uint8Array({ minLength: 1, maxLength: 20 })),
  },
  PLAIN,
);
const peer = fc
  .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65535 }))
  .map(([host, port]) => makeAddress(host, port))
  .filter((address) => address !== null && isDiallable(address));
const resumeData: fc.Arbitrary<ResumeData> = fc.record(
  {
    infoHash: fc.constantFrom(HASH, HASH.slice(0, 32) + HASH.slice(0, 32)),
    directory: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 }),
    isClean: fc.boolean(),
    infoBytes: fc.option(bytes(50)),
    have: bytes(20),
    files: fc.array(stamp, { maxLength: 5 }),
    partials: fc
      .uniqueArray(partial, { maxLength: 5, selector: ({ piece }) => piece })
      .map((partials) => partials.sort((a, b) => a.piece - b.piece)),
    filePriorities: fc.array(fc.nat(7), { maxLength: 5 }).map((priorities) => Uint8Array.from(priorities)),
    trackers: fc.array(tracker, { maxLength: 3 }),
    addedTrackers: fc.array(fc.webUrl(), { maxLength: 3 }),
    peers: fc.array(peer as fc.Arbitrary<ResumeData['peers'][number]>, { maxLength: 4 }),
    uploadedBytes: fc.maxSafeNat(),
    downloadedBytes: fc.maxSafeNat(),
    seedingSeconds: fc.maxSafeNat(),
    addedUnixTime: fc.maxSafeNat(),
    completedUnixTime: fc.option(fc.maxSafeNat()),
    isPaused: fc.boolean(),
  },
  PLAIN,
);

test('what is encoded is decoded again, for the example and for any other', () => {
  assert.deepEqual(decodeResumeData(encodeResumeData(EXAMPLE)), EXAMPLE);
  fc.assert(
    fc.property(resumeData, (data) => {
      assert.deepEqual(decodeResumeData(encodeResumeData(data)), data);
    }),
  );
});

test('a decoded record shares no memory with its source', () => {
  const record = encodeResumeData(EXAMPLE);
  const data = decodeResumeData(record);
  record.fill(0xff);
  assert.deepEqual(data, EXAMPLE);
});

test('a mutated record decodes to something within limits or ends in ESTATE, and in nothing else', () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  const original = encodeResumeData(EXAMPLE);
  let decodedCount = 0;
  for (let round = 0; round < 4000; round++) {
    const record = mutate(original, random);
    let data: ResumeData;
    try {
      data = decodeResumeData(record);
    } catch (error) {
      assert.ok(error instanceof DtorrentError && error.code === 'ESTATE', `seed ${seed}: ${error}`);
      continue;
    }
    decodedCount++;
    // Within limits: it can be saved again, and means the same then.
    assert.deepEqual(decodeResumeData(encodeResumeData(data)), data, `seed ${seed}`);
  }
  assert.ok(decodedCount > 0 && decodedCount < 4000, `seed ${seed}: some decode, some do not`);
});

/** One to four bytes changed, inserted, removed or cut off. */
function mutate(original: Uint8Array, random: SeededRandom): Uint8Array {
  const record = [...original];
  for (let changes = 1 + randomBelow(random, 4); changes > 0 && record.length > 0; changes--) {
    const at = randomBelow(random, record.length);
    const kind = randomBelow(random, 8);
    if (kind < 4) record[at] = randomBelow(random, 256);
    else if (kind === 4) record[at] = 0x30 + randomBelow(random, 10);
    else if (kind === 5) record.splice(at, 0, randomBelow(random, 256));
    else if (kind === 6) record.splice(at, 1 + randomBelow(random, 3));
    else record.length = at;
  }
  return Uint8Array.from(record);
}

test('what is no record is refused with a clear error', () => {
  assertRefused(new Uint8Array(0));
  assertRefused(new Uint8Array(100));
  assertRefused(encodeBencode([]));
  assertRefused(encodeBencode({}));
  assertRefused(new TextEncoder().encode('l'.repeat(5000)));
  for (const key of ['infoHash', 'directory', 'isClean', 'have', 'files', 'partials', 'filePriorities', 'trackers']) {
    assertRefused(withKeys({ [key]: undefined }), new RegExp(`its ${key} `));
  }
  for (const key of ['peers', 'uploadedBytes', 'downloadedBytes', 'seedingSeconds', 'addedUnixTime', 'isPaused']) {
    assertRefused(withKeys({ [key]: undefined }), new RegExp(`its ${key} `));
  }
});

test('values out of range are refused', () => {
  assertRefused(withKeys({ infoHash: 'ABCDEF' }));
  assertRefused(withKeys({ directory: Uint8Array.of(0xff) }));
  assertRefused(withKeys({ isClean: 2 }));
  assertRefused(withKeys({ isPaused: 'yes' }));
  assertRefused(withKeys({ uploadedBytes: -1 }));
  assertRefused(withKeys({ downloadedBytes: 2n ** 60n }));
  assertRefused(withKeys({ completedUnixTime: 'never' }));
  assertRefused(withKeys({ filePriorities: Uint8Array.of(8) }));
  assertRefused(withKeys({ files: new Uint8Array(15) }));
  assertRefused(withKeys({ files: new Uint8Array(16).fill(0xff) }), /its files/);
  assertRefused(withKeys({ partials: [[1, new Uint8Array(0)]] }));
  assertRefused(withKeys({ partials: [[2, Uint8Array.of(1)]].concat([[2, Uint8Array.of(1)]]) }), /its partials/);
  assertRefused(withKeys({ partials: [[LIMITS.pieceCountMax, Uint8Array.of(1)]] }));
  assertRefused(withKeys({ trackers: [['http://a/', 0]] }));
  assertRefused(withKeys({ peers: [new Uint8Array(5)] }));
  assertRefused(withKeys({ peers: [new Uint8Array(6)] }), /its peers/);
});

test('each limit is refused when it is passed, and not before', () => {
  const atLimit = {
    directory: 'd'.repeat(LIMITS.resumePathBytesMax),
    infoBytes: new Uint8Array(LIMITS.metadataBytesMax),
    have: new Uint8Array(Math.ceil(LIMITS.pieceCountMax / 8)),
    files: new Uint8Array(16 * (LIMITS.fileCountMax + 1)),
    filePriorities: new Uint8Array(LIMITS.fileCountMax),
    peers: new Array(LIMITS.resumePeersMax).fill(Uint8Array.of(9, 9, 9, 9, 0, 1)),
    partials: Array.from({ length: LIMITS.resumePartialsMax }, (_, piece) => [piece, Uint8Array.of(1)]),
  };
  assert.equal(decodeResumeData(withKeys(atLimit)).partials.length, LIMITS.resumePartialsMax);
  assertRefused(withKeys({ directory: `${atLimit.directory}d` }), /its directory/);
  assertRefused(withKeys({ infoBytes: new Uint8Array(LIMITS.metadataBytesMax + 1) }), /its infoBytes/);
  assertRefused(withKeys({ have: new Uint8Array(atLimit.have.length + 1) }), /its have/);
  assertRefused(withKeys({ files: new Uint8Array(atLimit.files.length + 16) }), /its files/);
  assertRefused(withKeys({ filePriorities: new Uint8Array(LIMITS.fileCountMax + 1) }), /its filePriorities/);
  assertRefused(withKeys({ peers: [...atLimit.peers, atLimit.peers[0]] }), /its peers/);
  const onePartialMore = [...atLimit.partials, [LIMITS.resumePartialsMax, Uint8Array.of(1)]];
  assertRefused(withKeys({ partials: onePartialMore }), /its partials/);
  const longId = new Uint8Array(LIMITS.trackerIdBytesMax + 1);
  assertRefused(withKeys({ trackers: [['http://a/', 0, longId]] }), /its trackers/);
  assertRefused(new Uint8Array(LIMITS.stateRecordBytesMax + 1), /more than/);
});

test('lists beyond their limits are cut when a record is made, and the record can be read', () => {
  const peers = new Array(LIMITS.resumePeersMax + 5).fill(EXAMPLE.peers[0]);
  assert.equal(decodeResumeData(encodeResumeData({ ...EXAMPLE, peers })).peers.length, LIMITS.resumePeersMax);
  // Pieces of 512 MiB, and far more of them than could be unfinished: the largest record there can be.
  const partials = Array.from({ length: LIMITS.resumePartialsMax }, (_, piece) => ({
    piece,
    blocks: new Uint8Array(4096),
  }));
  const largest = { ...EXAMPLE, partials, infoBytes: new Uint8Array(LIMITS.metadataBytesMax) };
  const decoded = decodeResumeData(
    encodeResumeData({ ...largest, files: new Array(LIMITS.fileCountMax).fill(EXAMPLE.files[0]) }),
  );
  assert.equal(decoded.partials.length, LIMITS.resumePartialsBytesMax / 4096);
});

test('a record from before waits and added trackers were kept is read', () => {
  const trackerId = Uint8Array.of(1);
  const record = withKeys({ trackers: [['http://t:80/announce', 17, trackerId]], addedTrackers: undefined });
  const { trackers, addedTrackers } = decodeResumeData(record);
  assert.deepEqual(trackers, [{ key: 'http://t:80/announce', notBeforeUnixTime: 17, waitSeconds: 86_400, trackerId }]);
  assert.deepEqual(addedTrackers, []);
});

test('added trackers have their limits too', () => {
  const longest = `http://t/${'a'.repeat(LIMITS.trackerUrlBytesMax - 'http://t/'.length)}`;
  const urls = new Array(LIMITS.trackersPerTorrentMax).fill(longest);
  assert.equal(decodeResumeData(withKeys({ addedTrackers: urls })).addedTrackers.length, urls.length);
  assertRefused(withKeys({ addedTrackers: [...urls, 'http://t/'] }), /its addedTrackers/);
  assertRefused(withKeys({ addedTrackers: [`${longest}a`] }), /its addedTrackers/);
});

test('a record of a newer version says so; keys that are not known are passed over', () => {
  assertRefused(withKeys({ version: 2 }), /newer dtorrent/);
  assertRefused(withKeys({ version: 0 }), /its version/);
  assert.deepEqual(decodeResumeData(withKeys({ zebra: [1, 'x'] })), EXAMPLE);
});
