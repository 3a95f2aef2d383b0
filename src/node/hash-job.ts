/**
 * Hashing for new torrents: runs of pieces, read from disk and hashed in one buffer, however long a piece or a file is.
 * All threads have the same plan, take from it what nobody has taken, and put the digests where they belong: into memory
 * that they share. So a job is no message, and it runs the same on a worker (source-worker.ts) and on the main thread
 * (source-threads.ts). Synchronous. Invariant: digests are of files that did not change since they were listed.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { sha256 } from '../base/crypto.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { newReadBuffer } from '../base/read-buffer.js';
import type { PieceDigests } from '../format/create-torrent.js';
import { HASH_BYTES, merkleRoot, pieceLeafCount } from '../format/merkle.js';
import { attempt } from './disk-error.js';
import { newSharedCounter, type SharedCounter, takeFrom } from './shared-counter.js';

/** A file to be hashed, not empty. */
export interface HashFile {
  /** Absolute. */
  readonly path: string;
  readonly lengthBytes: number;
  readonly offsetBytes: number;
  /** When it was listed. */
  readonly modifiedMs: number;
}

/** What is to be hashed. */
export interface HashShape {
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Where v1's byte stream ends, padding included. */
  readonly endBytes: number;
  readonly hasV1: boolean;
  readonly hasV2: boolean;
}

/** Plain data that is cheap to send to a thread, also with a million files. */
export interface HashPlan extends HashShape {
  /** Of all files, in offset order, ended by NUL, which no path contains. */
  readonly paths: string;
  /** Shared: length, offset and time of each file. What lies between and behind the files is zeros. */
  readonly numbers: Float64Array;
  /** Shared: the first piece that no thread has taken. */
  readonly nextPiece: SharedCounter;
  /** Shared: 20 bytes a piece; empty without v1. */
  readonly v1: Uint8Array;
  /** Shared: 32 bytes a piece; empty without v2. */
  readonly v2: Uint8Array;
}

const COLUMNS = 3;
const LENGTH = 0;
const OFFSET = 1;
const MODIFIED = 2;
const SHA1_BYTES = 20;

/** @param files in offset order, without padding and empty files. */
export function newHashPlan(shape: HashShape, files: readonly HashFile[]): HashPlan {
  const { pieceCount, hasV1, hasV2 } = shape;
  const numbers = new Float64Array(new SharedArrayBuffer(files.length * COLUMNS * Float64Array.BYTES_PER_ELEMENT));
  let paths = '';
  for (let i = 0; i < files.length; i++) {
    const { path, lengthBytes, offsetBytes, modifiedMs } = files[i]!;
    paths += `${path}\0`;
    numbers[i * COLUMNS + LENGTH] = lengthBytes;
    numbers[i * COLUMNS + OFFSET] = offsetBytes;
    numbers[i * COLUMNS + MODIFIED] = modifiedMs;
  }
  return {
    ...shape,
    paths,
    numbers,
    nextPiece: newSharedCounter(),
    v1: new Uint8Array(new SharedArrayBuffer(hasV1 ? pieceCount * SHA1_BYTES : 0)),
    v2: new Uint8Array(new SharedArrayBuffer(hasV2 ? pieceCount * HASH_BYTES : 0)),
  };
}

/** @returns what the threads found, when every piece is done; in memory of its own. */
export function digestsOf({ v1, v2 }: HashPlan): PieceDigests {
  return { v1: new Uint8Array(v1), v2: new Uint8Array(v2) };
}

/** Taken at a time, or one piece: a few milliseconds of hashing, against some 50 µs to tell of it. */
const JOB_BYTES = 4 * 1024 * 1024;
/** Fits the second-level cache: reading and hashing go over it one after the other. A multiple of 16 KiB. */
const BUFFER_BYTES = 256 * 1024;
const NO_FILE = -1;

export class HashThread {
  readonly #plan: HashPlan;
  readonly #paths: readonly string[];
  readonly #fileCount: number;
  readonly #piecesPerJob: number;
  readonly #buffer = newReadBuffer(BUFFER_BYTES);
  /** Leaf hashes of the piece at hand. */
  readonly #leaves: Uint8Array;
  #leafCount = 0;
  #openIndex = NO_FILE;
  #descriptor = -1;

  constructor(plan: HashPlan) {
    this.#plan = plan;
    this.#paths = plan.paths.split('\0');
    this.#fileCount = plan.numbers.length / COLUMNS;
    this.#piecesPerJob = Math.max(1, Math.floor(JOB_BYTES / plan.pieceLength));
    this.#leaves = new Uint8Array(plan.hasV2 ? (plan.pieceLength / LIMITS.blockBytes) * HASH_BYTES : 0);
  }

