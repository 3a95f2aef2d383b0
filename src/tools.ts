/**
 * What can be done with torrents without an engine. Each is loaded when it is first called: a program that downloads
 * waits for none of them before it dials its first peer. Part of the public API.
 */
import type { Metainfo } from './format/metainfo.js';
import type { CreatedTorrent, CreateTorrentOptions } from './node/create-torrent.js';
import type { Rename } from './node/safe-names.js';
import type { LoadSourceOptions, TorrentSource } from './node/torrent-source.js';
import type { TrackerHandle, TrackerListenerOptions } from './node/tracker-listener.js';
import type { VerifyOptions, VerifyReport } from './node/verify-data.js';

/**
 * Makes a torrent of a file, or of all regular files below a directory.
 * @throws {DtorrentError} `ENOTFOUND` when there is no such path, `ETORRENT` when there is no data, a name is not UTF-8
 * or, with `onlySafeNames`, would not be kept; `EFILEOPEN` and `EFILEIO` naming the file that cannot be read or has
 * changed meanwhile, `EOPTION`, `ESTOPPED`.
 */
export async function createTorrent(path: string, options: CreateTorrentOptions = {}): Promise<CreatedTorrent> {
  const loaded = await import('./node/create-torrent.js');
  return loaded.createTorrent(path, options);
}

/**
 * Checks every piece of `metainfo` below `directory`, the directory that holds what the torrent names.
 * @throws {DtorrentError} `EUNSUPPORTED` for a v2 torrent without its piece layers, `EFILEOPEN` and `EFILEIO` for files
 * that are there and cannot be read, `ESTOPPED`. What is missing is no error but part of the report.
 */
export async function verifyData(
  metainfo: Metainfo,
  directory: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const loaded = await import('./node/verify-data.js');
  return loaded.verifyData(metainfo, directory, options);
}

/**
 * Explains why data that seems to be there is not found.
 * @returns the first file or directory below `directory` that has the name the torrent gives it, not the safe one that
 * is looked for; null = none, as far as can be told.
 */
export async function findUnsafeName(directory: string, metainfo: Metainfo): Promise<Rename | null> {
  const loaded = await import('./node/safe-names.js');
  return loaded.findUnsafeName(directory, metainfo);
}

/**
 * Reads what names a torrent: a path, a URL of a .torrent, a magnet link, an info-hash, or `-` for standard input. A text
 * that is an info-hash is never taken for a path; `./` before it makes it one.
 * @throws {DtorrentError} `ENOTFOUND`, `EFILEOPEN`, `EFILEIO` for files; `EMAGNET`; for URLs also `EAUTH`, `ERESOLVE`,
 * `ETIMEOUT`, `ENETWORK`, `EFAILED`; `ETORRENT` for a file above the size limit, `EBENCODE` when a URL gives something
 * that cannot be a torrent; `ESTOPPED`.
 */
export async function loadSource(input: string, options: LoadSourceOptions = {}): Promise<TorrentSource> {
  const loaded = await import('./node/torrent-source.js');
  return loaded.loadSource(input, options);
}

/**
 * Starts a tracker, HTTP and UDP on one port number.
 * @throws {DtorrentError} `ENETWORK` when the port cannot be had, `EOPTION` for an interval out of range.
 */
export async function startTracker(options: TrackerListenerOptions): Promise<TrackerHandle> {
  const loaded = await import('./node/tracker-listener.js');
  return loaded.startTracker(options);
}
