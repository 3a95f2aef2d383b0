/** What every Storage does when not all files are wanted; registered by storage-conformance.ts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import type { Calls, StorageScene } from './storage-scene.js';
import { hybridTorrent, PARTS_NAME, type TestFile, type TestTorrent, v1Torrent, wantedFiles } from './test-torrent.js';

const KIB = 1024;
/** In pieces of 32 KiB: A has 0-3, SKIP 3-5, C 5-6, TINY 6, LAST 6-8. */
const FILES: readonly TestFile[] = [
  { path: ['sel', 'a.bin'], lengthBytes: 100 * KIB },
  { path: ['sel', 'b', 'skip.bin'], lengthBytes: 70 * KIB },
  { path: ['sel', 'e', 'empty'], lengthBytes: 0 },
  { path: ['sel', 'c.bin'], lengthBytes: 50 * KIB },
  { path: ['sel', 'd', 'tiny'], lengthBytes: 10 },
  { path: ['sel', 'd', 'last.bin'], lengthBytes: 60 * KIB },
];
const [A, SKIP, EMPTY, C, TINY, LAST] = [0, 1, 2, 3, 4, 5] as const;
const TORRENT = v1Torrent(FILES, 32 * KIB);

export function describeSelection(sceneOf: () => StorageScene): void {
  const open = (torrent: TestTorrent, indices: readonly number[] | null) =>
    sceneOf().open(torrent, { wantedFiles: indices === null ? null : wantedFiles(torrent, indices) });
  const write = async (calls: Calls, ...pieces: readonly number[]): Promise<void> => {
    for (const piece of pieces) assert.equal(await calls.write(piece, TORRENT.pieceContent(piece)), 'ok');
  };
  const assertGood = async (calls: Calls, ...pieces: readonly number[]): Promise<void> => {
    for (const piece of pieces) {
      assert.equal(await calls.verify(piece), 'ok', `piece ${piece}`);
      const content = TORRENT.pieceContent(piece);
      assert.deepEqual(await calls.read(piece, 0, content.length), content);
      assert.deepEqual(await calls.read(piece, 5, content.length - 5), content.subarray(5));
    }
  };
  const select = async (calls: Calls, indices: readonly number[] | null): Promise<void> => {
    assert.equal(await calls.select(indices === null ? null : wantedFiles(TORRENT, indices)), null);
  };
  const present = (): string[] => sceneOf().present(TORRENT);
  const assertFile = (index: number): void => {
    const { path, content } = TORRENT.files[index]!;
    sceneOf().assertFile(path, content);
  };

  describe('file selection', () => {
    test('what a piece has of unwanted files is kept aside, and verifies and can be read', async () => {
      const { calls } = await open(TORRENT, [A]);
      assert.deepEqual(present(), []);
      await write(calls, 0, 1, 2);
      assert.deepEqual(present(), ['sel/a.bin']);
      assert.equal(await calls.verify(3), 'missing');
      await write(calls, 3);
      assert.deepEqual(present(), ['sel/a.bin', 'parts']);
      assertFile(A);
      await assertGood(calls, 0, 1, 2, 3);
      assert.equal(await calls.verify(4), 'missing');
      assert.ok((await calls.read(4, 0, 10)) instanceof DtorrentError);
    });

    test('what files look like after opening is what opening has made of them', async () => {
      const { calls } = await open(TORRENT, [A]);
      await write(calls, 3);
      assert.deepEqual(present(), ['sel/a.bin', 'parts']);
      await sceneOf().close(calls);
      const { calls: reopened } = await open(TORRENT, null);
      const stamps = await reopened.stamps();
      assert.ok(!(stamps instanceof DtorrentError));
      const isThere = stamps.map(({ lengthBytes }) => lengthBytes >= 0);
      // The parts file, which comes last, has given what it had to the file and is gone; the empty file has been made.
      assert.deepEqual(isThere, [true, true, true, false, false, false, false]);
      await write(reopened, 0);
      assert.ok(!((await reopened.stamps()) instanceof DtorrentError));
    });

    test('a piece of which nothing is wanted is kept aside as well', async () => {
      const { calls } = await open(TORRENT, [A]);
      await write(calls, 6);
      assert.deepEqual(present(), ['parts']);
      await assertGood(calls, 6);
    });

    test('files that become wanted get what was kept aside, and the parts file goes with the last of them', async () => {
      const { calls } = await open(TORRENT, [A, C]);
      await write(calls, 0, 1, 2, 3, 5, 6);
      assert.deepEqual(present(), ['sel/a.bin', 'sel/c.bin', 'parts']);
      await select(calls, [A, C, SKIP]);
      assert.deepEqual(present(), ['sel/a.bin', 'sel/b/skip.bin', 'sel/c.bin', 'parts']);
      await assertGood(calls, 3, 5, 6);
      await write(calls, 4);
      assertFile(SKIP);
      await select(calls, null);
      assert.deepEqual(
        present(),
        FILES.map(({ path }) => path.join('/')),
      );
      assertFile(TINY);
      await assertGood(calls, 0, 1, 2, 3, 4, 5, 6);
      await write(calls, 7, 8);
      sceneOf().assertFiles(TORRENT);
    });

    test('a file of which nothing was kept does not appear when it becomes wanted', async () => {
      const { calls } = await open(TORRENT, [A]);
      await write(calls, 0, 3);
      await select(calls, [A, LAST]);
      assert.deepEqual(present(), ['sel/a.bin', 'parts']);
      await write(calls, 8);
      assert.deepEqual(present(), ['sel/a.bin', 'sel/d/last.bin', 'parts']);
    });

    test('a change of the selection waits for what was asked before, and what is asked after it sees it', async () => {
      const { calls } = await open(TORRENT, [A]);
      const order: string[] = [];
      const note = (name: string) => (): void => void order.push(name);
      const all = [
        calls.write(3, TORRENT.pieceContent(3)).then(note('write 3')),
        calls.verify(3).then(note('verify 3')),
        select(calls, [A, SKIP]).then(note('select')),
        calls.write(5, TORRENT.pieceContent(5)).then(note('write 5')),
        assertGood(calls, 3, 5).then(note('good')),
        select(calls, null).then(note('select all')),
        write(calls, 4).then(note('write 4')),
        calls.flush(),
      ];
      await Promise.all(all);
      assert.deepEqual(
        order.filter((name) => name !== 'good'),
        ['write 3', 'verify 3', 'select', 'write 5', 'select all', 'write 4'],
      );
      assertFile(SKIP);
      assert.equal(sceneOf().harness.readFile([PARTS_NAME]), null);
      await assertGood(calls, 3, 4, 5);
    });

    test('a file that is on disk is used where it is when it is not wanted any more', async () => {
      const { calls } = await open(TORRENT, null);
      await write(calls, 4);
      await select(calls, [A, C]);
      await write(calls, 3, 5);
      assertFile(SKIP);
      assert.deepEqual(present(), ['sel/a.bin', 'sel/b/skip.bin', 'sel/e/empty', 'sel/c.bin']);
      await assertGood(calls, 3, 4, 5);
    });

    test('a file that is not there yet stays away when it is not wanted any more', async () => {
      const { calls } = await open(TORRENT, null);
      await select(calls, [A]);
      await write(calls, 3, 6);
      assert.deepEqual(present(), ['sel/a.bin', 'sel/e/empty', 'parts']);
      await assertGood(calls, 3, 6);
    });

    test('an unwanted file that was on disk before is used where it is', async () => {
      const { path, content } = TORRENT.files[SKIP]!;
      sceneOf().harness.writeFile(path, content);
      const { storage, calls } = await open(TORRENT, [A]);
      assert.equal(storage.isEmpty, false);
      assert.equal(await calls.verify(4), 'ok');
      await write(calls, 0, 1, 2, 3);
      assert.deepEqual(present(), ['sel/a.bin', 'sel/b/skip.bin']);
      await assertGood(calls, 3, 4);
    });

    test('a piece of an unwanted file alone, under way when the selection changed, goes to the file', async () => {
      const { calls } = await open(TORRENT, [A]);
      await write(calls, 3);
      assert.deepEqual(present(), ['sel/a.bin', 'parts']);
      await write(calls, 4);
      assert.deepEqual(present(), ['sel/a.bin', 'sel/b/skip.bin', 'parts']);
      await assertGood(calls, 3, 4);
      await write(calls, 5);
      assertFile(SKIP);
    });

    test('unverified writes go to the same places', async () => {
      const { calls } = await open(TORRENT, [A]);
      const content = TORRENT.pieceContent(3);
      assert.equal(await calls.writeUnverified(3, 2 * KIB, content.subarray(2 * KIB)), null);
      assert.equal(await calls.writeUnverified(3, 0, content.subarray(0, 2 * KIB)), null);
      assert.deepEqual(present(), ['sel/a.bin', 'parts']);
      await assertGood(calls, 3);
    });

    test('empty files are made when they are wanted, and only then', async () => {
      const { calls } = await open(TORRENT, [A]);
      await write(calls, 0);
      assert.equal(sceneOf().harness.readFile(FILES[EMPTY]!.path), null);
      await select(calls, [EMPTY]);
      assert.deepEqual(sceneOf().harness.readFile(FILES[EMPTY]!.path), new Uint8Array(0));
    });

    test('what was kept aside is found when the torrent is opened again, whatever is wanted then', async () => {
      const first = await open(TORRENT, [A]);
      await write(first.calls, 3, 6);
      await sceneOf().close(first.calls);
      sceneOf().harness.removeFile(FILES[A]!.path);
      const second = await open(TORRENT, [C]);
      assert.equal(second.storage.isEmpty, false);
      assert.deepEqual(present(), ['sel/c.bin', 'parts']);
      await assertGood(second.calls, 6);
      await sceneOf().close(second.calls);
      const third = await open(TORRENT, null);
      assert.equal(sceneOf().harness.readFile([PARTS_NAME]), null);
      await assertGood(third.calls, 6);
      assertFile(TINY);
    });

    test('with nothing wanted, nothing is changed by opening and checking', async () => {
      const first = await open(TORRENT, [A]);
      await write(first.calls, 3, 6);
      await sceneOf().close(first.calls);
      const before = present();
      const second = await open(TORRENT, []);
      assert.equal(second.storage.isEmpty, false);
      await assertGood(second.calls, 3, 6);
      assert.deepEqual(present(), before);
    });

    test('the parts file has a stamp of its own, the last: it tells when what is aside changed or went', async () => {
      const { calls } = await open(TORRENT, [A]);
      const parts = async () => {
        const stamps = await calls.stamps();
        assert.ok(!(stamps instanceof DtorrentError));
        assert.equal(stamps.length, TORRENT.layout.files.length + 1);
        return stamps[TORRENT.layout.files.length]!;
      };
      await write(calls, 0);
      assert.deepEqual(await parts(), { lengthBytes: -1, modifiedUs: 0 });
      await write(calls, 3);
      const stamp = await parts();
      assert.ok(stamp.lengthBytes > 0);
      assert.deepEqual(await parts(), stamp);
      await sceneOf().close(calls);
      sceneOf().harness.removeFile([PARTS_NAME]);
      const again = await open(TORRENT, [A]);
      const stamps = await again.calls.stamps();
      assert.ok(!(stamps instanceof DtorrentError));
      assert.equal(stamps[stamps.length - 1]!.lengthBytes, -1);
      assert.equal(await again.calls.verify(3), 'missing');
    });

    test('where files start with a piece of their own there is no parts file', async () => {
      const torrent = hybridTorrent();
      const { calls } = await open(torrent, [0]);
      const lastPiece = Math.ceil(torrent.layout.files[0]!.lengthBytes / torrent.layout.pieceLength);
      for (let piece = 0; piece < lastPiece; piece++) {
        assert.equal(await calls.write(piece, torrent.pieceContent(piece)), 'ok');
      }
      assert.deepEqual(sceneOf().present(torrent), [torrent.files[0]!.path.join('/')]);
      assert.equal(await calls.select(null), null);
      await calls.writeAll(torrent);
      sceneOf().assertFiles(torrent);
    });

    for (const seed of [1, 2, 3, 4, 5, 6]) {
      test(`nothing stored is ever lost, and no file appears that was never wanted (seed ${seed})`, async () => {
        await wander(sceneOf(), seed);
      });
    }
  });
}

