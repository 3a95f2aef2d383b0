/**
 * The storage port over a disk in memory, for the simulator and for tests. Files live in a MemoryDisk that outlives
 * storages and engines, so that a restart finds what was written. Operations take effect at the call, in order, and
 * their `done` is deferred; `defer` is the simulator's clock, or anything that calls back later, first in, first out.
 */
import { assert } from '../base/assert.js';
import { DtorrentError } from '../base/errors.js';
import type { Slot } from '../base/slot-pool.js';
import { checkPiece } from '../format/piece-check.js';
import type {
  FileStamp,
  Storage,
  StorageFactory,
  StorageFile,
  StorageSpec,
  VerifyResult,
  WriteResult,
} from '../host/storage.js';

export type MemoryOperation = 'write' | 'read' | 'verify' | 'stamp' | 'flush';

export interface MemoryStorageOptions {
  /** Calls `fn` later, never inside the call, in the order of the calls. */
  readonly defer: (fn: () => void) => void;
  /** Left out = an empty disk of its own. */
  readonly disk?: MemoryDisk;
  /** Asked before each operation; what it returns is the operation's result. `piece` is -1 for a flush or a stamp. */
  readonly fault?: (operation: MemoryOperation, piece: number) => DtorrentError | null;
}

export class MemoryStorageFactory implements StorageFactory {
  readonly disk: MemoryDisk;
  readonly #options: MemoryStorageOptions;

  constructor(options: MemoryStorageOptions) {
    this.#options = options;
    this.disk = options.disk ?? new MemoryDisk();
  }

  open(spec: StorageSpec, done: (result: Storage | DtorrentError) => void): void {
    const storage = new MemoryStorage(spec, this.disk, this.#options);
    this.#options.defer(() => done(storage));
  }
}

/** Sparse files by absolute path, `/` between directory and elements. */
export class MemoryDisk {
  readonly #files = new Map<string, Uint8Array>();
  /** When each file was last written to: the number of that write, which serves as its time. */
  readonly #changes = new Map<string, number>();
  #writes = 0;

  /** @returns a copy, or null when there is no such file. */
  read(path: string): Uint8Array | null {
    return this.#files.get(path)?.slice() ?? null;
  }

