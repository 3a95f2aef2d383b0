import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { concatBytes } from '../../base/bytes.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import type { Storage, StorageFactory } from '../../host/storage.js';
import { slotOf } from '../../host/testing/storage-scene.js';
import { specOf, type TestTorrent, v1Torrent } from '../../host/testing/test-torrent.js';
import { SimMachine } from '../machine.js';
import { SILENT_OBSERVER } from '../observer.js';
import { MemoryDisk } from './memory-disk.js';
import { MemoryStorageFactory } from './memory-storage.js';
import { SharedContentDisk } from './shared-content.js';
import { SharedContentStorageFactory } from './shared-content-storage.js';

const KIB = 1024;
const BLOCK = 16 * KIB;
const TORRENT = v1Torrent(
  [
    { path: ['s', 'a'], lengthBytes: 100 * KIB },
    { path: ['.pad', '28672'], lengthBytes: 28 * KIB, padding: true },
    { path: ['s', 'b'], lengthBytes: 90 * KIB + 5 },
    { path: ['s', 'empty'], lengthBytes: 0 },
  ],
  64 * KIB,
);

describe('storage over shared content', () => {
  test('a host has what it wrote, and no other has it', () => {
    const scene = new Scene(TORRENT);
    const other = new Scene(TORRENT, new SharedContentDisk({ ...scene.parts, isFull: false }));
    assert.equal(scene.storage.isEmpty, true);
    assert.equal(scene.write(0, TORRENT.pieceContent(0)), 'ok');
    assert.deepEqual([scene.disk.isIntact(0), scene.disk.isIntact(1), other.disk.isIntact(0)], [true, false, false]);
    assert.equal(scene.verify(0), 'ok');
    assert.equal(scene.verify(1), 'missing');
    assert.deepEqual(scene.read(0, 5, 100), TORRENT.pieceContent(0).subarray(5, 105));
    assert.equal(scene.read(1, 0, 10), null);
  });

  test('a seed has all from the start', () => {
    const scene = new Scene(TORRENT, null, true);
    assert.equal(scene.storage.isEmpty, false);
    for (let piece = 0; piece < TORRENT.layout.pieceCount; piece++) {
      assert.equal(scene.verify(piece), 'ok');
      const content = TORRENT.pieceContent(piece);
      assert.deepEqual(scene.read(piece, 0, content.length), content);
    }
    assert.equal(scene.stamps()[0]!.lengthBytes, 100 * KIB);
  });

  test('one wrong byte anywhere is noticed', () => {
    const scene = new Scene(TORRENT);
    for (let piece = 0; piece < TORRENT.layout.pieceCount; piece++) {
      const content = TORRENT.pieceContent(piece);
      // Not in the padding, which is zeros whatever was sent.
      for (const at of [0, 1, 15, 16, 999, content.length - 1].filter((byte) => piece !== 1 || byte < 36 * KIB)) {
        const wrong = content.slice();
        wrong[at]! ^= 0x80;
        assert.equal(scene.write(piece, wrong), 'bad-hash', `piece ${piece}, byte ${at}`);
      }
      assert.equal(scene.disk.isIntact(piece), false);
      assert.equal(scene.write(piece, content), 'ok');
    }
  });

  test('a rotten piece fails the check and reads as something else, and may be written again', () => {
    const scene = new Scene(TORRENT, null, true);
    scene.disk.corrupt(2);
    assert.equal(scene.verify(2), 'bad-hash');
    assert.notDeepEqual(scene.read(2, 0, 100), TORRENT.pieceContent(2).subarray(0, 100));
    assert.equal(scene.write(2, TORRENT.pieceContent(2)), 'ok');
    assert.equal(scene.disk.isIntact(2), true);
  });

  test('a machine that is off changes nothing and is not called', () => {
    const machine = new SimMachine(0, 'm', SILENT_OBSERVER);
    const scene = new Scene(TORRENT, null, false, machine);
    let calls = 0;
    const count = (): number => calls++;
    scene.storage.writePiece(0, slotOf(TORRENT.pieceContent(0)), count);
    machine.crash('power');
    scene.storage.writePiece(1, slotOf(TORRENT.pieceContent(1)), count);
    scene.storage.flush(count);
    scene.storage.close(count);
    scene.run();
    assert.equal(calls, 0);
    assert.equal(scene.disk.isIntact(1), false);
  });

  for (const seed of [1, 2, 3]) {
    test(`it answers as files would, whatever is written by the block (seed ${seed})`, () => {
      const random = new SeededRandom(seed);
      const computed = new Scene(TORRENT);
      const files = new Scene(TORRENT, new MemoryDisk());
      for (let step = 0; step < 200; step++) {
        const piece = randomBelow(random, TORRENT.layout.pieceCount);
        const content = TORRENT.pieceContent(piece);
        const block = randomBelow(random, Math.ceil(content.length / BLOCK));
        const begin = block * BLOCK;
        const length = Math.min(content.length - begin, BLOCK * (1 + randomBelow(random, 4)));
        if (randomBelow(random, 3) === 0) content[begin + randomBelow(random, length)]! ^= 1;
        const part = content.slice(begin, begin + length);
        if (randomBelow(random, 4) === 0) assert.equal(computed.write(piece, content), files.write(piece, content));
        else for (const scene of [computed, files]) scene.writeUnverified(piece, begin, part);
        const verdict = computed.verify(piece);
        assert.equal(verdict === 'ok', files.verify(piece) === 'ok', `step ${step}, piece ${piece}`);
        if (verdict === 'ok') assert.deepEqual(computed.read(piece, begin, length), files.read(piece, begin, length));
      }
    });
  }
});

