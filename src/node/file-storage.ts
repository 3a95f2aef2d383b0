/**
 * The storage port over real files: all torrents share one pool of disk threads and one table of open files. Pieces are
 * checked and written by the pool; uploads are read by the main thread through libuv, which was measured to be cheaper.
 * Rules of the port: a piece's operations keep their order (PieceGates); no `done` inside the call; close is a fence.
 */
import { lstat } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { assert } from '../base/assert.js';
import { DtorrentError } from '../base/errors.js';
import type { Slot } from '../base/slot-pool.js';
import type {
  FileStamp,
  Storage,
  StorageFactory,
  StorageFile,
  StorageSpec,
  VerifyResult,
  WriteResult,
} from '../host/storage.js';
import type { DiskResult, DiskSpan } from './disk-job.js';
import { DiskPool } from './disk-pool.js';
import { isAbsence, pathFault } from './download-path.js';
import { FileRead } from './file-read.js';
import { stampFiles } from './file-stamps.js';
import { syncFiles } from './file-sync.js';
import { type DiskFile, FILE_KEYS_PER_STORAGE } from './open-files.js';
import { PieceGates } from './piece-gates.js';
import type { PieceExpectation } from './piece-hasher.js';
import { ReadHandles } from './read-handles.js';

type PieceSpan = Parameters<Storage['writeUnverified']>[0];

export interface FileStorageOptions {
  /** Threads that hash and write; 0 = the main thread. */
  readonly diskWorkers: number;
  /** Of all torrents and threads together. */
  readonly maxOpenFiles: number;
}

/** Empty files are created this many at a time, so that a torrent of a million keeps no thread for long. */
const FILES_PER_CREATE_JOB = 256;

export class FileStorageFactory implements StorageFactory {
  readonly #pool: DiskPool;
  readonly #handles: ReadHandles;
  #storages = 0;

  constructor(options: FileStorageOptions) {
    // One share for each disk thread and one for reading.
    const share = Math.floor(options.maxOpenFiles / (Math.max(options.diskWorkers, 1) + 1));
    this.#handles = new ReadHandles(share);
    this.#pool = new DiskPool({
      diskWorkers: options.diskWorkers,
      maxOpenFiles: Math.max(options.maxOpenFiles - share, 1),
    });
  }

  open(spec: StorageSpec, done: (result: Storage | DtorrentError) => void): void {
    for (const file of spec.layout.files) {
      const fault = file.padding ? null : pathFault(file.path);
      if (fault === null) continue;
      setImmediate(done, fault);
      return;
    }
    const directory = resolve(spec.directory);
    const number = this.#storages++;
    findFile(directory, spec.layout.files, (isFound) => {
      const storage = new FileStorage({
        spec: { ...spec, directory },
        number,
        isEmpty: !isFound,
        pool: this.#pool,
        handles: this.#handles,
      });
      storage.createEmptyFiles((error) => {
        // Without a piece there is no write that could report it.
        done(error !== null && spec.layout.pieceCount === 0 ? error : storage);
      });
    });
  }

  /** Ends the disk threads once their work is done; storages are closed before. */
  close(done: () => void): void {
    this.#pool.close(done);
  }
}

class FileStorage implements Storage {
  readonly isEmpty: boolean;
  readonly #spec: StorageSpec;
  readonly #number: number;
  readonly #pool: DiskPool;
  readonly #handles: ReadHandles;
  readonly #gates = new PieceGates();
  /** Empty files that are not there yet; every write tries again until they are. */
  #emptyFiles: readonly number[];
  /** Files written to since the last flush. */
  #dirtyFiles = new Set<number>();
  #operations = 0;
  /** Writes that are not done, by number; a fence waits for those before it. */
  readonly #writes = new Set<number>();
  #writeCount = 0;
  #fences: { readonly waitsFor: Set<number>; readonly start: () => void }[] = [];
  #onClosed: (() => void) | null = null;

  constructor(options: {
    /** Its directory is absolute. */
    readonly spec: StorageSpec;
    readonly number: number;
    readonly isEmpty: boolean;
    readonly pool: DiskPool;
    readonly handles: ReadHandles;
  }) {
    this.isEmpty = options.isEmpty;
    this.#spec = options.spec;
    this.#number = options.number;
    this.#pool = options.pool;
    this.#handles = options.handles;
    this.#emptyFiles = indicesOfEmptyFiles(options.spec.layout.files);
  }

