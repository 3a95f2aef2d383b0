/**
 * A torrent's download directory, and whether it is still the one it was. A disk that is unmounted leaves nothing, or
 * the empty directory that it was mounted on; making directories there would fill another disk with what the user has
 * already. So a directory is made only when it is first needed and was not there, and never a second time.
 */
import { type BigIntStats, mkdir, stat, statSync } from 'node:fs';
import { DtorrentError } from '../base/errors.js';
import { diskError, isAbsence } from './disk-error.js';

/** Plain data that is sent to workers. */
export interface DownloadDirectory {
  /** Absolute. */
  readonly path: string;
  /** Tells it from others; null = it was not there when it was looked for. */
  readonly identity: string | null;
}

type DirectoryDone = (result: DownloadDirectory | DtorrentError) => void;

/** Looks at it. `done` never runs inside the call. */
export function findDirectory(path: string, done: DirectoryDone): void {
  stat(path, { bigint: true }, (fault, stats) => {
    if (fault === null) done({ path, identity: identityOf(stats) });
    else if (isAbsence(fault)) done({ path, identity: null });
    else done(diskError(fault, { action: 'open', path, directory: path }));
  });
}

/** Makes it, with all above it. `done` never runs inside the call. */
export function makeDownloadDirectory(path: string, done: DirectoryDone): void {
  mkdir(path, { recursive: true }, (fault) => {
    if (fault === null) findDirectory(path, done);
    else done(diskError(fault, { action: 'create the directory', path, directory: path }));
  });
}

/** To be called before anything is made in it, or taken for missing. @throws {DtorrentError} `EFILEIO` */
export function assertStillThere({ path, identity }: DownloadDirectory): void {
  if (identity === null) return;
  let found: string | null = null;
  try {
    found = identityOf(statSync(path, { bigint: true }));
  } catch (thrown) {
    if (!isAbsence(thrown)) throw diskError(thrown, { action: 'open', path, directory: path });
  }
  if (found !== identity) throw directoryIsGone(path);
}

/** assertStillThere for the main thread, which must not wait for a disk. */
export function checkStillThere(
  { path, identity }: DownloadDirectory,
  done: (fault: DtorrentError | null) => void,
): void {
  findDirectory(path, (found) => {
    if (found instanceof DtorrentError) done(found);
    else done(identity === null || found.identity === identity ? null : directoryIsGone(path));
  });
}

export function directoryIsGone(path: string): DtorrentError {
  return new DtorrentError(
    'EFILEIO',
    `the download directory ${path} is not the one it was any more: it was removed, or its disk is not mounted; bring it back, or remove the torrent`,
  );
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}
