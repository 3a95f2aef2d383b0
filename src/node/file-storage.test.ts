import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import type { Storage, StorageSpec, VerifyResult, WriteResult } from '../host/storage.js';
import { describeStorage } from '../host/testing/storage-conformance.js';
import { slotOf } from '../host/testing/storage-scene.js';
import { PARTS_NAME, specOf, type TestTorrent, v1Torrent, wantedFiles } from '../host/testing/test-torrent.js';
import { FileStorageFactory, type FileStorageOptions } from './file-storage.js';
import { fileHarness } from './testing/file-harness.js';

const VARIANTS: readonly (readonly [string, FileStorageOptions])[] = [
  ['files, on the main thread', { diskWorkers: 0, maxOpenFiles: 100 }],
  ['files, with one worker', { diskWorkers: 1, maxOpenFiles: 100 }],
  ['files, with three workers', { diskWorkers: 3, maxOpenFiles: 100 }],
  ['files, with one open file for each thread', { diskWorkers: 2, maxOpenFiles: 1 }],
];

for (const [name, options] of VARIANTS) {
  // One for all tests, as one is for all torrents of an engine; workers take a while to start.
  const factory = new FileStorageFactory(options);
  after(() => new Promise<void>((resolve) => factory.close(resolve)));

  describeStorage(name, () => fileHarness(factory));
}

