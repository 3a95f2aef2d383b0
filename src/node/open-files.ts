/**
 * One thread's open files, least recently used closed first. Synchronous: disk workers use it, and the main thread when
 * there are none. Creates directories and files on demand, sparse, and cuts a file that is too long to its declared
 * length before the first write to it; reading changes nothing on disk.
 * Invariant: at most `maxOpenFiles` descriptors are open.
 */
import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync } from 'node:fs';
import { DtorrentError } from '../base/errors.js';
import { diskError, isAbsence } from './disk-error.js';
import { assertStillThere, type DownloadDirectory } from './download-directory.js';
import { locate, makeParent, OPEN_FLAGS, parentExists } from './download-path.js';
import { systemErrorCode } from './system-error.js';

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
  /** It was on disk before: if it is not any more, its data is lost, and another must not take its place. */
  readonly wasThere: boolean;
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
  readonly path: string;
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
   * @returns a descriptor that is valid until the next call, or -1 when the file does not exist.
   * @throws {DtorrentError} `EFILEOPEN`; `EFILEIO` when it is the download directory that is not there any more.
   */
  openForReading(directory: DownloadDirectory, file: DiskFile): number {
    const open = this.#use(file.key);
    if (open !== null) return open.fd;
    const path = locate(directory.path, file.path);
    const fd = parentExists(directory.path, path) ? this.#openToRead(directory, path) : -1;
    if (fd < 0) assertStillThere(directory);
    else this.#files.set(file.key, { fd, isWritable: false, path });
    return fd;
  }

  /**
   * @returns a descriptor that is valid until the next call.
   * @throws {DtorrentError} `EFILECREATE`, `EFILEOPEN`, `EDIRCREATE`, `EDISKFULL`; `EFILEIO` when the file or the
   * download directory was there and is not any more.
   */
  openForWriting(directory: DownloadDirectory, file: DiskFile): number {
    const open = this.#use(file.key);
    if (open?.isWritable) {
      // What is written to a file without a name is lost when it is closed.
      if (this.isGone(file)) throw fileIsGone(open.path);
      return open.fd;
    }
    if (open !== null) this.#close(file.key, open);
    makeParent(directory, file.path);
    const path = locate(directory.path, file.path);
    const existed = exists(path);
    if (!existed) {
      assertStillThere(directory);
      if (file.wasThere) throw fileIsGone(path);
    }
    try {
      const fd = this.#open(path, WRITE_FLAGS, createMode(file));
      const bytes = regularFileBytes(fd, path);
      this.#files.set(file.key, { fd, isWritable: true, path });
      if (bytes > file.lengthBytes || (file.hasFullLength && bytes < file.lengthBytes)) {
        ftruncateSync(fd, file.lengthBytes);
      }
      return fd;
    } catch (thrown) {
      throw diskError(thrown, { action: existed ? 'open for writing' : 'create', path, directory: directory.path });
    }
  }

  /** Closes a file that is open and was deleted meanwhile. @returns whether it was. */
  isGone(file: DiskFile): boolean {
    const open = this.#files.get(file.key);
    if (open === undefined || !isDeleted(open)) return false;
    this.#close(file.key, open);
    return true;
  }

  /** Makes an empty file unless something is there already. @throws {DtorrentError} like openForWriting. */
  createEmpty(directory: DownloadDirectory, file: DiskFile): void {
    if (exists(locate(directory.path, file.path))) return;
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

  #openToRead(directory: DownloadDirectory, path: string): number {
    try {
      const fd = this.#open(path, READ_FLAGS);
      regularFileBytes(fd, path);
      return fd;
    } catch (thrown) {
      if (isAbsence(thrown)) return -1;
      throw diskError(thrown, { action: 'open', path, directory: directory.path });
    }
  }

  /** When the process or the system has no descriptor left, those here are given up for it, half of them at a time. */
  #open(path: string, flags: number, mode?: number): number {
    this.#closeDownTo(this.#maxOpenFiles - 1);
    for (;;) {
      try {
        return openSync(path, flags, mode);
      } catch (thrown) {
        if (this.#files.size === 0 || !isOutOfDescriptors(thrown)) throw thrown;
        this.#closeDownTo(Math.floor(this.#files.size / 2));
      }
    }
  }

  #closeDownTo(count: number): void {
    for (const [key, file] of this.#files) {
      if (this.#files.size <= count) return;
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

export function isOutOfDescriptors(thrown: unknown): boolean {
  const code = systemErrorCode(thrown);
  return code === 'EMFILE' || code === 'ENFILE';
}

export function fileIsGone(path: string): DtorrentError {
  return new DtorrentError(
    'EFILEIO',
    `${path} was there and is not any more: it was deleted or moved; put it back, or check the torrent to download it again`,
  );
}

/** Some file systems count no links: zero alone proves nothing. */
function isDeleted({ fd, path }: OpenFile): boolean {
  const open = fstatSync(fd);
  if (open.nlink > 0) return false;
  try {
    const named = lstatSync(path);
    return named.ino !== open.ino || named.dev !== open.dev;
  } catch {
    return true;
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
