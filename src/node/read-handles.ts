/**
 * Files that the main thread reads from, least recently used closed first. Nothing here waits for a disk: opening and
 * closing run on libuv's threads. Called by FileStorage for uploads; checks and writes have OpenFiles.
 * Invariant: at most `maxOpenFiles` descriptors are open or being opened; one in use is never closed.
 */
import { close, constants, fstat, open } from 'node:fs';
import { DtorrentError } from '../base/errors.js';
import { diskError, isAbsence } from './disk-error.js';
import { checkStillThere, type DownloadDirectory } from './download-directory.js';
import { checkParent, locate, OPEN_FLAGS } from './download-path.js';
import { type DiskFile, fileIsGone, isOutOfDescriptors, type KeyRange, notAFile } from './open-files.js';

/** A descriptor, or why there is none. Owes a `release` if it is a descriptor. */
export type HandleDone = (result: number | DtorrentError) => void;

interface Handle {
  /** -1 while it is being opened. */
  fd: number;
  users: number;
  readonly waiting: HandleDone[];
}

interface Acquisition {
  readonly directory: DownloadDirectory;
  readonly file: DiskFile;
  readonly done: HandleDone;
}

export class ReadHandles {
  readonly #maxOpenFiles: number;
  /** Least recently used first. */
  readonly #handles = new Map<number, Handle>();
  /** Those that found every descriptor in use. */
  #starved: Acquisition[] = [];

  constructor(maxOpenFiles: number) {
    this.#maxOpenFiles = Math.max(maxOpenFiles, 1);
  }

  get size(): number {
    return this.#handles.size;
  }

  /** `done` runs inside the call when the file is open already. `EFILEOPEN` also when the file does not exist. */
  acquire(directory: DownloadDirectory, file: DiskFile, done: HandleDone): void {
    const handle = this.#handles.get(file.key);
    if (handle !== undefined) {
      handle.users++;
      this.#handles.delete(file.key);
      this.#handles.set(file.key, handle);
      if (handle.fd < 0) handle.waiting.push(done);
      else done(handle.fd);
      return;
    }
    if (!this.#makeRoom()) {
      this.#starved.push({ directory, file, done });
      return;
    }
    this.#open(directory, file, done);
  }

  release(file: DiskFile): void {
    this.#handles.get(file.key)!.users--;
    this.#serveStarved();
  }

  /** None of these files is in use any more. `done` never runs inside the call. */
  closeRange({ first, end }: KeyRange, done: () => void): void {
    let waiting = 1;
    const closed = (): void => {
      waiting--;
      if (waiting === 0) done();
    };
    for (const [key, handle] of this.#handles) {
      if (key < first || key >= end) continue;
      this.#handles.delete(key);
      waiting++;
      close(handle.fd, closed);
    }
    setImmediate(closed);
    this.#serveStarved();
  }

  #open(directory: DownloadDirectory, file: DiskFile, done: HandleDone): void {
    const handle: Handle = { fd: -1, users: 1, waiting: [done] };
    this.#handles.set(file.key, handle);
    this.#openRegularFile(directory, file, (result) => {
      if (typeof result === 'number') handle.fd = result;
      else this.#handles.delete(file.key);
      const waiting = handle.waiting.splice(0);
      for (const waiter of waiting) waiter(result);
      if (handle.fd < 0) this.#serveStarved();
    });
  }

  #openRegularFile(directory: DownloadDirectory, file: DiskFile, done: HandleDone): void {
    let path: string;
    try {
      path = locate(directory.path, file.path);
    } catch (thrown) {
      done(diskError(thrown, { action: 'open', path: file.path, directory: directory.path }));
      return;
    }
    checkParent(directory.path, path, (parent) => {
      if (parent === 'missing') explainAbsence(directory, file, path, done);
      else if (parent !== 'inside') done(parent);
      else this.#openPath(directory, file, path, done);
    });
  }

  #openPath(directory: DownloadDirectory, file: DiskFile, path: string, done: HandleDone): void {
    open(path, constants.O_RDONLY | OPEN_FLAGS, (openFault, fd) => {
      if (openFault === null) keepRegularFile(fd, path, directory.path, done);
      else if (isAbsence(openFault)) explainAbsence(directory, file, path, done);
      else {
        // When the process or the system has no descriptor left, those here are given up for it, one by one.
        const idle = isOutOfDescriptors(openFault) ? this.#takeIdle() : null;
        if (idle === null) done(diskError(openFault, { action: 'open', path, directory: directory.path }));
        else close(idle.fd, () => this.#openPath(directory, file, path, done));
      }
    });
  }

  /** @returns false when every descriptor is in use. */
  #makeRoom(): boolean {
    if (this.#handles.size < this.#maxOpenFiles) return true;
    const idle = this.#takeIdle();
    if (idle === null) return false;
    close(idle.fd, () => {});
    return true;
  }

  /** @returns the one that has been idle longest, no longer known here and still to be closed; null = none is idle. */
  #takeIdle(): Handle | null {
    for (const [key, handle] of this.#handles) {
      if (handle.users > 0) continue;
      this.#handles.delete(key);
      return handle;
    }
    return null;
  }

  #serveStarved(): void {
    if (this.#starved.length === 0) return;
    const starved = this.#starved;
    this.#starved = [];
    for (const { directory, file, done } of starved) this.acquire(directory, file, done);
  }
}

function keepRegularFile(fd: number, path: string, directory: string, done: HandleDone): void {
  fstat(fd, (fault, stat) => {
    if (fault === null && stat.isFile()) {
      done(fd);
      return;
    }
    const error = fault === null ? notAFile(path) : diskError(fault, { action: 'open', path, directory });
    close(fd, () => done(error));
  });
}

function explainAbsence(directory: DownloadDirectory, file: DiskFile, path: string, done: HandleDone): void {
  checkStillThere(directory, (fault) => {
    if (fault !== null) done(fault);
    else if (file.wasThere) done(fileIsGone(path));
    else done(new DtorrentError('EFILEOPEN', `cannot open ${path}: it does not exist`));
  });
}