describe('FileStorage', () => {
  const TORRENT = v1Torrent([{ path: ['t', 'sub', 'data'], lengthBytes: 100 }], 64);
  const WITH_EMPTY = v1Torrent(
    [
      { path: ['t', 'sub', 'empty'], lengthBytes: 0 },
      { path: ['t', 'data'], lengthBytes: 100 },
    ],
    64,
  );
  let root: string;
  let directory: string;
  let outside: string;
  let factory: FileStorageFactory;
  let opened: Storage[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dtorrent-storage-'));
    directory = join(root, 'downloads');
    outside = join(root, 'outside');
    mkdirSync(directory);
    mkdirSync(outside);
    factory = new FileStorageFactory({ diskWorkers: 0, maxOpenFiles: 10 });
    opened = [];
  });
  afterEach(async () => {
    for (const storage of opened) await new Promise<void>((resolve) => storage.close(resolve));
    await new Promise<void>((resolve) => factory.close(resolve));
    rmSync(root, { recursive: true, force: true });
  });

  const tryOpen = (torrent: TestTorrent, changes: Partial<StorageSpec> = {}): Promise<Storage | DtorrentError> => {
    return new Promise((resolve) => factory.open(specOf(directory, torrent, changes), resolve));
  };
  const open = async (torrent: TestTorrent, changes: Partial<StorageSpec> = {}): Promise<Storage> => {
    const storage = await tryOpen(torrent, changes);
    if (storage instanceof DtorrentError) throw storage;
    opened.push(storage);
    return storage;
  };
  const write = (storage: Storage, torrent: TestTorrent, piece: number): Promise<WriteResult> =>
    new Promise((resolve) => storage.writePiece(piece, slotOf(torrent.pieceContent(piece)), resolve));
  const verify = (storage: Storage, piece: number): Promise<VerifyResult> =>
    new Promise((resolve) => storage.verifyPiece(piece, resolve));
  const read = (storage: Storage, piece: number): Promise<DtorrentError | null> =>
    new Promise((resolve) => storage.read(piece, 0, new Uint8Array(10), resolve));

  for (const path of [
    ['..', 'outside', 'x'],
    ['t', '..', '..', 'outside', 'x'],
    ['t', '../../outside/x'],
    ['/etc/passwd'],
    ['t', 'a\0b'],
    ['t', '', 'x'],
    ['.'],
    [],
  ]) {
    test(`refuses to open a torrent with the path ${JSON.stringify(path)}`, async () => {
      const result = await tryOpen(v1Torrent([{ path, lengthBytes: 100 }], 64));
      assert.ok(result instanceof DtorrentError);
      assert.equal(result.code, 'EFILEOPEN');
      assert.deepEqual(readdirSync(outside), []);
    });
  }

  test('a link that leads out of the download directory is not followed, whichever part of the path it is', async () => {
    for (const [link, target] of [
      [join(directory, 't'), outside],
      [join(directory, 't', 'sub'), outside],
      [join(directory, 't', 'sub', 'data'), join(outside, 'data')],
    ] as const) {
      mkdirSync(dirname(link), { recursive: true });
      mkdirSync(join(outside, 'sub'), { recursive: true });
      symlinkSync(target, link);
      for (const place of [join(outside, 'data'), join(outside, 'sub', 'data')]) writeFileSync(place, 'untouched');
      const storage = await open(TORRENT);
      for (const result of [await write(storage, TORRENT, 0), await verify(storage, 0), await read(storage, 0)]) {
        assert.ok(result instanceof DtorrentError, `${link}: ${String(result)}`);
        assert.equal(result.code, 'EFILEOPEN');
      }
      for (const place of [join(outside, 'data'), join(outside, 'sub', 'data')]) {
        assert.equal(readFileSync(place, 'utf8'), 'untouched');
      }
      assert.deepEqual(readdirSync(outside, { recursive: true }).sort(), ['data', 'sub', 'sub/data']);
      rmSync(join(directory, 't'), { recursive: true });
    }
  });

  test('no directory is made behind a link that leads out', async () => {
    symlinkSync(outside, join(directory, 't'));
    const result = await write(await open(TORRENT), TORRENT, 0);
    assert.ok(result instanceof DtorrentError);
    assert.match(result.message, /leads out of the download directory/);
    assert.deepEqual(readdirSync(outside), []);
  });

  test('a link to another place in the download directory is followed, and so is the download directory itself', async () => {
    const real = directory;
    directory = join(root, 'link');
    symlinkSync(real, directory);
    mkdirSync(join(real, 'elsewhere'));
    symlinkSync(join(real, 'elsewhere'), join(real, 't'));
    const storage = await open(TORRENT);
    assert.equal(await write(storage, TORRENT, 0), 'ok');
    assert.equal(await verify(storage, 0), 'ok');
    assert.equal(await read(storage, 0), null);
    assert.ok(existsSync(join(real, 'elsewhere', 'sub', 'data')));
  });

  test('what is not a regular file is neither read nor written', async () => {
    mkdirSync(join(directory, 't', 'sub', 'data'), { recursive: true });
    const storage = await open(TORRENT);
    for (const result of [await write(storage, TORRENT, 0), await verify(storage, 0), await read(storage, 0)]) {
      assert.ok(result instanceof DtorrentError, String(result));
      assert.equal(result.code, 'EFILEOPEN');
    }
    assert.ok(lstatSync(join(directory, 't', 'sub', 'data')).isDirectory());
  });

  test('a file where a directory should be fails the write and says which', async () => {
    writeFileSync(join(directory, 't'), 'in the way');
    const storage = await open(TORRENT);
    const result = await write(storage, TORRENT, 0);
    assert.ok(result instanceof DtorrentError);
    assert.equal(result.code, 'EDIRCREATE');
    assert.ok(result.message.includes(join(directory, 't', 'sub')), result.message);
    assert.equal(await verify(storage, 0), 'missing');
  });

  test('an empty file that cannot be made does not keep a seed from seeding, but fails every write until it can', async () => {
    mkdirSync(join(directory, 't'));
    writeFileSync(join(directory, 't', 'sub'), 'in the way');
    writeFileSync(join(directory, 't', 'data'), WITH_EMPTY.files[1]!.content);
    const storage = await open(WITH_EMPTY);
    assert.equal(await verify(storage, 0), 'ok');
    assert.equal(await read(storage, 1), null);
    for (const piece of [0, 1]) {
      const result = await write(storage, WITH_EMPTY, piece);
      assert.ok(result instanceof DtorrentError);
      assert.equal(result.code, 'EFILECREATE');
    }
    rmSync(join(directory, 't', 'sub'));
    assert.equal(await write(storage, WITH_EMPTY, 0), 'ok');
    assert.equal(statSync(join(directory, 't', 'sub', 'empty')).size, 0);
  });

  test('an empty file that is there is left alone, whatever is in it', async () => {
    mkdirSync(join(directory, 't', 'sub'), { recursive: true });
    writeFileSync(join(directory, 't', 'sub', 'empty'), 'not mine');
    assert.equal(await write(await open(WITH_EMPTY), WITH_EMPTY, 0), 'ok');
    assert.equal(readFileSync(join(directory, 't', 'sub', 'empty'), 'utf8'), 'not mine');
  });

  test('no directory of an unwanted file is made, and none of a move is left when it is wanted later', async () => {
    const torrent = v1Torrent(
      [
        { path: ['t', 'a'], lengthBytes: 100 },
        { path: ['t', 'skipped', 'b'], lengthBytes: 100 },
        { path: ['t', 'skipped', 'empty'], lengthBytes: 0 },
      ],
      64,
    );
    const storage = await open(torrent, { wantedFiles: wantedFiles(torrent, [0]) });
    for (const piece of [0, 1]) assert.equal(await write(storage, torrent, piece), 'ok');
    assert.deepEqual(readdirSync(directory).sort(), [PARTS_NAME, 't']);
    assert.deepEqual(readdirSync(join(directory, 't')), ['a']);
    assert.equal(await new Promise((resolve) => storage.setWantedFiles(null, resolve)), null);
    assert.deepEqual(readdirSync(directory), ['t']);
    assert.deepEqual(readdirSync(join(directory, 't', 'skipped')).sort(), ['b', 'empty']);
  });

  test('hundreds of empty files are all made', async () => {
    const empty = Array.from({ length: 600 }, (_, i) => ({ path: ['t', `empty-${i}`], lengthBytes: 0 }));
    await open(v1Torrent([...empty, { path: ['t', 'data'], lengthBytes: 10 }], 64));
    assert.equal(readdirSync(join(directory, 't')).length, 600);
  });

  test('only what the torrent calls executable can be run, by its owner', async () => {
    const torrent = v1Torrent(
      [
        { path: ['run'], lengthBytes: 10, executable: true },
        { path: ['data'], lengthBytes: 10 },
      ],
      64,
    );
    const umask = process.umask(0o027);
    try {
      assert.equal(await write(await open(torrent), torrent, 0), 'ok');
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(join(directory, 'run')).mode & 0o777, 0o740);
    assert.equal(statSync(join(directory, 'data')).mode & 0o777, 0o640);
  });

  test('a file with a hole takes no more room than its data', async () => {
    const torrent = v1Torrent([{ path: ['sparse'], lengthBytes: 16 * 1024 * 1024 }], 64 * 1024);
    assert.equal(await write(await open(torrent), torrent, 255), 'ok');
    const { size, blocks } = statSync(join(directory, 'sparse'));
    assert.equal(size, 16 * 1024 * 1024);
    assert.ok(blocks * 512 < 1024 * 1024, `${blocks} blocks`);
  });

  test('a closed torrent leaves no file open', async () => {
    const before = readdirSync('/dev/fd').length;
    const storage = await open(TORRENT);
    assert.equal(await write(storage, TORRENT, 0), 'ok');
    assert.equal(await read(storage, 0), null);
    assert.equal(readdirSync('/dev/fd').length, before + 2);
    await new Promise<void>((resolve) => storage.close(resolve));
    opened.pop();
    assert.equal(readdirSync('/dev/fd').length, before);
  });
});