  writePiece(piece: number, slot: Slot, done: (result: WriteResult) => void): void {
    const span = { piece, begin: 0, length: this.#spec.layout.pieceBytes(piece) };
    this.#write(span, slot, this.#expectationOf(piece), (result) => {
      assert(result !== 'missing', 'a write does not look for files');
      done(result);
    });
  }

  writeUnverified(span: PieceSpan, slot: Slot, done: (error: DtorrentError | null) => void): void {
    this.#write(span, slot, null, (result) => done(result instanceof DtorrentError ? result : null));
  }

  read(piece: number, begin: number, into: Uint8Array, done: (error: DtorrentError | null) => void): void {
    const spans = this.#spansOf(piece, begin, into.length);
    if (!this.#begin(done)) return;
    const read = new FileRead({
      handles: this.#handles,
      directory: this.#spec.directory,
      spans,
      into,
      done: (error) => {
        this.#gates.leave(piece);
        done(error);
        this.#end();
      },
    });
    this.#gates.enter(piece, 'read', () => read.start());
  }

  verifyPiece(piece: number, done: (result: VerifyResult) => void): void {
    if (!this.#begin(done)) return;
    this.#gates.enter(piece, 'read', () => {
      const pieceBytes = this.#spec.layout.pieceBytes(piece);
      const { directory } = this.#spec;
      const spans = this.#spansOf(piece, 0, pieceBytes);
      const expected = this.#expectationOf(piece);
      this.#pool.submit({ kind: 'verify', directory, expected, spans, pieceBytes }, (result) => {
        this.#gates.leave(piece);
        done(result);
        this.#end();
      });
    });
  }

  stampFiles(done: (result: readonly FileStamp[] | DtorrentError) => void): void {
    if (!this.#begin(done)) return;
    this.#afterWrites(() => {
      const paths = this.#spec.layout.files.map((file, index) => (file.padding ? null : this.#diskFile(index).path));
      stampFiles(this.#spec.directory, paths, (result) => {
        done(result);
        this.#end();
      });
    });
  }

  flush(done: (error: DtorrentError | null) => void): void {
    if (!this.#begin(done)) return;
    this.#afterWrites(() => {
      const indices = [...this.#dirtyFiles];
      this.#dirtyFiles = new Set();
      const paths = indices.map((index) => this.#diskFile(index).path);
      syncFiles(this.#spec.directory, paths, (error) => {
        // Whoever asks again gets another try at all of them.
        if (error !== null) for (const index of indices) this.#dirtyFiles.add(index);
        done(error);
        this.#end();
      });
    });
  }

  close(done: () => void): void {
    assert(this.#onClosed === null, 'a storage is closed once');
    this.#onClosed = done;
    if (this.#operations === 0) this.#release();
  }

  /** Creates what is missing of the empty files. `done` runs inside the call when nothing is. */
  createEmptyFiles(done: (error: DtorrentError | null) => void): void {
    if (this.#emptyFiles.length === 0) {
      done(null);
      return;
    }
    const files = this.#emptyFiles.slice(0, FILES_PER_CREATE_JOB).map((index) => this.#diskFile(index));
    const rest = this.#emptyFiles.slice(FILES_PER_CREATE_JOB);
    this.#pool.submit({ kind: 'create-empty', directory: this.#spec.directory, files }, (result) => {
      if (result instanceof DtorrentError) {
        done(result);
        return;
      }
      // Several writes may have tried at once: whoever got further counts.
      if (rest.length < this.#emptyFiles.length) this.#emptyFiles = rest;
      this.createEmptyFiles(done);
    });
  }

  /** `expected` null = whatever it is. */
  #write(span: PieceSpan, slot: Slot, expected: PieceExpectation | null, done: (result: DiskResult) => void): void {
    if (!this.#begin(done)) return;
    const write = this.#writeCount++;
    this.#writes.add(write);
    const finish = (result: DiskResult): void => {
      this.#gates.leave(span.piece);
      this.#writeDone(write);
      done(result);
      this.#end();
    };
    this.#gates.enter(span.piece, 'write', () => {
      this.createEmptyFiles((error) => {
        if (error === null) this.#submitWrite(span, slot, expected, finish);
        else finish(error);
      });
    });
  }

  #submitWrite(
    { piece, begin, length }: PieceSpan,
    slot: Slot,
    expected: PieceExpectation | null,
    done: (result: DiskResult) => void,
  ): void {
    const { directory } = this.#spec;
    const spans = this.#spansOf(piece, begin, length);
    this.#pool.submit(
      { kind: 'write', directory, expected, spans, pieceBytes: length, bytes: slot.bytes },
      (result) => {
        if (result === 'ok') {
          this.#spec.layout.forEachSpan(piece, begin, length, (index) => {
            if (!this.#spec.layout.files[index]!.padding) this.#dirtyFiles.add(index);
          });
        }
        done(result);
      },
    );
  }

  /** Runs `start` when the writes that were asked for before are done. */
  #afterWrites(start: () => void): void {
    if (this.#writes.size === 0) start();
    else this.#fences.push({ waitsFor: new Set(this.#writes), start });
  }

  #writeDone(write: number): void {
    this.#writes.delete(write);
    if (this.#fences.length === 0) return;
    for (const fence of this.#fences) fence.waitsFor.delete(write);
    while (this.#fences[0]?.waitsFor.size === 0) this.#fences.shift()!.start();
  }

  /** @returns false, and has `done` told, when the storage is closed. */
  #begin(done: (error: DtorrentError) => void): boolean {
    if (this.#onClosed !== null) {
      setImmediate(done, new DtorrentError('EFILEIO', 'the torrent is closed'));
      return false;
    }
    this.#operations++;
    return true;
  }

  #end(): void {
    this.#operations--;
    if (this.#operations === 0 && this.#onClosed !== null) this.#release();
  }

  #release(): void {
    this.#handles.closeStorage(this.#number, () => this.#pool.release(this.#number, this.#onClosed!));
  }

  #spansOf(piece: number, begin: number, length: number): DiskSpan[] {
    const spans: DiskSpan[] = [];
    this.#spec.layout.forEachSpan(piece, begin, length, (index, fileOffsetBytes, lengthBytes) => {
      const file = this.#spec.layout.files[index]!.padding ? null : this.#diskFile(index);
      spans.push({ file, fileOffsetBytes, lengthBytes });
    });
    return spans;
  }

  #diskFile(index: number): DiskFile {
    const { path, lengthBytes, executable } = this.#spec.layout.files[index]!;
    const key = this.#number * FILE_KEYS_PER_STORAGE + index;
    return { key, path: path.length === 1 ? path[0]! : path.join(sep), lengthBytes, executable };
  }

  /** Copies: cloning a view for a worker would clone everything under it. */
  #expectationOf(piece: number): PieceExpectation {
    const { v1, v2 } = this.#spec.hashes;
    return {
      sha1: v1 === null ? null : Uint8Array.from(v1.subarray(piece * 20, piece * 20 + 20)),
      root: v2 === null ? null : Uint8Array.from(v2.subarray(piece * 32, piece * 32 + 32)),
      v2Bytes: v2 === null ? 0 : this.#spec.hashes.v2PieceBytes(piece),
      leafCount: v2 === null ? 1 : this.#spec.hashes.v2LeafCount(piece),
    };
  }
}

