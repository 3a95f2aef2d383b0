import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import { SeededRandom } from '../../base/random.js';
import type { Clock, Wake } from '../../host/clock.js';
import type { Storage, StorageSpec } from '../../host/storage.js';
import { describeStorage } from '../../host/testing/storage-conformance.js';
import { type StorageHarness, slotOf } from '../../host/testing/storage-scene.js';
import { specOf, type TestTorrent, v1Torrent } from '../../host/testing/test-torrent.js';
import { Simulator } from '../simulator.js';
import { MemoryDisk } from './memory-disk.js';
import { type MemoryOperation, MemoryStorageFactory, type MemoryStorageOptions } from './memory-storage.js';

const later = (fn: () => void): void => void setImmediate(fn);

describeStorage('memory', () => harnessOf(new MemoryStorageFactory({ defer: later })));
describeStorage('memory, a slow disk', () => {
  const factory = new MemoryStorageFactory({ defer: later, clock: new NextTick(), random: new SeededRandom(1) });
  factory.disk.queue.model = { latencyMs: 1, bytesPerMs: 100_000 };
  return harnessOf(factory);
});

function harnessOf(factory: MemoryStorageFactory): StorageHarness {
  const directory = '/downloads';
  const pathOf = (path: readonly string[]): string => [directory, ...path].join('/');
  return {
    factory,
    directory,
    readFile: (path) => factory.disk.read(pathOf(path)),
    writeFile: (path, content) => factory.disk.write(pathOf(path), content),
    removeFile: (path) => factory.disk.remove(pathOf(path)),
    close: async () => {},
  };
}

const TORRENT = v1Torrent([{ path: ['a', 'b.bin'], lengthBytes: 100 }], 64);
const WITH_EMPTY = v1Torrent(
  [
    { path: ['empty'], lengthBytes: 0 },
    { path: ['data'], lengthBytes: 100 },
  ],
  64,
);

test('two storages on one disk see the same files, whoever opened them', () => {
  const disk = new MemoryDisk();
  const first = openNow(TORRENT, { disk });
  first.storage.writePiece(1, slotOf(TORRENT.pieceContent(1)), (result) => assert.equal(result, 'ok'));
  first.run();
  assert.equal(disk.read('/d/a/b.bin')!.length, 100);
  const second = openNow(TORRENT, { disk });
  assert.equal(second.storage.isEmpty, false);
  let verified = '';
  second.storage.verifyPiece(1, (result) => {
    verified = String(result);
  });
  second.run();
  assert.equal(verified, 'ok');
});

test('a rotten byte fails the check', () => {
  const disk = new MemoryDisk();
  disk.write('/d/a/b.bin', TORRENT.files[0]!.content);
  const { storage, run } = openNow(TORRENT, { disk });
  disk.corrupt('/d/a/b.bin', 70);
  const results: unknown[] = [];
  storage.verifyPiece(0, (result) => results.push(result));
  storage.verifyPiece(1, (result) => results.push(result));
  run();
  assert.deepEqual(results, ['ok', 'bad-hash']);
});

test('a fault is the result of the operation that it is asked for, and nothing is written', () => {
  const full = new DtorrentError('EDISKFULL', 'no space left');
  const { storage, run, disk } = openNow(TORRENT, {
    fault: (operation, piece) => (operation === 'write' && piece === 1 ? full : null),
  });
  const results: unknown[] = [];
  storage.writePiece(0, slotOf(TORRENT.pieceContent(0)), (result) => results.push(result));
  storage.writePiece(1, slotOf(TORRENT.pieceContent(1)), (result) => results.push(result));
  run();
  assert.deepEqual(results, ['ok', full]);
  assert.equal(disk.lengthBytes('/d/a/b.bin'), 64);
});

test('every operation can be made to fail, and then changes nothing', () => {
  const broken = new DtorrentError('EFILEIO', 'the disk is gone');
  let failing: MemoryOperation | null = null;
  const asked: string[] = [];
  const { storage, run, disk } = openNow(TORRENT, {
    fault: (operation, piece) => {
      asked.push(`${operation} ${piece}`);
      return operation === failing ? broken : null;
    },
  });
  const results: unknown[] = [];
  const note = (result: unknown): void => void results.push(result);
  const operations: readonly [MemoryOperation, () => void][] = [
    ['write', () => storage.writePiece(0, slotOf(TORRENT.pieceContent(0)), note)],
    ['write', () => storage.writeUnverified({ piece: 1, begin: 0, length: 5 }, slotOf(new Uint8Array(5)), note)],
    ['read', () => storage.read(0, 0, new Uint8Array(5), note)],
    ['verify', () => storage.verifyPiece(0, note)],
    ['select', () => storage.setWantedFiles(null, note)],
    ['stamp', () => storage.stampFiles(note)],
    ['flush', () => storage.flush(note)],
  ];
  for (const [operation, start] of operations) {
    failing = operation;
    start();
    run();
    assert.equal(results.pop(), broken, operation);
  }
  assert.equal(disk.has('/d/a/b.bin'), false);
  const pieces = ['write 0', 'write 1', 'read 0', 'verify 0'];
  assert.deepEqual(asked, ['open -1', ...pieces, 'select -1', 'stamp -1', 'flush -1']);
});

