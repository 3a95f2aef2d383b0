/**
 * How a file leaves the parts file on a disk thread, in two jobs with an fsync between them (parts-file.ts): its bytes
 * are copied into a temporary file, and that is renamed into its place. A file that is on disk is looked at nowhere
 * else, so it has to appear whole: a crash in the middle leaves everything where it was, and the temporary file is
 * overwritten by the next try. Synchronous.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { AsideStretch } from '../format/file-placement.js';
import { diskError, isAbsence } from './disk-error.js';
import type { DownloadDirectory } from './download-directory.js';
import { locate, makeParent, OPEN_FLAGS } from './download-path.js';
import { createMode, type DiskFile, notAFile, type OpenFiles } from './open-files.js';
import { systemErrorCode } from './system-error.js';

export interface PartsMove {
  readonly file: DiskFile;
  /** Name of its own in the download directory. */
  readonly temporary: string;
  readonly stretches: readonly AsideStretch[];
}

export interface ExtractJob {
  readonly kind: 'extract';
  readonly directory: DownloadDirectory;
  readonly parts: DiskFile;
  readonly moves: readonly PartsMove[];
}

export interface PutInPlaceJob {
  readonly kind: 'put-in-place';
  readonly directory: DownloadDirectory;
  readonly moves: readonly PartsMove[];
}

const COPY_BYTES = 64 * 1024;
const TEMPORARY_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | OPEN_FLAGS;

/** Makes the temporary file of each move of which the parts file has something. @throws {DtorrentError} */
export function extract({ directory, parts, moves }: ExtractJob, files: OpenFiles): void {
  for (const { file, temporary, stretches } of moves) {
    const fd = files.openForReading(directory, parts);
    if (fd < 0) return;
    const partsBytes = fstatSync(fd).size;
    const stored = stretches.filter((stretch) => stretch.partsOffsetBytes + stretch.lengthBytes <= partsBytes);
    if (stored.length === 0) continue;
    const path = locate(directory.path, temporary);
    try {
      const out = openSync(path, TEMPORARY_FLAGS, createMode(file));
      try {
        for (const stretch of stored) copyStretch(fd, out, stretch);
        if (file.hasFullLength) ftruncateSync(out, file.lengthBytes);
      } finally {
        closeSync(out);
      }
    } catch (thrown) {
      throw diskError(thrown, { action: 'write', path, directory: directory.path, neededBytes: file.lengthBytes });
    }
  }
}

/** Renames what extract made. What is in a file's place already stays. @throws {DtorrentError} */
export function putInPlace({ directory, moves }: PutInPlaceJob): void {
  for (const { file, temporary } of moves) {
    const from = locate(directory.path, temporary);
    const to = locate(directory.path, file.path);
    if (!isThere(from)) continue;
    if (isThere(to)) {
      if (!lstatSync(to).isFile()) throw notAFile(to);
      unlinkSync(from);
      continue;
    }
    makeParent(directory, file.path);
    try {
      moveFile(from, to);
    } catch (thrown) {
      throw diskError(thrown, { action: 'create', path: to, directory: directory.path });
    }
  }
}

function copyStretch(from: number, to: number, { partsOffsetBytes, fileOffsetBytes, lengthBytes }: AsideStretch): void {
  const buffer = new Uint8Array(Math.min(COPY_BYTES, lengthBytes));
  for (let done = 0; done < lengthBytes; ) {
    const wanted = Math.min(buffer.length, lengthBytes - done);
    const bytes = readSync(from, buffer, 0, wanted, partsOffsetBytes + done);
    if (bytes === 0) return;
    writeAll(to, buffer.subarray(0, bytes), fileOffsetBytes + done);
    done += bytes;
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

function moveFile(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'EXDEV') throw thrown;
    copyToOtherDisk(from, to);
  }
}

/** A directory of the torrent is on another disk. Here a crash in the middle costs a piece or two. */
function copyToOtherDisk(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_EXCL);
  try {
    const fd = openSync(to, constants.O_RDWR | OPEN_FLAGS);
    fsyncSync(fd);
    closeSync(fd);
  } catch (thrown) {
    unlinkSync(to);
    throw thrown;
  }
  unlinkSync(from);
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (thrown) {
    if (isAbsence(thrown)) return false;
    throw thrown;
  }
}
