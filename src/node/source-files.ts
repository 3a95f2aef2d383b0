/**
 * Lists what is to be shared: one file, or every regular file below a directory. Symbolic links below it are left out:
 * followed, they could publish what lies outside of it, or lead round in circles; so are sockets, pipes and devices.
 * The path itself may be a link: the user named it. Called by create-torrent.ts.
 */
import type { Stats } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { toUtf8, toUtf8Strict } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { SourceFile } from '../format/create-torrent.js';
import { diskError } from './disk-error.js';
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

export interface ListOptions {
  readonly signal?: AbortSignal | null;
  /** Default LIMITS.fileCountMax. */
  readonly filesMax?: number;
}

/**
 * @throws {DtorrentError} `ENOTFOUND`, `EFILEOPEN` for what may not be read or is no file, `ETORRENT` for more files or
 * deeper directories than a torrent may have and for names that are not UTF-8, `ESTOPPED`.
 */
export async function listSourceFiles(path: string, options: ListOptions = {}): Promise<SourceListing> {
  const root = resolve(path);
  const name = basename(root);
  const stats = await statRoot(root);
  if (stats.isFile()) return { name, files: [listed([], root, stats)], skippedPaths: [] };
  if (stats.isDirectory()) return { name, ...(await listTree(root, options)) };
  throw new DtorrentError('EFILEOPEN', `${root} is neither a file nor a directory`);
}

/** How many files are asked about at a time: enough to keep the disk busy. */
const STATS_AT_ONCE = 64;

interface Directory {
  readonly diskPath: string;
  readonly path: readonly string[];
}

async function listTree(
  root: string,
  { signal, filesMax = LIMITS.fileCountMax }: ListOptions,
): Promise<Pick<SourceListing, 'files' | 'skippedPaths'>> {
  const files: ListedFile[] = [];
  const skippedPaths: string[] = [];
  const directories: Directory[] = [{ diskPath: root, path: [] }];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    const names = await namesIn(directory.diskPath);
    for (let i = 0; i < names.length; i += STATS_AT_ONCE) {
      if (signal?.aborted) throw new DtorrentError('ESTOPPED', 'stopped');
      const entries = await Promise.all(names.slice(i, i + STATS_AT_ONCE).map((name) => statEntry(directory, name)));
      for (const { diskPath, path, stats } of entries) {
        if (stats.isFile()) files.push(listed(path, diskPath, stats));
        else if (stats.isDirectory()) directories.push({ diskPath, path });
        else skippedPaths.push(diskPath);
      }
      if (files.length > filesMax) {
        throw new DtorrentError('ETORRENT', `${root} has more than ${filesMax} files: share a part of it`);
      }
    }
  }
  return { files, skippedPaths };
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

async function namesIn(diskPath: string): Promise<string[]> {
  const names = await readdir(diskPath, { encoding: 'buffer' }).catch((error) => {
    throw diskError(error, { action: 'open', path: diskPath, directory: diskPath });
  });
  return names.map((bytes) => {
    const name = toUtf8Strict(bytes);
    if (name !== null) return name;
    // BEP 52 allows nothing else, and other systems could not write it.
    throw new DtorrentError('ETORRENT', `the name ${join(diskPath, toUtf8(bytes))} is not UTF-8: rename the file`);
  });
}

async function statEntry(directory: Directory, name: string): Promise<Directory & { readonly stats: Stats }> {
  const diskPath = join(directory.diskPath, name);
  const path = [...directory.path, name];
  if (path.length > LIMITS.pathDepthMax) {
    throw new DtorrentError(
      'ETORRENT',
      `${diskPath} is nested deeper than the ${LIMITS.pathDepthMax} that readers take`,
    );
  }
  const stats = await lstat(diskPath).catch((error) => {
    throw diskError(error, { action: 'read', path: diskPath, directory: diskPath });
  });
  return { diskPath, path, stats };
}

function listed(path: readonly string[], diskPath: string, stats: Stats): ListedFile {
  const executable = (stats.mode & OWNER_MAY_EXECUTE) !== 0;
  return { path, diskPath, lengthBytes: stats.size, executable, modifiedMs: stats.mtimeMs };
}

const OWNER_MAY_EXECUTE = 0o100;