test('a disk that is unmounted fails what would write or miss files, and comes back as it was', () => {
  const { storage, run, disk } = openNow(TORRENT, {});
  const results: unknown[] = [];
  const note = (result: unknown): void => void results.push(result);
  storage.writePiece(0, slotOf(TORRENT.pieceContent(0)), note);
  disk.unmount();
  storage.writePiece(1, slotOf(TORRENT.pieceContent(1)), note);
  storage.verifyPiece(0, note);
  storage.stampFiles(note);
  storage.flush(note);
  run();
  assert.equal(results.shift(), 'ok');
  for (const result of results) {
    assert.ok(result instanceof DtorrentError);
    assert.match(result.message, /is not the one it was/);
  }
  const { directoryIdentity } = storage;
  assert.ok(openAgain(disk, directoryIdentity) instanceof DtorrentError);
  assert.ok(!(openAgain(disk, null) instanceof DtorrentError));
  disk.mount();
  assert.ok(!(openAgain(disk, directoryIdentity) instanceof DtorrentError));
  assert.equal(disk.lengthBytes('/d/a/b.bin'), 64);
});

function openAgain(disk: MemoryDisk, directoryIdentity: string | null): Storage | DtorrentError {
  const factory = new MemoryStorageFactory({ defer: (fn) => fn(), disk });
  const results: (Storage | DtorrentError)[] = [];
  factory.open(specOf('/d', TORRENT, { directoryIdentity }), (result) => results.push(result));
  return results[0]!;
}

test('opening can be made to fail', () => {
  const fault = (): DtorrentError => new DtorrentError('EDIRCREATE', 'the disk is not mounted');
  const factory = new MemoryStorageFactory({ defer: (fn) => fn(), fault });
  const results: unknown[] = [];
  factory.open(specOf('/d', WITH_EMPTY), (result) => results.push(result));
  assert.ok(results[0] instanceof DtorrentError);
  assert.equal(factory.disk.has('/d/empty'), false);
});

/** Deferred callbacks wait for `run`. */
function openNow(
  torrent: TestTorrent,
  options: Partial<MemoryStorageOptions>,
  changes: Partial<StorageSpec> = {},
): { storage: Storage; disk: MemoryDisk; run: () => void } {
  const deferred: (() => void)[] = [];
  const factory = new MemoryStorageFactory({ ...options, defer: (fn) => deferred.push(fn) });
  const run = (): void => {
    for (const fn of deferred.splice(0)) fn();
  };
  let storage: Storage | null = null;
  factory.open(specOf('/d', torrent, changes), (result) => {
    storage = result as Storage;
  });
  assert.equal(storage, null);
  run();
  return { storage: storage!, disk: factory.disk, run };
}

describe('a disk that is full', () => {
  for (const [preallocation, message] of [
    ['none', /^\/d has 0 bytes free, \/d\/a\/b\.bin needs 20 bytes more; free some space or choose another directory$/],
    ['sparse', /^\/d has 80 bytes free, the torrent needs 100 bytes more; free some space, select fewer files, or/],
  ] as const) {
    test(`says what is missing, and takes writes again when there is room (preallocation ${preallocation})`, () => {
      const disk = new MemoryDisk();
      disk.capacityBytes = 80;
      const { storage, run } = openNow(TORRENT, { disk }, { preallocation });
      const results: unknown[] = [];
      const note = (result: unknown): void => void results.push(result);
      for (const piece of [0, 1]) storage.writePiece(piece, slotOf(TORRENT.pieceContent(piece)), note);
      run();
      const fault = results[1];
      assert.ok(fault instanceof DtorrentError && fault.code === 'EDISKFULL');
      if (preallocation === 'none') assert.equal(results[0], 'ok');
      disk.capacityBytes = 100;
      for (const piece of [0, 1]) storage.writePiece(piece, slotOf(TORRENT.pieceContent(piece)), note);
      run();
      assert.deepEqual(results.slice(2), ['ok', 'ok']);
      assert.match(fault.message, message);
    });
  }
});

