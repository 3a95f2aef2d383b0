import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, toHex } from '../base/bytes.js';
import { sha1, sha256 } from '../base/crypto.js';
import { DtorrentError, type ErrorCode } from '../base/errors.js';
import { HASH_BYTES, merkleRoot, pieceLeafCount } from '../format/merkle.js';
import { parseMetainfo } from '../format/metainfo.js';
import { contentOf, HYBRID_TORRENT, V1_INFO_HASH, V1_PIECES, V2_TORRENT } from '../format/testing/example-torrents.js';
import { type CreateTorrentOptions, createTorrent } from './create-torrent.js';

const KIB = 1024;
const EXAMPLE: CreateTorrentOptions = { trackers: [['http://example.com/announce']], createdBy: null };
/** Long before the test, so that any later write changes it. */
const LISTED_AT = new Date(1_600_000_000_000);

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-create-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Writes `name/path` with the content that the vectors have at `path`. @returns the path of `name`. */
function writeFiles(
  name: string,
  lengths: Readonly<Record<string, number>>,
  content: (seed: string, length: number) => Uint8Array = contentOf,
): string {
  for (const [path, length] of Object.entries(lengths)) {
    const full = join(directory, name, path);
    mkdirSync(join(full, '..'), { recursive: true });
    writeFileSync(full, content(path === '' ? name : path, length));
    utimesSync(full, LISTED_AT, LISTED_AT);
  }
  return join(directory, name);
}

/** Quickly made, for tests that need much. */
function zeros(_seed: string, length: number): Uint8Array {
  return new Uint8Array(length);
}

const TREE = { 'a.txt': 1000, 'b.bin': 70_000, empty: 0, 'sub/c.bin': 16_384 };

