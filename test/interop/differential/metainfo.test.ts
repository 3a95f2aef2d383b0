/**
 * Our reading of torrent files against the npm library `parse-torrent` 11: generated v1 torrents, the real ones of
 * webtorrent-fixtures, and the odd ones of libtorrent's tests. Everything is equal, but for what DIFFERENCES excuses.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { toHex } from '../../../src/base/bytes.js';
import { DtorrentError } from '../../../src/base/errors.js';
import { type BencodeInput, encodeBencode } from '../../../src/format/bencode.js';
import { parseMetainfo } from '../../../src/format/metainfo.js';
import { NPM_PACKAGE } from '../../harness/npm-package.js';
import { SHARED } from '../../harness/repository.js';
import { type Formats, loadFormats, type TheirTorrent } from './formats.js';

const FOLDERS = [
  join(NPM_PACKAGE, 'node_modules', 'webtorrent-fixtures', 'fixtures'),
  join(SHARED, 'fixtures', 'torrents'),
];
const FILES = FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.torrent'))
    .map((name) => join(folder, name)),
);

const TRAVERSAL =
  'they resolve "..", which leads out of the directory of the torrent; we keep the element as a safe name';
const BACKSLASH = 'a backslash separates directories on Windows; our paths are safe on every system';
const ODD_LENGTHS = 'lengths below zero, or of nothing at all, are no torrent';
const WEB_SEEDS = 'web seeds of several files end in a slash, and are percent-encoded for the request';
const INCONSISTENT_V2 = 'they read the v1 half alone; its v2 half is malformed, or describes other files';

/** File -> the fields that differ, or who refuses it alone, and why. */
const DIFFERENCES: Readonly<Record<string, { readonly differs: readonly string[]; readonly why: string }>> = {
  'hidden_parent_path.torrent': { differs: ['files'], why: TRAVERSAL },
  'parent_path.torrent': { differs: ['files'], why: TRAVERSAL },
  'invalid_name2.torrent': { differs: ['name', 'files'], why: TRAVERSAL },
  'slash_path3.torrent': { differs: ['name', 'files'], why: TRAVERSAL },
  'invalid_filename.torrent': { differs: ['name', 'files'], why: BACKSLASH },
  'invalid_filename2.torrent': { differs: ['name', 'files'], why: `${BACKSLASH}; and two files get two paths` },
  'invalid_name3.torrent': { differs: ['name', 'files'], why: 'a space at the end of a name cannot exist on Windows' },
  'long_name.torrent': { differs: ['name', 'files'], why: 'file systems take 255 bytes' },
  'invalid_pieces.torrent': { differs: ['we refuse it'], why: 'its piece hashes are no multiple of 20 bytes' },
  'many_pieces.torrent': { differs: ['we refuse it'], why: "so many pieces are past our limit, and libtorrent's" },
  'negative_file_size.torrent': { differs: ['we refuse it'], why: ODD_LENGTHS },
  'negative_size.torrent': { differs: ['we refuse it'], why: ODD_LENGTHS },
  'zero.torrent': { differs: ['we refuse it'], why: ODD_LENGTHS },
  'zero2.torrent': { differs: ['we refuse it'], why: ODD_LENGTHS },
  'pad_file.torrent': {
    differs: ['infoHash'],
    why: 'its keys are not sorted: they hash what they encode again, we what was sent, as libtorrent does',
  },
  'pad_file_no_path.torrent': { differs: ['they refuse it'], why: 'padding needs no path' },
  'symlink1.torrent': { differs: ['files'], why: 'a symbolic link has no data of its own (BEP 47)' },
  'url_list.torrent': { differs: ['webSeeds'], why: 'an empty string is no URL' },
  'url_list2.torrent': { differs: ['they refuse it'], why: 'a malformed url-list is left out: nothing depends on it' },
  'url_list3.torrent': { differs: ['they refuse it'], why: 'a malformed url-list is left out: nothing depends on it' },
  'url_seed_multi.torrent': { differs: ['webSeeds'], why: WEB_SEEDS },
  'url_seed_multi_space.torrent': { differs: ['webSeeds'], why: WEB_SEEDS },
  'url_seed_multi_space_nolist.torrent': { differs: ['webSeeds'], why: WEB_SEEDS },
  'v2_hybrid.torrent': { differs: ['files'], why: 'padding lies in .pad, as BEP 47 recommends, whatever it is called' },
  'v2_bad_file_alignment.torrent': { differs: ['we refuse it'], why: INCONSISTENT_V2 },
  'v2_invalid_file.torrent': { differs: ['we refuse it'], why: INCONSISTENT_V2 },
  'v2_mismatching_metadata.torrent': { differs: ['we refuse it'], why: INCONSISTENT_V2 },
  'whitespace_url.torrent': { differs: ['trackers'], why: 'white space around a URL is not part of it' },
};

/** What both are compared by. */
interface Reading {
  readonly infoHash: string;
  readonly name: string;
  readonly pieceLength: number;
  readonly pieces: readonly string[];
  /** `path length` */
  readonly files: readonly string[];
  readonly trackers: readonly string[];
  readonly webSeeds: readonly string[];
  readonly private: boolean;
  readonly comment: string | null;
  readonly createdBy: string | null;
  readonly creationDate: number | null;
}

const FIELDS = [
  'infoHash',
  'name',
  'pieceLength',
  'pieces',
  'files',
  'trackers',
  'webSeeds',
  'private',
  'comment',
  'createdBy',
  'creationDate',
] as const satisfies readonly (keyof Reading)[];

