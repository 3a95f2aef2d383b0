/**
 * Lists every regular file below a directory. Symbolic links are left out: followed, they could publish what lies outside
 * of it, or lead round in circles; so are sockets, pipes and devices.
 * Synchronous, in batches of plain data: it runs on workers (source-worker.ts), which share out the entries of the
 * directory, or on the main thread between turns of the event loop. To ask libuv's threads about one file after the other
 * costs three times as much.
 */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join, sep } from 'node:path';
import { toUtf8, toUtf8Strict } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { attempt } from './disk-error.js';
import { newSharedCounter, type SharedCounter, takeFrom } from './shared-counter.js';

/** What is to be listed. */
export interface WalkOrder {
  /** Absolute. */
  readonly root: string;
  /** Its entries, sorted. */
  readonly names: readonly string[];
  /** Shared: the first entry that no walk has taken. */
  readonly nextName: SharedCounter;
}

/** @param names what the system says is in `root`. @throws {DtorrentError} `ETORRENT` for one that is not UTF-8. */
export function newWalkOrder(root: string, names: string[]): WalkOrder {
  return { root, names: checkedNames(root, names), nextName: newSharedCounter() };
}

/** Some of the files. Plain data, and little of it: batches are sent between threads. */
export interface WalkedFiles {
  /** Below the directory, elements parted by `/`, paths ended by NUL, which no name contains. */
  readonly paths: string;
  /** Three for each: length in bytes, milliseconds since 1970 of the last change, 1 = executable. */
  readonly numbers: Float64Array;
  /** What is neither a regular file nor a directory; absolute paths. */
  readonly skippedPaths: readonly string[];
}

const COLUMNS = 3;

/** Hears of one file. */
export type WalkedFileVisitor = (
  path: readonly string[],
  lengthBytes: number,
  modifiedMs: number,
  executable: boolean,
) => void;

/** Visits the files of a batch, in its order; without an object for each, as there may be a million. */
export function forEachWalked({ paths, numbers }: WalkedFiles, visit: WalkedFileVisitor): void {
  let at = 0;
  for (let start = 0, end = paths.indexOf('\0'); end >= 0; start = end + 1, end = paths.indexOf('\0', start)) {
    visit(paths.slice(start, end).split('/'), numbers[at]!, numbers[at + 1]!, numbers[at + 2] !== 0);
    at += COLUMNS;
  }
}

/** A directory below the root, and how many of its entries were looked at. */
interface OpenDirectory {
  readonly diskPath: string;
  /** Relative to the root, ended by `/`. */
  readonly prefix: string;
  readonly names: readonly string[];
  looked: number;
}

/** Looked at for one batch: about two milliseconds when the disk does not have to be asked. */
const BATCH_ENTRIES = 512;
const OWNER_MAY_EXECUTE = 0o100;

/** Goes depth first, through each directory in the order of names: almost the order that a torrent has. */
export class SourceWalk {
  readonly #order: WalkOrder;
  /** From an entry of the root to where the walk is. */
  readonly #open: OpenDirectory[] = [];
  #paths = '';
  readonly #numbers = new Float64Array(COLUMNS * BATCH_ENTRIES);
  #numbersEnd = 0;
  #skippedPaths: string[] = [];

  constructor(order: WalkOrder) {
    this.#order = order;
  }

  /**
   * @returns null when there are no more files.
   * @throws {DtorrentError} `EFILEOPEN` or `EFILEIO` for what may not be read, `ETORRENT` for deeper directories than a
   * torrent may have and for names that are not UTF-8.
   */
  next(): WalkedFiles | null {
    let looks = 0;
    while (looks < BATCH_ENTRIES && this.#lookAtNext()) looks++;
    if (looks === 0) return null;
    const files = {
      paths: this.#paths,
      numbers: this.#numbers.slice(0, this.#numbersEnd),
      skippedPaths: this.#skippedPaths,
    };
    this.#paths = '';
    this.#numbersEnd = 0;
    this.#skippedPaths = [];
    return files;
  }

  /** @returns false when there is nothing left to look at. */
  #lookAtNext(): boolean {
    let directory = this.#open[this.#open.length - 1];
    while (directory !== undefined && directory.looked === directory.names.length) {
      this.#open.pop();
      directory = this.#open[this.#open.length - 1];
    }
    if (directory !== undefined) {
      this.#look(directory.diskPath, directory.prefix, directory.names[directory.looked++]!);
      return true;
    }
    const { root, names, nextName } = this.#order;
    const name = names[takeFrom(nextName, 1)];
    if (name === undefined) return false;
    this.#look(root, '', name);
    return true;
  }

  #look(directory: string, prefix: string, name: string): void {
    const diskPath = below(directory, name);
    // The entry is one deeper than the directories that lead to it.
    if (this.#open.length >= LIMITS.pathDepthMax) throw tooDeep(diskPath);
    const stats = attempt('read', diskPath, () => lstatSync(diskPath));
    if (stats.isFile()) this.#add(`${prefix}${name}`, stats);
    else if (stats.isDirectory()) {
      const names = attempt('open', diskPath, () => readdirSync(diskPath));
      this.#open.push({ diskPath, prefix: `${prefix}${name}/`, names: checkedNames(diskPath, names), looked: 0 });
    } else this.#skippedPaths.push(diskPath);
  }

  #add(path: string, stats: Stats): void {
    this.#paths += `${path}\0`;
    this.#numbers[this.#numbersEnd++] = stats.size;
    this.#numbers[this.#numbersEnd++] = stats.mtimeMs;
    this.#numbers[this.#numbersEnd++] = isExecutable(stats) ? 1 : 0;
  }
}

/**
 * @returns `names`, what the system says is in `directory`, sorted.
 * @throws {DtorrentError} `ETORRENT` for one that is not UTF-8: BEP 52 allows nothing else, and other systems could not
 * write it.
 */
function checkedNames(directory: string, names: string[]): readonly string[] {
  // What is not UTF-8 reads as U+FFFD, but so does a name that has one.
  if (names.some((name) => name.includes('\ufffd'))) {
    for (const bytes of attempt('open', directory, () => readdirSync(directory, { encoding: 'buffer' }))) {
      if (toUtf8Strict(bytes) !== null) continue;
      throw new DtorrentError('ETORRENT', `the name ${join(directory, toUtf8(bytes))} is not UTF-8: rename the file`);
    }
  }
  return names.sort();
}

/** What the system lists needs no join() that looks for dots. */
export function below(directory: string, name: string): string {
  return directory.endsWith(sep) ? directory + name : directory + sep + name;
}

export function isExecutable({ mode }: Stats): boolean {
  return (mode & OWNER_MAY_EXECUTE) !== 0;
}

function tooDeep(path: string): DtorrentError {
  const problem = `is nested deeper than the ${LIMITS.pathDepthMax} that readers take`;
  return new DtorrentError('ETORRENT', `${path} ${problem}`);
}
