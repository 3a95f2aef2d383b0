import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bitfield } from '../../base/bitfield.js';
import { DtorrentError } from '../../base/errors.js';
import { FileLayout, pieceHashesOf } from '../../format/file-layout.js';
import type { FileStamp, Storage } from '../../host/storage.js';
import { specOf } from '../../host/testing/test-torrent.js';
import { Simulator } from '../../sim/simulator.js';
import { MemoryDisk } from '../../sim/storage/memory-disk.js';
import { type MemoryOperation, MemoryStorageFactory } from '../../sim/storage/memory-storage.js';
import { DOWNLOADS, makeSimTorrent, type SimTorrent } from '../testing/sim-swarm.js';
import { Turn } from '../turn.js';
import type { DataMemory } from './check-plan.js';
import { DataCheck } from './data-check.js';

const TORRENT = makeSimTorrent({ lengths: { 'a.bin': 100_000, 'b.bin': 60_000 }, pieceLength: 16_384 });
const LAYOUT = new FileLayout(TORRENT.metainfo);

/** A check of a torrent's data in memory: what it looked at and what it found. */
class Scene {
  readonly simulator = new Simulator({ seed: 1 });
  readonly disk = new MemoryDisk();
  readonly found: number[] = [];
  readonly hashed: number[] = [];
  readonly partials: number[] = [];
  readonly partialBlocks: number[] = [];
  planned = 0;
  end: 'done' | DtorrentError | null = null;
  check: DataCheck | null = null;
  fault: (operation: MemoryOperation, piece: number) => DtorrentError | null = () => null;

  constructor(torrent: SimTorrent = TORRENT) {
    for (const [path, bytes] of torrent.files) this.disk.write(`${DOWNLOADS}/${path}`, bytes);
  }

  open(): Storage {
    const factory = new MemoryStorageFactory({
      defer: (fn) => this.simulator.defer(fn),
      disk: this.disk,
      fault: (operation, piece) => this.fault(operation, piece),
    });
    let opened: Storage | null = null;
    const torrent = { layout: LAYOUT, hashes: pieceHashesOf(TORRENT.metainfo)! };
    factory.open(specOf(DOWNLOADS, torrent), (result) => {
      assert.ok(!(result instanceof DtorrentError));
      opened = result;
    });
    this.simulator.run(() => opened !== null);
    return opened!;
  }

  stamps(storage: Storage): readonly FileStamp[] {
    let stamps: readonly FileStamp[] | null = null;
    storage.stampFiles((result) => {
      assert.ok(!(result instanceof DtorrentError));
      stamps = result;
    });
    this.simulator.run(() => stamps !== null);
    return stamps!;
  }

  run(memory: DataMemory | null, storage = this.open()): void {
    const turn = new Turn(this.simulator.clock, (error) => {
      throw error;
    });
    this.check = new DataCheck({
      turn,
      storage,
      layout: LAYOUT,
      handler: {
        onPieceFound: (piece) => this.found.push(piece),
        onPieceChecked: (piece) => this.hashed.push(piece),
        onCheckPlanned: (doubtful) => {
          this.planned = doubtful.count;
        },
        onPartialFound: (piece, blocks) => {
          this.partials.push(piece);
          this.partialBlocks.push(blocks[0]!);
        },
        onCheckDone: () => this.#onEnd('done'),
        onCheckError: (error) => this.#onEnd(error),
      },
    });
    turn.run(() => this.check!.start(memory));
    this.simulator.run(1000);
  }

  #onEnd(end: 'done' | DtorrentError): void {
    assert.equal(this.end, null, 'a check ends once');
    if (end === 'done') assert.equal(this.hashed.length, this.planned, 'what was planned is what was hashed');
    this.end = end;
  }
}

const ALL = Array.from({ length: LAYOUT.pieceCount }, (_, piece) => piece);

function fullMemory(files: readonly FileStamp[]): DataMemory {
  const have = new Bitfield(LAYOUT.pieceCount);
  have.fill();
  return { have, files, isClean: true, partials: [] };
}

test('without a memory everything is hashed, and what matches is found', () => {
  const scene = new Scene();
  scene.disk.corrupt(`${DOWNLOADS}/content/a.bin`, 20_000);
  scene.run(null);
  assert.deepEqual(scene.hashed, ALL);
  assert.deepEqual(
    scene.found,
    ALL.filter((piece) => piece !== 1),
  );
  assert.equal(scene.end, 'done');
});

test('with unchanged files nothing is hashed', () => {
  const scene = new Scene();
  const storage = scene.open();
  scene.run(fullMemory(scene.stamps(storage)), storage);
  assert.deepEqual(scene.hashed, []);
  assert.deepEqual(scene.found, ALL);
  assert.equal(scene.end, 'done');
});

test('a changed file is hashed alone', () => {
  const scene = new Scene();
  const memory = fullMemory(scene.stamps(scene.open()));
  scene.disk.write(`${DOWNLOADS}/content/b.bin`, new Uint8Array(60_000));
  scene.run(memory);
  assert.deepEqual(scene.hashed, [6, 7, 8, 9]);
  assert.deepEqual(scene.found, [0, 1, 2, 3, 4, 5]);
});

test('blocks of unfinished pieces are taken up where the files are as they were', () => {
  const scene = new Scene();
  const { files } = fullMemory(scene.stamps(scene.open()));
  const have = new Bitfield(LAYOUT.pieceCount);
  const partials = [1, 5, 8].map((piece) => ({ piece, blocks: Uint8Array.of(0x80) }));
  scene.disk.write(`${DOWNLOADS}/content/b.bin`, new Uint8Array(60_000));
  scene.run({ have, files, isClean: true, partials });
  assert.deepEqual(scene.partials, [1, 5]);
});

test('after a crash, so are those that a file still has to the end', () => {
  const scene = new Scene();
  const { files } = fullMemory(scene.stamps(scene.open()));
  const have = new Bitfield(LAYOUT.pieceCount);
  const path = `${DOWNLOADS}/content/a.bin`;
  scene.disk.write(path, scene.disk.read(path)!.subarray(0, LAYOUT.pieceLength + 10_000));
  const partials = [0, 1, 2].map((piece) => ({ piece, blocks: Uint8Array.of(0x80) }));
  scene.run({ have, files, isClean: false, partials });
  assert.deepEqual(scene.partials, [0, 1]);
  assert.deepEqual(scene.partialBlocks, [0x80, 0x00]);
});

test('where no file is, the check ends at once', () => {
  const scene = new Scene();
  const memory = fullMemory(scene.stamps(scene.open()));
  for (const path of TORRENT.files.keys()) scene.disk.remove(`${DOWNLOADS}/${path}`);
  scene.run(memory);
  assert.deepEqual([scene.found, scene.hashed, scene.end], [[], [], 'done']);
});

for (const operation of ['stamp', 'verify'] as const) {
  test(`an error of the disk ends the check: ${operation}`, () => {
    const scene = new Scene();
    const error = new DtorrentError('EFILEIO', 'the disk is broken');
    scene.fault = (asked) => (asked === operation ? error : null);
    scene.run(null);
    assert.equal(scene.end, error);
    assert.deepEqual(scene.found, []);
  });
}

test('a cancelled check calls nothing any more', () => {
  const scene = new Scene();
  scene.fault = (operation, piece) => {
    if (operation === 'verify' && piece === 3) scene.check!.cancel();
    return null;
  };
  scene.run(null);
  assert.deepEqual([scene.found, scene.end], [[], null]);
});
