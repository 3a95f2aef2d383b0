import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex, toLatin1 } from '../base/bytes.js';
import { sha1, sha256 } from '../base/crypto.js';
import { DtorrentError, type ErrorCode } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import {
  assembleTorrent,
  defaultPieceLength,
  type PieceDigests,
  type PlanOptions,
  planTorrent,
  type SourceFile,
  type TorrentKind,
  type TorrentPlan,
} from './create-torrent.js';
import { magnetOf } from './magnet.js';
import { parseMetainfo } from './metainfo.js';
import { plainFields } from './testing/plain-fields.js';
import { checkTorrentFields, type TorrentFields } from './torrent-fields.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const KINDS: readonly TorrentKind[] = ['v1', 'v2', 'hybrid'];
const FIELDS = plainFields('name');

function file(path: string, lengthBytes: number, executable = false): SourceFile {
  return { path: path === '' ? [] : path.split('/'), lengthBytes, executable };
}

interface Given extends Partial<TorrentFields>, Partial<Omit<PlanOptions, 'fields'>> {}

function plan(
  files: readonly SourceFile[],
  { kind = 'hybrid', pieceLength = 32 * KIB, ...fields }: Given = {},
): TorrentPlan {
  return planTorrent(files, { kind, pieceLength, fields: { ...FIELDS, ...fields } });
}

/** Hashes that nothing has, but of the right number. */
function madeUpDigests({ kind, pieceCount }: TorrentPlan): PieceDigests {
  const hashes = (length: number, hash: (bytes: Uint8Array) => Uint8Array): Uint8Array => {
    const all = new Uint8Array(pieceCount * length);
    for (let i = 0; i < pieceCount; i++) all.set(hash(Uint8Array.of(i >> 8, i)), i * length);
    return all;
  };
  return {
    v1: kind === 'v2' ? new Uint8Array(0) : hashes(20, sha1),
    v2: kind === 'v1' ? new Uint8Array(0) : hashes(32, sha256),
  };
}

function torrentOf(files: readonly SourceFile[], given: Given = {}): Uint8Array {
  const made = plan(files, given);
  return assembleTorrent(made, madeUpDigests(made)).bytes;
}

/** `path length` or `pad length`, each with its offset, in order. */
function outline({ files }: TorrentPlan): string[] {
  return files.map(({ source, lengthBytes, offsetBytes }) => {
    const name = source === null ? 'pad' : source.path.join('/');
    return `${name} ${lengthBytes} @${offsetBytes}`;
  });
}

function assertRefused(code: ErrorCode, message: RegExp, make: () => unknown): void {
  assert.throws(make, (error) => error instanceof DtorrentError && error.code === code && message.test(error.message));
}

test('files are sorted element by element, as UTF-8 bytes', () => {
  const paths = ['b', 'a.txt', 'a/z', 'a/B', 'Z', '\u{1f600}', '\uff5e', 'é', 'a/b/c'];
  const sorted = plan(
    paths.map((path) => file(path, 1)),
    { kind: 'v1' },
  ).files.map(({ source }) => source!.path.join('/'));
  assert.deepEqual(sorted, ['Z', 'a/B', 'a/b/c', 'a/z', 'a.txt', 'b', 'é', '\uff5e', '\u{1f600}']);
});

test('a v1 torrent is one stream, with neither padding nor gaps', () => {
  const made = plan([file('a', 1000), file('b', 70_000), file('c', 0), file('d', 16_384)], { kind: 'v1' });
  assert.deepEqual(outline(made), ['a 1000 @0', 'b 70000 @1000', 'c 0 @71000', 'd 16384 @71000']);
  assert.deepEqual([made.pieceCount, made.endBytes, made.totalLength], [3, 87_384, 87_384]);
});

test('a hybrid pads every file to a piece boundary, the last one too', () => {
  const made = plan([file('a', 1000), file('b', 70_000), file('c', 0), file('d', 32_768), file('e', 16_384)]);
  assert.deepEqual(outline(made), [
    'a 1000 @0',
    'pad 31768 @1000',
    'b 70000 @32768',
    'pad 28304 @102768',
    'c 0 @131072',
    'd 32768 @131072',
    'e 16384 @163840',
    'pad 16384 @180224',
  ]);
  assert.deepEqual([made.pieceCount, made.endBytes, made.totalLength], [6, 196_608, 120_152]);
});

test('a lone file is not padded, in a directory or not', () => {
  for (const path of ['', 'a', 'a/b']) assert.equal(plan([file(path, 1000)]).files.length, 1);
});

test('a v2 torrent has gaps instead of padding', () => {
  const made = plan([file('a', 1000), file('b', 70_000), file('c', 0), file('d', 16_384)], { kind: 'v2' });
  assert.deepEqual(outline(made), ['a 1000 @0', 'b 70000 @32768', 'c 0 @102768', 'd 16384 @131072']);
  assert.deepEqual([made.pieceCount, made.endBytes, made.totalLength], [5, 147_456, 87_384]);
});

