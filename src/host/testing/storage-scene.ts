/**
 * What tests of a storage are made of: a harness for one implementation, and a scene that opens storages, watches the
 * rules of the port, and closes everything in the end. Used by the conformance suites.
 */
import assert from 'node:assert/strict';
import { DtorrentError } from '../../base/errors.js';
import type { Slot } from '../../base/slot-pool.js';
import type { FileStamp, Storage, StorageFactory, StorageSpec, VerifyResult, WriteResult } from '../storage.js';
import { PARTS_NAME, specOf, type TestTorrent } from './test-torrent.js';

export interface StorageHarness {
  readonly factory: StorageFactory;
  readonly directory: string;
  /** @returns null when the file does not exist. */
  readFile(path: readonly string[]): Uint8Array | null;
  writeFile(path: readonly string[], content: Uint8Array): void;
  removeFile(path: readonly string[]): void;
  close(): Promise<void>;
}

export class StorageScene {
  readonly harness: StorageHarness;
  readonly #opened: Calls[] = [];
  readonly #closed = new Set<Calls>();

  constructor(harness: StorageHarness) {
    this.harness = harness;
  }

  async open(
    torrent: Pick<TestTorrent, 'layout' | 'hashes'>,
    changes: Partial<StorageSpec> = {},
  ): Promise<{ storage: Storage; calls: Calls }> {
    const result = await new Promise<Storage | DtorrentError>((resolve) => {
      let isInCall = true;
      this.harness.factory.open(specOf(this.harness.directory, torrent, changes), (opening) => {
        assert.ok(!isInCall, 'open: done inside the call');
        resolve(opening);
      });
      isInCall = false;
    });
    if (result instanceof DtorrentError) throw result;
    const calls = new Calls(result);
    this.#opened.push(calls);
    return { storage: result, calls };
  }

  close(calls: Calls): Promise<void> {
    this.#closed.add(calls);
    return calls.close();
  }

  async end(): Promise<void> {
    for (const calls of this.#opened) if (!this.#closed.has(calls)) await calls.close();
    await this.harness.close();
    assert.deepEqual(
      this.#opened.flatMap((calls) => calls.violations),
      [],
    );
  }

  placeAll(torrent: TestTorrent): void {
    for (const { path, content } of torrent.files) this.harness.writeFile(path, content);
  }

  assertFiles(torrent: TestTorrent): void {
    for (const { path, content } of torrent.files) this.assertFile(path, content);
  }

  assertFile(path: readonly string[], content: Uint8Array): void {
    const actual = this.harness.readFile(path);
    assert.ok(actual !== null, `${path.join('/')} is missing`);
    assert.ok(Buffer.from(actual).equals(content), `${path.join('/')} is ${actual.length} other bytes`);
  }

  /** The torrent's files that are there, and `parts`. */
  present(torrent: TestTorrent): string[] {
    const paths = torrent.files.map(({ path }) => path).filter((path) => this.harness.readFile(path) !== null);
    const hasParts = this.harness.readFile([PARTS_NAME]) !== null;
    return [...paths.map((path) => path.join('/')), ...(hasParts ? ['parts'] : [])];
  }
}

/** A storage's operations as promises that also watch the port's rule: once, and not inside the call. */
export class Calls {
  readonly violations: string[] = [];
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  write(piece: number, content: Uint8Array): Promise<WriteResult> {
    return this.#call('writePiece', (done) => this.#storage.writePiece(piece, slotOf(content), done));
  }
  writeUnverified(piece: number, begin: number, content: Uint8Array): Promise<DtorrentError | null> {
    const span = { piece, begin, length: content.length };
    return this.#call('writeUnverified', (done) => this.#storage.writeUnverified(span, slotOf(content), done));
  }
  stamps(): Promise<readonly FileStamp[] | DtorrentError> {
    return this.#call('stampFiles', (done) => this.#storage.stampFiles(done));
  }
  async writeAll(torrent: TestTorrent): Promise<void> {
    for (let piece = 0; piece < torrent.layout.pieceCount; piece++) {
      assert.equal(await this.write(piece, torrent.pieceContent(piece)), 'ok', `piece ${piece}`);
    }
  }
  verify(piece: number): Promise<VerifyResult> {
    return this.#call('verifyPiece', (done) => this.#storage.verifyPiece(piece, done));
  }
  read(piece: number, begin: number, length: number): Promise<Uint8Array | DtorrentError> {
    const into = new Uint8Array(length).fill(0xee);
    const result = this.#call<DtorrentError | null>('read', (done) => this.#storage.read(piece, begin, into, done));
    return result.then((error) => error ?? into);
  }
  select(wanted: Uint8Array | null): Promise<DtorrentError | null> {
    return this.#call('setWantedFiles', (done) => this.#storage.setWantedFiles(wanted, done));
  }
  flush(): Promise<DtorrentError | null> {
    return this.#call('flush', (done) => this.#storage.flush(done));
  }
  close(): Promise<void> {
    return this.#call('close', (done) => this.#storage.close(() => done(undefined)));
  }

  #call<T>(name: string, start: (done: (result: T) => void) => void): Promise<T> {
    return new Promise((resolve) => {
      let isInCall = true;
      let calls = 0;
      start((result) => {
        calls++;
        if (isInCall) this.violations.push(`${name}: done inside the call`);
        if (calls > 1) this.violations.push(`${name}: done more than once`);
        resolve(result);
      });
      isInCall = false;
    });
  }
}

export function slotOf(content: Uint8Array): Slot {
  // As from a pool: longer than a short last piece, with somebody else's bytes behind it.
  const buffer = new SharedArrayBuffer(content.length + 100);
  const bytes = new Uint8Array(buffer).fill(0xdd);
  bytes.set(content);
  return { bytes, buffer };
}

export function assertFailsWith(result: unknown, code: string): void {
  assert.ok(result instanceof DtorrentError, `expected ${code}, got ${String(result)}`);
  assert.equal(result.code, code, result.message);
}
