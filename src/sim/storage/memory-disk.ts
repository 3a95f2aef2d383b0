/**
 * What simulated files lie on. It outlives storages, engines and crashes, so that a restart finds what was written. How
 * fast it is, what is wrong with it and how much fits on it can be set at any time. Used by MemoryStorage.
 */
import { assert } from '../../base/assert.js';
import { type Random, randomBelow } from '../../base/random.js';
import type { FileStamp } from '../../host/storage.js';
import type { CrashKind } from '../machine.js';
import { DiskJournal, type DiskOperation, type StoredFile } from './disk-journal.js';
import { DiskQueue } from './disk-model.js';
import { DiskTrouble } from './disk-trouble.js';

/** Where a byte is. */
export interface DiskPlace {
  /** Absolute. */
  readonly path: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
}

/** Sparse files by absolute path, `/` between directory and elements. */
export class MemoryDisk {
  /** Of all files together, holes included. */
  capacityBytes: number = Number.POSITIVE_INFINITY;
  /** @internal */
  readonly queue: DiskQueue = new DiskQueue();
  /** What is wrong with it. */
  readonly trouble: DiskTrouble = new DiskTrouble();
  #files = new Map<string, StoredFile>();
  #unmounted: Map<string, StoredFile> | null = null;
  readonly #journal = new DiskJournal();
  /** Path -> offsets of bytes that have rotted since they were written. */
  readonly #rotten = new Map<string, Set<number>>();
  #writes = 0;

  /** @returns a copy, or null when there is no such file. */
  read(path: string): Uint8Array | null {
    return this.#files.get(path)?.bytes.slice() ?? null;
  }

  /** Replaces the whole file with a copy of `content`, and that lasts. */
  write(path: string, content: Uint8Array): void {
    this.#files.set(path, { bytes: content.slice(), change: ++this.#writes });
    this.#forget(path);
  }