test('generated v1 torrents are read alike', async (t) => {
  const formats = await loadFormats(t);
  if (formats === null) return;
  await fc.assert(
    fc.asyncProperty(anyTorrent(), async (bytes) => {
      assert.deepEqual(readOurs(bytes), await readTheirs(formats, bytes));
    }),
    { numRuns: 500 },
  );
});

for (const file of FILES) {
  test(`${basename(file)} is read alike`, async (t) => {
    const formats = await loadFormats(t);
    if (formats === null) return;
    const bytes = readFileSync(file);
    const ours = readOurs(bytes);
    const theirs = await readTheirs(formats, bytes);
    assert.deepEqual(
      differencesOf(ours, theirs),
      DIFFERENCES[basename(file)]?.differs ?? [],
      JSON.stringify({ ours, theirs }),
    );
  });
}

test('no difference is excused of a file that is not there', () => {
  const names = FILES.map((file) => basename(file));
  assert.deepEqual(
    Object.keys(DIFFERENCES).filter((name) => !names.includes(name)),
    [],
  );
});

/** As DIFFERENCES writes them. */
function differencesOf(ours: Reading | 'refused', theirs: Reading | 'refused'): readonly string[] {
  if (ours === 'refused') return theirs === 'refused' ? [] : ['we refuse it'];
  if (theirs === 'refused') return ['they refuse it'];
  return FIELDS.filter((field) => !isDeepStrictEqual(ours[field], theirs[field]));
}

function readOurs(bytes: Uint8Array): Reading | 'refused' {
  try {
    const torrent = parseMetainfo(bytes);
    const { infoHash, v1Pieces } = torrent;
    if (infoHash.v1 === null || v1Pieces === null) return 'refused';
    return {
      infoHash: toHex(infoHash.v1),
      name: torrent.name,
      pieceLength: torrent.pieceLength,
      pieces: Array.from({ length: v1Pieces.length / 20 }, (_, i) => toHex(v1Pieces.subarray(20 * i, 20 * i + 20))),
      files: torrent.files.map(({ path, lengthBytes }) => `${path.join('/')} ${lengthBytes}`),
      trackers: torrent.trackers.flat(),
      webSeeds: torrent.webSeeds,
      private: torrent.isPrivate,
      comment: torrent.comment,
      createdBy: torrent.createdBy,
      creationDate: torrent.creationDate,
    };
  } catch (error) {
    assert.ok(error instanceof DtorrentError && error.code !== 'EINTERNAL', String(error));
    return 'refused';
  }
}

async function readTheirs(formats: Formats, bytes: Uint8Array): Promise<Reading | 'refused'> {
  let torrent: TheirTorrent;
  try {
    torrent = await formats.parseTorrent(bytes);
  } catch {
    return 'refused';
  }
  return {
    infoHash: torrent.infoHash,
    name: torrent.name,
    pieceLength: torrent.pieceLength,
    pieces: torrent.pieces,
    files: torrent.files.map(({ path, length }) => `${path} ${length}`),
    trackers: torrent.announce,
    webSeeds: torrent.urlList,
    private: torrent.private ?? false,
    comment: torrent.comment ?? null,
    createdBy: torrent.createdBy ?? null,
    creationDate: torrent.created === undefined ? null : torrent.created.getTime() / 1000,
  };
}

/** A torrent that nobody could mind; what we make of odd names is not for them to say. */
function anyTorrent(): fc.Arbitrary<Uint8Array> {
  const name = fc.stringMatching(/^[a-zA-Z0-9éü日本][a-zA-Z0-9 ._éü日本-]{0,10}[a-zA-Z0-9éü日本]$/);
  const url = fc.webUrl({ withQueryParameters: true });
  return fc
    .record({
      name,
      pieceLength: fc.constantFrom(16_384, 32_768, 1 << 20),
      files: fc.array(
        fc.record({ path: fc.array(name, { maxLength: 2 }), length: fc.integer({ min: 1, max: 200_000 }) }),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
      isSingle: fc.boolean(),
      filler: fc.nat(255),
      isPrivate: fc.option(fc.boolean()),
      trackers: fc.array(fc.array(url, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
      webSeeds: fc.array(
        url.map((base) => base.replace(/[?#].*|\/*$/, '/')),
        { maxLength: 2 },
      ),
      comment: fc.option(fc.string({ minLength: 1, unit: 'grapheme' })),
      creationDate: fc.option(fc.integer({ min: 1, max: 4_000_000_000 })),
    })
    .map((drawn): Uint8Array => {
      // Numbered, so that no path is another's, or its directory.
      const files = drawn.files.map(({ path, length }, i) => ({ length, path: [`${i}`, ...path] }));
      const length = files.reduce((sum, file) => sum + file.length, 0);
      const info: Record<string, BencodeInput> = {
        name: drawn.name,
        'piece length': drawn.pieceLength,
        pieces: new Uint8Array(20 * Math.ceil(length / drawn.pieceLength)).fill(drawn.filler),
        ...(drawn.isSingle ? { length } : { files }),
        ...(drawn.isPrivate === null ? {} : { private: Number(drawn.isPrivate) }),
      };
      return encodeBencode({
        info,
        ...(drawn.trackers.length === 0 ? {} : { announce: drawn.trackers[0]![0]!, 'announce-list': drawn.trackers }),
        ...(drawn.webSeeds.length === 0 ? {} : { 'url-list': drawn.webSeeds }),
        ...(drawn.comment === null ? {} : { comment: drawn.comment }),
        ...(drawn.creationDate === null ? {} : { 'creation date': drawn.creationDate }),
      });
    });
}