  /** Replaces the whole file with a copy of `content`. */
  write(path: string, content: Uint8Array): void {
    this.#files.set(path, content.slice());
    this.#changes.set(path, ++this.#writes);
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  /** Bit rot: inverts one byte, which changes no stamp. */
  corrupt(path: string, offset: number): void {
    const file = this.#files.get(path);
    assert(file !== undefined && offset < file.length, 'only a byte that is there can rot');
    file[offset] = ~file[offset]!;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  /** @returns 0 when there is no such file. */
  lengthBytes(path: string): number {
    return this.#files.get(path)?.length ?? 0;
  }

  stamp(path: string): FileStamp {
    const file = this.#files.get(path);
    if (file === undefined) return { lengthBytes: -1, modifiedUs: 0 };
    return { lengthBytes: file.length, modifiedUs: this.#changes.get(path)! };
  }

  /** @internal A view, not a copy. */
  view(path: string, offset: number, length: number): Uint8Array {
    return this.#files.get(path)!.subarray(offset, offset + length);
  }

  /** @internal Cuts the file to `lengthMax`, or grows it up to there, as writes at an offset do. */
  writeAt(path: string, options: { offset: number; bytes: Uint8Array; lengthMax: number }): void {
    const { offset, bytes, lengthMax } = options;
    const old = this.#files.get(path);
    const length = Math.min(Math.max(old?.length ?? 0, offset + bytes.length), lengthMax);
    let file = old;
    if (file === undefined || file.length !== length) {
      // Room for the whole file at once: growing piece by piece would copy it each time.
      const room = file !== undefined && file.buffer.byteLength >= lengthMax ? file.buffer : new ArrayBuffer(lengthMax);
      const grown = new Uint8Array(room, 0, length);
      if (file !== undefined && room !== file.buffer) grown.set(file.subarray(0, length));
      file = grown;
      this.#files.set(path, file);
    }
    file.set(bytes, offset);
    this.#changes.set(path, ++this.#writes);
  }
}

class MemoryStorage implements Storage {
  readonly isEmpty: boolean;
  readonly #spec: StorageSpec;
  readonly #disk: MemoryDisk;
  readonly #options: MemoryStorageOptions;
  #isClosed = false;

  constructor(spec: StorageSpec, disk: MemoryDisk, options: MemoryStorageOptions) {
    this.#spec = spec;
    this.#disk = disk;
    this.#options = options;
    const stored = spec.layout.files.filter((file) => !file.padding);
    this.isEmpty = !stored.some((file) => file.lengthBytes > 0 && disk.has(this.#pathOf(file)));
    for (const file of stored) {
      if (file.lengthBytes === 0 && !disk.has(this.#pathOf(file))) disk.write(this.#pathOf(file), new Uint8Array(0));
    }
  }

  writePiece(piece: number, slot: Slot, done: (result: WriteResult) => void): void {
    const fault = this.#faultOf('write', piece);
    this.#clearPadding(piece, slot.bytes);
    const bytes = slot.bytes.subarray(0, this.#spec.layout.pieceBytes(piece));
    const result = fault ?? checkPiece(piece, bytes, this.#spec.hashes);
    if (result === 'ok') this.#write(piece, 0, bytes);
    this.#options.defer(() => done(result));
  }

  writeUnverified(
    { piece, begin, length }: { readonly piece: number; readonly begin: number; readonly length: number },
    slot: Slot,
    done: (error: DtorrentError | null) => void,
  ): void {
    const fault = this.#faultOf('write', piece);
    if (fault === null) this.#write(piece, begin, slot.bytes.subarray(0, length));
    this.#options.defer(() => done(fault));
  }

  read(piece: number, begin: number, into: Uint8Array, done: (error: DtorrentError | null) => void): void {
    let error = this.#faultOf('read', piece);
    if (error === null && !this.#readInto(piece, begin, into)) {
      error = new DtorrentError('EFILEIO', `cannot read piece ${piece}: its file is absent or too short`);
    }
    this.#options.defer(() => done(error));
  }

  verifyPiece(piece: number, done: (result: VerifyResult) => void): void {
    let result: VerifyResult | null = this.#faultOf('verify', piece);
    if (result === null) {
      const bytes = new Uint8Array(this.#spec.layout.pieceBytes(piece));
      result = this.#readInto(piece, 0, bytes) ? checkPiece(piece, bytes, this.#spec.hashes) : 'missing';
    }
    const verdict = result;
    this.#options.defer(() => done(verdict));
  }

  stampFiles(done: (result: readonly FileStamp[] | DtorrentError) => void): void {
    const stamps = this.#spec.layout.files.map((file) => {
      if (file.padding) return { lengthBytes: 0, modifiedUs: 0 };
      return this.#disk.stamp(this.#pathOf(file));
    });
    const result = this.#faultOf('stamp', -1) ?? stamps;
    this.#options.defer(() => done(result));
  }

  flush(done: (error: DtorrentError | null) => void): void {
    const fault = this.#faultOf('flush', -1);
    this.#options.defer(() => done(fault));
  }

  close(done: () => void): void {
    assert(!this.#isClosed, 'a storage is closed once');
    this.#isClosed = true;
    this.#options.defer(done);
  }

  /** Padding is zeros, whatever a peer sent there. */
  #clearPadding(piece: number, bytes: Uint8Array): void {
    let position = 0;
    this.#spec.layout.forEachSpan(piece, 0, this.#spec.layout.pieceBytes(piece), (index, _, length) => {
      if (this.#spec.layout.files[index]!.padding) bytes.fill(0, position, position + length);
      position += length;
    });
  }

  #write(piece: number, begin: number, bytes: Uint8Array): void {
    let position = 0;
    this.#spec.layout.forEachSpan(piece, begin, bytes.length, (index, offset, length) => {
      const file = this.#spec.layout.files[index]!;
      const part = bytes.subarray(position, position + length);
      position += length;
      if (!file.padding) this.#disk.writeAt(this.#pathOf(file), { offset, bytes: part, lengthMax: file.lengthBytes });
    });
  }

  /** @returns false when a file is absent or too short. */
  #readInto(piece: number, begin: number, into: Uint8Array): boolean {
    let position = 0;
    let isComplete = true;
    this.#spec.layout.forEachSpan(piece, begin, into.length, (index, offset, length) => {
      const file = this.#spec.layout.files[index]!;
      if (file.padding) into.fill(0, position, position + length);
      else if (this.#disk.lengthBytes(this.#pathOf(file)) < offset + length) isComplete = false;
      else into.set(this.#disk.view(this.#pathOf(file), offset, length), position);
      position += length;
    });
    return isComplete;
  }

  #faultOf(operation: MemoryOperation, piece: number): DtorrentError | null {
    if (this.#isClosed) return new DtorrentError('EFILEIO', 'the torrent is closed');
    return this.#options.fault?.(operation, piece) ?? null;
  }

  #pathOf(file: StorageFile): string {
    return `${this.#spec.directory}/${file.path.join('/')}`;
  }
}