  /** @returns a disk of the same files with the same stamps: what is there if nothing more happens. */
  clone(): MemoryDisk {
    const twin = new MemoryDisk();
    for (const [path, { bytes, change }] of this.#files) twin.#files.set(path, { bytes: bytes.slice(), change });
    twin.#writes = this.#writes;
    return twin;
  }

  /** For good. */
  remove(path: string): void {
    this.#files.delete(path);
    this.#forget(path);
  }

  /** Whether it is there. */
  get isMounted(): boolean {
    return this.#unmounted === null;
  }

  /** Takes the disk away, with all that was written to it: every directory is there, as another one that is empty. */
  unmount(): void {
    assert(this.#unmounted === null, 'a disk is unmounted once');
    for (const path of this.#files.keys()) this.#journal.forget(path);
    this.#unmounted = this.#files;
    this.#files = new Map();
  }

  /** Brings it back, with what was on it; what was written in its place is gone. */
  mount(): void {
    assert(this.#unmounted !== null, 'a disk that is mounted cannot be mounted');
    for (const path of this.#files.keys()) this.#journal.forget(path);
    this.#files = this.#unmounted;
    this.#unmounted = null;
  }

  /**
   * Loses what a crash may lose of what was not flushed (disk-journal.ts). A host's disk does it by itself when its
   * machine crashes; a second time, nothing is left to lose.
   */
  crash(random: Random, kind: CrashKind): void {
    this.queue.clear();
    this.#journal.crash(this.#files, { random, kind });
  }

  /** Bit rot: inverts one byte, which changes no stamp. */
  corrupt(path: string, offset: number): void {
    const file = this.#files.get(path);
    assert(file !== undefined && offset < file.bytes.length, 'only a byte that is there can rot');
    file.bytes[offset] = ~file.bytes[offset]!;
    const rotten = this.#rotten.get(path) ?? new Set();
    this.#rotten.set(path, rotten);
    if (!rotten.delete(offset)) rotten.add(offset);
  }

  /** A byte of any file rots. @returns which, or null when there is none. */
  rot(random: Random): DiskPlace | null {
    let bytes = 0;
    for (const file of this.#files.values()) bytes += file.bytes.length;
    if (bytes === 0) return null;
    let offset = randomBelow(random, bytes);
    for (const [path, file] of this.#files) {
      if (offset < file.bytes.length) {
        this.corrupt(path, offset);
        return { path, offset };
      }
      offset -= file.bytes.length;
    }
    return null;
  }

  /** Whether a byte in this stretch has rotted and was not written since: nobody can be blamed for it. */
  isRotten(path: string, offset: number, lengthBytes: number): boolean {
    for (const rotten of this.#rotten.get(path) ?? []) {
      if (rotten >= offset && rotten < offset + lengthBytes) return true;
    }
    return false;
  }

  /** Whether there is such a file. */
  has(path: string): boolean {
    return this.#files.has(path);
  }

  /** @returns 0 when there is no such file. */
  lengthBytes(path: string): number {
    return this.#files.get(path)?.bytes.length ?? 0;
  }

  /** @internal */
  stamp(path: string): FileStamp {
    const file = this.#files.get(path);
    if (file === undefined) return { lengthBytes: -1, modifiedUs: 0 };
    return { lengthBytes: file.bytes.length, modifiedUs: file.change };
  }

  /** Until `capacityBytes` is reached. */
  get freeBytes(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return this.capacityBytes;
    let used = 0;
    for (const { bytes } of this.#files.values()) used += bytes.length;
    return Math.max(this.capacityBytes - used, 0);
  }

  /** @internal A view, not a copy. */
  view(path: string, offset: number, length: number): Uint8Array {
    return this.#files.get(path)!.bytes.subarray(offset, offset + length);
  }

  /**
   * @internal Cuts the file to `lengthMax`, or grows it, at least to `lengthMin`, as writes at an offset do.
   * @returns how many bytes were written: fewer when the disk is full.
   */
  writeAt(
    path: string,
    options: {
      readonly operation: DiskOperation;
      readonly offset: number;
      readonly bytes: Uint8Array;
      readonly lengthMin: number;
      readonly lengthMax: number;
    },
  ): number {
    const { operation, offset, lengthMin, lengthMax } = options;
    const old = this.#files.get(path) ?? null;
    const oldLength = old?.bytes.length ?? 0;
    const lengthPossible = oldLength + this.freeBytes;
    if (Math.max(oldLength, lengthMin) > lengthPossible || (offset >= lengthPossible && options.bytes.length > 0))
      return 0;
    const bytes = options.bytes.subarray(0, lengthPossible - offset);
    const lengthAfter = Math.min(Math.max(oldLength, offset + bytes.length, lengthMin), lengthMax);
    const changeAfter = ++this.#writes;
    const note = { operation, offset, length: bytes.length, lengthAfter, changeAfter };
    if (oldLength <= lengthMax) this.#journal.noteWrite(path, old, note);
    else this.#journal.forget(path);
    const file = old ?? { bytes: NOTHING, change: 0 };
    if (old === null) this.#files.set(path, file);
    resize(file, { length: lengthAfter, roomBytes: lengthMax });
    file.bytes.set(bytes, offset);
    file.change = changeAfter;
    this.#renew(path, offset, bytes.length);
    return bytes.length;
  }

  /** @internal Makes a file whole, as a rename does. `content` is the disk's from now on. */
  moveIn(path: string, content: Uint8Array, operation: DiskOperation): void {
    const file = { bytes: content, change: ++this.#writes };
    this.#files.set(path, file);
    this.#rotten.delete(path);
    this.#journal.noteMove(path, file, operation);
  }

  /** @internal Removes a file, which a crash may bring back. */
  unlink(path: string, operation: DiskOperation): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#files.delete(path);
    this.#journal.noteRemoval(path, file, operation);
  }

  /** @internal See DiskJournal. */
  beginFlush(paths: readonly string[]): () => void {
    return this.#journal.beginFlush(paths);
  }

  #forget(path: string): void {
    this.#journal.forget(path);
    this.#rotten.delete(path);
  }

  #renew(path: string, offset: number, lengthBytes: number): void {
    const rotten = this.#rotten.get(path);
    if (rotten === undefined) return;
    for (const at of rotten) if (at >= offset && at < offset + lengthBytes) rotten.delete(at);
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** Room for the whole file at once: growing piece by piece would copy it each time. */
function resize(
  file: StoredFile,
  { length, roomBytes }: { readonly length: number; readonly roomBytes: number },
): void {
  const { bytes } = file;
  if (bytes.length === length) return;
  const hasRoom = bytes.byteOffset === 0 && bytes.buffer.byteLength >= roomBytes;
  const room = hasRoom ? bytes.buffer : new ArrayBuffer(roomBytes);
  const resized = new Uint8Array(room, 0, length);
  if (hasRoom) bytes.fill(0, Math.min(length, bytes.length));
  else resized.set(bytes.subarray(0, length));
  file.bytes = resized;
}
