/**
 * v1 torrents that we make against those that the npm library `create-torrent` 6 makes of the same data: the info
 * dictionary is the same, byte for byte. It takes files as the file system lists them, so it is given them in our order.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../../src/base/bytes.js';
import { type Metainfo, parseMetainfo } from '../../../src/format/metainfo.js';
import { createTorrent } from '../../../src/node/create-torrent.js';
import { type Tree, temporaryDirectory, writeTree } from '../../harness/content.js';
import { type Formats, loadFormats } from './formats.js';

const KIB = 1024;
const NAME = 'content';

test('info dictionaries of generated trees are the same', async (t) => {
  const formats = await loadFormats(t);
  if (formats === null) return;
  const length = fc.oneof(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 200_000 }),
    fc.constantFrom(16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 64 * KIB, 128 * KIB),
  );
  const name = fc.stringMatching(/^[a-zA-Z0-9éü][a-zA-Z0-9 .éü-]{0,6}[a-zA-Z0-9éü]$/);
  const tree = fc
    .array(fc.record({ path: fc.array(name, { maxLength: 2 }), length }), { minLength: 2, maxLength: 8 })
    // Two at least: they take one as a torrent without a directory. Numbered, so that no path is another's, or its directory.
    .map(
      (files): Tree => Object.fromEntries(files.map(({ path, length }, i) => [[`${i}`, ...path].join('/'), length])),
    );
  const options = fc.record({
    pieceLength: fc.constantFrom(16 * KIB, 64 * KIB, 1024 * KIB),
    isPrivate: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(tree, options, (tree, options) => assertSameInfo(formats, tree, options)),
    {
      numRuns: 60,
    },
  );
});

test('info dictionaries of one file are the same', async (t) => {
  const formats = await loadFormats(t);
  if (formats === null) return;
  for (const length of [1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 1_000_000]) {
    await assertSameInfo(formats, { '': length }, { pieceLength: 16 * KIB, isPrivate: false });
  }
});

test('without trackers given, theirs is announced at eight public ones, and ours at none', async (t) => {
  const formats = await loadFormats(t);
  if (formats === null) return;
  const path = writeTree(temporaryDirectory(t), NAME, { '': 1000 });
  const theirs = await makeTheirs(formats, [named(readFileSync(path), NAME)], { name: NAME });
  assert.equal(theirs.trackers.flat().length, 8);
  assert.deepEqual(parseMetainfo((await createTorrent(path, { kind: 'v1' })).bytes).trackers, []);
});

test('without a date given, theirs has the time of its making, and ours none: the same input is the same torrent', async (t) => {
  const formats = await loadFormats(t);
  if (formats === null) return;
  const path = writeTree(temporaryDirectory(t), NAME, { '': 1000 });
  const theirs = await makeTheirs(formats, [named(readFileSync(path), NAME)], { name: NAME });
  assert.notEqual(theirs.creationDate, null);
  assert.equal(parseMetainfo((await createTorrent(path, { kind: 'v1' })).bytes).creationDate, null);
});

test('an empty file that is given as bytes counts as one byte in their hashes, and not in ours', async (t) => {
  const formats = await loadFormats(t);
  if (formats === null) return;
  const directory = temporaryDirectory(t);
  const path = writeTree(directory, NAME, { a: 1000, b: 0 });
  const ours = parseMetainfo((await createTorrent(path, { kind: 'v1', pieceLength: 16 * KIB })).bytes);
  const files = ['a', 'b'].map((name) => named(readFileSync(join(path, name)), `${NAME}/${name}`));
  const theirs = await makeTheirs(formats, files, { name: NAME, pieceLength: 16 * KIB });
  const sha1 = (...parts: readonly Uint8Array[]): string => {
    const hash = createHash('sha1');
    for (const part of parts) hash.update(part);
    return hash.digest('hex');
  };
  assert.equal(toHex(ours.v1Pieces!), sha1(files[0]!));
  assert.equal(toHex(theirs.v1Pieces!), sha1(files[0]!, new Uint8Array(1)));
});

async function assertSameInfo(
  formats: Formats,
  tree: Tree,
  { pieceLength, isPrivate }: { readonly pieceLength: number; readonly isPrivate: boolean },
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'dtorrent-test-'));
  try {
    const path = writeTree(directory, NAME, tree);
    const created = await createTorrent(path, { kind: 'v1', pieceLength, isPrivate });
    const ours = parseMetainfo(created.bytes);
    const files = ours.files.map((file) => named(readFileSync(join(directory, ...file.path)), file.path.join('/')));
    const options = { name: NAME, pieceLength, filterJunkFiles: false, ...(isPrivate ? { private: true } : {}) };
    const theirs = await makeTheirs(formats, files, options);
    // As text, which shows where they differ.
    assert.equal(Buffer.from(ours.infoBytes).toString('latin1'), Buffer.from(theirs.infoBytes).toString('latin1'));
    assert.equal(toHex(created.infoHash.v1!), toHex(theirs.infoHash.v1!));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** They take the path of a file from its `name`. */
function named(bytes: Uint8Array, name: string): Uint8Array {
  return Object.assign(bytes, { name });
}

function makeTheirs(
  formats: Formats,
  files: readonly Uint8Array[],
  options: Readonly<Record<string, unknown>>,
): Promise<Metainfo> {
  return new Promise((resolve, reject) => {
    formats.createTorrent(files, options, (error, bytes) => {
      if (error !== null) reject(error);
      else resolve(parseMetainfo(new Uint8Array(bytes)));
    });
  });
}