test('the default piece length makes 1024 to 2048 pieces, between 16 KiB and 16 MiB', () => {
  const lengths = [1, 32 * MIB, 32 * MIB + 1, 1024 * MIB, 2 ** 31 + 1, 2 ** 40].map(defaultPieceLength);
  assert.deepEqual(lengths, [16 * KIB, 16 * KIB, 32 * KIB, 512 * KIB, 2 * MIB, 16 * MIB]);
  assert.equal(defaultPieceLength(2 ** 44), 16 * MIB);
  assert.equal(defaultPieceLength(2 ** 44 + 1), 32 * MIB);
  for (const total of [2 ** 44, 2 ** 45, 2 ** 48]) assert.ok(total / defaultPieceLength(total) < LIMITS.pieceCountMax);
});

test('a piece length that is no power of two from 16 KiB to 512 MiB is refused', () => {
  for (const pieceLength of [0, -16_384, 8192, 16_385, 49_152, 16_384.5, Number.NaN, 2 * LIMITS.pieceLengthBytesMax]) {
    for (const kind of KINDS) {
      assertRefused('EOPTION', /no power of two/, () => plan([file('a', 1)], { kind, pieceLength }));
    }
  }
  assert.equal(plan([file('a', 1)], { pieceLength: LIMITS.pieceLengthBytesMax }).pieceCount, 1);
});

test('more pieces than readers take are refused before anything is hashed', () => {
  const most = LIMITS.pieceCountMax * 16 * KIB;
  assert.equal(plan([file('a', most)], { pieceLength: 16 * KIB }).pieceCount, LIMITS.pieceCountMax);
  assertRefused('EOPTION', /choose a larger piece length/, () =>
    plan([file('a', most + 1)], { pieceLength: 16 * KIB }),
  );
});

test('nothing to share is refused', () => {
  assertRefused('ETORRENT', /no data in "name"/, () => plan([]));
  assertRefused('ETORRENT', /no data in "name"/, () => plan([file('a', 0), file('b/c', 0)]));
});

test('bad fields are refused before anything is hashed', () => {
  assert.throws(() => checkTorrentFields({ ...FIELDS, name: 'a/b' }));
  assertRefused('EOPTION', /cannot be named/, () => plan([file('a', 1)], { name: 'a/b' }));
});

test('a torrent file above the limit is refused', () => {
  const made = plan([file('a', 1)], { comment: 'x'.repeat(LIMITS.torrentFileBytesMax) });
  assertRefused('EOPTION', /torrent file would have \d+ bytes/, () => assembleTorrent(made, madeUpDigests(made)));
});

test('a single v1 file is written as BEP 3 has it', () => {
  const text = toLatin1(torrentOf([file('', 5, true)], { kind: 'v1' }));
  const pieces = toLatin1(sha1(Uint8Array.of(0, 0)));
  assert.equal(text, `d4:infod4:attr1:x6:lengthi5e4:name4:name12:piece lengthi32768e6:pieces20:${pieces}ee`);
});

test('a single v2 file is named in the tree, and short files have no layer', () => {
  const text = toLatin1(torrentOf([file('', 5)], { kind: 'v2', name: 'é' }));
  const root = toLatin1(sha256(Uint8Array.of(0, 0)));
  const tree = `9:file treed2:\u00c3\u00a9d0:d6:lengthi5e11:pieces root32:${root}eee`;
  assert.equal(text, `d4:infod${tree}12:meta versioni2e4:name2:\u00c3\u00a912:piece lengthi32768ee12:piece layersdee`);
});

test('optional fields are written where readers look for them, and only when they are given', () => {
  const given: Given = {
    trackers: [[], ['http://a/', 'udp://b/'], ['http://c/']],
    webSeeds: ['http://w/'],
    isPrivate: true,
    comment: 'a comment',
    source: 'SRC',
    createdBy: 'a test',
    creationDate: 1_700_000_000,
  };
  const bytes = torrentOf([file('', 5)], given);
  const read = parseMetainfo(bytes);
  assert.deepEqual(read.trackers, [['http://a/', 'udp://b/'], ['http://c/']]);
  assert.match(toLatin1(bytes), /^d8:announce9:http:\/\/a\/13:announce-list/);
  assert.deepEqual(read.webSeeds, ['http://w/']);
  assert.deepEqual(
    [read.isPrivate, read.comment, read.source, read.createdBy, read.creationDate],
    [true, 'a comment', 'SRC', 'a test', 1_700_000_000],
  );
  assert.deepEqual(
    /private|comment|source|created|creation|announce|url-list/.exec(toLatin1(torrentOf([file('', 5)]))),
    null,
  );
});

