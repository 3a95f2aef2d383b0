/**
 * A torrent's data once its metadata is known: what is there, what is being fetched, and the storage under both.
 * Checks what is on disk, hands finished pieces to the storage and is the source that uploads are read from.
 * Invariant: a piece is in `have` only after the storage said 'ok' to writing or verifying it in this session (or the
 * caller vouched for it with trustAll, or a record that the files still agree with).
 */
import { Bitfield } from '../../base/bitfield.js';
import { bytesEqual } from '../../base/bytes.js';
import type { DtorrentError } from '../../base/errors.js';
import { RareMap, RareSet } from '../../base/rarely-filled.js';
import { wide } from '../../base/wide.js';
import type { FileLayout } from '../../format/file-layout.js';
import type { PartialMemory } from '../../format/resume-data.js';
import type { PieceHashes, Storage } from '../../host/storage.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import type { EngineContext } from '../context.js';
import { FileTrees } from '../pieces/file-trees.js';
import type { HashSource } from '../pieces/leaf-fetcher.js';
import { PieceFetching } from '../pieces/piece-fetching.js';
import type { PiecePicker } from '../pieces/piece-picker.js';
import type { PieceStoreHandler } from '../pieces/piece-store.js';
import type { Turn } from '../turn.js';
import type { DataMemory } from './check-plan.js';
import { DataCheck, type DataCheckHandler } from './data-check.js';
import type { FilePriorities, PiecePriorities } from './file-priorities.js';
import { FileProgress } from './file-progress.js';
import { type Chunk, type ChunkSource, READ_CHUNK_BYTES } from './read-cache.js';

export interface TorrentDataHandler {
  /** Verified and stored: tell everyone. */
  onPieceVerified(piece: number): void;
  /** The bytes did not match. */
  onPieceFailed(piece: number): void;
  /** They sent wrong bytes, beyond doubt; by number: they may have gone. */
  onPeersGuilty(peers: readonly number[]): void;
  /** Peers that may be asked for hashes of v2 files. */
  hashSources(): Iterable<HashSource>;
  /** A slot came free, or blocks did: peers that found nothing to request may find something now. */
  onRequestsPossible(): void;
  /** `partials` has grown. */
  onPartialStored(): void;
  /** Storage failed: the torrent cannot go on. */
  onDataError(error: DtorrentError): void;
}

const NO_FILES: ReadonlySet<number> = new RareSet();

export class TorrentData implements ChunkSource, DataCheckHandler, PieceStoreHandler {
  readonly layout: FileLayout;
  readonly storage: Storage;
  readonly progress: FileProgress;
  /** Null without v2 hashes. */
  readonly trees: FileTrees | null;
  /** Pieces that are verified and stored. */
  readonly have: Bitfield;
  readonly chunks: RareMap<number, Chunk> = new RareMap();
  readonly chunksPerPiece: number;
  /** Payload bytes that are verified, padding left out. */
  bytesDone: number = wide(0);
  bytesChecked = 0;
  /** What the check hashes, of which `bytesChecked` is done. */
  bytesToCheck = 0;
  hashFailures = 0;
  failedBytes = 0;
  /** False while the check runs: nothing is requested before it is known what is there. */
  isChecked = false;
  /** Files that have their place on disk, as the storage was last told: 1 each, null = all. */
  wantedFiles: Uint8Array | null;
  readonly #context: EngineContext;
  readonly #handler: TorrentDataHandler;
  #check: DataCheck | null = null;
  readonly #files: FilePriorities;
  readonly #isSequential: boolean;
  /** Null while no piece is missing and no peer is there. */
  #fetching: PieceFetching | null = null;
  #filesRead: ReadonlySet<number> = NO_FILES;
  #isClosed = false;
  #isStorageClosed = false;
  readonly #closeDones: (() => void)[] = [];
  #onChecked: (() => void) | null = null;

