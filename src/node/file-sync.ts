/**
 * fsync for lists of files and directories, on libuv's threads: it can take seconds and must hold up neither the event
 * loop nor a disk worker. A descriptor of its own does: fsync is about the file, not about who wrote to it.
 */
import { close, constants, fsync, open } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DtorrentError } from '../base/errors.js';
import { runBounded } from './bounded-loop.js';
import { diskError, isAbsence } from './disk-error.js';
import { checkStillThere, type DownloadDirectory } from './download-directory.js';
import { locate, OPEN_FLAGS } from './download-path.js';
import { fileIsGone } from './open-files.js';
import { systemErrorCode } from './system-error.js';

/** Two share one commit of the file system's journal now and then; libuv has four threads, and uploads need them too. */
const SYNCS_AT_ONCE = 2;

export interface FilesToSync {
  readonly directory: DownloadDirectory;
  /** Relative to it. */
  readonly paths: readonly string[];
  /** It may be that there is no such file; otherwise that is an error, because it was written to or found good. */
  readonly mayBeAbsent: boolean;
}

/** `done` never runs inside the call; it gets the first error, and the other files are synced all the same. */
export function syncFiles(
  { directory, paths, mayBeAbsent }: FilesToSync,
  done: (error: DtorrentError | null) => void,
): void {
  let firstError: DtorrentError | null = null;
  const start = (index: number, next: () => void): void => {
    const path = locate(directory.path, paths[index]!);
    const fail = (error: DtorrentError | null): void => {
      firstError ??= error;
      next();
    };
    syncFile(path, (fault) => {
      if (fault === null || (mayBeAbsent && isAbsence(fault))) next();
      else if (isAbsence(fault)) checkStillThere(directory, (gone) => fail(gone ?? fileIsGone(path)));
      else fail(diskError(fault, { action: 'sync', path, directory: directory.path }));
    });
  };
  setImmediate(runBounded, { count: paths.length, atOnce: SYNCS_AT_ONCE, start, done: () => done(firstError) });
}

/**
 * Makes last that these files, and the directories they are in, were created or renamed. Not every system can sync a
 * directory, and no two say so alike: it is never an error.
 */
export function syncDirectoriesOf(directory: DownloadDirectory, paths: readonly string[], done: () => void): void {
  const parents = [...ancestorsOf(paths)];
  const start = (index: number, next: () => void): void => {
    open(join(directory.path, parents[index]!), constants.O_RDONLY, (openFault, fd) => {
      if (openFault !== null) next();
      else fsync(fd, () => close(fd, next));
    });
  };
  setImmediate(runBounded, { count: parents.length, atOnce: SYNCS_AT_ONCE, start, done });
}

/** Up to the download directory, which is `.`: a directory that is new is an entry of the one above it. */
function ancestorsOf(paths: readonly string[]): Set<string> {
  const ancestors = new Set<string>();
  for (const path of paths) {
    let ancestor = dirname(path);
    while (!ancestors.has(ancestor)) {
      ancestors.add(ancestor);
      ancestor = dirname(ancestor);
    }
  }
  return ancestors;
}

function syncFile(path: string, done: (fault: Error | null) => void): void {
  // Windows flushes only what is open for writing.
  open(path, constants.O_RDWR | OPEN_FLAGS, (openFault, fd) => {
    if (openFault === null) syncAndClose(fd, done);
    else if (isReadOnly(openFault) && process.platform !== 'win32') syncReadOnlyFile(path, done);
    else done(isReadOnly(openFault) ? null : openFault);
  });
}

/** It was found to be good, and may have been written by a process that was killed before it synced it. */
function syncReadOnlyFile(path: string, done: (fault: Error | null) => void): void {
  open(path, constants.O_RDONLY | OPEN_FLAGS, (openFault, fd) => {
    if (openFault !== null) done(openFault);
    else syncAndClose(fd, done);
  });
}

function syncAndClose(fd: number, done: (fault: Error | null) => void): void {
  fsync(fd, (syncFault) => close(fd, () => done(syncFault)));
}

function isReadOnly(fault: Error): boolean {
  return ['EACCES', 'EPERM', 'EROFS', 'ETXTBSY'].includes(systemErrorCode(fault));
}
