/** Where the data of a torrent is looked for, when a person names a place. Called by the commands seed and verify. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DtorrentError, type Metainfo } from '../../metainfo.js';

/**
 * @returns the absolute path of the directory that holds what the torrent names: `given`, or its parent when `given` is
 * the very file or directory that the torrent names.
 * @throws {DtorrentError} `ENOTFOUND` when there is no `given`.
 */
export async function dataDirectory(given: string, metainfo: Metainfo): Promise<string> {
  const path = await existingDirectory(given);
  if (basename(path) !== metainfo.name || (await exists(join(path, metainfo.name)))) return path;
  return dirname(path);
}

/** @returns `given` as an absolute path. @throws {DtorrentError} `ENOTFOUND` when there is nothing. */
export async function existingDirectory(given: string): Promise<string> {
  const path = resolve(given);
  if (await exists(path)) return path;
  throw new DtorrentError('ENOTFOUND', `there is no ${path}: give the directory of the data`);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
