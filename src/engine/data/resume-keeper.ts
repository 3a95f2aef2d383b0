/**
 * Keeps what outlives a run of one torrent: finds it at the start, saves it when something has changed, at most every
 * `resumeIntervalMs`. Called by Torrent, inside turns; what it calls back runs in turns.
 * The order of a save is what makes it true after a crash: look at the files, take down what is had, sync the data,
 * save the record. So no record claims a piece that was not on disk before it, and a file that was written to after it
 * was looked at is known by its stamp.
 * Invariant: one save at a time; the last one of an orderly stop comes after all others.
 */
import { Bitfield } from '../../base/bitfield.js';
import { EMPTY_BYTES, fromUtf8, toHex } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';
import { DtorrentError, toDtorrentError } from '../../base/errors.js';
import { decodeResumeData, encodeResumeData, type PartialMemory, type ResumeData } from '../../format/resume-data.js';
import type { FileStamp, Storage } from '../../host/storage.js';
import type { EngineContext } from '../context.js';
import type { CheckLayout, DataMemory } from './check-plan.js';
import { findLostFile } from './lost-file.js';

/** What is known without a look at the disk. */
export type ResumeFacts = Omit<ResumeData, 'infoHash' | 'directory' | 'isClean' | 'have' | 'files' | 'partials'>;

/** A torrent's open data: TorrentData. */
export interface ResumableData {
  readonly storage: Storage;
  readonly layout: CheckLayout;
  readonly have: Bitfield;
  /** False while it is still being found out what is there. */
  readonly isChecked: boolean;
  /** One a file, 0 = not wanted; null = all are. */
  readonly wantedFiles: Uint8Array | null;
  /** Unfinished pieces of which blocks are on disk, now. */
  readonly partials: readonly PartialMemory[];
}

/** The torrent, as its keeper sees it. */
export interface ResumeSource {
  readonly infoHashHex: string;
  /** Null while none is open: what was known of it stays as it was. */
  readonly openData: ResumableData | null;
  resumeFacts(): ResumeFacts;
  /** The data cannot be looked at or synced, or a file of it is gone: what was not saved must not be relied on. */
  onDataError(error: DtorrentError): void;
}

/** What a record says of the disk. */
type DiskClaims = Pick<ResumeData, 'isClean' | 'have' | 'files' | 'partials'>;

/** A crash may forget this much of the time seeded; the disk is not to be woken for each second of it. */
const SEEDING_UNSAVED_S_MAX = 600;
const NO_CLAIMS: DiskClaims = { isClean: false, have: EMPTY_BYTES, files: [], partials: [] };

export class ResumeKeeper {
  /** What was found, then what was saved last; null = nothing. */
  record: ResumeData | null = null;
  readonly #context: EngineContext;
  readonly #source: ResumeSource;
  readonly #directory: string;
  /** Of the record, until they are taken up. */
  #partials: readonly PartialMemory[] = [];
  #isChanged = false;
  #savedAtMs: number;
  #isSaving = false;
  /** Wanted while a save was under way. */
  #next: 'save' | 'last' | null = null;
  #lastDones: (() => void)[] = [];
  /** Before, a save would replace a record that nobody has seen. */
  #isLoaded = false;
  /** No record is saved any more. */
  #isClosed = false;
  /** The record is to be removed. */
  #isForgotten = false;
  #hasWarned = false;

  /** `directory` is absolute: in another one, the same torrent is another download. */
  constructor(context: EngineContext, source: ResumeSource, directory: string) {
    this.#context = context;
    this.#source = source;
    this.#directory = directory;
    this.#savedAtMs = context.turn.now;
  }

