/**
 * What of a torrent is on disk when its storage is opened: whether there is anything to verify, and which files are
 * absent, so that what belongs to them is looked for in the parts file. Called by FileStorageFactory; runs on libuv's
 * threads and changes nothing.
 */
import { lstat } from 'node:fs';
import { join, sep } from 'node:path';
import { DtorrentError } from '../base/errors.js';
import type { FileStamp, StorageFile, StorageSpec } from '../host/storage.js';
import type { DirectoryLooks } from './directory-looks.js';
import { diskError, isAbsence } from './disk-error.js';
import { type DownloadDirectory, directoryIsGone } from './download-directory.js';
import { lookForStamps, stampFiles } from './file-stamps.js';

export interface Survey {
  readonly directory: DownloadDirectory;
  /** No file with data and no parts file. */
  readonly isEmpty: boolean;
  readonly hasParts: boolean;
  /** Files that are not on disk; empty when that makes no difference: all are wanted and there is no parts file. */
  readonly missing: readonly number[];
  /** What all files look like, the parts file last, as stampFiles has it; null when not all were looked at. */
  readonly stamps: readonly FileStamp[] | null;
}

/** So few files are all looked at: it costs no more than to look for one, and the check that follows needs it. */
const STAMPED_FILES_MAX = 8;

/** @param spec its directory is absolute. `done` never runs inside the call. */
export function survey(spec: StorageSpec, looks: DirectoryLooks, done: (result: Survey | DtorrentError) => void): void {
  looks.find(spec.directory, (directory) => {
    if (directory instanceof DtorrentError) {
      done(directory);
      return;
    }
    surveyDirectory(spec, directory, (found) => {
      if (found instanceof DtorrentError || !isOtherDirectory(spec, found)) done(found);
      else done(directoryIsGone(directory.path));
    });
  });
}

function surveyDirectory(
  { partsName, layout, wantedFiles }: StorageSpec,
  directory: DownloadDirectory,
  done: (result: Survey | DtorrentError) => void,
): void {
  if (wantedFiles === null && layout.files.length <= STAMPED_FILES_MAX) {
    surveyFewFiles({ partsName, layout }, directory, done);
    return;
  }
  const path = join(directory.path, partsName);
  lstat(path, (fault, stats) => {
    if (fault !== null && !isAbsence(fault)) {
      done(diskError(fault, { action: 'open', path, directory: directory.path }));
      return;
    }
    const hasParts = fault === null && stats.isFile();
    if (!hasParts && wantedFiles === null) {
      findFile(directory.path, layout.files, (isFound) => {
        done({ directory, isEmpty: !isFound, hasParts, missing: [], stamps: null });
      });
      return;
    }
    findMissing(directory, layout.files, layout.files.keys(), (missing) => {
      if (missing instanceof DtorrentError) {
        done(missing);
        return;
      }
      const storedCount = layout.files.filter(hasData).length;
      done({ directory, isEmpty: !hasParts && missing.length === storedCount, hasParts, missing, stamps: null });
    });
  });
}

/** All are wanted. What cannot be looked at counts as there: checking it will say why. */
function surveyFewFiles(
  { partsName, layout: { files } }: Pick<StorageSpec, 'partsName' | 'layout'>,
  directory: DownloadDirectory,
  done: (result: Survey) => void,
): void {
  const paths = files.map((file) => (file.padding ? null : file.path.join(sep)));
  lookForStamps(directory, [...paths, partsName], (stamps) => {
    if (stamps instanceof DtorrentError) {
      done({ directory, isEmpty: false, hasParts: false, missing: [], stamps: null });
      return;
    }
    const isThere = (index: number): boolean => stamps[index]!.lengthBytes >= 0;
    const missing = [...files.keys()].filter((index) => hasData(files[index]!) && !isThere(index));
    const hasParts = isThere(files.length);
    const isEmpty = !hasParts && missing.length === files.filter(hasData).length;
    done({ directory, isEmpty, hasParts, missing: hasParts ? missing : [], stamps });
  });
}

function isOtherDirectory({ directoryIdentity: known = null }: StorageSpec, { directory, isEmpty }: Survey): boolean {
  return known !== null && directory.identity !== known && isEmpty;
}

/** @returns those of `indices` that have data and are not on disk, in order. */
export function findMissing(
  directory: DownloadDirectory,
  files: readonly StorageFile[],
  indices: Iterable<number>,
  done: (missing: readonly number[] | DtorrentError) => void,
): void {
  const asked = [...indices].filter((index) => hasData(files[index]!));
  const paths = asked.map((index) => files[index]!.path.join(sep));
  stampFiles(directory, paths, (stamps) => {
    if (stamps instanceof DtorrentError) done(stamps);
    else done(asked.filter((_, i) => stamps[i]!.lengthBytes < 0));
  });
}

function hasData({ padding, lengthBytes }: StorageFile): boolean {
  return !padding && lengthBytes > 0;
}

/**
 * Looks for the first file with data that exists; empty ones prove nothing. A torrent whose own directory is absent
 * costs one look, however many files it has. What cannot be looked at counts as there: checking it will say why.
 */
function findFile(directory: string, files: readonly StorageFile[], done: (isFound: boolean) => void): void {
  const missingTops = new Set<string>();
  const knownTops = new Set<string>();
  let next = 0;
  const look = (): void => {
    let file = files[next];
    while (file !== undefined && (!hasData(file) || missingTops.has(file.path[0]!))) {
      next++;
      file = files[next];
    }
    if (file === undefined) {
      done(false);
      return;
    }
    const top = file.path[0]!;
    const isTop = file.path.length > 1 && !knownTops.has(top);
    lstat(isTop ? join(directory, top) : join(directory, ...file.path), (fault) => {
      const isThere = fault === null || !isAbsence(fault);
      if (isTop) (isThere ? knownTops : missingTops).add(top);
      else if (isThere) {
        done(true);
        return;
      } else next++;
      look();
    });
  };
  // Not every way through `look` asks the disk.
  setImmediate(look);
}
