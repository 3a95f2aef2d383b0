/**
 * The storage port over a disk in memory, for the simulator and for tests. Files live in a MemoryDisk that outlives
 * storages and engines, so that a restart finds what was written. Operations take effect at the call, in order, and
 * their `done` is deferred; `defer` is the simulator's clock, or anything that calls back later, first in, first out.
 */
import { assert } from '../../base/assert.js';
import { DtorrentError } from '../../base/errors.js';
import type { Slot } from '../../base/slot-pool.js';
import { FilePlacement } from '../../format/file-placement.js';
import { checkPiece } from '../../format/piece-check.js';
import type { FileStamp, Storage, StorageFactory, StorageSpec, VerifyResult, WriteResult } from '../../host/storage.js';
import { MemoryDisk } from './memory-disk.js';
import { StorageCalls, type StorageWiring } from './storage-wiring.js';

export type MemoryOperation = 'open' | 'write' | 'read' | 'verify' | 'select' | 'stamp' | 'flush';

export interface MemoryStorageOptions extends StorageWiring {
  /** Left out = an empty disk of its own. */
  readonly disk?: MemoryDisk;
  /**
   * Asked before each operation; an error that it returns is the operation's result, and nothing changes on the disk.
   * `piece` is -1 for what is not about a piece.
   */
  readonly fault?: (operation: MemoryOperation, piece: number) => DtorrentError | null;
}

export class MemoryStorageFactory implements StorageFactory {
  readonly disk: MemoryDisk;
  readonly #options: MemoryStorageOptions;
  readonly #calls: StorageCalls;

  constructor(options: MemoryStorageOptions) {
    this.#options = options;
    this.#calls = new StorageCalls(options, 'storage');
    this.disk = options.disk ?? new MemoryDisk();
  }