describe('a disk in trouble', () => {
  test('fails the operations it is told to, in the words of a real one', () => {
    const disk = new MemoryDisk();
    const { storage, run } = openNow(TORRENT, { disk });
    const results: unknown[] = [];
    const note = (result: unknown): void => void results.push(result);
    storage.writePiece(0, slotOf(TORRENT.pieceContent(0)), note);
    disk.trouble.failNext('read');
    for (let i = 0; i < 2; i++) storage.read(0, 0, new Uint8Array(10), note);
    disk.trouble.failNext('flush', 2);
    for (let i = 0; i < 3; i++) storage.flush(note);
    disk.trouble.failNext('write');
    storage.writePiece(1, slotOf(TORRENT.pieceContent(1)), note);
    run();
    const problem = 'the disk reports an input/output error; check the system log and the disk';
    const texts = results.map((result) => (result instanceof DtorrentError ? result.message : result));
    const write = `cannot write /d/a/b.bin: ${problem}`;
    const sync = `cannot sync /d: ${problem}`;
    assert.deepEqual(texts, ['ok', `cannot read /d/a/b.bin: ${problem}`, null, sync, sync, null, write]);
  });

  test('fails a share of one kind, and a write that fails may have begun', () => {
    const disk = new MemoryDisk();
    const { storage, run } = openNow(TORRENT, { disk, random: new SeededRandom(3) });
    disk.trouble.errorRatio = 0.5;
    disk.trouble.operations = new Set(['write']);
    let failures = 0;
    const lengths = new Set<number>();
    for (let i = 0; i < 200; i++) {
      disk.remove('/d/a/b.bin');
      storage.writePiece(0, slotOf(TORRENT.pieceContent(0)), (result) => {
        if (result !== 'ok') failures++;
      });
      lengths.add(disk.lengthBytes('/d/a/b.bin'));
      storage.setWantedFiles(Uint8Array.of(0), () => {});
      storage.setWantedFiles(null, () => {});
      run();
    }
    assert.ok(failures > 50 && failures < 150, String(failures));
    assert.ok(lengths.size > 20, 'cut short anywhere');
  });

  test('rots as it is read, which is known', () => {
    const disk = new MemoryDisk();
    const { storage, run } = openNow(TORRENT, { disk, random: new SeededRandom(3) });
    const results: unknown[] = [];
    storage.writePiece(0, slotOf(TORRENT.pieceContent(0)), () => {});
    disk.trouble.rotRatio = 1;
    storage.verifyPiece(0, (result) => results.push(result));
    run();
    assert.deepEqual(results, ['bad-hash']);
    assert.equal(disk.isRotten('/d/a/b.bin', 0, 64), true);
    assert.equal(disk.isRotten('/d/a/b.bin', 64, 36), false);
  });
});

test('a disk with a model works off one operation after the other, with looks and flushes beside them', () => {
  const simulator = new Simulator({ seed: 1 });
  const host = simulator.createHost({ diskModel: { latencyMs: 10, bytesPerMs: 1 } });
  const times: [string, number][] = [];
  host.storage.open(specOf('/d', TORRENT), (storage) => {
    assert.ok(!(storage instanceof DtorrentError));
    const start = simulator.now;
    const note = (what: string) => (): void => void times.push([what, simulator.now - start]);
    storage.writePiece(0, slotOf(TORRENT.pieceContent(0)), note('write'));
    storage.read(0, 0, new Uint8Array(30), note('read'));
    storage.flush(note('flush'));
    storage.stampFiles(note('look'));
    storage.read(0, 0, new Uint8Array(10), note('later'));
    storage.setWantedFiles(null, note('fence'));
    storage.read(0, 0, new Uint8Array(10), note('last'));
    storage.close(note('close'));
  });
  simulator.run(1000);
  assert.deepEqual(times, [
    ['write', 74],
    ['read', 114],
    ['look', 124],
    ['later', 134],
    ['flush', 174],
    ['fence', 184],
    ['last', 204],
    ['close', 214],
  ]);
});

test('a host that loses power loses what it had not flushed; what was under way is never done', () => {
  let lost = 0;
  for (let seed = 0; seed < 20; seed++) {
    const simulator = new Simulator({ seed });
    const host = simulator.createHost({ diskModel: { latencyMs: 10, bytesPerMs: 1 } });
    const done: string[] = [];
    host.storage.open(specOf('/d', TORRENT), (storage) => {
      assert.ok(!(storage instanceof DtorrentError));
      storage.writePiece(1, slotOf(TORRENT.pieceContent(1)), () => done.push('write'));
      storage.flush(() => done.push('flush'));
      storage.writePiece(0, slotOf(TORRENT.pieceContent(0)), () => host.machine.crash('power'));
      storage.flush(() => done.push('too late'));
    });
    simulator.run(1000);
    assert.deepEqual(done, ['write', 'flush']);
    const left = host.disk.read('/d/a/b.bin')!;
    assert.deepEqual(left.subarray(64), TORRENT.pieceContent(1));
    if (Buffer.compare(left.subarray(0, 64), TORRENT.pieceContent(0)) !== 0) lost++;
  }
  assert.ok(lost > 0 && lost < 20, String(lost));
});

/** A clock that jumps to the next deadline as soon as nothing else is to do. */
class NextTick implements Clock {
  #now = 0;

  now(): number {
    return this.#now;
  }

  unixTime(): number {
    return 0;
  }

  wakeAt(deadline: number, fn: () => void): Wake {
    setImmediate(() => {
      this.#now = deadline;
      fn();
    });
    return { cancel() {} };
  }
}
