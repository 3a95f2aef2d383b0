/**
 * fsync for a list of files, one after the other, on libuv's threads: it can take seconds and must hold up neither the
 * event loop nor a disk worker. A descriptor of its own does: fsync is about the file, not about who wrote to it.
 */
import { close, constants, fsync, open } from 'node:fs';
import { join } from 'node:path';
import type { DtorrentError } from '../base/errors.js';
import { diskError } from './disk-error.js';
import { isAbsence, locate, OPEN_FLAGS } from './download-path.js';

/**
 * `done` never runs inside the call; it gets the first error, and the others are synced all the same. A file that was
 * removed meanwhile is no error. `paths` are relative to `directory`.
 */
export function syncFiles(
  directory: string,
  paths: readonly string[],
  done: (error: DtorrentError | null) => void,
): void {
  let firstError: DtorrentError | null = null;
  let next = 0;
  const syncNext = (): void => {
    if (next === paths.length) {
      done(firstError);
      return;
    }
    const path = locate(directory, paths[next]!);
    next++;
    syncFile(path, (fault) => {
      if (fault !== null) firstError ??= diskError(fault, { action: 'sync', path, directory });
      syncNext();
    });
  };
  setImmediate(syncNext);
}

/** Makes what was created or renamed in these directories last. Not every system can, and none says so alike. */
export function syncDirectories(
  directory: string,
  paths: readonly string[],
  done: (error: DtorrentError | null) => void,
): void {
  let next = 0;
  const syncNext = (): void => {
    const path = paths[next++];
    if (path === undefined) {
      done(null);
      return;
    }
    open(join(directory, path), constants.O_RDONLY, (openFault, fd) => {
      if (openFault !== null) syncNext();
      else fsync(fd, () => close(fd, syncNext));
    });
  };
  syncNext();
}

function syncFile(path: string, done: (fault: Error | null) => void): void {
  // Windows flushes only what is open for writing.
  open(path, constants.O_RDWR | OPEN_FLAGS, (openFault, fd) => {
    if (openFault !== null) {
      done(isAbsence(openFault) ? null : openFault);
      return;
    }
    fsync(fd, (syncFault) => close(fd, () => done(syncFault)));
  });
}
