/**
 * What every Storage has to do, as one suite that each implementation runs: files with and without workers, memory.
 * Everything goes through the port; files are looked at through the harness, by path elements below its directory.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import { SeededRandom, shuffle } from '../../base/random.js';
import type { VerifyResult } from '../storage.js';
import { assertFailsWith, type Calls, type StorageHarness, StorageScene } from './storage-scene.js';
import { describeSelection } from './storage-selection-conformance.js';
import { hybridTorrent, type TestFile, type TestTorrent, v1Torrent, v2Torrent } from './test-torrent.js';

const KIB = 1024;

/** Two pieces in a file, a file in one piece, pieces over several files, an empty file, and a short last piece. */
const MIXED: readonly TestFile[] = [
  { path: ['mixed', 'big.bin'], lengthBytes: 100 * KIB },
  { path: ['mixed', 'empty'], lengthBytes: 0 },
  { path: ['mixed', 'sub', 'tiny'], lengthBytes: 1 },
  { path: ['mixed', 'sub', 'small.bin'], lengthBytes: 20 * KIB },
  { path: ['mixed', 'sub', 'deep', 'last.bin'], lengthBytes: 90 * KIB + 7 },
];
/** Pieces of a MiB, which no implementation keeps in one read; files begin at odd places of them. */
const LARGE: readonly TestFile[] = [
  { path: ['large', 'first'], lengthBytes: 600 * KIB + 1 },
  { path: ['.pad', '300000'], lengthBytes: 300_000, padding: true },
  { path: ['large', 'second'], lengthBytes: 900 * KIB },
];
const PADDED: readonly TestFile[] = [
  { path: ['padded', 'a'], lengthBytes: 1000 },
  { path: ['.pad', '31768'], lengthBytes: 31768, padding: true },
  { path: ['padded', 'b'], lengthBytes: 40_000 },
  { path: ['.pad', '25536'], lengthBytes: 25_536, padding: true },
  { path: ['.pad', '32768'], lengthBytes: 32_768, padding: true },
  { path: ['padded', 'c'], lengthBytes: 5 },
];