function indicesOfEmptyFiles(files: readonly StorageFile[]): number[] {
  const indices: number[] = [];
  files.forEach((file, index) => {
    if (file.lengthBytes === 0 && !file.padding) indices.push(index);
  });
  return indices;
}

/**
 * Looks for the first file with data that exists; empty ones prove nothing. A torrent whose own directory is absent
 * costs one look, however many files it has. What cannot be looked at counts as there: checking it will say why.
 */
function findFile(directory: string, files: readonly StorageFile[], done: (isFound: boolean) => void): void {
  const missingTops = new Set<string>();
  const knownTops = new Set<string>();
  let next = 0;
  const look = (): void => {
    let file = files[next];
    while (file !== undefined && (file.padding || file.lengthBytes === 0 || missingTops.has(file.path[0]!))) {
      next++;
      file = files[next];
    }
    if (file === undefined) {
      done(false);
      return;
    }
    const top = file.path[0]!;
    const isTop = file.path.length > 1 && !knownTops.has(top);
    lstat(isTop ? join(directory, top) : join(directory, ...file.path), (fault) => {
      const isThere = fault === null || !isAbsence(fault);
      if (isTop) (isThere ? knownTops : missingTops).add(top);
      else if (isThere) {
        done(true);
        return;
      } else next++;
      look();
    });
  };
  // Not every way through `look` asks the disk.
  setImmediate(look);
}
