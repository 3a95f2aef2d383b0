/**
 * What a crash may undo of what was written to a simulated disk, and the undoing. Every write is noted with what it
 * replaced until a completed flush has made it last. Used by MemoryDisk.
 *
 * The model is what ext4 (data=ordered, delayed allocation) may do, and what POSIX allows where that is more.
 * When the process is killed, the system goes on: what a completed operation wrote is all there; an operation under way
 * may have been done, not begun, or cut short anywhere, because a thread dies between two writes. Nothing is durable by
 * that: it may still be lost when power fails later.
 * When power fails, of what was not flushed:
 * - data reaches the disk in any order, whatever order it was written in: each write is kept, or lost, or there in some
 *   of its sectors of 512 bytes. What is lost of what was new reads as zeros, never as another file's bytes, because
 *   blocks are allocated when they are written; what is lost of what was written over is as it was.
 * - a file's inode reaches the disk with a commit of the metadata, every few seconds, and data up to half a minute
 *   later. So the time of change may be new while the data is lost. Written over in place, data may also be there
 *   while the time is old, when its page went out before the next commit. The length is never newer than the time: it
 *   grows when blocks are allocated, after the write that changed the time. It may be that after any earlier write.
 * - a file that is new may not be there at all, with whatever was written to it.
 * - a file that was removed may be there again: the directory is synced only with what is new in it.
 * - the move of files out of a parts file keeps its order: copies, fsync, rename, fsync of the directory, removal. A
 *   crash in the middle leaves all files of the move unmoved, or all moved and the parts file still there.
 * Never undone: the cutting of a file that is too long.
 */
import { type Random, randomBelow } from '../../base/random.js';
import type { CrashKind } from '../machine.js';

const SECTOR_BYTES = 512;

/** `bytes` is a view of room that may be larger; beyond its end the room holds zeros. */
export interface StoredFile {
  bytes: Uint8Array;
  /** When it was last written to: the number of that write, which serves as its time. */
  change: number;
}

/** One operation of the storage, from its call to its done. */
export interface DiskOperation {
  isDone: boolean;
  /** Of a move of files that a crash has cut: drawn once for all of its files. */
  fate?: MoveFate;
}

/** How far a move of files had come. */
type MoveFate = 'unmoved' | 'moved, not removed' | 'moved';

interface NotedWrite {
  readonly operation: DiskOperation;
  readonly offset: number;
  readonly length: number;
  /** What was there; shorter than `length` = the file ended there, and what is lost of the rest reads as zeros. */
  readonly replaced: Uint8Array;
  /** Of the file, after this write. */
  readonly lengthAfter: number;
  readonly changeAfter: number;
}

/** What may happen to one file. */
interface FileNotes {
  /** Length and change as they are on disk for sure; null = the file may not be there. */
  base: { readonly length: number; readonly change: number } | null;
  writes: NotedWrite[];
  /** It was made by a move of files, whole. */
  movedBy: DiskOperation | null;
  /** It was removed, and was this. */
  removed: { readonly file: StoredFile; readonly by: DiskOperation } | null;
}

export class DiskJournal {
  readonly #notes = new Map<string, FileNotes>();

  /** Before a write changes `file`; null = it is about to be made. */
  noteWrite(path: string, file: StoredFile | null, write: Omit<NotedWrite, 'replaced'>): void {
    const known = this.#notes.get(path);
    const notes = known === undefined || known.removed !== null ? this.#begin(path, file) : known;
    const { offset, length } = write;
    notes.writes.push({ ...write, replaced: file?.bytes.slice(offset, offset + length) ?? NOTHING });
  }

  /** `file` was made whole, and lasts once the operation is done. */
  noteMove(path: string, file: StoredFile, by: DiskOperation): void {
    this.#begin(path, file).movedBy = by;
  }

  /** `file` was removed, and stays so if the operation is done, as long as there is power. */
  noteRemoval(path: string, file: StoredFile, by: DiskOperation): void {
    const notes = this.#notes.get(path) ?? this.#begin(path, file);
    notes.removed = { file, by };
  }

  /** What is there now lasts. */
  forget(path: string): void {
    this.#notes.delete(path);
  }

