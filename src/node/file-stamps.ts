/**
 * Looks at many files, a few at a time, on libuv's threads: what tells later whether each is still the same. Called by
 * FileStorage. A link or a directory in a file's place counts as no file: it is never followed.
 */
import { type BigIntStats, lstat } from 'node:fs';
import type { DtorrentError } from '../base/errors.js';
import type { FileStamp } from '../host/storage.js';
import { diskError } from './disk-error.js';
import { isAbsence, locate } from './download-path.js';

/** Enough to hide the wait for each; libuv has four threads, and uploads need them too. */
const LOOKS_AT_ONCE = 8;
const NO_FILE: FileStamp = { lengthBytes: -1, modifiedUs: 0 };
const NOT_STORED: FileStamp = { lengthBytes: 0, modifiedUs: 0 };

/**
 * @param paths relative to `directory`, which is absolute; null = stored nowhere.
 * @param done never runs inside the call. The first error ends it; a file that is not there is no error.
 */
export function stampFiles(
  directory: string,
  paths: readonly (string | null)[],
  done: (result: readonly FileStamp[] | DtorrentError) => void,
): void {
  const stamps: FileStamp[] = new Array<FileStamp>(paths.length).fill(NOT_STORED);
  let next = 0;
  let looking = 0;
  let error: DtorrentError | null = null;
  const lookMore = (): void => {
    while (error === null && looking < LOOKS_AT_ONCE && next < paths.length) {
      const index = next++;
      const relative = paths[index]!;
      if (relative === null) continue;
      const path = locate(directory, relative);
      looking++;
      lstat(path, { bigint: true }, (fault, stats) => {
        looking--;
        if (fault === null) stamps[index] = stampOf(stats);
        else if (isAbsence(fault)) stamps[index] = NO_FILE;
        else error ??= diskError(fault, { action: 'open', path, directory });
        lookMore();
      });
    }
    if (looking === 0 && (error !== null || next === paths.length)) done(error ?? stamps);
  };
  setImmediate(lookMore);
}

function stampOf(stats: BigIntStats): FileStamp {
  if (!stats.isFile()) return NO_FILE;
  return { lengthBytes: Number(stats.size), modifiedUs: Number(stats.mtimeNs / 1000n) };
}
