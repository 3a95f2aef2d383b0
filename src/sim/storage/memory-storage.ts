/**
 * The storage port over a disk in memory, for the simulator and for tests. Files live in a MemoryDisk that outlives
 * storages and engines, so that a restart finds what was written. Operations take effect at the call, in order, and
 * their `done` comes when the disk's queue has come to them; what a machine had under way when it crashed may be half
 * done, and what was not flushed be lost (disk-journal.ts).
 */
import { assert } from '../../base/assert.js';
import { formatBytes } from '../../base/byte-size.js';
import { DtorrentError } from '../../base/errors.js';
import { type Random, randomBelow } from '../../base/random.js';
import type { Slot } from '../../base/slot-pool.js';
import { type AsideStretch, FilePlacement } from '../../format/file-placement.js';
import { checkPiece } from '../../format/piece-check.js';
import type { FileStamp, Storage, StorageFactory, StorageSpec, VerifyResult, WriteResult } from '../../host/storage.js';
import type { DiskOperation } from './disk-journal.js';
import type { DiskLane } from './disk-model.js';
import type { MemoryOperation } from './disk-trouble.js';
import { MemoryDisk } from './memory-disk.js';
import { StorageCalls, type StorageWiring } from './storage-wiring.js';

export type { MemoryOperation } from './disk-trouble.js';

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
  readonly #parts: StorageParts;

  constructor(options: MemoryStorageOptions) {
    const disk = options.disk ?? new MemoryDisk();
    this.disk = disk;
    const { machine, random } = options;
    const calls = new StorageCalls(options, 'storage', disk.queue);
    this.#parts = { disk, calls, random: random ?? null, fault: options.fault ?? NO_FAULT };
    if (machine !== undefined && random !== undefined) machine.onCrash((kind) => disk.crash(random, kind));
  }

  open(spec: StorageSpec, done: (result: Storage | DtorrentError) => void): void {
    const { calls, fault } = this.#parts;
    if (!calls.begin()) return;
    const operation = { isDone: false };
    const result = fault('open', -1) ?? this.#open(spec, operation);
    calls.end(() => {
      operation.isDone = true;
      done(result);
    });
  }

  #open(spec: StorageSpec, operation: DiskOperation): Storage | DtorrentError {
    const { trouble } = this.disk;
    if (trouble.strikes('open', this.#parts.random)) return inputOutputError('open', spec.directory);
    const storage = new MemoryStorage(spec, this.#parts, operation);
    return storage.isElsewhere ? directoryIsGone(spec.directory) : storage;
  }
}

interface StorageParts {
  readonly disk: MemoryDisk;
  readonly calls: StorageCalls;
  readonly random: Random | null;
  readonly fault: NonNullable<MemoryStorageOptions['fault']>;
}

interface PieceSpan {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

class MemoryStorage implements Storage {
  readonly isEmpty: boolean;
  readonly directoryIdentity: string;
  readonly #spec: StorageSpec;
  readonly #disk: MemoryDisk;
  readonly #parts: StorageParts;
  readonly #calls: StorageCalls;
  readonly #placement: FilePlacement;
  /** 1 = the file, the parts file last, was seen with data of its own: if it is gone, that is an error. */
  readonly #wasThere: Uint8Array;
  /** Files that the next flush has to make last: written to, or found good. */
  readonly #dirty = new Set<number>();
  #isClosed = false;

  constructor(spec: StorageSpec, parts: StorageParts, opening: DiskOperation) {
    this.#spec = spec;
    this.#disk = parts.disk;
    this.#parts = parts;
    this.#calls = parts.calls;
    this.#placement = new FilePlacement(spec.layout, spec.wantedFiles);
    this.#wasThere = new Uint8Array(spec.layout.files.length + 1);
    this.directoryIdentity = identityOf(this.#disk);
    const hasParts = this.#isThere(this.#placement.partsIndex);
    this.isEmpty = !hasParts && !spec.layout.files.some(({ lengthBytes }, i) => lengthBytes > 0 && this.#isThere(i));
    // In the place of another directory nothing is begun again; the factory refuses it.
    if (!this.isElsewhere) this.#place(opening);
  }

  /** It was open in another directory, which is not there now. */
  get isElsewhere(): boolean {
    return this.isEmpty && (this.#spec.directoryIdentity ?? this.directoryIdentity) !== this.directoryIdentity;
  }

  writePiece(piece: number, slot: Slot, done: (result: WriteResult) => void): void {
    if (!this.#calls.begin()) return;
    const span = { piece, begin: 0, length: this.#spec.layout.pieceBytes(piece) };
    const operation = { isDone: false };
    let result: WriteResult | null = this.#beforeWrite(span, operation);
    this.#clearPadding(span, slot.bytes);
    const bytes = slot.bytes.subarray(0, span.length);
    result ??= checkPiece(piece, bytes, this.#spec.hashes);
    if (result === 'ok') result = this.#write(span, bytes, operation) ?? 'ok';
    this.#end(operation, result, done, span.length);
  }

  writeUnverified(span: PieceSpan, slot: Slot, done: (error: DtorrentError | null) => void): void {
    if (!this.#calls.begin()) return;
    const operation = { isDone: false };
    const fault = this.#beforeWrite(span, operation);
    const bytes = slot.bytes.subarray(0, span.length);
    this.#end(operation, fault ?? this.#write(span, bytes, operation), done, span.length);
  }

  read(piece: number, begin: number, into: Uint8Array, done: (error: DtorrentError | null) => void): void {
    if (!this.#calls.begin()) return;
    const span = { piece, begin, length: into.length };
    let error = this.#faultOf('read', span);
    if (error === null && !this.#readInto(span, into)) {
      error = new DtorrentError('EFILEIO', `cannot read piece ${piece}: its file is absent or too short`);
    }
    this.#end(null, error, done, into.length);
  }

  verifyPiece(piece: number, done: (result: VerifyResult) => void): void {
    if (!this.#calls.begin()) return;
    const span = { piece, begin: 0, length: this.#spec.layout.pieceBytes(piece) };
    let result: VerifyResult | null = this.#faultOf('verify', span);
    if (result === null) {
      const bytes = new Uint8Array(span.length);
      if (this.#readInto(span, bytes)) result = checkPiece(piece, bytes, this.#spec.hashes);
      else result = this.#directoryFault() ?? this.#goneFault(this.#filesUnder(span)) ?? 'missing';
      if (result === 'ok') this.#hasGoodData(span);
    }
    this.#end(null, result, done, span.length);
  }

  setWantedFiles(wanted: Uint8Array | null, done: (error: DtorrentError | null) => void): void {
    if (!this.#calls.begin()) return;
    const operation = { isDone: false };
    const fault = this.#faultOf('select', null) ?? this.#directoryFault();
    if (fault === null) {
      this.#placement.setWanted(wanted);
      this.#place(operation);
    }
    this.#end(operation, fault, done, 0, 'fence');
  }

  stampFiles(done: (result: readonly FileStamp[] | DtorrentError) => void): void {
    if (!this.#calls.begin()) return;
    const stamps = this.#stamps();
    const fault = this.#faultOf('stamp', null) ?? this.#directoryFault() ?? this.#goneFault(stamps.keys());
    if (fault === null) {
      for (const [index, { lengthBytes }] of stamps.entries()) if (lengthBytes > 0) this.#wasThere[index] = 1;
    }
    this.#calls.end(() => done(fault ?? this.#lookedAtLater(stamps)), 0, 'look');
  }

  flush(done: (error: DtorrentError | null) => void): void {
    if (!this.#calls.begin()) return;
    const fault = this.#faultOf('flush', null) ?? this.#directoryFault() ?? this.#goneFault(this.#wasThere.keys());
    const indices = [...this.#dirty];
    this.#dirty.clear();
    const finish = this.#disk.beginFlush(indices.map((index) => this.#pathOf(index)));
    const end = (): void => {
      if (fault === null) finish();
      else for (const index of indices) this.#dirty.add(index);
      done(fault);
    };
    this.#calls.end(end, 0, 'flush');
  }

  close(done: () => void): void {
    if (!this.#calls.begin()) return;
    assert(!this.#isClosed, 'a storage is closed once');
    this.#isClosed = true;
    this.#calls.end(done, 0, 'fence');
  }

  #end<T>(
    operation: DiskOperation | null,
    result: T,
    done: (result: T) => void,
    bytes: number,
    lane: DiskLane = 'queued',
  ): void {
    const end = (): void => {
      if (operation !== null) operation.isDone = true;
      done(result);
    };
    this.#calls.end(end, bytes, lane);
  }

  /** Padding is zeros, whatever a peer sent there. */
  #clearPadding({ piece, begin, length }: PieceSpan, bytes: Uint8Array): void {
    let position = 0;
    this.#spec.layout.forEachSpan(piece, begin, length, (index, _, spanBytes) => {
      if (this.#spec.layout.files[index]!.padding) bytes.fill(0, position, position + spanBytes);
      position += spanBytes;
    });
  }

  /** Finds out what is on the disk and makes what is wanted of what the parts file has. */
  #place(operation: DiskOperation): void {
    for (const [index, { padding, lengthBytes }] of this.#spec.layout.files.entries()) {
      if (padding || this.#isThere(index)) continue;
      const isWanted = this.#placement.isWanted(index);
      if (!isWanted) this.#wasThere[index] = 0;
      this.#placement.setAside(index, !isWanted || this.#placement.isAside(index) || this.#wasThere[index] === 0);
      if (lengthBytes === 0 && isWanted) this.#writeFile(index, 0, NOTHING, operation);
    }
    for (const index of this.#placement.wantedAside()) this.#takeOut(index, operation);
    const isAnyWanted = this.#spec.layout.files.some((_, index) => this.#placement.isWanted(index));
    if (!isAnyWanted || this.#placement.needsParts) return;
    this.#wasThere[this.#placement.partsIndex] = 0;
    this.#disk.unlink(this.#pathOf(this.#placement.partsIndex), operation);
  }

  /** Whole, and it lasts: the real one is copied, synced and renamed. */
  #takeOut(index: number, operation: DiskOperation): void {
    const parts = this.#pathOf(this.#placement.partsIndex);
    this.#placement.setAside(index, false);
    if (this.#isThere(index)) return;
    const partsBytes = this.#disk.lengthBytes(parts);
    const isStored = (stretch: AsideStretch): boolean => stretch.partsOffsetBytes + stretch.lengthBytes <= partsBytes;
    const stretches = this.#placement.asideStretches(index).filter(isStored);
    const last = stretches[stretches.length - 1];
    if (last === undefined) return;
    const { lengthBytes } = this.#spec.layout.files[index]!;
    const isWhole = this.#spec.preallocation !== 'none';
    const file = new Uint8Array(isWhole ? lengthBytes : last.fileOffsetBytes + last.lengthBytes);
    for (const stretch of stretches) {
      file.set(this.#disk.view(parts, stretch.partsOffsetBytes, stretch.lengthBytes), stretch.fileOffsetBytes);
    }
    this.#disk.moveIn(this.#pathOf(index), file, operation);
  }

  /** @returns why it cannot be written to the end. What could be is there. */
  #write(span: PieceSpan, bytes: Uint8Array, operation: DiskOperation): DtorrentError | null {
    let position = 0;
    let fault: DtorrentError | null = null;
    let bytesLeft = this.#bytesBeforeTrouble(bytes.length);
    this.#placement.forEachSpan(span.piece, span.begin, span.length, (index, offset, length) => {
      const part = bytes.subarray(position, position + Math.min(length, bytesLeft));
      position += length;
      if (this.#isPadding(index) || fault !== null) return;
      const written = this.#writeFile(index, offset, part, operation);
      bytesLeft -= written;
      if (written < part.length) fault = this.#diskIsFull(index);
      else if (part.length < length) fault = inputOutputError('write', this.#pathOf(index));
      if (written === 0) return;
      this.#dirty.add(index);
      this.#wasThere[index] = 1;
    });
    return fault;
  }

  #bytesBeforeTrouble(length: number): number {
    const { random } = this.#parts;
    if (!this.#disk.trouble.strikes('write', random)) return Number.POSITIVE_INFINITY;
    return random === null ? 0 : randomBelow(random, length);
  }

  /** @returns how many bytes were written. */
  #writeFile(index: number, offset: number, bytes: Uint8Array, operation: DiskOperation): number {
    const { layout, preallocation } = this.#spec;
    const lengthMax = layout.files[index]?.lengthBytes ?? this.#placement.partsBytesMax;
    const isWhole = preallocation !== 'none' && index < layout.files.length && this.#placement.isWanted(index);
    const lengthMin = isWhole ? lengthMax : 0;
    return this.#disk.writeAt(this.#pathOf(index), { operation, offset, bytes, lengthMax, lengthMin });
  }

  /** In the words of the real one. */
  #diskIsFull(index: number): DtorrentError {
    const { directory, layout, preallocation } = this.#spec;
    const path = this.#pathOf(index);
    const isPlanned = preallocation !== 'none';
    const files = isPlanned ? [...layout.files.keys()].filter((i) => this.#placement.isWanted(i)) : [index];
    let neededBytes = 0;
    for (const i of files) {
      const lengthBytes = layout.files[i]?.lengthBytes ?? this.#placement.partsBytesMax;
      neededBytes += Math.max(lengthBytes - this.#disk.lengthBytes(this.#pathOf(i)), 0);
    }
    const needed = `${isPlanned ? 'the torrent' : path} needs ${formatBytes(neededBytes)} more`;
    const remedy = `free some space${isPlanned ? ', select fewer files,' : ''} or choose another directory`;
    const free = formatBytes(this.#disk.freeBytes);
    return new DtorrentError('EDISKFULL', `${directory} has ${free} free, ${needed}; ${remedy}`);
  }

  /** @returns false when a file is absent or too short. */
  #readInto({ piece, begin }: PieceSpan, into: Uint8Array): boolean {
    let position = 0;
    let isComplete = true;
    this.#placement.forEachSpan(piece, begin, into.length, (index, offset, length) => {
      const path = this.#pathOf(index);
      if (this.#isPadding(index)) into.fill(0, position, position + length);
      else if (this.#disk.lengthBytes(path) < offset + length) isComplete = false;
      else {
        const { random } = this.#parts;
        if (this.#disk.trouble.rots(random)) this.#disk.corrupt(path, offset + randomBelow(random!, length));
        into.set(this.#disk.view(path, offset, length), position);
      }
      position += length;
    });
    return isComplete;
  }

  #stamps(): FileStamp[] {
    const stamps = this.#spec.layout.files.map((file, index): FileStamp => {
      return file.padding ? { lengthBytes: 0, modifiedUs: 0 } : this.#disk.stamp(this.#pathOf(index));
    });
    stamps.push(this.#disk.stamp(this.#pathOf(this.#placement.partsIndex)));
    return stamps;
  }

  /** Each file was looked at at some time between the call and now. */
  #lookedAtLater(before: readonly FileStamp[]): readonly FileStamp[] {
    const { random } = this.#parts;
    if (random === null) return before;
    const now = this.#stamps();
    return before.map((stamp, index) =>
      random.uint32() % 2 === 0 && now[index]!.lengthBytes >= 0 ? now[index]! : stamp,
    );
  }

  /** `span` null = it is not about a piece. */
  #faultOf(operation: MemoryOperation, span: PieceSpan | null): DtorrentError | null {
    if (this.#isClosed) return new DtorrentError('EFILEIO', 'the torrent is closed');
    const fault = this.#parts.fault(operation, span?.piece ?? -1);
    // A write that fails may have begun.
    if (fault !== null || operation === 'write') return fault;
    if (!this.#disk.trouble.strikes(operation, this.#parts.random)) return null;
    const index = span === null ? undefined : this.#filesUnder(span)[0];
    const action = operation === 'flush' ? 'sync' : operation === 'stamp' || operation === 'select' ? 'open' : 'read';
    return inputOutputError(action, index === undefined ? this.#spec.directory : this.#pathOf(index));
  }

  #beforeWrite(span: PieceSpan, operation: DiskOperation): DtorrentError | null {
    const fault = this.#faultOf('write', span) ?? this.#directoryFault();
    if (fault !== null) return fault;
    for (const index of this.#placement.asideBefore(span.piece)) this.#takeOut(index, operation);
    return this.#goneFault(this.#filesUnder(span));
  }

  #hasGoodData(span: PieceSpan): void {
    for (const index of this.#filesUnder(span)) {
      this.#wasThere[index] = 1;
      this.#dirty.add(index);
    }
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

  #filesUnder({ piece, begin, length }: PieceSpan): number[] {
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

/** In the words of the real one. */
function inputOutputError(action: 'open' | 'read' | 'write' | 'sync', path: string): DtorrentError {
  const explanation = 'the disk reports an input/output error; check the system log and the disk';
  return new DtorrentError('EFILEIO', `cannot ${action} ${path}: ${explanation}`);
}