test('private and source change the info-hash, comment and trackers do not', () => {
  const hashOf = (given: Given): string => toHex(parseMetainfo(torrentOf([file('a', 5)], given)).infoHash.v1!);
  const plain = hashOf({});
  assert.notEqual(hashOf({ isPrivate: true }), plain);
  assert.notEqual(hashOf({ source: 'x' }), plain);
  assert.equal(hashOf({ comment: 'x', trackers: [['http://a/']], creationDate: 5, createdBy: 'y' }), plain);
});

test('the magnet is the one that a reader makes: safe name, unique trackers, web seeds that are directories', () => {
  const given: Given = {
    name: ' a:b ',
    trackers: [['http://a/', ' http://a/ '], [], ['udp://b:1']],
    webSeeds: ['http://w/x y', 'http://w/z/'],
  };
  for (const kind of KINDS) {
    for (const files of [[file('', 5)], [file('a', 5)], [file('a', 5), file('b', 0)]]) {
      const made = plan(files, { ...given, kind });
      const { bytes, magnet } = assembleTorrent(made, madeUpDigests(made));
      assert.deepEqual(magnet, magnetOf(parseMetainfo(bytes)));
      const slash = files.length > 1 ? '/' : '';
      assert.deepEqual(magnet.webSeeds, [`http://w/x%20y${slash}`, 'http://w/z/']);
      assert.deepEqual(magnet.trackers, ['http://a/', 'udp://b:1']);
    }
  }
});

test('one tracker is announce alone', () => {
  const text = toLatin1(torrentOf([file('a', 5)], { trackers: [[], ['http://a/']] }));
  assert.match(text, /^d8:announce9:http:\/\/a\/4:info/);
});

test('what is made can be read: files, order, offsets, padding and hashes agree (random)', () => {
  const element = fc
    .string({ unit: fc.constantFrom('a', 'b', '.x', '_', 'é', '\u{1f600}'), minLength: 1, maxLength: 4 })
    .map((name) => `f${name}`);
  // Directories and files are named apart, so that none is both.
  const path = fc
    .tuple(
      fc.array(
        element.map((name) => `d${name}`),
        { maxLength: 3 },
      ),
      element,
    )
    .map(([directories, name]) => [...directories, name]);
  const length = fc.oneof(fc.nat(200_000), fc.constantFrom(0, 1, 16_383, 16_384, 16_385, 32_768, 65_536, 65_537));
  const files = fc.uniqueArray(fc.record({ path, lengthBytes: length, executable: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
    selector: (candidate) => candidate.path.join('/'),
  });
  fc.assert(
    fc.property(files, fc.constantFrom(...KINDS), fc.constantFrom(16 * KIB, 64 * KIB), (sources, kind, pieceLength) => {
      fc.pre(sources.some(({ lengthBytes }) => lengthBytes > 0));
      const made = plan(sources, { kind, pieceLength, name: 'root' });
      const digests = madeUpDigests(made);
      const { bytes, infoHash, magnet } = assembleTorrent(made, digests);
      const read = parseMetainfo(bytes);
      assert.deepEqual(read.infoHash, infoHash);
      assert.deepEqual(magnetOf(read), magnet);
      assert.equal(read.pieceCount, made.pieceCount);
      assert.equal(read.totalLength, made.totalLength);
      assert.deepEqual(read.v1Pieces, kind === 'v2' ? null : digests.v1);
      const stored = read.files.filter(({ padding }) => !padding);
      const planned = made.files.filter(({ source }) => source !== null);
      // v2 alone has no directory when the tree is one file: BEP 52 has no way to tell.
      const isBare = kind === 'v2' && sources.length === 1 && sources[0]!.path.length === 1;
      assert.deepEqual(
        stored.map((found) => [found.path.slice(isBare ? 0 : 1), found.lengthBytes, found.executable]),
        planned.map(({ source }) => [source!.path, source!.lengthBytes, source!.executable]),
      );
      for (const [i, found] of stored.entries()) {
        if (found.lengthBytes > 0) assert.equal(found.offsetBytes, planned[i]!.offsetBytes);
        if (found.lengthBytes === 0 || kind === 'v1') continue;
        const first = found.offsetBytes / pieceLength;
        const layer = digests.v2.subarray(first * 32, (first + Math.ceil(found.lengthBytes / pieceLength)) * 32);
        const expected =
          found.lengthBytes > pieceLength ? read.pieceLayers.get(toHex(found.piecesRoot!)) : found.piecesRoot;
        assert.deepEqual(expected, new Uint8Array(layer));
      }
    }),
  );
});

test('two files of one path are a bug of the caller, and so is a file that is a directory', () => {
  assert.throws(() => plan([file('a', 1), file('a', 2)]), DtorrentError);
  const made = plan([file('a', 1), file('a/b', 2)]);
  assert.throws(() => assembleTorrent(made, madeUpDigests(made)), DtorrentError);
});
