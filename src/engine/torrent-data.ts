/**
 * A torrent's data once its metadata is known: what is there, what is being fetched, and the storage under both.
 * Checks what is on disk, hands finished pieces to the storage and is the source that uploads are read from.
 * Invariant: a piece is in `have` only after the storage said 'ok' to writing or verifying it in this session (or the
 * caller vouched for it with trustAll, or a record that the files still agree with).
 */
import type { Bitfield } from '../base/bitfield.js';
import { DtorrentError } from '../base/errors.js';
import { SlotPool } from '../base/slot-pool.js';
import type { FileLayout } from '../format/file-layout.js';
import type { PartialMemory } from '../format/resume-data.js';
import type { Storage } from '../host/storage.js';
import type { DataMemory } from './check-plan.js';
import type { EngineContext } from './context.js';
import { DataCheck, type DataCheckHandler } from './data-check.js';
import { PiecePicker } from './piece-picker.js';
import { type Chunk, type ChunkSource, READ_CHUNK_BYTES } from './read-cache.js';

export interface TorrentDataHandler {
  /** Verified and stored: tell everyone. */
  onPieceVerified(piece: number): void;
  /** The bytes did not match; `contributors` are the numbers of the peers that sent its blocks. */
  onPieceFailed(piece: number, contributors: readonly number[]): void;
  /** A slot came free, or blocks did: peers that found nothing to request may find something now. */
  onRequestsPossible(): void;
  /** Storage failed: the torrent cannot go on. */
  onDataError(error: DtorrentError): void;
}

export class TorrentData implements ChunkSource, DataCheckHandler {
  readonly layout: FileLayout;
  readonly storage: Storage;
  readonly picker: PiecePicker;
  readonly chunks: Map<number, Chunk> = new Map();
  readonly chunksPerPiece: number;
  /** Payload bytes that are verified, padding left out. */
  bytesDone = 0;
  bytesChecked = 0;
  hashFailures = 0;
  failedBytes = 0;
  /** False while the check runs: nothing is requested before it is known what is there. */
  isChecked = false;
  readonly wantedFiles: Uint8Array | null = null;
  readonly partials: readonly PartialMemory[] = [];
  readonly #context: EngineContext;
  readonly #handler: TorrentDataHandler;
  readonly #slots: SlotPool;
  #check: DataCheck | null = null;
  #isClosed = false;
  #isStorageClosed = false;
  readonly #closeDones: (() => void)[] = [];
  #onChecked: () => void = () => {};

  constructor(options: {
    readonly context: EngineContext;
    readonly layout: FileLayout;
    readonly storage: Storage;
    readonly isSequential: boolean;
    readonly handler: TorrentDataHandler;
  }) {
    this.#context = options.context;
    this.#handler = options.handler;
    this.layout = options.layout;
    this.storage = options.storage;
    this.chunksPerPiece = Math.ceil(options.layout.pieceLength / READ_CHUNK_BYTES);
    this.#slots = new SlotPool(options.layout.pieceLength, options.context.writeBudget);
    this.picker = new PiecePicker({
      geometry: options.layout,
      slots: this.#slots,
      random: options.context.host.random,
      isSequential: options.isSequential,
    });
  }

  get have(): Bitfield {
    return this.picker.have;
  }

  get isComplete(): boolean {
    return this.picker.isComplete;
  }

  /** Everything wanted is verified and stored; unselected files may be missing. */
  get isFinished(): boolean {
    return this.picker.wantedMissing === 0;
  }

  pieceBytes(piece: number): number {
    return this.layout.pieceBytes(piece);
  }

  /**
   * Finds out what is on disk; `memory` (null = none) spares what it vouches for. `done` is called in a turn, perhaps
   * inside the call, and not at all when the files cannot be read, which onDataError tells.
   */
  check(memory: DataMemory | null, done: () => void): void {
    this.#onChecked = done;
    const { turn } = this.#context;
    this.#check = new DataCheck({ turn, storage: this.storage, layout: this.layout, handler: this });
    this.#check.start(memory);
  }

  /** Takes the caller's word that everything is there and good (`seed --trust`). */
  trustAll(): void {
    for (let piece = 0; piece < this.layout.pieceCount; piece++) this.#addPiece(piece);
    this.isChecked = true;
  }

  // ---- DataCheckHandler ----

  onPieceFound(piece: number): void {
    this.#addPiece(piece);
  }

  onPieceChecked(piece: number): void {
    this.bytesChecked += this.pieceBytes(piece);
  }

  onCheckDone(): void {
    this.isChecked = true;
    this.#onChecked();
  }

  onCheckError(error: DtorrentError): void {
    this.#handler.onDataError(error);
  }

  // ---- storing ----

  /** Every block of `piece` has arrived: hash and write it. */
  storePiece(piece: number): void {
    const partial = this.picker.partial(piece);
    if (partial === null) return;
    partial.isWriting = true;
    this.storage.writePiece(piece, partial.slot, (result) => {
      this.#context.turn.run(() => this.#onStored(piece, result));
    });
  }

  /** Blocks came back (a choke, a reject, a time-out): others may request them. */
  requestsPossible(): void {
    this.#handler.onRequestsPossible();
  }

  onReadError(error: DtorrentError): void {
    if (!this.#isClosed) this.#handler.onDataError(error);
  }

  /** Gives memory and files back. Idempotent; each `done` is called in a turn. */
  close(done: () => void): void {
    if (this.#isStorageClosed) {
      done();
      return;
    }
    this.#closeDones.push(done);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#check?.cancel();
    this.#context.readCache.dropSource(this);
    this.picker.releaseSlots();
    this.storage.close(() => {
      this.#context.turn.run(() => {
        this.#slots.trim();
        this.#isStorageClosed = true;
        for (const closed of this.#closeDones) closed();
      });
    });
  }

  #onStored(piece: number, result: 'ok' | 'bad-hash' | DtorrentError): void {
    if (result instanceof DtorrentError) {
      this.picker.pieceFailed(piece);
      if (!this.#isClosed) this.#handler.onDataError(result);
      return;
    }
    if (result === 'bad-hash') {
      const contributors = this.picker.contributorsOf(piece);
      this.hashFailures++;
      this.failedBytes += this.pieceBytes(piece);
      this.picker.pieceFailed(piece);
      if (this.#isClosed) return;
      this.#handler.onPieceFailed(piece, contributors);
    } else {
      this.#countBytes(piece);
      this.picker.pieceVerified(piece);
      if (this.isComplete) this.#slots.trim();
      if (this.#isClosed) return;
      this.#handler.onPieceVerified(piece);
    }
    this.#handler.onRequestsPossible();
  }

  #addPiece(piece: number): void {
    this.#countBytes(piece);
    this.picker.markHave(piece);
  }

  #countBytes(piece: number): void {
    this.bytesDone += this.layout.dataBytes(piece);
  }
}