async function assertFails(creation: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(creation, (error) => {
    assert.ok(error instanceof DtorrentError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

for (const workers of [0, 2]) {
  test(`the reference creator's v2 and hybrid torrents come out byte for byte (${workers} workers)`, async () => {
    const path = writeFiles('tree', TREE);
    const options = { ...EXAMPLE, pieceLength: 32 * KIB, workers };
    const v2 = await createTorrent(path, { ...options, kind: 'v2' });
    assert.equal(Buffer.from(v2.bytes).toString('latin1'), Buffer.from(V2_TORRENT).toString('latin1'));
    const hybrid = await createTorrent(path, options);
    assert.equal(Buffer.from(hybrid.bytes).toString('latin1'), Buffer.from(HYBRID_TORRENT).toString('latin1'));
  });
}

test('a v1 file has the known pieces and info-hash', async () => {
  const path = writeFiles('v1.bin', { '': 40_000 });
  const { bytes, infoHash } = await createTorrent(path, { kind: 'v1', pieceLength: 16 * KIB });
  assert.deepEqual(parseMetainfo(bytes).v1Pieces, V1_PIECES);
  assert.equal(toHex(infoHash.v1!), V1_INFO_HASH);
  assert.equal(infoHash.v2, null);
});

test('a single file has the known v2 and hybrid info-hashes', async () => {
  const path = writeFiles('single.bin', { '': 1_000_000 });
  const v2 = await createTorrent(path, { kind: 'v2', pieceLength: 64 * KIB });
  assert.equal(toHex(v2.infoHash.v2!), 'c17937d73b1c7b83a8aa73c2a080faed179de9a056cf188086a401cd720284cd');
  const hybrid = await createTorrent(path, { pieceLength: 64 * KIB });
  assert.equal(toHex(hybrid.infoHash.v1!), '80fb30b8a95a001b54da9722bd62738d437e964b');
  assert.equal(toHex(hybrid.infoHash.v2!), '107f8e6e00ae1821ded0b80b5f4a26e8e9fdc1a450c21cc6778ca8d4036f9ced');
});

test('the same files and options give the same bytes, on whatever threads', async () => {
  const path = writeFiles('tree', { ...TREE, big: 9_000_000, 'sub/d': 333_333 });
  const inline = await createTorrent(path, { workers: 0 });
  assert.deepEqual(await createTorrent(path, { workers: 1 }), inline);
  assert.deepEqual(await createTorrent(path, { workers: 3 }), inline);
  assert.deepEqual(await createTorrent(path), inline);
  assert.equal(parseMetainfo(inline.bytes).creationDate, null);
});

test('the default is a hybrid made by this client, named after its path', async () => {
  const { bytes, infoHash, skippedPaths } = await createTorrent(writeFiles('tree', TREE));
  const metainfo = parseMetainfo(bytes);
  assert.ok(infoHash.v1 !== null && infoHash.v2 !== null);
  assert.deepEqual([metainfo.name, metainfo.pieceLength], ['tree', 16 * KIB]);
  assert.match(metainfo.createdBy!, /^dtorrent /);
  assert.deepEqual(skippedPaths, []);
});

test('every field that is given is written', async () => {
  const { bytes } = await createTorrent(writeFiles('tree', TREE), {
    trackers: [['http://a/'], ['http://b/']],
    webSeeds: ['http://w/'],
    isPrivate: true,
    comment: 'c',
    source: 's',
    createdBy: 'b',
    creationDate: 1_700_000_000,
    name: 'other name',
  });
  const { trackers, webSeeds, isPrivate, comment, source, createdBy, creationDate, name, files } = parseMetainfo(bytes);
  assert.deepEqual(
    { trackers, webSeeds, isPrivate, comment, source, createdBy, creationDate, name, path: files[0]!.path },
    {
      trackers: [['http://a/'], ['http://b/']],
      webSeeds: ['http://w/'],
      isPrivate: true,
      comment: 'c',
      source: 's',
      createdBy: 'b',
      creationDate: 1_700_000_000,
      name: 'other name',
      path: ['other name', 'a.txt'],
    },
  );
});

test('the creation date may be that of the newest file, wherever it lies', async () => {
  const path = writeFiles('tree', TREE);
  const names = Object.keys(TREE);
  for (const [i, name] of names.entries()) utimesSync(join(path, name), 1_600_000_000, 1_600_000_000.5 + i);
  const { bytes } = await createTorrent(path, { creationDate: 'newestFile' });
  assert.equal(parseMetainfo(bytes).creationDate, 1_600_000_000 + names.length - 1);
});

test('digests are those of the whole data, however it is cut (random)', async () => {
  const length = fc.oneof(fc.nat(300_000), fc.constantFrom(0, 16_384, 32_768, 65_536, 65_537, 262_144, 262_145));
  const shapes = fc.record({
    lengths: fc.array(length, { minLength: 1, maxLength: 5 }).filter((lengths) => lengths.some((bytes) => bytes > 0)),
    pieceLength: fc.constantFrom(16 * KIB, 64 * KIB, 512 * KIB),
    kind: fc.constantFrom('v1' as const, 'v2' as const, 'hybrid' as const),
  });
  await fc.assert(
    fc.asyncProperty(shapes, async ({ lengths, pieceLength, kind }) => {
      rmSync(join(directory, 'cut'), { recursive: true, force: true });
      const path = writeFiles('cut', Object.fromEntries(lengths.map((bytes, i) => [`f${i}`, bytes])));
      const { bytes } = await createTorrent(path, { kind, pieceLength, workers: 0 });
      const metainfo = parseMetainfo(bytes);
      if (kind !== 'v2') assert.deepEqual(metainfo.v1Pieces, slowV1(metainfo.files, pieceLength));
      for (const file of metainfo.files) {
        if (file.piecesRoot !== null) {
          assert.equal(toHex(file.piecesRoot), toHex(slowRoot(contentOf(file.path.at(-1)!, file.lengthBytes))));
        }
      }
    }),
    { numRuns: 15 },
  );
});

interface ReadFile {
  readonly path: readonly string[];
  readonly lengthBytes: number;
  readonly padding: boolean;
}

/** The definition: everything in one array, cut into pieces. */
function slowV1(files: readonly ReadFile[], pieceLength: number): Uint8Array {
  const all = concatBytes(
    files.map(({ path, lengthBytes, padding }) =>
      padding ? new Uint8Array(lengthBytes) : contentOf(path.at(-1)!, lengthBytes),
    ),
  );
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < all.length; i += pieceLength) pieces.push(sha1(all.subarray(i, i + pieceLength)));
  return concatBytes(pieces);
}

/** The definition: one tree over all blocks of the file. */
function slowRoot(content: Uint8Array): Uint8Array {
  const leaves: Uint8Array[] = [];
  for (let i = 0; i < content.length; i += 16 * KIB) leaves.push(sha256(content.subarray(i, i + 16 * KIB)));
  assert.equal(concatBytes(leaves).length, leaves.length * HASH_BYTES);
  return merkleRoot(concatBytes(leaves), { width: pieceLeafCount(content.length, 2 ** 40) });
}

for (const workers of [0, 2]) {
  test(`progress only grows, and ends at what there is to read (${workers} workers)`, async () => {
    const seen: number[] = [];
    const totals = new Set<number>();
    await createTorrent(writeFiles('tree', { a: 20_000_000, b: 7 }, zeros), {
      workers,
      onProgress: ({ bytesHashed, bytesTotal }) => {
        seen.push(bytesHashed);
        totals.add(bytesTotal);
      },
    });
    assert.ok(seen.length >= 4);
    assert.deepEqual(
      seen,
      [...seen].sort((a, b) => a - b),
    );
    assert.deepEqual([seen.at(-1), ...totals], [20_000_007, 20_000_007]);
  });

  test(`an abort while hashing stops it (${workers} workers)`, async () => {
    const stop = new AbortController();
    let calls = 0;
    const creation = createTorrent(writeFiles('big', { '': 50_000_000 }, zeros), {
      workers,
      signal: stop.signal,
      onProgress: () => {
        calls++;
        stop.abort();
      },
    });
    await assertFails(creation, 'ESTOPPED', /stopped/);
    assert.equal(calls, 1);
  });

  test(`an error of the progress listener is what the creation ends with (${workers} workers)`, async () => {
    const mine = new Error('mine');
    const creation = createTorrent(writeFiles('big', { '': 9_000_000 }, zeros), {
      workers,
      onProgress: () => {
        throw mine;
      },
    });
    await assert.rejects(creation, mine);
  });

  for (const [change, apply] of [
    ['grows', (path: string) => appendFileSync(path, 'x')],
    ['shrinks', (path: string) => truncateSync(path, 10)],
    ['is written anew', (path: string) => writeFileSync(path, zeros('other', 30_000_000))],
    ['is removed', (path: string) => rmSync(path)],
  ] as const) {
    test(`a file that ${change} while it is read ends the creation, and is named (${workers} workers)`, async () => {
      const path = writeFiles('tree', { a: 30_000_000 }, zeros);
      let isChanged = false;
      const creation = createTorrent(path, {
        workers,
        onProgress: () => {
          if (!isChanged) apply(join(path, 'a'));
          isChanged = true;
        },
      });
      const code = change === 'is removed' ? 'EFILEOPEN' : 'EFILEIO';
      await assertFails(creation, code, /tree.a/);
    });
  }
}

test('an abort before the start reads nothing', async () => {
  const creation = createTorrent(writeFiles('a', { '': 5 }), { signal: AbortSignal.abort() });
  await assertFails(creation, 'ESTOPPED', /stopped/);
});

test('a path that does not exist is named', async () => {
  await assertFails(createTorrent(join(directory, 'nothing')), 'ENOTFOUND', /there is no .*nothing/);
});

test('a directory without data makes no torrent', async () => {
  await assertFails(createTorrent(directory), 'ETORRENT', /nothing to share/);
  await assertFails(createTorrent(writeFiles('hollow', { a: 0, 'b/c': 0 })), 'ETORRENT', /no data in "hollow"/);
  await assertFails(createTorrent(writeFiles('zero', { '': 0 })), 'ETORRENT', /no data in "zero"/);
});

test('options that no torrent may have are refused, and none is read for them', async () => {
  const path = writeFiles('a', { '': 5 });
  const onProgress = (): void => assert.fail('something was hashed');
  await assertFails(createTorrent(path, { pieceLength: 1000, onProgress }), 'EOPTION', /power of two/);
  await assertFails(createTorrent(path, { trackers: [['nowhere']], onProgress }), 'EOPTION', /no tracker URL/);
  await assertFails(createTorrent(path, { name: '..', onProgress }), 'EOPTION', /cannot be named/);
});
