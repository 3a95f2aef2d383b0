/**
 * Torrents that we make against those that libtorrent 2.0.8 makes of the same files: the info dictionary has to be the
 * same, byte for byte, and so the info-hash.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseMetainfo } from '../../src/format/metainfo.js';
import { createTorrent } from '../../src/node/create-torrent.js';
import { noise, type Tree, temporaryDirectory, writeTree } from '../harness/content.js';
import { run } from '../harness/process.js';
import { SHARED } from '../harness/repository.js';
import { requireClient } from './clients.js';

const PYTHON = '/usr/bin/python3';
const KIB = 1024;
const KINDS = ['v1', 'v2', 'hybrid'] as const;

/**
 * libtorrent sorts the files of v2 and hybrid torrents, but takes those of v1 as the file system lists them: here they
 * are sorted first. arguments: PATH OUT PIECE_BYTES
 */
const CREATE_SORTED_V1 = `
import os, sys, libtorrent as lt
path, out, piece_bytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
found = lt.file_storage()
lt.add_files(found, path)
files = lt.file_storage()
for i in sorted(range(found.num_files()), key=lambda i: found.file_path(i).encode().split(b'/')):
    files.add_file(found.file_path(i), found.file_size(i), found.file_flags(i))
torrent = lt.create_torrent(files, piece_bytes, lt.create_torrent.v1_only)
lt.set_piece_hashes(torrent, os.path.dirname(path))
open(out, 'wb').write(lt.bencode(torrent.generate()))
`;

const NESTED: Tree = {
  '.hidden': 5,
  'a/c.bin': 16 * KIB,
  'a.d/q': 32 * KIB,
  'a.txt': 1000,
  'b.bin': 70_000,
  'deep/er/and/deeper/x': 1,
  'deep/er.x': 2,
  'é ü/日本': 3,
  Z: 300_001,
};

const SHAPES: readonly (readonly [string, Tree])[] = [
  ['one byte', { '': 1 }],
  ['one file', { '': 1_000_000 }],
  ['a nested tree', NESTED],
  ['empty files, first, between and last', { '0': 0, a: 10, 'b/empty': 0, c: 40_000, z: 0 }],
  ['a directory of one file', { only: 100_000 }],
  ['a directory of one file and an empty one', { only: 32 * KIB, other: 0 }],
  ['files of equal content size', { a: 64 * KIB, b: 64 * KIB, c: 64 * KIB }],
];

for (const kind of KINDS) {
  for (const [title, tree] of SHAPES) {
    for (const pieceLength of [16 * KIB, 32 * KIB, 256 * KIB]) {
      test(`${kind}, ${title}, pieces of ${pieceLength / KIB} KiB`, async (t) => {
        if (!requireClient(t, 'libtorrent')) return;
        const directory = temporaryDirectory(t);
        await assertSameInfo(t, writeTree(directory, 'content', tree), { kind, pieceLength });
      });
    }
  }

  test(`${kind}, sizes around block and piece boundaries`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const directory = temporaryDirectory(t);
    const boundaries = [16 * KIB, 32 * KIB, 48 * KIB, 64 * KIB, 96 * KIB, 128 * KIB, 192 * KIB];
    const lengths = boundaries.flatMap((length) => [length - 1, length, length + 1]);
    const tree = Object.fromEntries(lengths.map((length) => [`f${length}`, length]));
    const path = writeTree(directory, 'content', tree);
    for (const pieceLength of [16 * KIB, 64 * KIB]) await assertSameInfo(t, path, { kind, pieceLength });
    for (const length of lengths) {
      const single = join(path, `f${length}`);
      if (length % KIB !== 0) await assertSameInfo(t, single, { kind, pieceLength: 64 * KIB });
    }
  });

  test(`${kind}, executable files`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const directory = temporaryDirectory(t);
    const path = writeTree(directory, 'content', { 'bin/run': 20_000, 'bin/data': 20_000 });
    chmodSync(join(path, 'bin', 'run'), 0o755);
    await assertSameInfo(t, path, { kind, pieceLength: 16 * KIB });
    await assertSameInfo(t, join(path, 'bin', 'run'), { kind, pieceLength: 16 * KIB });
  });

  test(`${kind}, copies of one file share their piece layer`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const path = join(temporaryDirectory(t), 'content');
    mkdirSync(path);
    for (const name of ['a', 'b', 'c']) writeFileSync(join(path, name), noise('the same', 100_000));
    await assertSameInfo(t, path, { kind, pieceLength: 32 * KIB });
  });

  test(`${kind}, enough data for several workers`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const tree = { a: 21_000_000, 'b/c': 13_000_001, d: 4_000_000 };
    const path = writeTree(temporaryDirectory(t), 'content', tree);
    for (const pieceLength of [64 * KIB, 1024 * KIB, 16 * 1024 * KIB]) {
      await assertSameInfo(t, path, { kind, pieceLength });
    }
  });
}

interface Shape {
  readonly kind: (typeof KINDS)[number];
  readonly pieceLength: number;
}

async function assertSameInfo(t: TestContext, path: string, { kind, pieceLength }: Shape): Promise<void> {
  const out = join(temporaryDirectory(t), 'libtorrent.torrent');
  const command =
    kind === 'v1'
      ? ['-c', CREATE_SORTED_V1, path, out, `${pieceLength}`]
      : [script(), path, out, `${pieceLength}`, kind];
  await run(t, PYTHON, command);
  const theirs = parseMetainfo(readFileSync(out));
  const { bytes, infoHash } = await createTorrent(path, { kind, pieceLength });
  const ours = parseMetainfo(bytes);
  // Compared as text, which shows where they differ.
  assert.equal(latin1(ours.infoBytes), latin1(theirs.infoBytes));
  assert.deepEqual(infoHash, theirs.infoHash);
  assert.deepEqual(ours.pieceLayers, theirs.pieceLayers);
  assert.deepEqual(ours.files, theirs.files);
}

function script(): string {
  return join(SHARED, 'peers', 'lt_create.py');
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
