import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, normalize, relative } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import type { StorageSpec } from '../host/storage.js';
import { assertFailsWith, type Calls, StorageScene } from '../host/testing/storage-scene.js';
import { PARTS_NAME, specOf, type TestTorrent, v1Torrent, wantedFiles } from '../host/testing/test-torrent.js';
import { FileStorageFactory } from './file-storage.js';
import { FaultyFs, type FaultyFunction } from './testing/faulty-fs.js';
import { type FileHarness, fileHarness } from './testing/file-harness.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Pieces of 64: A 0-1, B 1-3. */
const TWO = v1Torrent(
  [
    { path: ['t', 'a'], lengthBytes: 100 },
    { path: ['t', 'sub', 'b'], lengthBytes: 100 },
  ],
  64,
);
const ONE = v1Torrent([{ path: ['t', 'data'], lengthBytes: 1000 }], 64);

describe('FileStorage when the disk misbehaves', () => {
  const factory = new FileStorageFactory({ diskWorkers: 0, maxOpenFiles: 10 });
  after(() => new Promise<void>((resolve) => factory.close(resolve)));
  const faulty = new FaultyFs();
  let harness: FileHarness;
  let scene: StorageScene;

  beforeEach(() => {
    harness = fileHarness(factory);
    scene = new StorageScene(harness);
  });
  afterEach(async () => {
    faulty.restore();
    await scene.end();
  });

  const tryOpen = (torrent: TestTorrent, changes: Partial<StorageSpec>): Promise<unknown> =>
    new Promise((resolve) => factory.open(specOf(harness.directory, torrent, changes), resolve));
  const open = async (torrent: TestTorrent, changes: Partial<StorageSpec> = {}): Promise<Calls> =>
    (await scene.open(torrent, changes)).calls;
  const write = (calls: Calls, torrent: TestTorrent, piece: number) => calls.write(piece, torrent.pieceContent(piece));
  const assertMessage = (result: unknown, code: string, ...parts: readonly string[]): void => {
    assertFailsWith(result, code);
    const { message } = result as DtorrentError;
    for (const part of parts) assert.ok(message.includes(part), `"${part}" is not in: ${message}`);
  };

  describe('the download directory', () => {
    test('is made with all above it, when it is needed first', async () => {
      const directory = join(harness.root, 'x', 'y', 'downloads');
      const calls = await open(ONE, { directory });
      assert.equal(await calls.verify(0), 'missing');
      assert.ok(!existsSync(join(harness.root, 'x')));
      assert.equal(await write(calls, ONE, 0), 'ok');
      assert.deepEqual(readdirSync(directory), ['t']);
    });

    for (const [how, after] of [
      ['vanished', () => {}],
      ['was replaced, as by unmounting its disk', () => mkdirSync(harness.directory)],
    ] as const) {
      test(`that ${how} is not begun in anew, and is what every error tells`, async () => {
        const calls = await open(TWO);
        assert.equal(await write(calls, TWO, 0), 'ok');
        renameSync(harness.directory, join(harness.root, 'elsewhere'));
        after();
        for (const result of [
          await write(calls, TWO, 2),
          await calls.verify(2),
          await calls.read(2, 0, 10),
          await calls.stamps(),
          await calls.flush(),
        ]) {
          assertMessage(result, 'EFILEIO', harness.directory, 'was removed, or its disk is not mounted');
        }
        assert.equal(existsSync(harness.directory) ? readdirSync(harness.directory).length : 0, 0);
      });

      test(`that ${how} while the torrent was closed is refused when it is opened again`, async () => {
        const { storage, calls } = await scene.open(TWO);
        assert.equal(await write(calls, TWO, 0), 'ok');
        const { directoryIdentity } = storage;
        await scene.close(calls);
        renameSync(harness.directory, join(harness.root, 'elsewhere'));
        after();
        assertMessage(await tryOpen(TWO, { directoryIdentity }), 'EFILEIO', harness.directory);
        // A disk that is mounted again may have another number, and the torrent's files are there.
        rmSync(harness.directory, { recursive: true, force: true });
        mkdirSync(harness.directory);
        scene.placeAll(TWO);
        const again = await scene.open(TWO, { directoryIdentity });
        assert.notEqual(again.storage.directoryIdentity, directoryIdentity);
        assert.equal(await again.calls.verify(0), 'ok');
      });
    }

    test('that cannot be made fails the write and says which', async () => {
      writeFileSync(harness.directory, 'a file');
      const calls = await open(ONE, { directory: join(harness.directory, 'below') });
      assertMessage(await write(calls, ONE, 0), 'EDIRCREATE', join(harness.directory, 'below'), 'is a file');
    });
  });

  describe('a system error', () => {
    const cases: readonly [FaultyFunction, string, string, readonly string[]][] = [
      ['writeSync', 'ENOSPC', 'EDISKFULL', ['downloads has ', ' free, ', 't/data needs ', 'free some space']],
      ['writeSync', 'EDQUOT', 'EDISKFULL', ['the disk quota of ', 'is used up', 'raise the quota']],
      ['writeSync', 'EIO', 'EFILEIO', ['cannot write ', 't/data', 'check the system log and the disk']],
      ['writeSync', 'EFBIG', 'EFILEIO', ['cannot write ', 'files this large; choose a directory on another one']],
      ['openSync', 'EACCES', 'EFILECREATE', ['cannot create ', 't/data', 'permission denied']],
      ['openSync', 'EROFS', 'EFILECREATE', ['cannot create ', 't/data', 'read-only']],
      ['openSync', 'ENAMETOOLONG', 'EFILECREATE', ['cannot create ', 't/data', 'too long', 'on another one']],
      ['openSync', 'ENOSPC', 'EDISKFULL', ['t/data']],
      ['openSync', 'EIO', 'EFILEIO', ['cannot create ', 't/data']],
      ['ftruncateSync', 'EFBIG', 'EFILECREATE', ['cannot create ', 't/data', 'files this large']],
      ['mkdirSync', 'EACCES', 'EDIRCREATE', ['cannot create the directory ', 'downloads/t', 'permission denied']],
      ['mkdirSync', 'EROFS', 'EDIRCREATE', ['cannot create the directory ', 'downloads/t', 'read-only']],
      ['mkdirSync', 'ENOSPC', 'EDISKFULL', ['downloads/t']],
      ['mkdirSync', 'ENAMETOOLONG', 'EDIRCREATE', ['downloads/t', 'too long']],
      ['mkdir', 'EACCES', 'EDIRCREATE', ['cannot create the directory ', 'downloads', 'permission denied']],
    ];
    for (const [name, systemCode, code, parts] of cases) {
      test(`${systemCode} of ${name} fails a write with ${code}, what and where; the next write works`, async () => {
        const calls = await open(ONE, { preallocation: 'sparse' });
        faulty.fail(name, systemCode);
        assertMessage(await write(calls, ONE, 0), code, harness.directory, ...parts);
        faulty.restore();
        assert.equal(await write(calls, ONE, 0), 'ok');
        assert.equal(await calls.verify(0), 'ok');
      });
    }

    test('of a file that is there says that it cannot be written, and what to do', async () => {
      scene.placeAll(ONE);
      for (const [systemCode, advice] of [
        ['EACCES', 'make it writable or choose another directory'],
        ['EPERM', 'make it writable or choose another directory'],
        ['EROFS', 'remount it for writing or choose another directory'],
        ['ETXTBSY', 'it is a program that is running'],
      ] as const) {
        const calls = await open(ONE);
        faulty.fail('openSync', systemCode, ([, flags]) => (Number(flags) & 2) !== 0);
        const result = await write(calls, ONE, 0);
        assertMessage(result, 'EFILEOPEN', 'cannot open for writing', 't/data', advice);
        // It can be seeded all the same.
        assert.equal(await calls.verify(0), 'ok');
        assert.deepEqual(await calls.read(1, 0, 64), ONE.pieceContent(1));
        assert.equal(await calls.flush(), null);
        faulty.restore();
      }
    });

    test('of reading, checking, looking and syncing names the file', async () => {
      const calls = await open(ONE);
      assert.equal(await write(calls, ONE, 0), 'ok');
      faulty.fail('read', 'EIO');
      assertMessage(await calls.read(0, 0, 10), 'EFILEIO', 'cannot read ', 't/data', 'check the system log');
      faulty.fail('readSync', 'EIO');
      assertMessage(await calls.verify(0), 'EFILEIO', 'cannot read ', 't/data', 'check the system log');
      faulty.fail('lstat', 'EIO');
      assertMessage(await calls.stamps(), 'EFILEIO', 't/data');
      faulty.fail('fsync', 'EIO');
      assertMessage(await calls.flush(), 'EFILEIO', 'cannot sync ', 't/data');
      faulty.restore();
      assert.equal(await calls.flush(), null);
    });
  });

  describe('a flush', () => {
    const pathsSynced = async (calls: Calls): Promise<string[]> => {
      const paths: string[] = [];
      const opened = new Map<number, string>();
      faulty.replace('open', (original, [path, flags, then]) =>
        original(path, flags, (fault: unknown, fd: number) => {
          opened.set(fd, String(path));
          (then as (fault: unknown, fd: number) => void)(fault, fd);
        }),
      );
      faulty.replace('fsync', (original, [fd, then]) => {
        paths.push(relative(harness.directory, opened.get(fd as number)!));
        return original(fd, then);
      });
      assert.equal(await calls.flush(), null);
      faulty.restore();
      return paths.sort();
    };

    test('is of what was written, with every directory that may be new above it, once', async () => {
      const calls = await open(TWO);
      assert.equal(await write(calls, TWO, 1), 'ok');
      assert.deepEqual(await pathsSynced(calls), ['', ...['t', 't/a', 't/sub', 't/sub/b'].map(normalize)]);
      assert.deepEqual(await pathsSynced(calls), []);
    });

    test('is of what was found good too: a process that was killed may have written it, and not synced it', async () => {
      scene.placeAll(TWO);
      const calls = await open(TWO);
      assert.equal(await calls.verify(2), 'ok');
      assert.deepEqual(await pathsSynced(calls), ['', ...['t', 't/sub', 't/sub/b'].map(normalize)]);
    });

    test('is no error of what was found good and cannot be written', {
      skip: process.platform === 'win32',
    }, async () => {
      scene.placeAll(ONE);
      for (const systemCode of ['EACCES', 'EPERM', 'EROFS', 'ETXTBSY']) {
        const calls = await open(ONE);
        assert.equal(await calls.verify(0), 'ok');
        faulty.fail('open', systemCode, ([, flags]) => (Number(flags) & 2) !== 0);
        assert.equal(await calls.flush(), null);
        faulty.restore();
      }
    });
  });

  describe('without a descriptor left', () => {
    test('files that are open are closed for the one that is needed', async () => {
      const files = Array.from({ length: 5 }, (_, i) => ({ path: [`f${i}`], lengthBytes: 64 }));
      const torrent = v1Torrent(files, 64);
      const calls = await open(torrent);
      for (const piece of [0, 1, 2, 3]) assert.equal(await write(calls, torrent, piece), 'ok');
      for (const piece of [0, 1, 2]) assert.ok(!((await calls.read(piece, 0, 10)) instanceof DtorrentError));
      const descriptors = readdirSync('/dev/fd').length;
      const limit = (original: (...args: unknown[]) => unknown, args: readonly unknown[]): unknown => {
        if (readdirSync('/dev/fd').length < descriptors) return original(...args);
        const error = Object.assign(new Error('EMFILE: injected'), { code: 'EMFILE' });
        const callback = args[args.length - 1];
        if (typeof callback !== 'function') throw error;
        setImmediate(callback as (error: Error) => void, error);
        return undefined;
      };
      faulty.replace('openSync', limit);
      faulty.replace('open', limit);
      assert.equal(await write(calls, torrent, 4), 'ok');
      assert.deepEqual(await calls.read(3, 0, 64), torrent.pieceContent(3));
      assert.deepEqual(await calls.read(4, 0, 64), torrent.pieceContent(4));
      assert.equal(await calls.verify(0), 'ok');
    });

    test('and with none to give up it is an error that says what to do', async () => {
      const calls = await open(ONE);
      faulty.fail('openSync', 'EMFILE');
      assertMessage(await write(calls, ONE, 0), 'EFILECREATE', 'too many open files', 'maxOpenFiles');
      faulty.restore();
      scene.placeAll(ONE);
      faulty.fail('open', 'EMFILE');
      assertMessage(await calls.read(0, 0, 10), 'EFILEOPEN', 'too many open files', 'ulimit -n');
    });
  });

  describe('room on the disk', () => {
    const BLOCK_BYTES = 4096;
    const haveFree = (freeBytes: number, blocks = 1_000_000): void => {
      faulty.replace('statfs', (_original, args) => {
        const callback = args[args.length - 1] as (fault: null, stats: object) => void;
        setImmediate(callback, null, { blocks, bavail: Math.floor(freeBytes / BLOCK_BYTES), bsize: BLOCK_BYTES });
      });
    };
    const torrent = v1Torrent(
      [
        { path: ['big', 'a'], lengthBytes: 512 * KIB },
        { path: ['big', 'b'], lengthBytes: 512 * KIB },
      ],
      64 * KIB,
    );

    for (const preallocation of ['sparse', 'full'] as const) {
      test(`that is sure not to do is told before anything is made, with preallocation ${preallocation}`, async () => {
        haveFree(700 * KIB);
        const calls = await open(torrent, { preallocation });
        const result = await write(calls, torrent, 0);
        assertMessage(result, 'EDISKFULL', `${harness.directory} has 700 KiB free, the torrent needs 1 MiB more`);
        assert.deepEqual(readdirSync(harness.directory), []);
        haveFree(2 * MIB);
        assert.equal(await write(calls, torrent, 0), 'ok');
      });
    }

    test('is for what is wanted and not there yet, and is asked for again when more is wanted', async () => {
      const calls = await open(torrent, { preallocation: 'sparse', wantedFiles: wantedFiles(torrent, [0]) });
      haveFree(600 * KIB);
      for (let piece = 0; piece < 8; piece++) assert.equal(await write(calls, torrent, piece), 'ok');
      haveFree(88 * KIB);
      assert.equal(await calls.select(null), null);
      assertMessage(await write(calls, torrent, 8), 'EDISKFULL', '88 KiB free, the torrent needs 512 KiB more');
      haveFree(600 * KIB);
      assert.equal(await write(calls, torrent, 8), 'ok');
    });

    test('is not asked for with preallocation none, nor believed of a file system that counts nothing', async () => {
      haveFree(0);
      assert.equal(await write(await open(torrent), torrent, 0), 'ok');
      haveFree(0, 0);
      assert.equal(await write(await open(torrent, { preallocation: 'sparse' }), torrent, 1), 'ok');
    });
  });

  describe('preallocation full', () => {
    const torrent = v1Torrent([{ path: ['full.bin'], lengthBytes: 40 * MIB }], MIB);

    test('takes the blocks of a file before its first piece, in jobs that let others come in between', async () => {
      const calls = await open(torrent, { preallocation: 'full' });
      const other = await open(ONE);
      const order: string[] = [];
      const first = write(calls, torrent, 39).then((result) => order.push(`full ${String(result)}`));
      for (let piece = 0; piece < 3; piece++) {
        await write(other, ONE, piece).then((result) => order.push(`other ${String(result)}`));
      }
      await first;
      assert.deepEqual(order.slice(0, 2), ['other ok', 'other ok']);
      assert.ok(order.includes('full ok'));
      const { size, blocks } = statSync(join(harness.directory, 'full.bin'));
      assert.equal(size, 40 * MIB);
      assert.ok(blocks * 512 >= 40 * MIB, `${blocks} blocks`);
      assert.equal(await calls.verify(39), 'ok');
    });

    test('goes on where it was interrupted, and writes over nothing', async () => {
      scene.harness.writeFile(['full.bin'], torrent.files[0]!.content.subarray(0, 3 * MIB));
      const calls = await open(torrent, { preallocation: 'full' });
      assert.equal(await write(calls, torrent, 5), 'ok');
      assert.equal(statSync(join(harness.directory, 'full.bin')).size, 40 * MIB);
      for (const piece of [0, 2, 5]) assert.equal(await calls.verify(piece), 'ok');
      assert.equal(await calls.verify(4), 'bad-hash');
    });

    test('that finds the disk full says so and gives the last stretch back', async () => {
      const calls = await open(torrent, { preallocation: 'full' });
      faulty.fail('writeSync', 'ENOSPC', (args) => Number(args[4]) > 20 * MIB);
      assertMessage(await write(calls, torrent, 0), 'EDISKFULL', 'full.bin needs 24 MiB more');
      assert.equal(statSync(join(harness.directory, 'full.bin')).size, 16 * MIB);
      faulty.restore();
      assert.equal(await write(calls, torrent, 0), 'ok');
    });
  });

  describe('a file on its way out of the parts file', () => {
    const everything = async (calls: Calls): Promise<void> => {
      for (const piece of [0, 1]) assert.equal(await calls.verify(piece), 'ok', `piece ${piece}`);
      assert.deepEqual(await calls.read(1, 0, 64), TWO.pieceContent(1));
    };
    for (const [name, systemCode] of [
      ['openSync', 'EACCES'],
      ['writeSync', 'ENOSPC'],
      ['fsync', 'EIO'],
      ['mkdirSync', 'EACCES'],
      ['renameSync', 'EIO'],
    ] as const) {
      test(`is lost neither by ${systemCode} of ${name} nor by a crash there, and gets out later`, async () => {
        const calls = await open(TWO, { wantedFiles: wantedFiles(TWO, [0]) });
        for (const piece of [0, 1]) assert.equal(await write(calls, TWO, piece), 'ok');
        faulty.fail(name, systemCode);
        const error = await calls.select(null);
        assert.ok(error instanceof DtorrentError, String(error));
        assert.ok(error.message.includes(harness.directory), error.message);
        faulty.restore();
        await everything(calls);
        assert.ok(!existsSync(join(harness.directory, 't', 'sub', 'b')));
        // As after a crash: another process opens what is there. First one that wants no more than before.
        const restarted = await open(TWO, { wantedFiles: wantedFiles(TWO, [0]) });
        await everything(restarted);
        assert.deepEqual(readdirSync(harness.directory).sort(), [PARTS_NAME, 't']);
        await scene.close(restarted);
        const widened = await open(TWO);
        await everything(widened);
        assert.deepEqual(readdirSync(harness.directory), ['t']);
        assert.equal(await write(widened, TWO, 2), 'ok');
        assert.equal(await write(widened, TWO, 3), 'ok');
        scene.assertFiles(TWO);
      });
    }

    test('gets there on another disk as well', async () => {
      const calls = await open(TWO, { wantedFiles: wantedFiles(TWO, [0]) });
      for (const piece of [0, 1]) assert.equal(await write(calls, TWO, piece), 'ok');
      faulty.fail('renameSync', 'EXDEV');
      assert.equal(await calls.select(null), null);
      await everything(calls);
      assert.deepEqual(readdirSync(harness.directory), ['t']);
    });

    test('gets out before the next write when the change of the selection could not take it out', async () => {
      const calls = await open(TWO, { wantedFiles: wantedFiles(TWO, [0]) });
      for (const piece of [0, 1]) assert.equal(await write(calls, TWO, piece), 'ok');
      faulty.fail('renameSync', 'EIO');
      assertFailsWith(await calls.select(null), 'EFILEIO');
      assertFailsWith(await write(calls, TWO, 2), 'EFILEIO');
      faulty.restore();
      assert.equal(await write(calls, TWO, 2), 'ok');
      await everything(calls);
      assert.deepEqual(readdirSync(harness.directory), ['t']);
    });

    test('does not take the place of what somebody put there', async () => {
      const calls = await open(TWO, { wantedFiles: wantedFiles(TWO, [0]) });
      for (const piece of [0, 1]) assert.equal(await write(calls, TWO, piece), 'ok');
      mkdirSync(join(harness.directory, 't', 'sub', 'b'), { recursive: true });
      assertMessage(await calls.select(null), 'EFILEOPEN', join('t', 'sub', 'b'), 'not a regular file');
      await everything(calls);
      rmSync(join(harness.directory, 't', 'sub', 'b'), { recursive: true });
      writeFileSync(join(harness.directory, 't', 'sub', 'b'), 'theirs');
      assert.equal(await calls.select(null), null);
      assert.equal(Buffer.from(scene.harness.readFile(['t', 'sub', 'b'])!).toString(), 'theirs');
      assert.deepEqual(readdirSync(harness.directory), ['t']);
    });

    test('leaves a parts file that cannot be removed, and the next opening removes it', async () => {
      const calls = await open(TWO, { wantedFiles: wantedFiles(TWO, [0]) });
      for (const piece of [0, 1]) assert.equal(await write(calls, TWO, piece), 'ok');
      faulty.fail('unlink', 'EACCES');
      assert.equal(await calls.select(null), null);
      await everything(calls);
      assert.deepEqual(readdirSync(harness.directory).sort(), [PARTS_NAME, 't']);
      faulty.restore();
      await everything(await open(TWO));
      assert.deepEqual(readdirSync(harness.directory), ['t']);
    });
  });
});