  /** A flush of `paths` begins. @returns what to call when it is done: what was written before it lasts then. */
  beginFlush(paths: readonly string[]): () => void {
    const marks = paths.flatMap((path) => {
      const notes = this.#notes.get(path);
      return notes === undefined ? [] : [{ path, notes, count: notes.writes.length }];
    });
    return () => {
      for (const { path, notes, count } of marks) if (this.#notes.get(path) === notes) settle(notes, count);
    };
  }

  /** Does to `files` what the crash does. The same `random` does the same. */
  crash(files: Map<string, StoredFile>, crash: Crash): void {
    for (const [path, notes] of this.#notes) {
      const isThere = undoMove(path, notes, files, crash) && undoWrites(notes, files.get(path)!, crash);
      if (!isThere) files.delete(path);
      // What a killed process has written may yet be lost with the power.
      if (crash.kind === 'power' || (!isThere && notes.removed === null)) this.#notes.delete(path);
    }
    for (const { writes, removed } of this.#notes.values()) {
      for (const { operation } of writes) operation.isDone = true;
      if (removed !== null) removed.by.isDone = true;
    }
  }

  #begin(path: string, file: StoredFile | null): FileNotes {
    const base = file === null ? null : { length: file.bytes.length, change: file.change };
    const notes: FileNotes = { base, writes: [], movedBy: null, removed: null };
    this.#notes.set(path, notes);
    return notes;
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);

interface Crash {
  readonly random: Random;
  readonly kind: CrashKind;
}

function settle(notes: FileNotes, count: number): void {
  const last = notes.writes[count - 1];
  if (last === undefined) return;
  notes.base = { length: last.lengthAfter, change: last.changeAfter };
  notes.writes.splice(0, count);
}

/** @returns whether the file is there, or back. */
function undoMove(path: string, notes: FileNotes, files: Map<string, StoredFile>, { random, kind }: Crash): boolean {
  const { movedBy, removed } = notes;
  if (movedBy !== null && !movedBy.isDone) {
    notes.movedBy = null;
    if (fateOf(movedBy, random) === 'unmoved') return false;
  }
  if (removed === null) return files.has(path);
  const { by, file } = removed;
  const mayBeBack = by.isDone ? kind === 'power' : fateOf(by, random) !== 'moved';
  if (!mayBeBack || (by.isDone && randomBelow(random, 2) === 0)) return false;
  notes.removed = null;
  files.set(path, file);
  return true;
}

function fateOf(operation: DiskOperation, random: Random): MoveFate {
  operation.fate ??= MOVE_FATES[randomBelow(random, MOVE_FATES.length)]!;
  return operation.fate;
}

const MOVE_FATES: readonly MoveFate[] = ['unmoved', 'moved, not removed', 'moved'];

/** @returns whether the file is there. */
function undoWrites(notes: FileNotes, file: StoredFile, crash: Crash): boolean {
  const fates = notes.writes.map((write) => drawFate(write, crash));
  undoBytes(notes.writes, fates, file.bytes, crash.random);
  const inode = crash.kind === 'killed' ? afterKill(notes, fates) : afterPowerCut(notes, crash.random);
  if (inode === null) return false;
  file.bytes.fill(0, Math.min(inode.length, file.bytes.length));
  file.bytes = file.bytes.subarray(0, inode.length);
  file.change = inode.change;
  return true;
}

/** What is left of a write. */
interface WriteFate {
  /** Its first bytes, */
  readonly keptBytes: number;
  /** or any of its sectors. */
  readonly isTorn: boolean;
  readonly isBegun: boolean;
}

const LOST: WriteFate = { keptBytes: 0, isTorn: false, isBegun: false };

function drawFate({ operation, length }: NotedWrite, { random, kind }: Crash): WriteFate {
  const whole: WriteFate = { keptBytes: length, isTorn: false, isBegun: true };
  if (kind === 'killed' && operation.isDone) return whole;
  const cut = {
    ...whole,
    keptBytes: kind === 'killed' ? randomBelow(random, length + 1) : 0,
    isTorn: kind === 'power',
  };
  return [whole, LOST, cut][randomBelow(random, 3)]!;
}

/** From the last write to the first: what a later one left in a sector stays, and what was there by then with it. */
function undoBytes(
  writes: readonly NotedWrite[],
  fates: readonly WriteFate[],
  bytes: Uint8Array,
  random: Random,
): void {
  const kept = new Set<number>();
  for (let i = writes.length - 1; i >= 0; i--) {
    const { offset, length, replaced } = writes[i]!;
    const { keptBytes, isTorn } = fates[i]!;
    const end = offset + length;
    for (let sector = Math.floor(offset / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      const from = Math.max(offset, sector * SECTOR_BYTES);
      const to = Math.min(end, (sector + 1) * SECTOR_BYTES);
      const isKept = isTorn ? randomBelow(random, 2) === 0 : offset + keptBytes > from;
      const keptTo = !isKept ? from : isTorn ? to : Math.min(offset + keptBytes, to);
      if (!kept.has(sector)) {
        const old = replaced.subarray(keptTo - offset, to - offset);
        bytes.set(old, keptTo);
        bytes.fill(0, keptTo + old.length, to);
      }
      if (isKept) kept.add(sector);
    }
  }
}

type Inode = NonNullable<FileNotes['base']>;

/** Writes that were not begun are as if they had never been asked for. */
function afterKill(notes: FileNotes, fates: readonly WriteFate[]): Inode | null {
  let inode = notes.base;
  const begun: NotedWrite[] = [];
  for (const [i, write] of notes.writes.entries()) {
    const { isBegun, keptBytes } = fates[i]!;
    if (!isBegun) continue;
    const isCutShort = keptBytes < write.length && write.lengthAfter === write.offset + write.length;
    const length = isCutShort ? Math.max(inode?.length ?? 0, write.offset + keptBytes) : write.lengthAfter;
    begun.push({ ...write, length: keptBytes, lengthAfter: length });
    inode = { length, change: write.changeAfter };
  }
  notes.writes = begun;
  return inode;
}

function afterPowerCut({ base, writes }: FileNotes, random: Random): Inode | null {
  const changes = randomBelow(random, writes.length + 1);
  const lengths = randomBelow(random, 2) === 0 ? changes : randomBelow(random, changes + 1);
  if (changes === 0) return base;
  const length = lengths === 0 ? (base?.length ?? 0) : writes[lengths - 1]!.lengthAfter;
  return { length, change: writes[changes - 1]!.changeAfter };
}
