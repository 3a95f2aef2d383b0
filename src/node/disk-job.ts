/**
 * The work of a disk thread: hash a piece and write it, hash what is on disk, fill or create files, take files out of a
 * parts file (disk-parts.ts), let go of files.
 * Jobs are plain data, so that a job runs the same on a worker (disk-worker.ts) or on the main thread (disk-pool.ts).
 * Everything is synchronous and positional; memory is one buffer of 256 KiB a thread, however long a piece is.
 */
import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { type DtorrentError, toDtorrentError } from '../base/errors.js';
import { newReadBuffer } from '../base/read-buffer.js';
import { diskError } from './disk-error.js';
import { type ExtractJob, extract, type PutInPlaceJob, putInPlace } from './disk-parts.js';
import type { DownloadDirectory } from './download-directory.js';
import { type DiskFile, fileIsGone, type KeyRange, OpenFiles } from './open-files.js';
import { type PieceExpectation, PieceHasher } from './piece-hasher.js';

/**
 * Bytes of one write. Linux fills its page cache with blocks of memory as large as the write; beyond 32 KiB they come
 * from where a virtual machine keeps memory that it has given back to its host. Measured on such a machine, ext4, 1 GiB
 * in random order: 0.4 s of system time in writes of 32 KiB, 0.3 to 2.9 s in writes of 1 MiB.
 */
const WRITE_BYTES = 32 * 1024;
/** Of one fill job: some 10 ms of a fast disk, 100 of a slow one. */
export const FILL_BYTES: number = 16 * 1024 * 1024;

/** A stretch of a piece, in order; `file` null = padding: zeros that are hashed and never stored. */
export interface DiskSpan {
  readonly file: DiskFile | null;
  readonly fileOffsetBytes: number;
  readonly lengthBytes: number;
}

interface PieceJob {
  readonly directory: DownloadDirectory;
  readonly spans: readonly DiskSpan[];
  /** Of the whole piece, or of the part that `spans` are of. */
  readonly pieceBytes: number;
}

export interface WriteJob extends PieceJob {
  readonly kind: 'write';
  /** Null = written as it is, whole piece or not. */
  readonly expected: PieceExpectation | null;
  /** The slot: over a SharedArrayBuffer, so that sending it copies nothing. */
  readonly bytes: Uint8Array;
}

export interface VerifyJob extends PieceJob {
  readonly kind: 'verify';
  readonly expected: PieceExpectation;
}

/** Writes zeros from the end of the file on, up to its length or as many as one job may. */
export interface FillJob {
  readonly kind: 'fill';
  readonly directory: DownloadDirectory;
  /** Without hasFullLength: its length tells how far it is full, also after a crash. */
  readonly file: DiskFile;
}

export interface CreateEmptyJob {
  readonly kind: 'create-empty';
  readonly directory: DownloadDirectory;
  readonly files: readonly DiskFile[];
}

export interface ReleaseJob {
  readonly kind: 'release';
  /** The files that are to be closed. */
  readonly keys: KeyRange;
}

export type DiskJob = WriteJob | VerifyJob | FillJob | CreateEmptyJob | ExtractJob | PutInPlaceJob | ReleaseJob;
/** `more` = a file is not full yet: the same job goes on with it. */
export type DiskResult = 'ok' | 'bad-hash' | 'missing' | 'more' | DtorrentError;

/** Fits the second-level cache: reading and hashing go over it one after the other. A multiple of 16 KiB. */
const BUFFER_BYTES = 256 * 1024;

export class DiskThread {
  readonly #files: OpenFiles;
  readonly #hasher = new PieceHasher();
  #buffer: Uint8Array | null = null;

  constructor(maxOpenFiles: number) {
    this.#files = new OpenFiles(maxOpenFiles);
  }

  /** Never throws. */
  run(job: DiskJob): DiskResult {
    try {
      switch (job.kind) {
        case 'write':
          return this.#write(job);
        case 'verify':
          return this.#verify(job);
        case 'fill':
          return this.#fill(job);
        case 'create-empty':
          for (const file of job.files) this.#files.createEmpty(job.directory, file);
          return 'ok';
        case 'release':
          this.#files.closeRange(job.keys);
          return 'ok';
        case 'extract':
          extract(job, this.#files);
          return 'ok';
        case 'put-in-place':
          putInPlace(job);
          return 'ok';
      }
    } catch (thrown) {
      return toDtorrentError(thrown);
    }
  }

  close(): void {
    this.#files.closeAll();
  }

  #write(job: WriteJob): DiskResult {
    clearPadding(job);
    if (job.expected !== null) {
      this.#hasher.begin(job.expected);
      this.#hasher.update(job.bytes.subarray(0, job.pieceBytes));
      const verdict = this.#hasher.finish();
      if (verdict !== 'ok') return verdict;
    }
    let offset = 0;
    for (const span of job.spans) {
      if (span.file !== null) this.#writeSpan(job, span, span.file, offset);
      offset += span.lengthBytes;
    }
    return 'ok';
  }