describe('FileStorage on a real file system', () => {
  const isRoot = process.getuid?.() === 0;
  const canMount = isRoot && spawnSync('mount', ['--version']).status === 0;
  const skip = canMount ? false : 'mounting a file system of its own needs root and mount(8)';
  const factory = new FileStorageFactory({ diskWorkers: 1, maxOpenFiles: 10 });
  after(() => new Promise<void>((resolve) => factory.close(resolve)));

  const onTmpfs = async (options: string, run: (scene: StorageScene, directory: string) => Promise<void>) => {
    const harness = fileHarness(factory);
    mkdirSync(harness.directory);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', harness.directory], {
      encoding: 'utf8',
    });
    assert.equal(mounted.status, 0, mounted.stderr);
    const scene = new StorageScene({
      ...harness,
      close: async () => {
        spawnSync('umount', [harness.directory]);
        await harness.close();
      },
    });
    try {
      await run(scene, harness.directory);
    } finally {
      await scene.end();
    }
  };

  test('a full disk fails the piece that does not fit, and takes it when there is room again', { skip }, async () => {
    const torrent = v1Torrent([{ path: ['big.bin'], lengthBytes: 2 * MIB }], 256 * KIB);
    await onTmpfs('size=1m', async (scene) => {
      const { calls } = await scene.open(torrent);
      scene.harness.writeFile(['filler'], new Uint8Array(600 * KIB));
      assert.equal(await calls.write(0, torrent.pieceContent(0)), 'ok');
      const result = await calls.write(1, torrent.pieceContent(1));
      assertFailsWith(result, 'EDISKFULL');
      assert.match((result as DtorrentError).message, /free, .*big\.bin needs 1\.[0-9]+ MiB more/);
      assert.equal(await calls.verify(0), 'ok');
      scene.harness.removeFile(['filler']);
      assert.equal(await calls.write(1, torrent.pieceContent(1)), 'ok');
    });
  });

  test('a disk that is too small is told before the first byte', { skip }, async () => {
    const torrent = v1Torrent([{ path: ['big.bin'], lengthBytes: 2 * MIB }], 256 * KIB);
    await onTmpfs('size=1m', async (scene, directory) => {
      const { calls } = await scene.open(torrent, { preallocation: 'sparse' });
      const result = await calls.write(0, torrent.pieceContent(0));
      assertFailsWith(result, 'EDISKFULL');
      assert.match((result as DtorrentError).message, /has 1 MiB free, the torrent needs 2 MiB more/);
      assert.deepEqual(readdirSync(directory), []);
    });
  });

  test('data on a read-only file system is verified and read; writing says what to do', { skip }, async () => {
    await onTmpfs('size=1m', async (scene, directory) => {
      scene.placeAll(TWO);
      assert.equal(spawnSync('mount', ['-o', 'remount,ro', directory]).status, 0);
      const { calls } = await scene.open(TWO);
      for (let piece = 0; piece < TWO.layout.pieceCount; piece++) assert.equal(await calls.verify(piece), 'ok');
      assert.deepEqual(await calls.read(1, 0, 64), TWO.pieceContent(1));
      assert.ok(!((await calls.stamps()) instanceof DtorrentError));
      assert.equal(await calls.flush(), null);
      const result = await calls.write(0, TWO.pieceContent(0));
      assertFailsWith(result, 'EFILEOPEN');
      assert.match((result as DtorrentError).message, /cannot open for writing .*read-only; remount it/);
    });
  });

  test('an unmounted disk is an error, not an empty directory to begin in anew', { skip }, async () => {
    await onTmpfs('size=1m', async (scene, directory) => {
      const { storage, calls } = await scene.open(TWO);
      assert.equal(await calls.write(0, TWO.pieceContent(0)), 'ok');
      const { directoryIdentity } = storage;
      // Lazily: the file is open.
      assert.equal(spawnSync('umount', ['-l', directory]).status, 0);
      assertFailsWith(await calls.write(2, TWO.pieceContent(2)), 'EFILEIO');
      assertFailsWith(await calls.stamps(), 'EFILEIO');
      assert.deepEqual(readdirSync(directory), []);
      await assert.rejects(scene.open(TWO, { directoryIdentity }), /is not the one it was any more/);
    });
  });
});
