import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import type { Storage } from '../../host/storage.js';
import { describeStorage } from '../../host/testing/storage-conformance.js';
import { type StorageHarness, slotOf } from '../../host/testing/storage-scene.js';
import { specOf, type TestTorrent, v1Torrent } from '../../host/testing/test-torrent.js';
import { MemoryDisk } from './memory-disk.js';
import { type MemoryOperation, MemoryStorageFactory, type MemoryStorageOptions } from './memory-storage.js';

const later = (fn: () => void): void => void setImmediate(fn);

describeStorage('memory', (): StorageHarness => {
  const factory = new MemoryStorageFactory({ defer: later });
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
});

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
): { storage: Storage; disk: MemoryDisk; run: () => void } {
  const deferred: (() => void)[] = [];
  const factory = new MemoryStorageFactory({ ...options, defer: (fn) => deferred.push(fn) });
  const run = (): void => {
    for (const fn of deferred.splice(0)) fn();
  };
  let storage: Storage | null = null;
  factory.open(specOf('/d', torrent), (result) => {
    storage = result as Storage;
  });
  assert.equal(storage, null);
  run();
  return { storage: storage!, disk: factory.disk, run };
}
