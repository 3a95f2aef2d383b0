/**
 * A torrent's data while it is open, from the storage to the record of it. Opening: open the storage, then find out
 * what is there with the help of the record. Closing: one last save, then close the storage. Starting, pausing,
 * resuming, checking anew and stopping are made of these two. Called by Torrent, inside turns; so are its callbacks.
 * Invariant: at most one storage of the torrent is in use; an opening that a close has overtaken comes to nothing.
 */
import { assert } from '../../base/assert.js';
import { DtorrentError, toDtorrentError } from '../../base/errors.js';
import type { FileLayout } from '../../format/file-layout.js';
import type { Storage, StorageSpec } from '../../host/storage.js';
import type { EngineContext } from '../context.js';
import type { FilePriorities } from './file-priorities.js';
import { type ResumableData, type ResumeFacts, ResumeKeeper, type ResumeSource } from './resume-keeper.js';
import { TorrentData, type TorrentDataHandler } from './torrent-data.js';

export interface DataHolderHandler extends TorrentDataHandler {
  readonly infoHashHex: string;
  resumeFacts(): ResumeFacts;
  /** Nothing is open any more; after everyone who waited for that. */
  onDataClosed(): void;
}

/** What the storage is opened with, and how. */
export interface DataOpening extends Pick<StorageSpec, 'hashes' | 'partsName'> {
  readonly layout: FileLayout;
  readonly files: FilePriorities;
  readonly isSequential: boolean;
  /** Take everything to be there, unseen. */
  readonly isTrusted: boolean;
  /** The record says that there is data: nothing at all would be a disk that is not mounted, and an error. */
  readonly needsFiles: boolean;
}

export class DataHolder implements ResumeSource {
  readonly keeper: ResumeKeeper;
  /** The last one opened, perhaps closed since: what is known of the torrent. */
  data: TorrentData | null = null;
  readonly #context: EngineContext;
  readonly #handler: DataHolderHandler;
  readonly #directory: string;
  #isOpen = false;
  #openings = 0;
  #closeDones: (() => void)[] | null = null;

  constructor(context: EngineContext, handler: DataHolderHandler, directory: string) {
    this.#context = context;
    this.#handler = handler;
    this.#directory = directory;
    this.keeper = new ResumeKeeper(context, this, directory);
  }

  get isClosing(): boolean {
    return this.#closeDones !== null;
  }

  /** It is being found out what is there, and not from the record alone. */
  get isHashing(): boolean {
    return this.#isOpen && !this.data!.isChecked && this.data!.bytesToCheck > 0;
  }

  /** `done` comes once it is known what is there, unless a close comes first. Errors go to onDataError. */
  open(opening: DataOpening, done: (data: TorrentData) => void): void {
    assert(!this.#isOpen && !this.isClosing, 'data is opened once at a time');
    const number = ++this.#openings;
    const { layout, hashes, partsName } = opening;
    const { wantedFiles } = opening.files;
    const { preallocation } = this.#context.settings;
    const directoryIdentity = opening.needsFiles ? (this.data?.storage.directoryIdentity ?? null) : null;
    const parts = { layout, hashes, wantedFiles, partsName, preallocation };
    this.#context.host.storage.open({ directory: this.#directory, directoryIdentity, ...parts }, (result) => {
      const opened = (): void => {
        if (number === this.#openings) this.#onStorage(opening, wantedFiles, result, done);
        else if (!(result instanceof DtorrentError)) result.close(() => {});
      };
      this.#context.turn.run(opened, (bug) => this.#handler.onDataError(toDtorrentError(bug)));
    });
  }

  /** Saves and closes what is open. `done` comes inside the call when there is nothing to wait for. */
  close(done: () => void): void {
    this.#openings++;
    if (this.#closeDones !== null) {
      this.#closeDones.push(done);
      return;
    }
    this.#closeDones = [done];
    if (this.#isOpen && this.data!.isChecked) this.data!.savePartials(() => this.#saveAndClose());
    else this.#saveAndClose();
  }

  // ---- ResumeSource ----

  get infoHashHex(): string {
    return this.#handler.infoHashHex;
  }

  get openData(): ResumableData | null {
    return this.#isOpen ? this.data : null;
  }

  resumeFacts(): ResumeFacts {
    return this.#handler.resumeFacts();
  }

  onDataError(error: DtorrentError): void {
    this.#handler.onDataError(error);
  }

  // ---- inside ----

  #onStorage(
    opening: DataOpening,
    wantedFiles: Uint8Array | null,
    result: Storage | DtorrentError,
    done: (data: TorrentData) => void,
  ): void {
    if (result instanceof DtorrentError) {
      this.#handler.onDataError(result);
      return;
    }
    const memory = this.keeper.memoryFor(opening.layout);
    if (opening.needsFiles && result.isEmpty && memory !== null && !memory.have.isEmpty) {
      result.close(() => {});
      const message = `the files are gone from ${this.#directory}: mount the disk or put them back`;
      this.#handler.onDataError(new DtorrentError('EFILEOPEN', `${message}; to download anew, resume`));
      return;
    }
    const data = new TorrentData({
      context: this.#context,
      layout: opening.layout,
      hashes: opening.hashes,
      storage: result,
      files: opening.files,
      placedFiles: wantedFiles,
      isSequential: opening.isSequential,
      handler: this.#handler,
    });
    // Counted since the torrent was added, however often it has been paused or checked.
    data.hashFailures = this.data?.hashFailures ?? 0;
    data.failedBytes = this.data?.failedBytes ?? 0;
    this.data = data;
    this.#isOpen = true;
    if (opening.isTrusted) {
      this.keeper.touch();
      data.trustAll();
      done(data);
      return;
    }
    const number = this.#openings;
    data.check(memory, () => {
      if (number === this.#openings) done(data);
    });
  }

  #saveAndClose(): void {
    this.keeper.finish(() => {
      const wasOpen = this.#isOpen;
      this.#isOpen = false;
      if (wasOpen) this.data!.close(() => this.#onClosed());
      else this.#onClosed();
    });
  }

  #onClosed(): void {
    const dones = this.#closeDones!;
    this.#closeDones = null;
    for (const done of dones) done();
    this.#handler.onDataClosed();
  }
}
