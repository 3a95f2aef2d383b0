/**
 * One thread's open files, least recently used closed first. Synchronous: disk workers use it, and the main thread when
 * there are none. Creates directories and files on demand, sparse, and cuts a file that is too long to its declared
 * length before the first write to it; reading changes nothing on disk.
 * Invariant: at most `maxOpenFiles` descriptors are open.
 */
import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync } from 'node:fs';
import { DtorrentError } from '../base/errors.js';
import { diskError } from './disk-error.js';
import { isAbsence, locate, makeParent, OPEN_FLAGS, parentExists } from './download-path.js';

/** One file of one torrent; plain data that is sent to workers. */
export interface DiskFile {
  /** The storage's number × FILE_KEYS_PER_STORAGE + the file's index: unique among all torrents. */
  readonly key: number;
  /** Relative to the download directory, with the platform's separators. */
  readonly path: string;
  readonly lengthBytes: number;
  readonly executable: boolean;
  /** It gets lengthBytes at once when it is made, a hole where nothing was written; else it grows. */
  readonly hasFullLength: boolean;
}

/** More than LIMITS.fileCountMax, and one for the parts file. */
export const FILE_KEYS_PER_STORAGE: number = 2 ** 21;

/** Keys from `first` up to before `end`. */
export interface KeyRange {
  readonly first: number;
  readonly end: number;
}

export function keysOfStorage(storage: number): KeyRange {
  return { first: storage * FILE_KEYS_PER_STORAGE, end: (storage + 1) * FILE_KEYS_PER_STORAGE };
}

interface OpenFile {
  readonly fd: number;
  readonly isWritable: boolean;
}

const READ_FLAGS = constants.O_RDONLY | OPEN_FLAGS;
/** Read as well, so that a check that follows needs no second descriptor. */
const WRITE_FLAGS = constants.O_RDWR | constants.O_CREAT | OPEN_FLAGS;

export class OpenFiles {
  readonly #maxOpenFiles: number;
  /** Least recently used first: a Map keeps the order of insertion. */
  readonly #files = new Map<number, OpenFile>();

  constructor(maxOpenFiles: number) {
    this.#maxOpenFiles = Math.max(maxOpenFiles, 1);
  }

  get size(): number {
    return this.#files.size;
  }

  /**
   * @param directory absolute path of the download directory.
   * @returns a descriptor that is valid until the next call, or -1 when the file does not exist.
   * @throws {DtorrentError} `EFILEOPEN`
   */
  openForReading(directory: string, file: DiskFile): number {
    const open = this.#use(file.key);
    if (open !== null) return open.fd;
    const path = locate(directory, file.path);
    if (!parentExists(directory, path)) return -1;
    this.#makeRoom();
    try {
      const fd = openSync(path, READ_FLAGS);
      regularFileBytes(fd, path);
      this.#files.set(file.key, { fd, isWritable: false });
      return fd;
    } catch (thrown) {
      if (isAbsence(thrown)) return -1;
      throw diskError(thrown, { action: 'open', path, directory });
    }
  }

  /**
   * @returns a descriptor that is valid until the next call.
   * @throws {DtorrentError} `EFILECREATE`, `EFILEOPEN`, `EDIRCREATE`, `EDISKFULL`
   */
  openForWriting(directory: string, file: DiskFile): number {
    const open = this.#use(file.key);
    if (open?.isWritable) return open.fd;
    if (open !== null) this.#close(file.key, open);
    makeParent(directory, file.path);
    this.#makeRoom();
    const path = locate(directory, file.path);
    const existed = exists(path);
    try {
      const fd = openSync(path, WRITE_FLAGS, createMode(file));
      const bytes = regularFileBytes(fd, path);
      if (bytes > file.lengthBytes || (file.hasFullLength && bytes < file.lengthBytes)) {
        ftruncateSync(fd, file.lengthBytes);
      }
      this.#files.set(file.key, { fd, isWritable: true });
      return fd;
    } catch (thrown) {
      throw diskError(thrown, { action: existed ? 'open' : 'create', path, directory });
    }
  }

  /** Makes an empty file unless something is there already. @throws {DtorrentError} like openForWriting. */
  createEmpty(directory: string, file: DiskFile): void {
    if (exists(locate(directory, file.path))) return;
    this.openForWriting(directory, file);
    this.#close(file.key, this.#files.get(file.key)!);
  }

  closeRange({ first, end }: KeyRange): void {
    for (const [key, file] of this.#files) if (key >= first && key < end) this.#close(key, file);
  }

  closeAll(): void {
    for (const [key, file] of this.#files) this.#close(key, file);
  }

  #use(key: number): OpenFile | null {
    const file = this.#files.get(key);
    if (file === undefined) return null;
    this.#files.delete(key);
    this.#files.set(key, file);
    return file;
  }

  #makeRoom(): void {
    for (const [key, file] of this.#files) {
      if (this.#files.size < this.#maxOpenFiles) return;
      this.#close(key, file);
    }
  }

  #close(key: number, file: OpenFile): void {
    this.#files.delete(key);
    try {
      closeSync(file.fd);
    } catch {
      // A network file system may report a late write error here, but the descriptor is gone all the same. `flush` is
      // where such errors are asked for.
    }
  }
}

/** The umask takes its bits from the mode; only the owner gets to run what a stranger called a program. */
export function createMode(file: DiskFile): number {
  return file.executable ? 0o766 : 0o666;
}

/** Closes and throws for anything but a regular file. @returns its length. */
function regularFileBytes(fd: number, path: string): number {
  const stat = fstatSync(fd);
  if (stat.isFile()) return stat.size;
  closeSync(fd);
  throw notAFile(path);
}

export function notAFile(path: string): DtorrentError {
  return new DtorrentError('EFILEOPEN', `cannot open ${path}: it is not a regular file; move it out of the way`);
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