  #writeSpan(job: WriteJob, span: DiskSpan, file: DiskFile, pieceOffset: number): void {
    const fd = this.#files.openForWriting(job.directory, file);
    let done = 0;
    try {
      while (done < span.lengthBytes) {
        const length = Math.min(span.lengthBytes - done, WRITE_BYTES);
        done += writeSync(fd, job.bytes, pieceOffset + done, length, span.fileOffsetBytes + done);
      }
    } catch (thrown) {
      const directory = job.directory.path;
      const neededBytes = missingBytes(fd, file);
      throw diskError(thrown, { action: 'write', path: `${directory}/${file.path}`, directory, neededBytes });
    }
  }

  #fill({ directory, file }: FillJob): DiskResult {
    const fd = this.#files.openForWriting(directory, file);
    const begin = fstatSync(fd).size;
    const end = Math.min(begin + FILL_BYTES, file.lengthBytes);
    const zeros = new Uint8Array(WRITE_BYTES);
    try {
      for (let at = begin; at < end; ) at += writeSync(fd, zeros, 0, Math.min(WRITE_BYTES, end - at), at);
    } catch (thrown) {
      const path = `${directory.path}/${file.path}`;
      const neededBytes = file.lengthBytes - begin;
      // A disk that is full to the last byte is of no use to anybody.
      ftruncateSync(fd, begin);
      throw diskError(thrown, { action: 'write', path, directory: directory.path, neededBytes });
    }
    return end < file.lengthBytes ? 'more' : 'ok';
  }

  #verify(job: VerifyJob): DiskResult {
    if (!this.#isPresent(job)) return 'missing';
    this.#buffer ??= newReadBuffer(BUFFER_BYTES);
    const buffer = this.#buffer;
    this.#hasher.begin(job.expected);
    let filled = 0;
    for (const span of job.spans) {
      for (let done = 0; done < span.lengthBytes; ) {
        const bytes = Math.min(span.lengthBytes - done, BUFFER_BYTES - filled);
        if (span.file === null) buffer.fill(0, filled, filled + bytes);
        else if (!this.#readInto(buffer, filled, bytes, job.directory, span.file, span.fileOffsetBytes + done)) {
          return 'missing';
        }
        done += bytes;
        filled += bytes;
        if (filled < BUFFER_BYTES) continue;
        this.#hasher.update(buffer);
        filled = 0;
      }
    }
    if (filled > 0) this.#hasher.update(buffer.subarray(0, filled));
    return this.#hasher.finish();
  }

  /** Looks before hashing, so that most of a piece is not hashed in vain. */
  #isPresent(job: VerifyJob): boolean {
    for (const { file, fileOffsetBytes, lengthBytes } of job.spans) {
      if (file === null) continue;
      const fd = this.#files.openForReading(job.directory, file);
      if (fd < 0 || this.#files.isGone(file)) {
        if (file.wasThere) throw fileIsGone(`${job.directory.path}/${file.path}`);
        return false;
      }
      if (fstatSync(fd).size < fileOffsetBytes + lengthBytes) return false;
    }
    return true;
  }

  /** @returns false when the file ends before `bytes` were read. */
  #readInto(
    buffer: Uint8Array,
    at: number,
    bytes: number,
    directory: DownloadDirectory,
    file: DiskFile,
    offset: number,
  ): boolean {
    const fd = this.#files.openForReading(directory, file);
    if (fd < 0) return false;
    try {
      for (let done = 0; done < bytes; ) {
        const read = readSync(fd, buffer, at + done, bytes - done, offset + done);
        if (read === 0) return false;
        done += read;
      }
      return true;
    } catch (thrown) {
      const path = `${directory.path}/${file.path}`;
      throw diskError(thrown, { action: 'read', path, directory: directory.path });
    }
  }
}

/**
 * Padding is zeros by definition, whatever a peer sent there. Taken as sent, it would let a peer make a hybrid's v1 and
 * v2 hashes disagree, which stops the torrent.
 */
function clearPadding({ bytes, spans }: WriteJob): void {
  let offset = 0;
  for (const { file, lengthBytes } of spans) {
    if (file === null) bytes.fill(0, offset, offset + lengthBytes);
    offset += lengthBytes;
  }
}

/** What a sparse file still needs on disk. A block of st_blocks is 512 bytes, whatever the file system's are. */
function missingBytes(fd: number, file: DiskFile): number {
  try {
    return Math.max(file.lengthBytes - fstatSync(fd).blocks * 512, 0);
  } catch {
    return 0;
  }
}
