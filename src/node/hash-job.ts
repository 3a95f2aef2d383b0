/**
 * Hashing for new torrents: runs of pieces, read from disk and hashed in one buffer, however long a piece or a file is.
 * The plan is given once and jobs are two numbers, so that a job runs the same on a worker (hash-worker.ts) or on the
 * main thread (hash-pool.ts). Synchronous. Invariant: digests are of files that did not change since they were listed.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { sha256 } from '../base/crypto.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { newReadBuffer } from '../base/read-buffer.js';
import type { PieceDigests } from '../format/create-torrent.js';
import { HASH_BYTES, merkleRoot, pieceLeafCount } from '../format/merkle.js';
import { type DiskAction, diskError } from './disk-error.js';

/** Plain data: it is cloned to every worker. */
export interface HashPlan {
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Where v1's byte stream ends, padding included. */
  readonly endBytes: number;
  readonly hasV1: boolean;
  readonly hasV2: boolean;
  /** In offset order, without padding and empty files; what lies between and behind them is zeros. */
  readonly files: readonly HashFile[];
}

export interface HashFile {
  /** Absolute. */
  readonly path: string;
  readonly lengthBytes: number;
  readonly offsetBytes: number;
  /** When it was listed. */
  readonly modifiedMs: number;
}

export interface HashJob {
  readonly firstPiece: number;
  readonly pieceCount: number;
}

/** Fits the second-level cache: reading and hashing go over it one after the other. A multiple of 16 KiB. */
const BUFFER_BYTES = 256 * 1024;
const SHA1_BYTES = 20;
const NO_FILE = -1;

export class HashThread {
  readonly #plan: HashPlan;
  readonly #buffer = newReadBuffer(BUFFER_BYTES);
  /** Leaf hashes of the piece at hand. */
  readonly #leaves: Uint8Array;
  #leafCount = 0;
  #openIndex = NO_FILE;
  #descriptor = -1;

  constructor(plan: HashPlan) {
    this.#plan = plan;
    this.#leaves = new Uint8Array(plan.hasV2 ? (plan.pieceLength / LIMITS.blockBytes) * HASH_BYTES : 0);
  }

  /**
   * @returns the digests of the job's pieces alone.
   * @throws {DtorrentError} `EFILEOPEN` or `EFILEIO`, naming the file; `EFILEIO` also for one that has changed.
   */
  run({ firstPiece, pieceCount }: HashJob): PieceDigests {
    const { hasV1, hasV2 } = this.#plan;
    const v1 = new Uint8Array(hasV1 ? pieceCount * SHA1_BYTES : 0);
    const v2 = new Uint8Array(hasV2 ? pieceCount * HASH_BYTES : 0);
    try {
      for (let i = 0; i < pieceCount; i++) {
        const sha1 = hasV1 ? createHash('sha1') : null;
        const fileIndex = this.#hashPiece(firstPiece + i, sha1);
        if (sha1 !== null) v1.set(sha1.digest(), i * SHA1_BYTES);
        if (hasV2) v2.set(this.#pieceRoot(fileIndex), i * HASH_BYTES);
      }
      this.#finishFile();
    } finally {
      this.#close();
    }
    return { v1, v2 };
  }

  /** @returns the index of the file that the piece begins in. */
  #hashPiece(piece: number, sha1: Hash | null): number {
    const { files, pieceLength, endBytes } = this.#plan;
    const start = piece * pieceLength;
    const end = Math.min(start + pieceLength, endBytes);
    const firstFile = this.#fileAt(start);
    let fileIndex = firstFile;
    this.#leafCount = 0;
    let offset = start;
    while (offset < end) {
      const file = files[fileIndex];
      if (file !== undefined && offset === file.offsetBytes + file.lengthBytes) fileIndex++;
      else if (file !== undefined && offset >= file.offsetBytes) {
        const fileEnd = file.offsetBytes + file.lengthBytes;
        const chunk = this.#read(
          fileIndex,
          offset - file.offsetBytes,
          Math.min(end, fileEnd, offset + BUFFER_BYTES) - offset,
        );
        sha1?.update(chunk);
        this.#hashLeaves(chunk);
        offset += chunk.length;
      } else {
        const gapEnd = Math.min(end, file?.offsetBytes ?? end, offset + BUFFER_BYTES);
        if (sha1 !== null) sha1.update(this.#buffer.fill(0, 0, gapEnd - offset).subarray(0, gapEnd - offset));
        offset = gapEnd;
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
    const width = pieceLeafCount(this.#plan.files[fileIndex]!.lengthBytes, this.#plan.pieceLength);
    return merkleRoot(this.#leaves.subarray(0, this.#leafCount * HASH_BYTES), { width });
  }

  /** @returns the index of the last file that begins at `offsetBytes` or before. */
  #fileAt(offsetBytes: number): number {
    const { files } = this.#plan;
    let low = 0;
    let high = files.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (files[middle]!.offsetBytes <= offsetBytes) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** @returns a view of the buffer, exactly `length` bytes. */
  #read(fileIndex: number, fileOffsetBytes: number, length: number): Uint8Array {
    this.#open(fileIndex);
    const file = this.#plan.files[fileIndex]!;
    for (let done = 0; done < length; ) {
      const count = attempt('read', file, () =>
        readSync(this.#descriptor, this.#buffer, done, length - done, fileOffsetBytes + done),
      );
      if (count === 0) throw changedError(file);
      done += count;
    }
    return this.#buffer.subarray(0, length);
  }

  #open(fileIndex: number): void {
    if (this.#openIndex === fileIndex) return;
    this.#finishFile();
    const file = this.#plan.files[fileIndex]!;
    this.#descriptor = attempt('open', file, () => openSync(file.path, 'r'));
    this.#openIndex = fileIndex;
  }

  /** Not before the last byte: it may be written to while it is read. Once a job and file is what 20,000 files notice. */
  #finishFile(): void {
    if (this.#openIndex === NO_FILE) return;
    this.#checkUnchanged();
    this.#close();
  }

  #checkUnchanged(): void {
    const file = this.#plan.files[this.#openIndex]!;
    const { size, mtimeMs } = attempt('read', file, () => fstatSync(this.#descriptor));
    if (size !== file.lengthBytes || mtimeMs !== file.modifiedMs) throw changedError(file);
  }

  #close(): void {
    if (this.#openIndex === NO_FILE) return;
    this.#openIndex = NO_FILE;
    closeSync(this.#descriptor);
  }
}

function attempt<T>(action: DiskAction, { path }: HashFile, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw diskError(error, { action, path, directory: path });
  }
}

function changedError({ path }: HashFile): DtorrentError {
  return new DtorrentError('EFILEIO', `${path} was changed while it was read; try again when nothing writes to it`);
}
