/**
 * Looks at many files, a few at a time, on libuv's threads: what tells later whether each is still the same, and how
 * much room each takes. Called by OpenStorage. A link or a directory in a file's place counts as no file: it is never
 * followed.
 */
import { type BigIntStats, lstat } from 'node:fs';
import { DtorrentError } from '../base/errors.js';
import type { FileStamp } from '../host/storage.js';
import { runBounded } from './bounded-loop.js';
import { diskError, isAbsence } from './disk-error.js';
import { checkStillThere, type DownloadDirectory } from './download-directory.js';
import { locate } from './download-path.js';

/** Enough to hide the wait for each; libuv has four threads, and uploads need them too. */
const LOOKS_AT_ONCE = 8;
const NO_FILE: FileStamp = { lengthBytes: -1, modifiedUs: 0 };
const NOT_STORED: FileStamp = { lengthBytes: 0, modifiedUs: 0 };

/**
 * @param paths relative to `directory`; null = stored nowhere.
 * @param done never runs inside the call. The first error ends it; a file that is not there is no error, unless the
 * whole directory is not there any more.
 */
export function stampFiles(
  directory: DownloadDirectory,
  paths: readonly (string | null)[],
  done: (result: readonly FileStamp[] | DtorrentError) => void,
): void {
  lookForStamps(directory, paths, (stamps) => {
    if (stamps instanceof DtorrentError || !stamps.includes(NO_FILE)) done(stamps);
    else checkStillThere(directory, (gone) => done(gone ?? stamps));
  });
}

/** The same of a directory that has been looked at just now. */
export function lookForStamps(
  directory: DownloadDirectory,
  paths: readonly (string | null)[],
  done: (result: readonly FileStamp[] | DtorrentError) => void,
): void {
  const stamps: FileStamp[] = new Array<FileStamp>(paths.length).fill(NOT_STORED);
  const visit = (index: number, stats: BigIntStats | null): void => {
    stamps[index] = stats === null ? NO_FILE : stampOf(stats);
  };
  lookAtFiles(directory, paths, visit, (error) => done(error ?? stamps));
}

/** Calls `visit` for every path that is not null, with null when no regular file is there. Otherwise like stampFiles. */
export function lookAtFiles(
  directory: DownloadDirectory,
  paths: readonly (string | null)[],
  visit: (index: number, stats: BigIntStats | null) => void,
  done: (error: DtorrentError | null) => void,
): void {
  let error: DtorrentError | null = null;
  const start = (index: number, next: () => void): void => {
    const relative = paths[index]!;
    if (error !== null || relative === null) {
      next();
      return;
    }
    const path = locate(directory.path, relative);
    lstat(path, { bigint: true }, (fault, stats) => {
      if (fault === null) visit(index, stats.isFile() ? stats : null);
      else if (isAbsence(fault)) visit(index, null);
      else error ??= diskError(fault, { action: 'open', path, directory: directory.path });
      next();
    });
  };
  setImmediate(runBounded, { count: paths.length, atOnce: LOOKS_AT_ONCE, start, done: () => done(error) });
}

function stampOf(stats: BigIntStats): FileStamp {
  return { lengthBytes: Number(stats.size), modifiedUs: Number(stats.mtimeNs / 1000n) };
}
