/**
 * Whether a disk has room for what is still to come of some files. Called by WriteGround before the first write, so
 * that a download that cannot end is not begun; with preallocation `none` nobody asks.
 */
import { type BigIntStats, statfs } from 'node:fs';
import { formatBytes } from '../base/byte-size.js';
import { DtorrentError } from '../base/errors.js';
import type { DownloadDirectory } from './download-directory.js';
import { lookAtFiles } from './file-stamps.js';

export interface FileToCome {
  /** Relative to the download directory. */
  readonly path: string;
  readonly lengthBytes: number;
}

/** A block of st_blocks is 512 bytes, whatever the file system's are. */
const STAT_BLOCK_BYTES = 512;

/** `EDISKFULL` when it is sure that there is not room enough. `done` never runs inside the call. */
export function checkFreeSpace(
  directory: DownloadDirectory,
  files: readonly FileToCome[],
  done: (error: DtorrentError | null) => void,
): void {
  statfs(directory.path, (fault, stats) => {
    // A file system that does not know its size does not know what is free either.
    if (fault !== null || stats.blocks === 0) {
      done(null);
      return;
    }
    const freeBytes = stats.bavail * stats.bsize;
    let neededBytes = files.reduce((sum, file) => sum + file.lengthBytes, 0);
    if (neededBytes <= freeBytes) {
      done(null);
      return;
    }
    const subtract = (index: number, found: BigIntStats | null): void => {
      if (found !== null) neededBytes -= Math.min(occupiedBytes(found), files[index]!.lengthBytes);
    };
    const paths = files.map((file) => file.path);
    lookAtFiles(directory, paths, subtract, (error) => {
      if (error !== null || neededBytes <= freeBytes) done(error);
      else done(notEnoughSpace(directory.path, { freeBytes, neededBytes }));
    });
  });
}

/** Some network file systems count no blocks. */
function occupiedBytes({ blocks, size }: BigIntStats): number {
  return blocks === 0n ? Number(size) : Number(blocks) * STAT_BLOCK_BYTES;
}

function notEnoughSpace(directory: string, bytes: { freeBytes: number; neededBytes: number }): DtorrentError {
  return new DtorrentError(
    'EDISKFULL',
    `${directory} has ${formatBytes(bytes.freeBytes)} free, the torrent needs ${formatBytes(bytes.neededBytes)} more; free some space, select fewer files, or choose another directory`,
  );
}
