/**
 * Lists every regular file below a directory. Symbolic links are left out: followed, they could publish what lies outside
 * of it, or lead round in circles; so are sockets, pipes and devices.
 * Synchronous, in batches of plain data: it runs on a worker (source-worker.ts) or on the main thread between turns of
 * the event loop. Asking libuv's threads about one file at a time costs three times as much.
 */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join, sep } from 'node:path';
import { toUtf8, toUtf8Strict } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { attempt } from './disk-error.js';

/** Some of the files. Plain data, and little of it: batches are sent between threads. */
export interface WalkedFiles {
  /** Below the directory, elements parted by `/`, paths ended by NUL, which no name contains. */
  readonly paths: string;
  /** WALKED_COLUMNS numbers for each: length in bytes, milliseconds since 1970 of the last change, 1 = executable. */
  readonly numbers: Float64Array;
  /** What is neither a regular file nor a directory; absolute paths. */
  readonly skippedPaths: readonly string[];
}

export const WALKED_COLUMNS = 3;

/** A directory that was read, and how many of its entries were looked at. */
interface OpenDirectory {
  readonly diskPath: string;
  /** Below the root: '' for the root, else ended by `/`. */
  readonly prefix: string;
  readonly names: readonly string[];
  looked: number;
}

/** Looked at for one batch: about two milliseconds when the disk does not have to be asked. */
const BATCH_ENTRIES = 512;
const OWNER_MAY_EXECUTE = 0o100;

/** Goes depth first, through each directory in the order of names: almost the order that a torrent has. */
export class SourceWalk {
  readonly #root: string;
  readonly #filesMax: number;
  /** From the root to where the walk is. */
  readonly #open: OpenDirectory[];
  #fileCount = 0;

  /** @throws {DtorrentError} like `next`. */
  constructor(root: string, filesMax: number) {
    this.#root = root;
    this.#filesMax = filesMax;
    this.#open = [{ diskPath: root, prefix: '', names: namesIn(root), looked: 0 }];
  }

  /**
   * @returns null when there are no more files.
   * @throws {DtorrentError} `EFILEOPEN` or `EFILEIO` for what may not be read, `ETORRENT` for more files or deeper
   * directories than a torrent may have, and for names that are not UTF-8.
   */
  next(): WalkedFiles | null {
    let paths = '';
    const numbers = new Float64Array(WALKED_COLUMNS * BATCH_ENTRIES);
    let end = 0;
    const skippedPaths: string[] = [];
    let looks = 0;
    for (let directory = this.#here(); directory !== null && looks < BATCH_ENTRIES; directory = this.#here()) {
      const name = directory.names[directory.looked++]!;
      const diskPath = below(directory.diskPath, name);
      this.#checkDepth(diskPath);
      const stats = attempt('read', diskPath, () => lstatSync(diskPath));
      looks++;
      if (stats.isFile()) {
        this.#countFile();
        paths += `${directory.prefix}${name}\0`;
        numbers[end++] = stats.size;
        numbers[end++] = stats.mtimeMs;
        numbers[end++] = isExecutable(stats) ? 1 : 0;
      } else if (stats.isDirectory()) {
        this.#open.push({ diskPath, prefix: `${directory.prefix}${name}/`, names: namesIn(diskPath), looked: 0 });
      } else skippedPaths.push(diskPath);
    }
    return looks === 0 ? null : { paths, numbers: numbers.slice(0, end), skippedPaths };
  }

  /** @returns the directory with the next entry; null = there is none. */
  #here(): OpenDirectory | null {
    for (;;) {
      const directory = this.#open[this.#open.length - 1];
      if (directory === undefined) return null;
      if (directory.looked < directory.names.length) return directory;
      this.#open.pop();
    }
  }

  #checkDepth(diskPath: string): void {
    if (this.#open.length <= LIMITS.pathDepthMax) return;
    const problem = `is nested deeper than the ${LIMITS.pathDepthMax} that readers take`;
    throw new DtorrentError('ETORRENT', `${diskPath} ${problem}`);
  }

  #countFile(): void {
    if (++this.#fileCount > this.#filesMax) {
      throw new DtorrentError('ETORRENT', `${this.#root} has more than ${this.#filesMax} files: share a part of it`);
    }
  }
}

/** @returns the names in a directory, sorted. */
function namesIn(directory: string): string[] {
  const names = attempt('open', directory, () => readdirSync(directory));
  // What is not UTF-8 reads as U+FFFD, but so does a name that has one.
  if (names.some((name) => name.includes('\ufffd'))) checkNames(directory);
  return names.sort();
}

/** BEP 52 allows nothing but UTF-8, and other systems could not write it. */
function checkNames(directory: string): void {
  for (const bytes of attempt('open', directory, () => readdirSync(directory, { encoding: 'buffer' }))) {
    if (toUtf8Strict(bytes) !== null) continue;
    throw new DtorrentError('ETORRENT', `the name ${join(directory, toUtf8(bytes))} is not UTF-8: rename the file`);
  }
}

/** What the system lists needs no join() that looks for dots. */
export function below(directory: string, name: string): string {
  return directory.endsWith(sep) ? directory + name : directory + sep + name;
}

export function isExecutable({ mode }: Stats): boolean {
  return (mode & OWNER_MAY_EXECUTE) !== 0;
}