  open(spec: StorageSpec, done: (result: Storage | DtorrentError) => void): void {
    if (!this.#calls.begin()) return;
    const fault = this.#options.fault?.('open', -1) ?? null;
    const result = fault ?? this.#open(spec);
    this.#calls.end(() => done(result));
  }

  #open(spec: StorageSpec): Storage | DtorrentError {
    const storage = new MemoryStorage(spec, this.disk, { fault: this.#options.fault ?? NO_FAULT, calls: this.#calls });
    return storage.isElsewhere ? directoryIsGone(spec.directory) : storage;
  }
}

class MemoryStorage implements Storage {
  readonly isEmpty: boolean;
  readonly directoryIdentity: string;
  readonly #spec: StorageSpec;
  readonly #disk: MemoryDisk;
  readonly #fault: NonNullable<MemoryStorageOptions['fault']>;
  readonly #calls: StorageCalls;
  readonly #placement: FilePlacement;
  /** 1 = the file, the parts file last, was seen with data of its own: if it is gone, that is an error. */
  readonly #wasThere: Uint8Array;
  #isClosed = false;

  constructor(
    spec: StorageSpec,
    disk: MemoryDisk,
    parts: { readonly fault: NonNullable<MemoryStorageOptions['fault']>; readonly calls: StorageCalls },
  ) {
    this.#spec = spec;
    this.#disk = disk;
    this.#fault = parts.fault;
    this.#calls = parts.calls;
    this.#placement = new FilePlacement(spec.layout, spec.wantedFiles);
    this.#wasThere = new Uint8Array(spec.layout.files.length + 1);
    this.directoryIdentity = identityOf(disk);
    const hasParts = this.#isThere(this.#placement.partsIndex);
    this.isEmpty = !hasParts && !spec.layout.files.some(({ lengthBytes }, i) => lengthBytes > 0 && this.#isThere(i));
    // In the place of another directory nothing is begun again; the factory refuses it.
    if (!this.isElsewhere) this.#place();
  }

  /** It was open in another directory, which is not there now. */
  get isElsewhere(): boolean {
    return this.isEmpty && (this.#spec.directoryIdentity ?? this.directoryIdentity) !== this.directoryIdentity;
  }

  writePiece(piece: number, slot: Slot, done: (result: WriteResult) => void): void {
    if (!this.#calls.begin()) return;
    const fault = this.#writeFault(piece, 0, this.#spec.layout.pieceBytes(piece));
    this.#clearPadding(piece, slot.bytes);
    const bytes = slot.bytes.subarray(0, this.#spec.layout.pieceBytes(piece));
    const result = fault ?? checkPiece(piece, bytes, this.#spec.hashes);
    if (result === 'ok') this.#write(piece, 0, bytes);
    this.#calls.end(() => done(result), bytes.length);
  }

  writeUnverified(
    { piece, begin, length }: { readonly piece: number; readonly begin: number; readonly length: number },
    slot: Slot,
    done: (error: DtorrentError | null) => void,
  ): void {
    if (!this.#calls.begin()) return;
    const fault = this.#writeFault(piece, begin, length);
    if (fault === null) this.#write(piece, begin, slot.bytes.subarray(0, length));
    this.#calls.end(() => done(fault), length);
  }

  read(piece: number, begin: number, into: Uint8Array, done: (error: DtorrentError | null) => void): void {
    if (!this.#calls.begin()) return;
    let error = this.#faultOf('read', piece);
    if (error === null && !this.#readInto(piece, begin, into)) {
      error = new DtorrentError('EFILEIO', `cannot read piece ${piece}: its file is absent or too short`);
    }
    this.#calls.end(() => done(error), into.length);
  }

  verifyPiece(piece: number, done: (result: VerifyResult) => void): void {
    if (!this.#calls.begin()) return;
    let result: VerifyResult | null = this.#faultOf('verify', piece);
    if (result === null) {
      const bytes = new Uint8Array(this.#spec.layout.pieceBytes(piece));
      if (this.#readInto(piece, 0, bytes)) result = checkPiece(piece, bytes, this.#spec.hashes);
      else result = this.#directoryFault() ?? this.#goneFault(this.#filesUnder(piece, 0, bytes.length)) ?? 'missing';
      if (result === 'ok') for (const index of this.#filesUnder(piece, 0, bytes.length)) this.#wasThere[index] = 1;
    }
    const verdict = result;
    this.#calls.end(() => done(verdict), this.#spec.layout.pieceBytes(piece));
  }

  setWantedFiles(wanted: Uint8Array | null, done: (error: DtorrentError | null) => void): void {
    if (!this.#calls.begin()) return;
    const fault = this.#faultOf('select', -1) ?? this.#directoryFault();
    if (fault === null) {
      this.#placement.setWanted(wanted);
      this.#place();
    }
    this.#calls.end(() => done(fault));
  }

  stampFiles(done: (result: readonly FileStamp[] | DtorrentError) => void): void {
    if (!this.#calls.begin()) return;
    const stamps = this.#spec.layout.files.map((file, index) => {
      if (file.padding) return { lengthBytes: 0, modifiedUs: 0 };
      return this.#disk.stamp(this.#pathOf(index));
    });
    stamps.push(this.#disk.stamp(this.#pathOf(this.#placement.partsIndex)));
    const result = this.#faultOf('stamp', -1) ?? this.#directoryFault() ?? this.#goneFault(stamps.keys()) ?? stamps;
    if (result === stamps) {
      for (const [index, { lengthBytes }] of stamps.entries()) if (lengthBytes > 0) this.#wasThere[index] = 1;
    }
    this.#calls.end(() => done(result));
  }

  flush(done: (error: DtorrentError | null) => void): void {
    if (!this.#calls.begin()) return;
    const fault = this.#faultOf('flush', -1) ?? this.#directoryFault() ?? this.#goneFault(this.#wasThere.keys());
    this.#calls.end(() => done(fault));
  }

  close(done: () => void): void {
    if (!this.#calls.begin()) return;
    assert(!this.#isClosed, 'a storage is closed once');
    this.#isClosed = true;
    this.#calls.end(done);
  }

  /** Padding is zeros, whatever a peer sent there. */
  #clearPadding(piece: number, bytes: Uint8Array): void {
    let position = 0;
    this.#spec.layout.forEachSpan(piece, 0, this.#spec.layout.pieceBytes(piece), (index, _, length) => {
      if (this.#spec.layout.files[index]!.padding) bytes.fill(0, position, position + length);
      position += length;
    });
  }

  /** Finds out what is on the disk and makes what is wanted of what the parts file has. */
  #place(): void {
    for (const [index, { padding, lengthBytes }] of this.#spec.layout.files.entries()) {
      if (padding || this.#isThere(index)) continue;
      const isWanted = this.#placement.isWanted(index);
      if (!isWanted) this.#wasThere[index] = 0;
      this.#placement.setAside(index, !isWanted || this.#placement.isAside(index) || this.#wasThere[index] === 0);
      if (lengthBytes === 0 && isWanted) this.#disk.write(this.#pathOf(index), NOTHING);
    }
    for (const index of this.#placement.wantedAside()) this.#takeOut(index);
    const isAnyWanted = this.#spec.layout.files.some((_, index) => this.#placement.isWanted(index));
    if (isAnyWanted && !this.#placement.needsParts) this.#removeParts();
  }

  #takeOut(index: number): void {
    const parts = this.#pathOf(this.#placement.partsIndex);
    this.#placement.setAside(index, false);
    if (this.#isThere(index)) return;
    for (const { partsOffsetBytes, fileOffsetBytes, lengthBytes } of this.#placement.asideStretches(index)) {
      if (this.#disk.lengthBytes(parts) < partsOffsetBytes + lengthBytes) continue;
      this.#writeFile(index, fileOffsetBytes, this.#disk.view(parts, partsOffsetBytes, lengthBytes));
    }
  }

  #removeParts(): void {
    this.#wasThere[this.#placement.partsIndex] = 0;
    this.#disk.remove(this.#pathOf(this.#placement.partsIndex));
  }

  #write(piece: number, begin: number, bytes: Uint8Array): void {
    let position = 0;
    this.#placement.forEachSpan(piece, begin, bytes.length, (index, offset, length) => {
      const part = bytes.subarray(position, position + length);
      position += length;
      if (this.#isPadding(index)) return;
      this.#writeFile(index, offset, part);
      this.#wasThere[index] = 1;
    });
  }

  #writeFile(index: number, offset: number, bytes: Uint8Array): void {
    const { layout, preallocation } = this.#spec;
    const lengthMax = layout.files[index]?.lengthBytes ?? this.#placement.partsBytesMax;
    const isWhole = preallocation !== 'none' && index < layout.files.length && this.#placement.isWanted(index);
    this.#disk.writeAt(this.#pathOf(index), { offset, bytes, lengthMax, lengthMin: isWhole ? lengthMax : 0 });
  }

  /** @returns false when a file is absent or too short. */
  #readInto(piece: number, begin: number, into: Uint8Array): boolean {
    let position = 0;
    let isComplete = true;
    this.#placement.forEachSpan(piece, begin, into.length, (index, offset, length) => {
      if (this.#isPadding(index)) into.fill(0, position, position + length);
      else if (this.#disk.lengthBytes(this.#pathOf(index)) < offset + length) isComplete = false;
      else into.set(this.#disk.view(this.#pathOf(index), offset, length), position);
      position += length;
    });
    return isComplete;
  }

  #faultOf(operation: MemoryOperation, piece: number): DtorrentError | null {
    if (this.#isClosed) return new DtorrentError('EFILEIO', 'the torrent is closed');
    return this.#fault(operation, piece);
  }

  #writeFault(piece: number, begin: number, length: number): DtorrentError | null {
    const fault = this.#faultOf('write', piece) ?? this.#directoryFault();
    if (fault !== null) return fault;
    for (const index of this.#placement.asideBefore(piece)) this.#takeOut(index);
    return this.#goneFault(this.#filesUnder(piece, begin, length));
  }

  #directoryFault(): DtorrentError | null {
    if (identityOf(this.#disk) === this.directoryIdentity) return null;
    return directoryIsGone(this.#spec.directory);
  }

  #goneFault(indices: Iterable<number>): DtorrentError | null {
    for (const index of indices) {
      if (this.#wasThere[index] === 0 || this.#isThere(index)) continue;
      return new DtorrentError('EFILEIO', `${this.#pathOf(index)} was there and is not any more`);
    }
    return null;
  }

  #filesUnder(piece: number, begin: number, length: number): number[] {
    const indices: number[] = [];
    this.#placement.forEachSpan(piece, begin, length, (index) => {
      if (!this.#isPadding(index)) indices.push(index);
    });
    return indices;
  }

  #isThere(index: number): boolean {
    return !this.#isPadding(index) && this.#disk.has(this.#pathOf(index));
  }

  #isPadding(index: number): boolean {
    return this.#spec.layout.files[index]?.padding ?? false;
  }

  #pathOf(index: number): string {
    const { directory, layout, partsName } = this.#spec;
    return `${directory}/${layout.files[index]?.path.join('/') ?? partsName}`;
  }
}

const NO_FAULT = (): null => null;
const NOTHING: Uint8Array = new Uint8Array(0);

function identityOf(disk: MemoryDisk): string {
  return disk.isMounted ? 'the disk' : 'where the disk was';
}

function directoryIsGone(directory: string): DtorrentError {
  return new DtorrentError('EFILEIO', `the download directory ${directory} is not the one it was any more`);
}