/** Writes, selects and reopens at random, and checks after each step all that has to be true. */
async function wander(scene: StorageScene, seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const files = Array.from({ length: 12 }, (_, i) => ({
    path: ['w', ...(i % 3 === 0 ? ['sub'] : []), `f${i}`],
    lengthBytes: randomBelow(random, i % 4 === 0 ? 40_000 : 3000),
  }));
  const torrent = v1Torrent(files, 4096);
  const someFiles = (): Uint8Array =>
    wantedFiles(
      torrent,
      [...files.keys()].filter(() => randomBelow(random, 3) === 0),
    );
  let wanted = someFiles();
  const everWanted = wanted.slice();
  const stored = new Set<number>();
  let { calls } = await scene.open(torrent, { wantedFiles: wanted });
  for (let step = 0; step < 60; step++) {
    const action = randomBelow(random, 6);
    if (action === 0) {
      await scene.close(calls);
      calls = (await scene.open(torrent, { wantedFiles: wanted })).calls;
    } else if (action === 1) {
      wanted = someFiles();
      for (const [index, isWanted] of wanted.entries()) if (isWanted) everWanted[index] = 1;
      assert.equal(await calls.select(wanted), null);
    } else {
      const piece = randomBelow(random, torrent.layout.pieceCount);
      if (!touchesWanted(torrent, piece, wanted)) continue;
      assert.equal(await calls.write(piece, torrent.pieceContent(piece)), 'ok');
      stored.add(piece);
    }
    for (const piece of stored) assert.equal(await calls.verify(piece), 'ok', `piece ${piece} after step ${step}`);
    for (const [index, { path }] of files.entries()) {
      if (everWanted[index] === 0) assert.equal(scene.harness.readFile(path), null, `${path.join('/')}, step ${step}`);
    }
  }
  assert.equal(await calls.select(null), null);
  await calls.writeAll(torrent);
  scene.assertFiles(torrent);
  assert.equal(scene.harness.readFile([PARTS_NAME]), null);
}

function touchesWanted({ layout }: TestTorrent, piece: number, wanted: Uint8Array): boolean {
  let touches = false;
  layout.forEachSpan(piece, 0, layout.pieceBytes(piece), (index) => {
    if (wanted[index] === 1) touches = true;
  });
  return touches;
}
