/**
 * What of a torrent is wanted, from being asked for to being forgotten. In order of precedence: what the caller said,
 * what an earlier run left, what the magnet link says, everything. Owned by Torrent; called inside turns.
 */
import { EMPTY_BYTES } from '../../base/bytes.js';
import { type DtorrentError, toDtorrentError } from '../../base/errors.js';
import type { FileLayout } from '../../format/file-layout.js';
import type { FileRange } from '../../format/magnet.js';
import type { Metainfo } from '../../format/metainfo.js';
import { FilePriorities, type PiecePriorities } from './file-priorities.js';
import { type FileSelection, selectionOfMagnet } from './file-selection.js';

export class TorrentSelection {
  /** Null until the metadata is known. Change it through `assign`. */
  files: FilePriorities | null = null;
  #asked: FileSelection | null;
  /** The caller has said what is wanted, be it everything. */
  #isAsked: boolean;
  readonly #fromMagnet: FileSelection | null;
  #recalled: Uint8Array = EMPTY_BYTES;

  /** `asked`: null = the caller said nothing; `fromMagnet`: null = the link says nothing, or there is none. */
  constructor(asked: FileSelection | null, fromMagnet: readonly FileRange[] | null) {
    this.#asked = asked;
    this.#isAsked = asked !== null;
    this.#fromMagnet = fromMagnet === null ? null : selectionOfMagnet(fromMagnet);
  }

  /** For resume data: one byte a file; empty = nothing but what is so by itself, or nothing is known yet. */
  get record(): Uint8Array {
    if (this.files === null) return this.#recalled;
    return this.files.isEverythingAlike && this.#fromMagnet === null ? EMPTY_BYTES : this.files.ofFile;
  }

  /** Before the files are known: null = everything. */
  ask(selection: FileSelection | null): void {
    this.#asked = selection;
    this.#isAsked = true;
  }

  /** What `record` was in an earlier run; of another length than the files it says nothing. */
  recall(priorities: Uint8Array): void {
    this.#recalled = priorities;
    if (this.#isAsked || this.files?.ofFile.length !== priorities.length) return;
    this.files.assign(priorities);
  }

  /** The files are known. @returns why what was asked for cannot be had, or null. */
  onMetadata(metainfo: Metainfo, layout: FileLayout): DtorrentError | null {
    const files = new FilePriorities(layout);
    this.files = files;
    const selection = this.#isAsked ? this.#asked : this.#fromMagnet;
    try {
      if (selection !== null) files.assign(files.selected(selection.choose(metainfo)));
    } catch (error) {
      return toDtorrentError(error);
    }
    this.recall(this.#recalled);
    return null;
  }

  /** One byte a file of the layout. @returns the pieces of which the priority changes; null = of none. */
  assign(priorities: Uint8Array): PiecePriorities | null {
    this.#isAsked = true;
    return this.files!.assign(priorities);
  }
}
