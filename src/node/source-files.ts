/**
 * Lists what is to be shared: one file, or every regular file below a directory (source-walk.ts). The path itself may be
 * a symbolic link: the user named it. Called by create-torrent.ts.
 */
import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, resolve, sep } from 'node:path';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { SourceFile } from '../format/create-torrent.js';
import { diskError } from './disk-error.js';
import type { SourceThreads } from './source-threads.js';
import { below, forEachWalked, isExecutable, newWalkOrder, type WalkOrder } from './source-walk.js';
import { systemErrorCode } from './system-error.js';

export interface ListedFile extends SourceFile {
  /** Absolute. */
  readonly diskPath: string;
  readonly modifiedMs: number;
}

export interface SourceListing {
  /** The last element of the path; '' for the root of a file system. */
  readonly name: string;
  /** In no particular order. */
  readonly files: readonly ListedFile[];
  /** What was left out because it is neither a regular file nor a directory; absolute paths. */
  readonly skippedPaths: readonly string[];
}

/**
 * Tells `threads` meanwhile how much there is to hash.
 * @param filesMax more are an error.
 * @throws {DtorrentError} `ENOTFOUND`, `EFILEOPEN` for what may not be read or is no file, `ETORRENT` for more files or
 * deeper directories than a torrent may have and for names that are not UTF-8, `ESTOPPED`.
 */
export async function listSourceFiles(
  path: string,
  threads: SourceThreads,
  filesMax: number = LIMITS.fileCountMax,
): Promise<SourceListing> {
  const root = resolve(path);
  const name = basename(root);
  const stats = await statRoot(root);
  if (stats.isFile()) {
    threads.prepareFor(stats.size);
    return { name, files: [loneFile(root, stats)], skippedPaths: [] };
  }
  if (!stats.isDirectory()) throw new DtorrentError('EFILEOPEN', `${root} is neither a file nor a directory`);
  const files: ListedFile[] = [];
  const skippedPaths: string[] = [];
  let totalBytes = 0;
  await threads.list(await walkOrder(root), (walked) => {
    skippedPaths.push(...walked.skippedPaths);
    forEachWalked(walked, (path, lengthBytes, modifiedMs, executable) => {
      files.push({ path, diskPath: below(root, path.join(sep)), lengthBytes, executable, modifiedMs });
      totalBytes += lengthBytes;
    });
    if (files.length > filesMax) {
      throw new DtorrentError('ETORRENT', `${root} has more than ${filesMax} files: share a part of it`);
    }
    threads.prepareFor(totalBytes);
  });
  // Which thread tells first is chance.
  return { name, files, skippedPaths: skippedPaths.sort() };
}

async function statRoot(root: string): Promise<Stats> {
  try {
    return await stat(root);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR')
      throw diskError(error, { action: 'open', path: root, directory: root });
    throw new DtorrentError('ENOTFOUND', `there is no ${root}: nothing to make a torrent of`, { cause: error });
  }
}

async function walkOrder(root: string): Promise<WalkOrder> {
  try {
    return newWalkOrder(root, await readdir(root));
  } catch (error) {
    throw diskError(error, { action: 'open', path: root, directory: root });
  }
}

function loneFile(diskPath: string, stats: Stats): ListedFile {
  const { size, mtimeMs } = stats;
  return { path: [], diskPath, lengthBytes: size, executable: isExecutable(stats), modifiedMs: mtimeMs };
}