  get #key(): string {
    return `${this.#source.infoHashHex}-${toHex(sha1(fromUtf8(this.#directory))).slice(0, 16)}`;
  }

  /** Looks for a record, which is in `record` then. One that cannot be read is a warning, and counts as none. */
  load(done: () => void): void {
    const { host, turn } = this.#context;
    if (!host.state.isKept) {
      this.#isLoaded = true;
      done();
      return;
    }
    host.state.load(this.#key, (result) => {
      turn.run(() => {
        this.#isLoaded = true;
        this.record = this.#read(result);
        this.#partials = this.record?.partials ?? [];
        done();
      });
    });
  }

  /** What the record says of the data; null when it says nothing, or does not fit the torrent. */
  memoryFor(layout: CheckLayout): DataMemory | null {
    // One stamp more than files: that of the parts file.
    if (this.record === null || this.record.files.length !== layout.files.length + 1) return null;
    const have = Bitfield.fromWire(this.record.have, layout.pieceCount);
    const { files, isClean, partials } = this.record;
    return have === null ? null : { have, files, isClean, partials };
  }

  /** What the record says of the data is not to be believed. */
  distrust(): void {
    this.#partials = [];
    if (this.record !== null) this.record = { ...this.record, ...NO_CLAIMS };
  }

  /** Something has changed that is worth a save within the interval. */
  touch(): void {
    this.#isChanged = true;
  }

  /** About once a second, with what has been sent and seeded in all runs together. */
  tick(now: number, totals: { readonly uploadedBytes: number; readonly seedingSeconds: number }): void {
    if (!this.#isLoaded) return;
    const seedingUnsavedS = totals.seedingSeconds - (this.record?.seedingSeconds ?? 0);
    if (totals.uploadedBytes !== this.record?.uploadedBytes || seedingUnsavedS >= SEEDING_UNSAVED_S_MAX) this.touch();
    if (!this.#isChanged || now - this.#savedAtMs < this.#context.settings.resumeIntervalMs) return;
    if (this.#context.host.state.isKept) this.save();
  }

  /** Saves now, or as soon as the save under way is over. */
  save(): void {
    if (this.#isClosed || !this.#isLoaded) return;
    if (this.#isSaving) this.#next ??= 'save';
    else this.#begin(false);
  }

  /** Saves now what has been touched since the last save, if anything has. */
  saveChanges(): void {
    if (this.#isChanged) this.save();
  }

  /**
   * The last save, before the data is closed: what is had is durable then, whether or not records are kept. `done`
   * comes in a turn, perhaps inside the call, also when nothing could be saved.
   */
  finish(done: () => void): void {
    this.#lastDones.push(done);
    if (this.#isSaving) this.#next = 'last';
    else if (this.#isClosed || !this.#isLoaded) this.#end();
    else this.#begin(true);
  }

  /**
   * Looks whether the files that we have pieces of are still there. `done` unless one is not, which onDataError tells,
   * or the data is closed meanwhile.
   */
  look(done: () => void): void {
    const data = this.#source.openData;
    if (data === null) return;
    data.storage.stampFiles((stamps) => {
      this.#context.turn.run(() => {
        if (this.#source.openData !== data) return;
        const error = stamps instanceof DtorrentError ? stamps : findLostFile(data, stamps, this.#directory);
        if (error === null) done();
        else this.#source.onDataError(error);
      });
    });
  }

  /** Saves nothing more: the torrent failed, and what is known of it is in doubt. */
  close(): void {
    this.#isClosed = true;
  }

  /** Saves nothing more, and has finish() remove the record. */
  forget(): void {
    this.#isClosed = true;
    this.#isForgotten = true;
  }

  // ---- one save ----

  #begin(isLast: boolean): void {
    this.#isSaving = true;
    this.#isChanged = false;
    this.#savedAtMs = this.#context.turn.now;
    const data = this.#source.openData;
    if (data === null) {
      this.#store({ ...NO_CLAIMS, ...claimsOf(this.record) });
      return;
    }
    data.storage.stampFiles((result) => {
      this.#context.turn.run(() => this.#onStamps(data, result, isLast));
    });
  }

  #onStamps(data: ResumableData, stamps: readonly FileStamp[] | DtorrentError, isLast: boolean): void {
    if (this.#isClosed) {
      this.#end();
      return;
    }
    const error = stamps instanceof DtorrentError ? stamps : findLostFile(data, stamps, this.#directory);
    if (error !== null) {
      this.#fail(error);
      return;
    }
    const claims: DiskClaims = {
      // What the check has not come to yet may be there all the same.
      isClean: isLast && data.isChecked,
      have: data.have.bytes.slice(),
      files: stamps as readonly FileStamp[],
      partials: data.isChecked ? data.partials : this.#partials,
    };
    data.storage.flush((flushError) => {
      this.#context.turn.run(() => {
        if (flushError !== null) this.#fail(flushError);
        else this.#store(claims);
      });
    });
  }

  #store(claims: DiskClaims): void {
    const { host, turn } = this.#context;
    const record: ResumeData = {
      ...this.#source.resumeFacts(),
      ...claims,
      infoHash: this.#source.infoHashHex,
      directory: this.#directory,
    };
    this.record = record;
    if (!host.state.isKept || this.#isClosed) {
      this.#end();
      return;
    }
    host.state.save(this.#key, encodeResumeData(record), (error) => {
      turn.run(() => {
        this.#reviewState(error);
        this.#end();
      });
    });
  }

  #fail(error: DtorrentError): void {
    if (!this.#isClosed) this.#source.onDataError(error);
    this.#end();
  }

  #end(): void {
    this.#isSaving = false;
    const next = this.#next;
    this.#next = null;
    if (next !== null && !this.#isClosed) {
      this.#begin(next === 'last');
      return;
    }
    if (this.#isForgotten) this.#remove();
    else this.#tellFinished();
  }

  #remove(): void {
    this.#isForgotten = false;
    const { host, turn } = this.#context;
    host.state.remove(this.#key, (error) => {
      turn.run(() => {
        this.#reviewState(error);
        this.#tellFinished();
      });
    });
  }

  #tellFinished(): void {
    const dones = this.#lastDones;
    this.#lastDones = [];
    for (const done of dones) done();
  }

  // ---- the store ----

  /** Downloads go on without a record; one warning is enough until it works again. */
  #reviewState(error: DtorrentError | null): void {
    if (error !== null && !this.#hasWarned) this.#context.emit({ type: 'warning', error });
    this.#hasWarned = error !== null;
  }

  #read(result: Uint8Array | null | DtorrentError): ResumeData | null {
    if (result === null) return null;
    try {
      if (result instanceof DtorrentError) throw result;
      const record = decodeResumeData(result);
      const { infoHashHex: infoHash } = this.#source;
      // The texts that we have already: they are kept as long as the torrent is.
      if (record.infoHash === infoHash && record.directory === this.#directory) {
        return { ...record, infoHash, directory: this.#directory };
      }
      throw new DtorrentError('ESTATE', 'it belongs to another download');
    } catch (thrown) {
      const { message } = toDtorrentError(thrown);
      const error = new DtorrentError('ESTATE', `${this.#key}: ${message}; all data is checked instead`, {
        cause: thrown,
      });
      this.#context.emit({ type: 'warning', error });
      return null;
    }
  }
}

function claimsOf(record: ResumeData | null): DiskClaims | null {
  if (record === null) return null;
  const { isClean, have, files, partials } = record;
  return { isClean, have, files, partials };
}