/** One open storage whose deferred callbacks run at once after each call. */
class Scene {
  readonly parts: { readonly layout: TestTorrent['layout']; readonly content: Uint8Array };
  readonly disk: SharedContentDisk;
  readonly storage: Storage;
  readonly #deferred: (() => void)[] = [];

  constructor(
    torrent: TestTorrent,
    disk: SharedContentDisk | MemoryDisk | null = null,
    isFull = false,
    machine?: SimMachine,
  ) {
    const { layout } = torrent;
    const pieces = Array.from({ length: layout.pieceCount }, (_, piece) => torrent.pieceContent(piece));
    this.parts = { layout, content: concatBytes(pieces) };
    const wiring = {
      defer: (fn: () => void) => this.#deferred.push(fn),
      ...(machine === undefined ? {} : { machine }),
    };
    this.disk = disk instanceof SharedContentDisk ? disk : new SharedContentDisk({ ...this.parts, isFull });
    const factory: StorageFactory =
      disk instanceof MemoryDisk
        ? new MemoryStorageFactory({ ...wiring, disk })
        : new SharedContentStorageFactory(this.disk, wiring);
    this.storage = this.#result((done) => factory.open(specOf('/d', torrent), done)) as Storage;
  }

  run(): void {
    for (const fn of this.#deferred.splice(0)) fn();
  }

  write(piece: number, content: Uint8Array): unknown {
    return this.#result((done) => this.storage.writePiece(piece, slotOf(content), done));
  }

  writeUnverified(piece: number, begin: number, content: Uint8Array): void {
    const span = { piece, begin, length: content.length };
    assert.equal(
      this.#result((done) => this.storage.writeUnverified(span, slotOf(content), done)),
      null,
    );
  }

  verify(piece: number): unknown {
    return this.#result((done) => this.storage.verifyPiece(piece, done));
  }

  /** @returns null when it cannot be read. */
  read(piece: number, begin: number, length: number): Uint8Array | null {
    const into = new Uint8Array(length);
    return this.#result((done) => this.storage.read(piece, begin, into, done)) === null ? into : null;
  }

  stamps(): readonly { lengthBytes: number }[] {
    return this.#result((done) => this.storage.stampFiles(done)) as { lengthBytes: number }[];
  }

  #result(start: (done: (result: unknown) => void) => void): unknown {
    let result: unknown;
    start((answer) => {
      result = answer;
    });
    assert.equal(result, undefined, 'done inside the call');
    this.run();
    return result;
  }
}