/** Registers the suite. `makeHarness` is called for every test. */
export function describeStorage(name: string, makeHarness: () => StorageHarness): void {
  describe(`Storage over ${name}`, () => {
    let scene: StorageScene;
    beforeEach(() => {
      scene = new StorageScene(makeHarness());
    });
    afterEach(() => scene.end());
    describeSelection(() => scene);

    const torrents: readonly (readonly [string, () => TestTorrent])[] = [
      ['a single file', () => v1Torrent([{ path: ['single.bin'], lengthBytes: 200 * KIB }], 64 * KIB)],
      ['files that share pieces', () => v1Torrent(MIXED, 32 * KIB)],
      ['pieces of an odd length', () => v1Torrent(MIXED, 30_001)],
      ['a piece longer than everything', () => v1Torrent(MIXED, 1024 * KIB)],
      ['long pieces', () => v1Torrent(LARGE, 1024 * KIB)],
      ['padding, a piece of nothing else included', () => v1Torrent(PADDED, 32 * KIB)],
      ['v2', v2Torrent],
      ['v1 and v2 at once', hybridTorrent],
    ];
    for (const [kind, make] of torrents) {
      test(`what was written is in the files, verifies and can be read: ${kind}`, async () => {
        const torrent = make();
        const { storage, calls } = await scene.open(torrent);
        assert.equal(storage.isEmpty, true);
        await calls.writeAll(torrent);
        scene.assertFiles(torrent);
        for (let piece = 0; piece < torrent.layout.pieceCount; piece++) {
          assert.equal(await calls.verify(piece), 'ok');
          const content = torrent.pieceContent(piece);
          assert.deepEqual(await calls.read(piece, 0, content.length), content);
          const half = content.length >>> 1;
          assert.deepEqual(await calls.read(piece, half, content.length - half), content.subarray(half));
        }
      });

      test(`files that are there already verify: ${kind}`, async () => {
        const torrent = make();
        scene.placeAll(torrent);
        const { storage, calls } = await scene.open(torrent);
        assert.equal(storage.isEmpty, false);
        for (let piece = 0; piece < torrent.layout.pieceCount; piece++) assert.equal(await calls.verify(piece), 'ok');
        scene.assertFiles(torrent);
      });

      test(`one wrong byte fails the piece it lies in and no other: ${kind}`, async () => {
        const torrent = make();
        scene.placeAll(torrent);
        const last = torrent.files[torrent.files.length - 1]!;
        const rotten = last.content.slice();
        rotten[rotten.length - 1]! ^= 1;
        scene.harness.writeFile(last.path, rotten);
        const { calls } = await scene.open(torrent);
        const results: VerifyResult[] = [];
        for (let piece = 0; piece < torrent.layout.pieceCount; piece++) results.push(await calls.verify(piece));
        assert.deepEqual(
          results,
          results.map((_, piece) => (piece === results.length - 1 ? 'bad-hash' : 'ok')),
        );
      });
    }

    test('a piece written in parts, unverified, verifies once every part is there', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      const { calls } = await scene.open(torrent);
      for (let piece = 0; piece < torrent.layout.pieceCount; piece++) {
        const content = torrent.pieceContent(piece);
        const cut = Math.floor(content.length / 3);
        assert.equal(await calls.writeUnverified(piece, cut, content.subarray(cut)), null);
        assert.notEqual(await calls.verify(piece), 'ok');
        assert.equal(await calls.writeUnverified(piece, 0, content.subarray(0, cut)), null);
        assert.equal(await calls.verify(piece), 'ok');
      }
      scene.assertFiles(torrent);
    });

    test('stamps stay as long as a file does, and change with what is written to it', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      const { calls } = await scene.open(torrent);
      const before = await calls.stamps();
      assert.ok(!(before instanceof DtorrentError));
      assert.equal(before.length, torrent.layout.files.length + 1, 'one a file, and one of the parts file');
      assert.deepEqual(before[0], { lengthBytes: -1, modifiedUs: 0 });
      const written = calls.write(0, torrent.pieceContent(0));
      const after = await calls.stamps();
      assert.equal(await written, 'ok');
      assert.ok(!(after instanceof DtorrentError));
      assert.ok(after[0]!.lengthBytes >= 32 * KIB, 'stamps come after the writes that were asked for before');
      assert.deepEqual(await calls.stamps(), after);
    });

    test('every byte of a piece counts for every kind of hash', async () => {
      for (const torrent of [v1Torrent(PADDED, 32 * KIB), v2Torrent(), hybridTorrent()]) {
        const { calls } = await scene.open(torrent);
        for (const offset of [0, 999]) {
          const content = torrent.pieceContent(0);
          content[offset]! ^= 0x80;
          assert.equal(await calls.write(0, content), 'bad-hash');
        }
      }
    });

    test('what a peer sent as padding does not count: it is zeros, for hashes and for reads', async () => {
      for (const torrent of [v1Torrent(PADDED, 32 * KIB), hybridTorrent()]) {
        const { calls } = await scene.open(torrent);
        const content = torrent.pieceContent(0);
        content.fill(0xff, 1000);
        assert.equal(await calls.write(0, content), 'ok');
        assert.deepEqual(await calls.read(0, 0, content.length), torrent.pieceContent(0));
        assert.equal(await calls.verify(0), 'ok');
      }
    });

    test('a torrent whose v1 and v2 hashes disagree is an error, not a bad piece', async () => {
      const hybrid = hybridTorrent();
      const v2 = hybrid.hashes.v2!.slice();
      v2[0]! ^= 1;
      const hashes = {
        v1: hybrid.hashes.v1,
        v2,
        v2PieceBytes: (piece: number) => hybrid.hashes.v2PieceBytes(piece),
        v2LeafCount: (piece: number) => hybrid.hashes.v2LeafCount(piece),
      };
      const { calls } = await scene.open({ ...hybrid, hashes });
      assertFailsWith(await calls.write(0, hybrid.pieceContent(0)), 'ETORRENT');
      assert.equal(scene.harness.readFile(hybrid.files[0]!.path), null);
      scene.placeAll(hybrid);
      assertFailsWith(await calls.verify(0), 'ETORRENT');
      assert.equal(await calls.verify(1), 'ok');
    });

    test('a piece that fails its hash leaves no trace', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      const { calls } = await scene.open(torrent);
      await calls.writeAll(torrent);
      assert.equal(await calls.write(3, new Uint8Array(32 * KIB)), 'bad-hash');
      scene.assertFiles(torrent);
      const other = v1Torrent([{ path: ['other.bin'], lengthBytes: 10 }], 32 * KIB);
      const fresh = await scene.open(other);
      assert.equal(await fresh.calls.write(0, new Uint8Array(10)), 'bad-hash');
      assert.equal(scene.harness.readFile(['other.bin']), null);
    });

    test('nothing appears before its first byte, except empty files', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      const { calls } = await scene.open(torrent);
      const present = (): string[] =>
        MIXED.filter((file) => scene.harness.readFile(file.path) !== null).map((file) => file.path.join('/'));
      assert.deepEqual(present(), ['mixed/empty']);
      assert.equal(await calls.write(0, torrent.pieceContent(0)), 'ok');
      assert.deepEqual(present(), ['mixed/big.bin', 'mixed/empty']);
    });

    test('padding is never stored', async () => {
      const torrent = v1Torrent(PADDED, 32 * KIB);
      const { calls } = await scene.open(torrent);
      await calls.writeAll(torrent);
      for (const file of PADDED) assert.equal(scene.harness.readFile(file.path) === null, file.padding ?? false);
      assert.deepEqual(await calls.read(0, 999, 32 * KIB - 999), torrent.pieceContent(0).subarray(999));
      assert.deepEqual(await calls.read(3, 0, 32 * KIB), new Uint8Array(32 * KIB));
    });

    for (const [preallocation, lengthBytes] of [
      ['none', 160 * KIB],
      ['sparse', 200 * KIB],
      ['full', 200 * KIB],
    ] as const) {
      test(`a file has its length as preallocation ${preallocation} says, from its first byte on`, async () => {
        const torrent = v1Torrent([{ path: ['alloc.bin'], lengthBytes: 200 * KIB }], 32 * KIB);
        const { calls } = await scene.open(torrent, { preallocation });
        assert.equal(scene.harness.readFile(['alloc.bin']), null);
        assert.equal(await calls.write(4, torrent.pieceContent(4)), 'ok');
        assert.equal(scene.harness.readFile(['alloc.bin'])!.length, lengthBytes);
        assert.equal(await calls.verify(2), 'bad-hash');
        await calls.writeAll(torrent);
        scene.assertFiles(torrent);
      });
    }

    test('a file that goes away while the torrent is open is an error that names it, not a new file', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      const { calls } = await scene.open(torrent);
      assert.equal(await calls.write(0, torrent.pieceContent(0)), 'ok');
      scene.harness.removeFile(MIXED[0]!.path);
      for (const result of [
        await calls.write(1, torrent.pieceContent(1)),
        await calls.flush(),
        await calls.stamps(),
        await calls.write(2, torrent.pieceContent(2)),
      ]) {
        assertFailsWith(result, 'EFILEIO');
        assert.match((result as DtorrentError).message, /big\.bin was there and is not any more/);
      }
      assert.equal(scene.harness.readFile(MIXED[0]!.path), null);
      await scene.close(calls);
      const again = await scene.open(torrent);
      assert.equal(await again.calls.verify(0), 'missing');
      await again.calls.writeAll(torrent);
      scene.assertFiles(torrent);
    });

    test('a file that is made while stamps are taken is not taken for one that went away', async () => {
      // The first of many is looked for long before all stamps are there.
      const others = Array.from({ length: 1000 }, (_, i) => ({ path: ['many', `${i}`], lengthBytes: 1 }));
      const torrent = v1Torrent([{ path: ['first.bin'], lengthBytes: 16 * KIB }, ...others], 16 * KIB);
      const { calls } = await scene.open(torrent);
      const [stamps, written] = await Promise.all([calls.stamps(), calls.write(0, torrent.pieceContent(0))]);
      assert.ok(!(stamps instanceof DtorrentError), String(stamps));
      assert.equal(written, 'ok');
    });

    test('so is one that was only verified or looked at', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      for (const look of [(calls: Calls) => calls.verify(0), (calls: Calls) => calls.stamps()]) {
        scene.placeAll(torrent);
        const { calls } = await scene.open(torrent);
        await look(calls);
        scene.harness.removeFile(MIXED[0]!.path);
        assertFailsWith(await calls.write(1, torrent.pieceContent(1)), 'EFILEIO');
        assertFailsWith(await calls.stamps(), 'EFILEIO');
        assertFailsWith(await calls.verify(0), 'EFILEIO');
        await scene.close(calls);
      }
    });

    test('the directory is known again when the torrent is opened again', async () => {
      const torrent = v1Torrent([{ path: ['known.bin'], lengthBytes: 100 }], 64);
      const first = await scene.open(torrent);
      await first.calls.writeAll(torrent);
      const { directoryIdentity } = first.storage;
      assert.notEqual(directoryIdentity, null);
      await scene.close(first.calls);
      const second = await scene.open(torrent, { directoryIdentity });
      assert.equal(second.storage.directoryIdentity, directoryIdentity);
      assert.equal(await second.calls.verify(0), 'ok');
    });

    test('pieces written out of order leave the right bytes, and holes between them are missing or fail', async () => {
      const torrent = v1Torrent([{ path: ['sparse.bin'], lengthBytes: 200 * KIB }], 32 * KIB);
      const { calls } = await scene.open(torrent);
      assert.equal(await calls.write(4, torrent.pieceContent(4)), 'ok');
      assert.equal(await calls.verify(4), 'ok');
      assert.equal(await calls.verify(2), 'bad-hash');
      assert.equal(await calls.verify(5), 'missing');
      assert.equal(scene.harness.readFile(['sparse.bin'])!.length, 160 * KIB);
    });

    test('a piece is missing when any of its files is absent or too short', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      scene.placeAll({ ...torrent, files: torrent.files.filter(({ path }) => path[path.length - 1] !== 'tiny') });
      scene.harness.writeFile(['mixed', 'sub', 'deep', 'last.bin'], torrent.files[4]!.content.subarray(0, 90 * KIB));
      const { storage, calls } = await scene.open(torrent);
      assert.equal(storage.isEmpty, false);
      const results: VerifyResult[] = [];
      for (let piece = 0; piece < torrent.layout.pieceCount; piece++) results.push(await calls.verify(piece));
      assert.deepEqual(results, ['ok', 'ok', 'ok', 'missing', 'ok', 'ok', 'missing']);
    });

    test('reading what is not there fails', async () => {
      const { calls } = await scene.open(v1Torrent(MIXED, 32 * KIB));
      assert.ok((await calls.read(0, 0, 10)) instanceof DtorrentError);
      scene.harness.writeFile(['mixed', 'big.bin'], new Uint8Array(15));
      assert.ok((await calls.read(0, 10, 10)) instanceof DtorrentError);
      assert.deepEqual(await calls.read(0, 5, 10), new Uint8Array(10));
    });

    test('reading and checking leave a file that is too long alone; the first write cuts it', async () => {
      const torrent = v1Torrent([{ path: ['long.bin'], lengthBytes: 40 * KIB }], 32 * KIB);
      const long = new Uint8Array(64 * KIB).fill(7);
      scene.harness.writeFile(['long.bin'], long);
      const { calls } = await scene.open(torrent);
      assert.equal(await calls.verify(0), 'bad-hash');
      assert.deepEqual(await calls.read(1, 0, 10), new Uint8Array(10).fill(7));
      assert.deepEqual(scene.harness.readFile(['long.bin']), long);
      assert.equal(await calls.write(1, new Uint8Array(8 * KIB)), 'bad-hash');
      assert.deepEqual(scene.harness.readFile(['long.bin']), long);
      await calls.writeAll(torrent);
      scene.assertFiles(torrent);
    });

    test('operations on one piece take effect in the order they were asked for', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      const { calls } = await scene.open(torrent);
      const order: string[] = [];
      const note = (name: string) => (): void => {
        order.push(name);
      };
      const first = calls.verify(3);
      const write = calls.write(3, torrent.pieceContent(3));
      const read = calls.read(3, 100, 1000);
      const second = calls.verify(3);
      void first.then(note('verify'));
      void write.then(note('write'));
      void read.then(note('read'));
      assert.equal(await first, 'missing');
      assert.equal(await write, 'ok');
      assert.deepEqual(await read, torrent.pieceContent(3).subarray(100, 1100));
      assert.equal(await second, 'ok');
      assert.deepEqual(order, ['verify', 'write', 'read']);
    });

    test('many pieces at once, in any order, from several torrents', async () => {
      const random = new SeededRandom(7);
      const torrents = ['x', 'y', 'z'].map((name) =>
        v1Torrent(
          MIXED.map((file) => ({ ...file, path: [name, ...file.path], lengthBytes: file.lengthBytes * 3 })),
          16 * KIB,
        ),
      );
      const jobs: { calls: Calls; torrent: TestTorrent; piece: number }[] = [];
      for (const torrent of torrents) {
        const { calls } = await scene.open(torrent);
        for (let piece = 0; piece < torrent.layout.pieceCount; piece++) jobs.push({ calls, torrent, piece });
      }
      shuffle(random, jobs);
      const written = await Promise.all(
        jobs.map(({ calls, torrent, piece }) => calls.write(piece, torrent.pieceContent(piece))),
      );
      assert.ok(written.every((result) => result === 'ok'));
      for (const torrent of torrents) scene.assertFiles(torrent);
      const read = await Promise.all(
        jobs.map(({ calls, torrent, piece }) => calls.read(piece, 0, torrent.layout.pieceBytes(piece))),
      );
      assert.ok(
        read.every((bytes, i) =>
          Buffer.from(bytes as Uint8Array).equals(jobs[i]!.torrent.pieceContent(jobs[i]!.piece)),
        ),
      );
      const verified = await Promise.all(jobs.map(({ calls, piece }) => calls.verify(piece)));
      assert.ok(verified.every((result) => result === 'ok'));
    });

    test('flush comes after the writes before it', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      const { calls } = await scene.open(torrent);
      assert.equal(await calls.flush(), null);
      let written = 0;
      for (let piece = 0; piece < torrent.layout.pieceCount; piece++) {
        void calls.write(piece, torrent.pieceContent(piece)).then(() => written++);
      }
      assert.equal(await calls.flush(), null);
      assert.equal(written, torrent.layout.pieceCount);
      scene.assertFiles(torrent);
    });

    test('close comes after everything before it, and nothing works after it', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      const { calls } = await scene.open(torrent);
      let results = 0;
      const count = (): void => {
        results++;
      };
      for (let piece = 0; piece < torrent.layout.pieceCount; piece++) {
        void calls.write(piece, torrent.pieceContent(piece)).then(count);
        void calls.verify(piece).then(count);
        void calls.read(piece, 0, 10).then(count);
      }
      void calls.flush().then(count);
      await scene.close(calls);
      assert.equal(results, 3 * torrent.layout.pieceCount + 1);
      scene.assertFiles(torrent);
      assertFailsWith(await calls.write(0, torrent.pieceContent(0)), 'EFILEIO');
      assertFailsWith(await calls.verify(0), 'EFILEIO');
      assertFailsWith(await calls.read(0, 0, 10), 'EFILEIO');
      assertFailsWith(await calls.flush(), 'EFILEIO');
    });

    test('a torrent can be opened again, and finds what it wrote', async () => {
      const torrent = hybridTorrent();
      const first = await scene.open(torrent);
      await first.calls.writeAll(torrent);
      await scene.close(first.calls);
      const second = await scene.open(torrent);
      assert.equal(second.storage.isEmpty, false);
      assert.equal(await second.calls.verify(1), 'ok');
      assert.deepEqual(await second.calls.read(2, 0, 100), torrent.pieceContent(2).subarray(0, 100));
    });

    test('empty files alone are nothing to verify', async () => {
      const torrent = v1Torrent(MIXED, 32 * KIB);
      await scene.close((await scene.open(torrent)).calls);
      assert.equal(scene.harness.readFile(['mixed', 'empty'])!.length, 0);
      assert.equal((await scene.open(torrent)).storage.isEmpty, true);
    });
  });
}
