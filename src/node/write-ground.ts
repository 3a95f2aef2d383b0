/**
 * What has to be there before a torrent's pieces are written: the download directory, room on its disk, the empty
 * files, and with preallocation `full` every byte of the files that are written to. Called by OpenStorage.
 */
import { sep } from 'node:path';
import { DtorrentError } from '../base/errors.js';
import type { FilePlacement } from '../format/file-placement.js';
import type { StorageSpec } from '../host/storage.js';
import type { DiskPool } from './disk-pool.js';
import { type DownloadDirectory, makeDownloadDirectory } from './download-directory.js';
import { checkFreeSpace } from './free-space.js';
import type { DiskFile } from './open-files.js';
import { type ErrorDone, runInOrder, SharedStep } from './shared-step.js';

/** Made by one job, so that a torrent of a million empty files keeps no thread for long. */
const EMPTY_FILES_PER_JOB = 256;

export class WriteGround {
  #directory: DownloadDirectory;
  readonly #spec: StorageSpec;
  readonly #placement: FilePlacement;
  readonly #diskFile: (index: number) => DiskFile;
  readonly #pool: DiskPool;
  readonly #making: SharedStep;
  readonly #checkingSpace: SharedStep;
  readonly #creatingEmpty: SharedStep;
  /** Preallocation `full`: files being filled or full. */
  readonly #filling = new Map<number, SharedStep>();

  constructor(options: {
    readonly directory: DownloadDirectory;
    readonly spec: StorageSpec;
    readonly placement: FilePlacement;
    readonly diskFile: (index: number) => DiskFile;
    readonly pool: DiskPool;
  }) {
    this.#directory = options.directory;
    this.#spec = options.spec;
    this.#placement = options.placement;
    this.#diskFile = options.diskFile;
    this.#pool = options.pool;
    this.#making = new SharedStep((done) => this.#makeDirectory(done));
    this.#checkingSpace = new SharedStep((done) => this.#checkSpace(done));
    this.#creatingEmpty = new SharedStep((done) =>
      this.#createEmpty(
        this.#wanted((bytes) => bytes === 0),
        0,
        done,
      ),
    );
  }

  get directory(): DownloadDirectory {
    return this.#directory;
  }

  /** Other files are wanted now. Not while anything here is under way. */
  selectionChanged(): void {
    this.#checkingSpace.reset();
    this.#creatingEmpty.reset();
  }

  /** Before a write to the files at `indices`. `done` runs inside the call when all is there, as it is nearly always. */
  prepare(indices: readonly number[], done: ErrorDone): void {
    const isReady = this.#making.isDone && this.#checkingSpace.isDone && this.#creatingEmpty.isDone;
    if (isReady && this.#spec.preallocation !== 'full') {
      done(null);
      return;
    }
    const fillings = this.#spec.preallocation === 'full' ? this.#fillingsOf(indices) : [];
    const steps = [this.#making, this.#checkingSpace, this.#creatingEmpty, ...fillings];
    runInOrder(
      steps.map((step) => (stepDone: ErrorDone) => step.run(stepDone)),
      done,
    );
  }

  /** Only these, for a torrent that may have nothing to write. `done` may run inside the call. */
  createEmptyFiles(done: ErrorDone): void {
    if (this.#wanted((bytes) => bytes === 0).length === 0) {
      done(null);
      return;
    }
    runInOrder([(made) => this.#making.run(made), (created) => this.#creatingEmpty.run(created)], done);
  }

  #makeDirectory(done: ErrorDone): void {
    if (this.#directory.identity !== null) {
      done(null);
      return;
    }
    makeDownloadDirectory(this.#directory.path, (made) => {
      if (made instanceof DtorrentError) {
        done(made);
        return;
      }
      this.#directory = made;
      done(null);
    });
  }

  #checkSpace(done: ErrorDone): void {
    if (this.#spec.preallocation === 'none') {
      done(null);
      return;
    }
    const files = this.#wanted((bytes) => bytes > 0).map((index) => {
      const { path, lengthBytes } = this.#spec.layout.files[index]!;
      return { path: path.join(sep), lengthBytes };
    });
    checkFreeSpace(this.#directory, files, done);
  }

  #createEmpty(indices: readonly number[], start: number, done: ErrorDone): void {
    const files = indices.slice(start, start + EMPTY_FILES_PER_JOB).map((index) => this.#diskFile(index));
    if (files.length === 0) {
      done(null);
      return;
    }
    this.#pool.submit({ kind: 'create-empty', directory: this.#directory, files }, (result) => {
      if (result instanceof DtorrentError) done(result);
      else this.#createEmpty(indices, start + files.length, done);
    });
  }

  #fillingsOf(indices: readonly number[]): SharedStep[] {
    const steps: SharedStep[] = [];
    for (const index of indices) {
      if (index === this.#placement.partsIndex || !this.#placement.isWanted(index)) continue;
      let step = this.#filling.get(index);
      if (step === undefined) {
        step = new SharedStep((done) => this.#fill(index, done));
        this.#filling.set(index, step);
      }
      if (!step.isDone) steps.push(step);
    }
    return steps;
  }

  /** One stretch at a time: what other torrents want of the disk comes in between. */
  #fill(index: number, done: ErrorDone): void {
    const job = { kind: 'fill', directory: this.#directory, file: this.#diskFile(index) } as const;
    this.#pool.submit(job, (result) => {
      if (result instanceof DtorrentError) done(result);
      else if (result === 'more') this.#fill(index, done);
      else done(null);
    });
  }

  /** Indices of the wanted files of such a length. */
  #wanted(isMeant: (lengthBytes: number) => boolean): number[] {
    const indices: number[] = [];
    for (const [index, { lengthBytes }] of this.#spec.layout.files.entries()) {
      if (isMeant(lengthBytes) && this.#placement.isWanted(index)) indices.push(index);
    }
    return indices;
  }
}
