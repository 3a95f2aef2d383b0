/**
 * Keeps every path inside the download directory, whatever a torrent or a link on disk says. Two checks: the resolved
 * path starts with the directory, and the real path of its parent lies in the real directory, so that a symbolic link
 * planted on the way does not lead out. The last component is opened with OPEN_FLAGS, which do not follow a link.
 * A link that appears between check and open is not caught: Node has no openat.
 */
import { constants, mkdirSync, realpathSync, realpath as realpathWithCallback } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { DtorrentError } from '../base/errors.js';
import { diskError, isAbsence } from './disk-error.js';
import { assertStillThere, type DownloadDirectory } from './download-directory.js';
import { systemErrorCode } from './system-error.js';

/** NONBLOCK: opening a FIFO that somebody put there must not hang; it does nothing to regular files. */
export const OPEN_FLAGS: number = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** @returns why `path` cannot name a file below a directory, or null when it can. */
export function pathFault(path: readonly string[]): DtorrentError | null {
  if (path.length > 0 && path.every(isPlainElement)) return null;
  return new DtorrentError('EFILEOPEN', `refused a path that would leave the download directory: ${path.join('/')}`);
}

/**
 * @param directory absolute.
 * @param path relative, joined with the platform's separator.
 * @throws {DtorrentError} `EFILEOPEN` when the result would not lie below `directory`.
 */
export function locate(directory: string, path: string): string {
  const absolute = resolve(directory, path);
  if (!isBelow(directory, absolute)) throw leavesDirectory(absolute, directory);
  return absolute;
}

/**
 * Makes the missing directories between the download directory, which is there, and `path`, one by one: a recursive
 * mkdir would follow a link out before anything could be checked.
 * @throws {DtorrentError} `EDIRCREATE`; `EFILEOPEN` when a link on the way leads out of the directory; `EFILEIO` when
 * that is not there any more.
 */
export function makeParent(download: DownloadDirectory, path: string): void {
  const directory = download.path;
  const parent = dirname(locate(directory, path));
  let current = directory;
  try {
    if (realParentIfInside(directory, parent) !== null) return;
    assertStillThere(download);
    const realDirectory = realpathSync.native(directory);
    for (const element of parent.slice(directory.length).split(sep)) {
      if (element === '') continue;
      current = join(current, element);
      makeDirectory(current);
      if (!isWithin(realDirectory, realpathSync.native(current))) throw leavesDirectory(current, directory);
    }
  } catch (thrown) {
    throw diskError(thrown, { action: 'create the directory', path: current, directory });
  }
}

/**
 * @returns whether the directory of `absolute` exists.
 * @throws {DtorrentError} `EFILEOPEN` when it really lies outside `directory`.
 */
export function parentExists(directory: string, absolute: string): boolean {
  try {
    return realParentIfInside(directory, dirname(absolute)) !== null;
  } catch (thrown) {
    throw diskError(thrown, { action: 'open', path: absolute, directory });
  }
}

/** parentExists for the main thread, which must not wait for a disk. */
export function checkParent(
  directory: string,
  absolute: string,
  done: (result: 'inside' | 'missing' | DtorrentError) => void,
): void {
  realpathWithCallback.native(directory, (directoryFault, realDirectory) => {
    realpathWithCallback.native(dirname(absolute), (parentFault, realParent) => {
      const fault = directoryFault ?? parentFault;
      if (fault !== null) {
        done(isAbsence(fault) ? 'missing' : diskError(fault, { action: 'open', path: absolute, directory }));
      } else if (isWithin(realDirectory, realParent)) done('inside');
      else done(leavesDirectory(absolute, directory));
    });
  });
}

function realParentIfInside(directory: string, parent: string): string | null {
  let realParent: string;
  let realDirectory: string;
  try {
    realDirectory = realpathSync.native(directory);
    realParent = realpathSync.native(parent);
  } catch (thrown) {
    if (isAbsence(thrown)) return null;
    throw thrown;
  }
  if (!isWithin(realDirectory, realParent)) throw leavesDirectory(parent, directory);
  return realParent;
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (thrown) {
    // Another worker may have been quicker. If it is a file, going on below it fails with ENOTDIR.
    if (systemErrorCode(thrown) !== 'EEXIST') throw thrown;
  }
}

function isPlainElement(element: string): boolean {
  if (element === '' || element === '.' || element === '..') return false;
  return !element.includes('/') && !element.includes(sep) && !element.includes('\0');
}

function isBelow(directory: string, absolute: string): boolean {
  return absolute.startsWith(directory.endsWith(sep) ? directory : directory + sep) && absolute !== directory;
}

function isWithin(realDirectory: string, realPath: string): boolean {
  return realPath === realDirectory || isBelow(realDirectory, realPath);
}

function leavesDirectory(path: string, directory: string): DtorrentError {
  return new DtorrentError(
    'EFILEOPEN',
    `refused to touch ${path}: it leads out of the download directory ${directory}; remove the link or choose a directory that holds everything`,
  );
}