  constructor(options: {
    readonly context: EngineContext;
    readonly layout: FileLayout;
    readonly hashes: PieceHashes;
    readonly storage: Storage;
    readonly files: FilePriorities;
    /** The wanted files that the storage was opened with. */
    readonly placedFiles: Uint8Array | null;
    readonly isSequential: boolean;
    readonly handler: TorrentDataHandler;
  }) {
    this.#context = options.context;
    this.#handler = options.handler;
    this.layout = options.layout;
    this.storage = options.storage;
    this.chunksPerPiece = Math.ceil(options.layout.pieceLength / READ_CHUNK_BYTES);
    this.have = new Bitfield(options.layout.pieceCount);
    this.trees = treesOf(options, options.context.turn);
    this.#isSequential = options.isSequential;
    this.progress = new FileProgress(options.layout, options.files.wantedFiles);
    this.#files = options.files;
    this.wantedFiles = options.placedFiles;
    this.#placeFiles();
  }

  /** Decides what is asked of whom; made when it is asked for first. */
  get picker(): PiecePicker {
    return this.#fetch.picker;
  }

  /** The same, if there has been a reason to make it: for those that only look. */
  get fetching(): PieceFetching | null {
    return this.#fetching;
  }

  /** The storage still has to end what it is doing. */
  get isClosing(): boolean {
    return this.#isClosed && !this.#isStorageClosed;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Unfinished pieces with blocks on disk, in order: of those too large to be held, and after savePartials of all. */
  get partials(): readonly PartialMemory[] {
    return this.#fetching?.store.partialsOnDisk() ?? [];
  }

  get isComplete(): boolean {
    return this.have.isFull;
  }

  /** Everything selected is verified and stored; unselected files may be missing. */
  get isFinished(): boolean {
    return this.have.isFull || this.#fetch.demand.isSelectionHad;
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

  /** The selection has changed; `changed`: the priorities of which pieces. */
  onSelectionChanged(changed: PiecePriorities | null): void {
    if (changed !== null) this.#fetching?.demand.onSelectionChanged(changed);
    this.progress.setWanted(this.#files.wantedFiles);
    this.#placeFiles();
  }

  /** What readers need: piece -> by when, in monotonic ms; and of which files. A file that is read has to be on disk. */
  setUrgent(deadlines: ReadonlyMap<number, number>, filesRead: ReadonlySet<number>): void {
    if (this.#fetching !== null || deadlines.size > 0) this.#fetch.demand.setUrgent(deadlines);
    // Mostly the window of a reader has moved on, and no more.
    if (filesRead === this.#filesRead) return;
    this.#filesRead = filesRead;
    this.#placeFiles();
  }

  /** About once a second: what pieces in flight have not needed since then is for other torrents. */
  releaseIdleMemory(): void {
    if (this.#fetching === null) return;
    if (this.#fetching.slots.trimIdle()) this.#context.memoryFreed();
    if (this.#fetching.isIdle) this.#fetching = null;
  }

  // ---- DataCheckHandler ----

  onPieceFound(piece: number): void {
    this.#addPiece(piece);
  }

  onCheckPlanned(doubtful: Bitfield): void {
    for (let piece = 0; piece < doubtful.length; piece++) {
      if (doubtful.has(piece)) this.bytesToCheck += this.pieceBytes(piece);
    }
  }

  onPieceChecked(piece: number): void {
    this.bytesChecked += this.pieceBytes(piece);
  }

  onPartialFound(piece: number, blocks: Uint8Array): void {
    this.picker.restorePartial(piece, blocks);
  }

  onCheckDone(): void {
    this.#check = null;
    this.isChecked = true;
    const onChecked = this.#onChecked!;
    this.#onChecked = null;
    onChecked();
  }

  onCheckError(error: DtorrentError): void {
    this.#check = null;
    this.#handler.onDataError(error);
  }

  // ---- storing ----

  /** The last missing block of a piece, or of an extent of it, has arrived: hash and write. */
  storeBlocks(piece: number, block: number): void {
    // Its files may not be on disk, and then there is nowhere to keep it.
    const isWanted = this.picker.priority(piece) > 0;
    if (isWanted || this.picker.partial(piece)?.isSpilled === true) this.#fetch.store.store(piece, block);
    else this.picker.pieceAbandoned(piece);
  }

  /** A peer answers a request for hashes, null = it will not tell. @returns false when they are false. */
  onHashes(source: HashSource, range: HashRange, hashes: Uint8Array | null): boolean {
    return this.#fetch.store.onHashes(source, range, hashes);
  }

  /**
   * For an orderly stop: writes the blocks of unfinished pieces that are in memory to their places, unverified, so that
   * they are in `partials` for the next check to take up. Pieces that are being stored are waited for, so that `have` is
   * final too. To be called once the peers are gone, and before close(); `done` may come inside the call.
   */
  savePartials(done: () => void): void {
    if (this.#fetching === null) done();
    else this.#fetching.store.savePartials(() => done());
  }

  // ---- PieceStoreHandler ----

  onPieceStored(piece: number): void {
    const { demand, slots } = this.#fetch;
    demand.onVerified(piece, this.#context.turn.now);
    this.#countBytes(piece);
    if (this.isComplete && slots.trim()) this.#context.memoryFreed();
    this.#handler.onPieceVerified(piece);
  }

  onPieceBad(piece: number): void {
    this.hashFailures++;
    this.failedBytes += this.pieceBytes(piece);
    this.#handler.onPieceFailed(piece);
  }

  onPeersGuilty(peers: readonly number[]): void {
    this.#handler.onPeersGuilty(peers);
  }

  hashSources(): Iterable<HashSource> {
    return this.#handler.hashSources();
  }

  onStoreError(error: DtorrentError): void {
    this.#handler.onDataError(error);
  }

  onPartialStored(): void {
    this.#handler.onPartialStored();
  }

  onRequestsPossible(): void {
    this.#handler.onRequestsPossible();
  }

  // ---- ChunkSource ----

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
    this.#fetching?.store.stop();
    this.storage.close(() => {
      this.#context.turn.run(() => {
        if (this.#fetching?.slots.trim() === true) this.#context.memoryFreed();
        this.#isStorageClosed = true;
        for (const closed of this.#closeDones) closed();
      });
    });
  }

  /** Where all that fetches pieces is made. */
  get #fetch(): PieceFetching {
    this.#fetching ??= new PieceFetching({
      context: this.#context,
      layout: this.layout,
      storage: this.storage,
      trees: this.trees,
      have: this.have,
      files: this.#files,
      isSequential: this.#isSequential,
      handler: this,
    });
    return this.#fetching;
  }

  #placeFiles(): void {
    const placed = this.#files.wantedFiles;
    if (placed !== null) for (const file of this.#filesRead) placed[file] = 1;
    if (this.#isClosed || isSameSet(placed, this.wantedFiles)) return;
    this.wantedFiles = placed;
    this.storage.setWantedFiles(placed, (error) => {
      this.#context.turn.run(() => {
        if (error !== null && !this.#isClosed) this.#handler.onDataError(error);
      });
    });
  }

  #addPiece(piece: number): void {
    this.#countBytes(piece);
    if (this.#fetching === null) this.have.add(piece);
    else this.#fetching.picker.markHave(piece);
  }

  #countBytes(piece: number): void {
    this.bytesDone += this.layout.dataBytes(piece);
    this.progress.addPiece(piece);
  }
}

function treesOf(
  { layout, hashes, storage }: { readonly layout: FileLayout; readonly hashes: PieceHashes; readonly storage: Storage },
  turn: Turn,
): FileTrees | null {
  const { files, pieceLength } = layout;
  return hashes.v2 === null ? null : new FileTrees({ files, pieceLength, hashes, storage, turn });
}

function isSameSet(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return bytesEqual(a, b);
}