  /**
   * Hashes some pieces that no thread has taken.
   * @returns how many; 0 = all are taken.
   * @throws {DtorrentError} `EFILEOPEN` or `EFILEIO`, naming the file; `EFILEIO` also for one that has changed.
   */
  runJob(): number {
    const { pieceCount, nextPiece } = this.#plan;
    const first = takeFrom(nextPiece, this.#piecesPerJob);
    const end = Math.min(first + this.#piecesPerJob, pieceCount);
    try {
      for (let piece = first; piece < end; piece++) this.#hashPiece(piece);
      this.#finishFile();
    } finally {
      this.#close();
    }
    return Math.max(0, end - first);
  }

  #hashPiece(piece: number): void {
    const { hasV1, hasV2, v1, v2 } = this.#plan;
    const sha1 = hasV1 ? createHash('sha1') : null;
    const fileIndex = this.#readPiece(piece, sha1);
    if (sha1 !== null) v1.set(sha1.digest(), piece * SHA1_BYTES);
    if (hasV2) v2.set(this.#pieceRoot(fileIndex), piece * HASH_BYTES);
  }

  /** @returns the index of the file that the piece begins in. */
  #readPiece(piece: number, sha1: Hash | null): number {
    const { pieceLength, endBytes } = this.#plan;
    const start = piece * pieceLength;
    const end = Math.min(start + pieceLength, endBytes);
    const firstFile = this.#fileAt(start);
    let fileIndex = firstFile;
    this.#leafCount = 0;
    let offset = start;
    while (offset < end) {
      const fileStart = fileIndex < this.#fileCount ? this.#numberOf(fileIndex, OFFSET) : end;
      const fileEnd = fileIndex < this.#fileCount ? fileStart + this.#numberOf(fileIndex, LENGTH) : end;
      if (offset < fileStart) {
        const gapEnd = Math.min(end, fileStart, offset + BUFFER_BYTES);
        if (sha1 !== null) sha1.update(this.#buffer.fill(0, 0, gapEnd - offset).subarray(0, gapEnd - offset));
        offset = gapEnd;
      } else if (offset === fileEnd) fileIndex++;
      else {
        const chunkEnd = Math.min(end, fileEnd, offset + BUFFER_BYTES);
        const chunk = this.#read(fileIndex, offset - fileStart, chunkEnd - offset);
        sha1?.update(chunk);
        this.#hashLeaves(chunk);
        offset = chunkEnd;
      }
    }
    return firstFile;
  }

  /** In v2 one file lies in a piece and every chunk but its last is a multiple of 16 KiB. */
  #hashLeaves(chunk: Uint8Array): void {
    if (!this.#plan.hasV2) return;
    for (let offset = 0; offset < chunk.length; offset += LIMITS.blockBytes) {
      const leaf = sha256(chunk.subarray(offset, offset + LIMITS.blockBytes));
      this.#leaves.set(leaf, this.#leafCount++ * HASH_BYTES);
    }
  }

  #pieceRoot(fileIndex: number): Uint8Array {
    const width = pieceLeafCount(this.#numberOf(fileIndex, LENGTH), this.#plan.pieceLength);
    return merkleRoot(this.#leaves.subarray(0, this.#leafCount * HASH_BYTES), { width });
  }

  /** @returns the index of the last file that begins at `offsetBytes` or before. */
  #fileAt(offsetBytes: number): number {
    let low = 0;
    let high = this.#fileCount - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#numberOf(middle, OFFSET) <= offsetBytes) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #numberOf(fileIndex: number, column: number): number {
    return this.#plan.numbers[fileIndex * COLUMNS + column]!;
  }

  /** @returns a view of the buffer, exactly `length` bytes. */
  #read(fileIndex: number, fileOffsetBytes: number, length: number): Uint8Array {
    this.#open(fileIndex);
    const path = this.#paths[fileIndex]!;
    for (let done = 0; done < length; ) {
      const count = attempt('read', path, () =>
        readSync(this.#descriptor, this.#buffer, done, length - done, fileOffsetBytes + done),
      );
      if (count === 0) throw changedError(path);
      done += count;
    }
    return this.#buffer.subarray(0, length);
  }

  #open(fileIndex: number): void {
    if (this.#openIndex === fileIndex) return;
    this.#finishFile();
    const path = this.#paths[fileIndex]!;
    this.#descriptor = attempt('open', path, () => openSync(path, 'r'));
    this.#openIndex = fileIndex;
  }

  /** Not before the last byte: it may be written to while it is read. Once a job and file is what 20,000 files notice. */
  #finishFile(): void {
    if (this.#openIndex === NO_FILE) return;
    this.#checkUnchanged();
    this.#close();
  }

  #checkUnchanged(): void {
    const index = this.#openIndex;
    const path = this.#paths[index]!;
    const { size, mtimeMs } = attempt('read', path, () => fstatSync(this.#descriptor));
    const isSame = size === this.#numberOf(index, LENGTH) && mtimeMs === this.#numberOf(index, MODIFIED);
    if (!isSame) throw changedError(path);
  }

  #close(): void {
    if (this.#openIndex === NO_FILE) return;
    this.#openIndex = NO_FILE;
    closeSync(this.#descriptor);
  }
}

function changedError(path: string): DtorrentError {
  return new DtorrentError('EFILEIO', `${path} was changed while it was read; try again when nothing writes to it`);
}
