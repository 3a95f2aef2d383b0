/**
 * Every odd torrent file of libtorrent's own tests: what we make of it against what libtorrent 2.0.8 makes of it.
 * Messages are ours; results have to be equal, except where DIFFERENCES says why ours is better.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toHex } from '../../src/base/bytes.js';
import { DtorrentError } from '../../src/base/errors.js';
import { FileLayout, pieceHashesOf } from '../../src/format/file-layout.js';
import { parseMetainfo } from '../../src/format/metainfo.js';
import { SHARED } from '../harness/repository.js';

interface Expected {
  readonly ok: boolean;
  readonly [field: string]: unknown;
}

/** File -> the fields that differ, and why. */
const DIFFERENCES: Readonly<Record<string, { readonly fields: readonly string[]; readonly why: string }>> = {
  'invalid_name3.torrent': {
    fields: ['name', 'files'],
    why: 'a space at the end of a name cannot exist on Windows; our paths are the same on every platform',
  },
  'long_name.torrent': {
    fields: ['name', 'files'],
    why: 'our 240 bytes include the extension, so that a collision number still fits the 255 of file systems',
  },
  'pad_file_no_path.torrent': {
    fields: ['files'],
    why: "padding without a path gets one below the torrent's directory, like every file; it is never stored",
  },
  'v2_invalid_filename2.torrent': {
    fields: ['files'],
    why: 'libtorrent gives the file "\\" the path of the directory of all others; we rename it',
  },
  'v2_invalid_piece_layer_root.torrent': {
    fields: ['ok'],
    why: 'a layer that does not hash to its root would fail every piece of the file',
  },
  'v2_invalid_root_hash.torrent': {
    fields: ['ok'],
    why: 'a layer that does not hash to its root would fail every piece of the file',
  },
};

const FIXTURES = join(SHARED, 'fixtures', 'torrents');
const expectedOf = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as Record<string, Expected>;

for (const [file, expected] of Object.entries(expectedOf)) {
  test(`${file} is read as libtorrent reads it`, () => {
    const actual = read(file);
    const excused = DIFFERENCES[file]?.fields ?? [];
    const differing = Object.keys(actual).filter((field) => !isEqual(actual[field], expected[field]));
    if (!excused.includes('ok')) assert.deepEqual(differing, excused, JSON.stringify(actual));
    else assert.notEqual(actual.ok, expected.ok);
  });
}

test('all fixtures are there, and no difference is excused that does not exist', () => {
  assert.equal(Object.keys(expectedOf).length, 75);
  for (const file of Object.keys(DIFFERENCES)) assert.ok(Object.hasOwn(expectedOf, file), file);
});

/** The fields of expected.json, as we see them. */
function read(file: string): Expected {
  try {
    const metainfo = parseMetainfo(readFileSync(join(FIXTURES, file)));
    const layout = new FileLayout(metainfo);
    pieceHashesOf(metainfo);
    const { v1, v2 } = metainfo.infoHash;
    return {
      ok: true,
      name: metainfo.name,
      files: layout.files.map(({ path, lengthBytes, padding }) => ({
        length: lengthBytes,
        pad: padding,
        path: path.join('/'),
      })),
      numFiles: layout.files.length,
      pieceLength: layout.pieceLength,
      pieces: layout.pieceCount,
      private: metainfo.isPrivate,
      trackers: metainfo.trackers.flat(),
      v1: v1 === null ? null : toHex(v1),
      v2: v2 === null ? null : toHex(v2),
      // libtorrent keeps both kinds of seeds in one list.
      webSeeds: [...metainfo.webSeeds, ...metainfo.httpSeeds],
    };
  } catch (error) {
    assert.ok(error instanceof DtorrentError && error.code !== 'EINTERNAL', String(error));
    return { ok: false };
  }
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
