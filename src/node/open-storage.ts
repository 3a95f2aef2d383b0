/**
 * One torrent's files, open. Pieces are checked and written by the disk threads; uploads are read by the main thread
 * through libuv, which was measured to be cheaper. Made by FileStorageFactory.
 * Rules of the port: a piece's operations keep their order (PieceGates); a change of the selection goes alone (Gate);
 * no `done` inside the call; close comes last.
 */
import { join, sep } from 'node:path';
import { assert } from '../base/assert.js';
import { DtorrentError } from '../base/errors.js';
import { RareSet } from '../base/rarely-filled.js';
import type { Slot } from '../base/slot-pool.js';
import { FilePlacement } from '../format/file-placement.js';
import type { FileStamp, Storage, StorageSpec, VerifyResult, WriteResult } from '../host/storage.js';
import type { DiskResult, DiskSpan, WriteJob } from './disk-job.js';
import type { DiskPool } from './disk-pool.js';
import type { DownloadDirectory } from './download-directory.js';
import { FileRead } from './file-read.js';
import { stampFiles } from './file-stamps.js';
import { findMissing, type Survey } from './file-survey.js';
import { syncDirectoriesOf, syncFiles } from './file-sync.js';
import { type DiskFile, fileIsGone, keysOfStorage } from './open-files.js';
import { PartsFile } from './parts-file.js';
import { type Access, Gate, PieceGates } from './piece-gates.js';
import type { PieceExpectation } from './piece-hasher.js';
import type { ReadHandles } from './read-handles.js';
import { type ErrorDone, runInOrder } from './shared-step.js';
import { WriteGround } from './write-ground.js';

type PieceSpan = Parameters<Storage['writeUnverified']>[0];

export class OpenStorage implements Storage {
  readonly isEmpty: boolean;
  readonly #spec: StorageSpec;
  readonly #number: number;
  readonly #pool: DiskPool;
  readonly #handles: ReadHandles;
  readonly #placement: FilePlacement;
  readonly #directory: DownloadDirectory;
  readonly #hadParts: boolean;
  /** Made for the first who needs it: a seed that only waits needs neither. */
  #partsMade: PartsFile | null = null;
  #groundMade: WriteGround | null = null;
  /** What the files looked like when they were looked for; null once anything else has been asked for. */
  #surveyed: readonly FileStamp[] | null;
  /** A writer in it has the whole storage to itself. */
  readonly #gate = new Gate();
  readonly #gates = new PieceGates();
  /** Files to be synced by the next flush: written to, or found good, perhaps as a killed process left them in memory. */
  #dirtyFiles = new RareSet<number>();
  /** 1 = the file, the parts file last, was seen on disk with data of its own: if it is gone, that is an error. */
  readonly #wasThere: Uint8Array;
  #operations = 0;
  /** Writes that are not done, by number; a flush or a stamp waits for those before it. */
  readonly #writes = new RareSet<number>();
  #writeCount = 0;
  #afterWrites: { readonly waitsFor: Set<number>; readonly start: () => void }[] = [];
  #onClosed: (() => void) | null = null;

  constructor(options: {
    /** Its directory is absolute. */
    readonly spec: StorageSpec;
    readonly number: number;
    readonly survey: Survey;
    readonly pool: DiskPool;
    readonly handles: ReadHandles;
  }) {
    const { spec, survey, pool, handles } = options;
    this.isEmpty = survey.isEmpty;
    this.#spec = spec;
    this.#number = options.number;
    this.#pool = pool;
    this.#handles = handles;
    this.#placement = new FilePlacement(spec.layout, spec.wantedFiles);
    this.#wasThere = new Uint8Array(this.#placement.partsIndex + 1);
    for (const index of survey.missing) this.#placement.setAside(index, true);
    this.#directory = survey.directory;
    this.#hadParts = survey.hasParts;
    this.#surveyed = survey.stamps;
  }

  get directoryIdentity(): string | null {
    return this.#directoryNow.identity;
  }

