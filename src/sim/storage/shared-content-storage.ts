/**
 * The storage port over content that all hosts share, for swarms of a thousand: a write is a comparison, a read is a
 * copy, and a host's pieces cost a byte each. Of one torrent, whose files all have their place whatever is wanted; no
 * parts file, no preallocation. Operations take effect at the call.
 */
import { assert } from '../../base/assert.js';
import { DtorrentError } from '../../base/errors.js';
import type { Slot } from '../../base/slot-pool.js';
import type { FileStamp, Storage, StorageFactory, StorageSpec, VerifyResult, WriteResult } from '../../host/storage.js';
import type { SharedContentDisk } from './shared-content.js';
import { StorageCalls, type StorageWiring } from './storage-wiring.js';

export class SharedContentStorageFactory implements StorageFactory {
  readonly disk: SharedContentDisk;
  readonly #calls: StorageCalls;

  constructor(disk: SharedContentDisk, wiring: StorageWiring) {
    this.disk = disk;
    this.#calls = new StorageCalls(wiring, 'storage', disk.queue);
  }

  open({ layout }: StorageSpec, done: (result: Storage | DtorrentError) => void): void {
    if (!this.#calls.begin()) return;
    const isSame =
      layout.pieceCount === this.disk.layout.pieceCount && layout.files.length === this.disk.layout.files.length;
    assert(isSame, 'a disk of shared content is opened with the torrent that it was made for');
    const storage = new SharedContentStorage(this.disk, this.#calls);
    this.#calls.end(() => done(storage));
  }
}

class SharedContentStorage implements Storage {
  readonly isEmpty: boolean;
  readonly directoryIdentity = 'shared content';
  readonly #disk: SharedContentDisk;
  readonly #calls: StorageCalls;
  #isClosed = false;

  constructor(disk: SharedContentDisk, calls: StorageCalls) {
    this.#disk = disk;
    this.#calls = calls;
    this.isEmpty = disk.isEmpty;
  }

  writePiece(piece: number, slot: Slot, done: (result: WriteResult) => void): void {
    if (!this.#calls.begin()) return;
    const result = this.#closedFault() ?? (this.#disk.writePiece(piece, slot.bytes) ? 'ok' : 'bad-hash');
    this.#calls.end(() => done(result), this.#disk.layout.pieceBytes(piece));
  }

  writeUnverified(
    span: { readonly piece: number; readonly begin: number; readonly length: number },
    slot: Slot,
    done: (error: DtorrentError | null) => void,
  ): void {
    if (!this.#calls.begin()) return;
    const fault = this.#closedFault();
    if (fault === null) this.#disk.writeBlocks(span, slot.bytes);
    this.#calls.end(() => done(fault), span.length);
  }

  read(piece: number, begin: number, into: Uint8Array, done: (error: DtorrentError | null) => void): void {
    if (!this.#calls.begin()) return;
    let error = this.#closedFault();
    if (error === null && !this.#disk.read(piece, begin, into)) {
      error = new DtorrentError('EFILEIO', `cannot read piece ${piece}: its file is absent or too short`);
    }
    this.#calls.end(() => done(error), into.length);
  }

  verifyPiece(piece: number, done: (result: VerifyResult) => void): void {
    if (!this.#calls.begin()) return;
    const result = this.#closedFault() ?? this.#disk.verify(piece);
    this.#calls.end(() => done(result), this.#disk.layout.pieceBytes(piece));
  }

  setWantedFiles(_wanted: Uint8Array | null, done: (error: DtorrentError | null) => void): void {
    this.#answer(this.#closedFault(), done);
  }

  stampFiles(done: (result: readonly FileStamp[] | DtorrentError) => void): void {
    this.#answer(this.#closedFault() ?? this.#disk.stamps(), done);
  }

  flush(done: (error: DtorrentError | null) => void): void {
    this.#answer(this.#closedFault(), done);
  }

  close(done: () => void): void {
    if (!this.#calls.begin()) return;
    assert(!this.#isClosed, 'a storage is closed once');
    this.#isClosed = true;
    this.#calls.end(done);
  }

  #answer<T>(result: T, done: (result: T) => void): void {
    if (this.#calls.begin()) this.#calls.end(() => done(result));
  }

  #closedFault(): DtorrentError | null {
    return this.#isClosed ? new DtorrentError('EFILEIO', 'the torrent is closed') : null;
  }
}
