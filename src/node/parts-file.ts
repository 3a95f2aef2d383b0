/**
 * Takes files out of a torrent's parts file when they become wanted, and removes it when nothing needs it any more.
 * Invariant: nothing is dropped before it is safe elsewhere. Each batch is copied to temporary files (disk thread),
 * fsynced (libuv), renamed into place (disk thread), and the directories are fsynced; the parts file goes last.
 * Called by OpenStorage while nothing else goes on in it.
 */
import { readdir, unlink } from 'node:fs';
import { join } from 'node:path';
import { DtorrentError } from '../base/errors.js';
import type { FilePlacement } from '../format/file-placement.js';
import type { PartsMove } from './disk-parts.js';
import type { DiskPool } from './disk-pool.js';
import type { DownloadDirectory } from './download-directory.js';
import { syncDirectoriesOf, syncFiles } from './file-sync.js';
import type { DiskFile } from './open-files.js';
import type { ReadHandles } from './read-handles.js';
import type { ErrorDone } from './shared-step.js';

/** So that a job is short, and a torrent of a million files does not become a million temporary files at one time. */
const MOVES_PER_JOB = 64;

export class PartsFile {
  /** As far as is known: true from its first write on. */
  mayExist: boolean;
  readonly #directoryNow: () => DownloadDirectory;
  readonly #file: DiskFile;
  readonly #placement: FilePlacement;
  readonly #diskFile: (index: number) => DiskFile;
  readonly #pool: DiskPool;
  readonly #handles: ReadHandles;

  constructor(options: {
    readonly mayExist: boolean;
    /** As it is known to be at the time. */
    readonly directory: () => DownloadDirectory;
    readonly placement: FilePlacement;
    readonly diskFile: (index: number) => DiskFile;
    readonly pool: DiskPool;
    readonly handles: ReadHandles;
  }) {
    this.mayExist = options.mayExist;
    this.#directoryNow = options.directory;
    this.#placement = options.placement;
    this.#diskFile = options.diskFile;
    this.#file = options.diskFile(options.placement.partsIndex);
    this.#pool = options.pool;
    this.#handles = options.handles;
  }

  /** Every one of `indices`, which are aside, is in its file afterwards. `done` may run inside the call. */
  takeOut(indices: readonly number[], done: ErrorDone): void {
    if (!this.mayExist) {
      for (const index of indices) this.#placement.setAside(index, false);
      done(null);
      return;
    }
    this.#takeOutFrom(indices, 0, (error) => {
      if (error !== null || this.#placement.needsParts) done(error);
      else this.remove(done);
    });
  }

  /** It is no error when that fails: what is left is found by the next `open`. */
  remove(done: ErrorDone): void {
    const { key } = this.#file;
    const keys = { first: key, end: key + 1 };
    this.#pool.release(keys, () => {
      this.#handles.closeRange(keys, () => {
        unlink(join(this.#directoryNow().path, this.#file.path), () => {
          this.mayExist = false;
          done(null);
        });
      });
    });
  }

  /** Removes what a crash has left of a move. */
  clean(done: () => void): void {
    const directory = this.#directoryNow().path;
    readdir(directory, (fault, names) => {
      const left = fault === null ? names.filter((name) => isTemporary(name, this.#file.path)) : [];
      const removeNext = (): void => {
        const name = left.pop();
        if (name === undefined) done();
        else unlink(join(directory, name), removeNext);
      };
      removeNext();
    });
  }

  #takeOutFrom(indices: readonly number[], start: number, done: ErrorDone): void {
    const batch = indices.slice(start, start + MOVES_PER_JOB);
    if (batch.length === 0) {
      done(null);
      return;
    }
    this.#moveBatch(batch, (error) => {
      if (error !== null) {
        done(error);
        return;
      }
      for (const index of batch) this.#placement.setAside(index, false);
      this.#takeOutFrom(indices, start + batch.length, done);
    });
  }

  #moveBatch(batch: readonly number[], done: ErrorDone): void {
    const moves = batch.map((index): PartsMove => {
      const temporary = `${this.#file.path}.${index}`;
      return { file: this.#diskFile(index), temporary, stretches: this.#placement.asideStretches(index) };
    });
    const directory = this.#directoryNow();
    this.#pool.submit({ kind: 'extract', directory, parts: this.#file, moves }, (extracted) => {
      if (extracted instanceof DtorrentError) {
        done(extracted);
        return;
      }
      const temporaries = moves.map((move) => move.temporary);
      syncFiles({ directory, paths: temporaries, mayBeAbsent: true }, (syncError) => {
        if (syncError !== null) {
          done(syncError);
          return;
        }
        this.#pool.submit({ kind: 'put-in-place', directory, moves }, (put) => {
          if (put instanceof DtorrentError) {
            done(put);
            return;
          }
          const paths = moves.map(({ file }) => file.path);
          syncDirectoriesOf(directory, paths, () => done(null));
        });
      });
    });
  }
}

function isTemporary(name: string, partsName: string): boolean {
  return name.startsWith(`${partsName}.`) && /^[0-9]+$/.test(name.slice(partsName.length + 1));
}