  /** What is to be done before the first operation. */
  prepare(done: ErrorDone): void {
    const hasEmptyFiles = this.#spec.layout.files.some(({ padding, lengthBytes }) => !padding && lengthBytes === 0);
    if (!hasEmptyFiles && !this.#hadParts && this.#placement.wantedAside().length === 0) {
      done(null);
      return;
    }
    // From here on the files change.
    this.#surveyed = null;
    this.#takeOutWanted((error) => {
      if (error !== null) {
        done(error);
        return;
      }
      this.#ground.createEmptyFiles((createError) => {
        // Where there is a piece, a write reports it; a seed in a read-only directory does not need them.
        done(this.#spec.layout.pieceCount === 0 ? createError : null);
      });
    });
  }

  writePiece(piece: number, slot: Slot, done: (result: WriteResult) => void): void {
    const span = { piece, begin: 0, length: this.#spec.layout.pieceBytes(piece) };
    this.#write(span, slot, this.#expectationOf(piece), (result) => {
      assert(result !== 'missing' && result !== 'more', 'a write ends, and does not look for files');
      done(result);
    });
  }

  writeUnverified(span: PieceSpan, slot: Slot, done: ErrorDone): void {
    this.#write(span, slot, null, (result) => done(result instanceof DtorrentError ? result : null));
  }

  read(piece: number, begin: number, into: Uint8Array, done: ErrorDone): void {
    const start = (): void => {
      const read = new FileRead({
        handles: this.#handles,
        directory: this.#directoryNow,
        spans: this.#spansOf(piece, begin, into.length),
        into,
        done: (error) => {
          this.#gates.leave(piece);
          done(error);
          this.#end();
        },
      });
      this.#gates.enter(piece, 'read', () => read.start());
    };
    this.#begin('read', done, start);
  }

  verifyPiece(piece: number, done: (result: VerifyResult) => void): void {
    const verify = (): void => {
      const pieceBytes = this.#spec.layout.pieceBytes(piece);
      const { directory } = this.#ground;
      const spans = this.#spansOf(piece, 0, pieceBytes);
      const expected = this.#expectationOf(piece);
      this.#pool.submit({ kind: 'verify', directory, expected, spans, pieceBytes }, (result) => {
        assert(result !== 'more', 'a check ends');
        if (result === 'ok') this.#isThere(this.#filesOf(spans));
        this.#gates.leave(piece);
        done(result);
        this.#end();
      });
    };
    this.#begin('read', done, () => this.#gates.enter(piece, 'read', verify));
  }

  setWantedFiles(wanted: Uint8Array | null, done: ErrorDone): void {
    const finish: ErrorDone = (error) => {
      done(error);
      this.#end();
    };
    this.#begin('write', done, () => {
      const unwantedBefore = this.#unwanted();
      this.#placement.setWanted(wanted);
      this.#ground.selectionChanged();
      const files = this.#spec.layout.files;
      const unwanted = [...files.keys()].filter((index) => !unwantedBefore[index] && !this.#placement.isWanted(index));
      findMissing(this.#directoryNow, files, unwanted, (missing) => {
        if (missing instanceof DtorrentError) {
          finish(missing);
          return;
        }
        for (const index of missing) {
          this.#placement.setAside(index, true);
          this.#forget(index);
        }
        runInOrder([(taken) => this.#takeOutWanted(taken), (made) => this.#ground.createEmptyFiles(made)], finish);
      });
    });
  }

  stampFiles(done: (result: readonly FileStamp[] | DtorrentError) => void): void {
    const surveyed = this.#surveyed;
    const stamp = (): void => {
      if (surveyed !== null) {
        done(this.#goneFile(surveyed, this.#wasThere) ?? surveyed);
        this.#end();
        return;
      }
      const { layout, partsName } = this.#spec;
      const paths = layout.files.map((file, index) => (file.padding ? null : this.#diskFile(index).path));
      // A file that a later write makes may have been looked for before, and is not gone.
      const wasThereBefore = this.#wasThere.slice();
      stampFiles(this.#directoryNow, [...paths, partsName], (result) => {
        done(result instanceof DtorrentError ? result : (this.#goneFile(result, wasThereBefore) ?? result));
        this.#end();
      });
    };
    this.#begin('read', done, () => {
      if (surveyed === null) this.#startAfterWrites(stamp);
      else setImmediate(stamp);
    });
  }

  flush(done: ErrorDone): void {
    const flush = (): void => {
      const indices = [...this.#dirtyFiles];
      this.#dirtyFiles = new RareSet();
      const paths = indices.map((index) => this.#diskFile(index).path);
      const { directory } = this.#ground;
      const finish: ErrorDone = (error) => {
        // Whoever asks again gets another try at all of them.
        if (error !== null) for (const index of indices) this.#dirtyFiles.add(index);
        done(error);
        this.#end();
      };
      syncFiles({ directory, paths, mayBeAbsent: false }, (error) => {
        if (error !== null) finish(error);
        else syncDirectoriesOf(directory, paths, () => finish(null));
      });
    };
    this.#begin('read', done, () => this.#startAfterWrites(flush));
  }

  close(done: () => void): void {
    assert(this.#onClosed === null, 'a storage is closed once');
    this.#onClosed = done;
    if (this.#operations === 0) this.#release();
  }

  /** `expected` null = whatever it is. */
  #write(span: PieceSpan, slot: Slot, expected: PieceExpectation | null, done: (result: DiskResult) => void): void {
    const { piece } = span;
    // Behind a change of the selection it is not known yet what a write will find.
    const isAlone = !this.#gate.isOpen || this.#placement.asideBefore(piece).length > 0;
    this.#begin(isAlone ? 'write' : 'read', done, () => {
      const write = this.#writeCount++;
      this.#writes.add(write);
      const finish = (result: DiskResult): void => {
        this.#gates.leave(piece);
        this.#writeDone(write);
        done(result);
        this.#end();
      };
      this.#gates.enter(piece, 'write', () => {
        const aside = this.#placement.asideBefore(piece);
        const write = (): void => this.#writeSpans(span, slot, expected, finish);
        if (aside.length === 0) write();
        else this.#takeOut(aside, (error) => (error === null ? write() : finish(error)));
      });
    });
  }

  #writeSpans(
    { piece, begin, length }: PieceSpan,
    slot: Slot,
    expected: PieceExpectation | null,
    done: (result: DiskResult) => void,
  ): void {
    const spans = this.#spansOf(piece, begin, length);
    const indices = this.#filesOf(spans);
    if (indices.includes(this.#placement.partsIndex)) this.#parts.mayExist = true;
    this.#ground.prepare(indices, (error) => {
      if (error !== null) {
        done(error);
        return;
      }
      const { directory } = this.#ground;
      const job: WriteJob = { kind: 'write', directory, expected, spans, pieceBytes: length, bytes: slot.bytes };
      this.#pool.submit(job, (result) => {
        if (result === 'ok') this.#isThere(indices);
        done(result);
      });
    });
  }

  /** Runs `start` when the writes that were asked for before are done. */
  #startAfterWrites(start: () => void): void {
    if (this.#writes.size === 0) start();
    else this.#afterWrites.push({ waitsFor: new Set(this.#writes), start });
  }

  #writeDone(write: number): void {
    this.#writes.delete(write);
    if (this.#afterWrites.length === 0) return;
    for (const waiting of this.#afterWrites) waiting.waitsFor.delete(write);
    while (this.#afterWrites[0]?.waitsFor.size === 0) this.#afterWrites.shift()!.start();
  }

  /** Moves what the parts file has of wanted files into them. `done` may run inside the call. */
  #takeOutWanted(done: ErrorDone): void {
    const takeOut = (): void => this.#takeOut(this.#placement.wantedAside(), done);
    if (!this.#spec.layout.files.some((_, index) => this.#placement.isWanted(index))) done(null);
    else if (this.#parts.mayExist) this.#parts.clean(takeOut);
    else takeOut();
  }

  #takeOut(indices: readonly number[], done: ErrorDone): void {
    this.#parts.takeOut(indices, (error) => {
      if (!this.#parts.mayExist) this.#forget(this.#placement.partsIndex);
      done(error);
    });
  }

  /** Indices of the files under these spans; the parts file is one. */
  #filesOf(spans: readonly DiskSpan[]): number[] {
    const { first } = keysOfStorage(this.#number);
    return spans.flatMap(({ file }) => (file === null ? [] : [file.key - first]));
  }

  /** They have good data of ours. */
  #isThere(indices: readonly number[]): void {
    for (const index of indices) {
      this.#wasThere[index] = 1;
      this.#dirtyFiles.add(index);
    }
  }

  /** It is not on disk, and that is as it should be. */
  #forget(index: number): void {
    this.#wasThere[index] = 0;
    this.#dirtyFiles.delete(index);
  }

  #goneFile(stamps: readonly FileStamp[], wasThereBefore: Uint8Array): DtorrentError | null {
    for (const [index, { lengthBytes }] of stamps.entries()) {
      if (lengthBytes > 0) this.#wasThere[index] = 1;
      else if (lengthBytes < 0 && wasThereBefore[index] === 1 && this.#wasThere[index] === 1) {
        return fileIsGone(join(this.#spec.directory, this.#diskFile(index).path));
      }
    }
    return null;
  }

  /** 1 = not wanted. */
  #unwanted(): Uint8Array {
    return Uint8Array.from(this.#spec.layout.files, (_, index) => (this.#placement.isWanted(index) ? 0 : 1));
  }

  /** Runs `start`, which owes an #end, when `access` allows; `done` is told when the storage is closed. */
  #begin(access: Access, done: (error: DtorrentError) => void, start: () => void): void {
    if (this.#onClosed !== null) {
      setImmediate(done, new DtorrentError('EFILEIO', 'the torrent is closed'));
      return;
    }
    this.#surveyed = null;
    this.#operations++;
    this.#gate.enter(access, start);
  }

  #end(): void {
    this.#operations--;
    this.#gate.leave();
    if (this.#operations === 0 && this.#onClosed !== null) this.#release();
  }

  #release(): void {
    const keys = keysOfStorage(this.#number);
    this.#handles.closeRange(keys, () => this.#pool.release(keys, this.#onClosed!));
  }

  #spansOf(piece: number, begin: number, length: number): DiskSpan[] {
    const spans: DiskSpan[] = [];
    this.#placement.forEachSpan(piece, begin, length, (index, fileOffsetBytes, lengthBytes) => {
      const file = this.#spec.layout.files[index]?.padding ? null : this.#diskFile(index);
      spans.push({ file, fileOffsetBytes, lengthBytes });
    });
    return spans;
  }

  /** As it is known to be: made, if it was not there before. */
  get #directoryNow(): DownloadDirectory {
    return this.#groundMade?.directory ?? this.#directory;
  }

  get #ground(): WriteGround {
    this.#groundMade ??= new WriteGround({
      directory: this.#directory,
      spec: this.#spec,
      placement: this.#placement,
      diskFile: (index) => this.#diskFile(index),
      pool: this.#pool,
    });
    return this.#groundMade;
  }

  get #parts(): PartsFile {
    this.#partsMade ??= new PartsFile({
      mayExist: this.#hadParts,
      directory: () => this.#directoryNow,
      placement: this.#placement,
      diskFile: (index) => this.#diskFile(index),
      pool: this.#pool,
      handles: this.#handles,
    });
    return this.#partsMade;
  }

  #diskFile(index: number): DiskFile {
    const { layout, partsName, preallocation } = this.#spec;
    const key = keysOfStorage(this.#number).first + index;
    const wasThere = this.#wasThere[index] === 1;
    const file = layout.files[index];
    if (file === undefined) {
      const lengthBytes = this.#placement.partsBytesMax;
      return { key, path: partsName, lengthBytes, executable: false, hasFullLength: false, wasThere };
    }
    const { path, lengthBytes, executable } = file;
    return {
      key,
      path: path.length === 1 ? path[0]! : path.join(sep),
      lengthBytes,
      executable,
      hasFullLength: preallocation === 'sparse' && this.#placement.isWanted(index),
      wasThere,
    };
  }

  /** Copies: cloning a view for a worker would clone everything under it. */
  #expectationOf(piece: number): PieceExpectation {
    const { v1, v2 } = this.#spec.hashes;
    return {
      sha1: v1 === null ? null : Uint8Array.from(v1.subarray(piece * 20, piece * 20 + 20)),
      root: v2 === null ? null : Uint8Array.from(v2.subarray(piece * 32, piece * 32 + 32)),
      v2Bytes: v2 === null ? 0 : this.#spec.hashes.v2PieceBytes(piece),
      leafCount: v2 === null ? 1 : this.#spec.hashes.v2LeafCount(piece),
    };
  }
}
