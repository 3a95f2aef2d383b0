/**
 * Brings what has been received to disk: a whole piece is hashed where it is in memory and then written; of a spilled
 * one each extent is written as it is complete, and all of it verified on disk in the end. Called by TorrentData.
 * Invariant: a piece counts as had only after the storage said 'ok' to all of it; what is written unverified is
 * neither served nor announced.
 */
import { DtorrentError, toDtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { slotPart } from '../../base/slot-pool.js';
import type { Storage } from '../../host/storage.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import type { Turn } from '../turn.js';
import type { FileTrees } from './file-trees.js';
import { type HashSource, LeafFetcher } from './leaf-fetcher.js';
import { NOBODY, ON_DISK, type PartialPiece, RECEIVED } from './partial-piece.js';
import { PieceBlame } from './piece-blame.js';
import type { PiecePicker } from './piece-picker.js';

const BLOCK_BYTES = LIMITS.blockBytes;

export interface PieceStoreHandler {
  /** Verified and on disk; the picker knows. */
  onPieceStored(piece: number): void;
  /** The bytes did not match. */
  onPieceBad(piece: number): void;
  /** They sent bytes of pieces that were not right, beyond doubt; by number: they may have gone. */
  onPeersGuilty(peers: readonly number[]): void;
  /** Peers that may be asked for hashes. */
  hashSources(): Iterable<HashSource>;
  onStoreError(error: DtorrentError): void;
  /** More blocks of an unfinished piece are on disk: see partialsOnDisk. */
  onPartialStored(): void;
  /** Memory came free, or blocks did: peers that found nothing to request may find something now. */
  onRequestsPossible(): void;
}

/** Blocks of an unfinished piece that are on disk, unverified: one bit a block, as in a bitfield message. */
export interface SavedPartial {
  readonly piece: number;
  readonly blocks: Uint8Array;
}

export class PieceStore {
  readonly #turn: Turn;
  readonly #storage: Storage;
  readonly #picker: PiecePicker;
  readonly #handler: PieceStoreHandler;
  readonly #blame: PieceBlame;
  readonly #leaves: LeafFetcher | null;
  /** Extents and pieces that the storage is at work on. */
  #pending = 0;
  #isStopped = false;
  #onSaved: (() => void) | null = null;

  constructor(options: {
    readonly turn: Turn;
    readonly storage: Storage;
    readonly picker: PiecePicker;
    readonly handler: PieceStoreHandler;
    /** Null without v2 hashes: then there is nobody to ask for those of blocks. */
    readonly trees: FileTrees | null;
  }) {
    this.#turn = options.turn;
    this.#storage = options.storage;
    this.#picker = options.picker;
    this.#handler = options.handler;
    this.#leaves = this.#makeLeafFetcher(options.trees);
    this.#blame = new PieceBlame({
      turn: options.turn,
      storage: options.storage,
      handler: {
        pieceBytes: (piece) => options.trees?.dataBytes(piece) ?? this.#picker.pieceBytes(piece),
        onPieceDoubtful: (piece) => {
          if (!this.#isStopped) this.#leaves?.fetch(piece);
        },
        onPeersGuilty: (peers) => {
          if (!this.#isStopped) this.#handler.onPeersGuilty(peers);
        },
        onPeersInnocent: (peers) => {
          this.#picker.clearSuspects(peers);
          // They may share pieces again.
          if (!this.#isStopped) this.#handler.onRequestsPossible();
        },
      },
    });
  }

  /** The storage has nothing of ours to do. */
  get isIdle(): boolean {
    return this.#pending === 0;
  }

  /** A peer answers a request for hashes, null = it will not tell. @returns false when they are false. */
  onHashes(source: HashSource, range: HashRange, hashes: Uint8Array | null): boolean {
    return this.#leaves === null || this.#leaves.onAnswer(source, range, hashes);
  }

  /** The last missing block of a piece, or of an extent of a spilled one, has come. */
  store(piece: number, block: number): void {
    const partial = this.#picker.partial(piece);
    if (partial === null) return;
    if (partial.isSpilled) this.writeExtent(piece, partial.extentIndexOf(block));
    else this.#writePiece(partial);
  }

  /** Writes what has come of an extent that is in memory, and then frees its memory. */
  writeExtent(piece: number, extentIndex: number): void {
    this.#picker.extentWriting(piece, extentIndex);
    const partial = this.#picker.partial(piece)!;
    let waiting = 1;
    let failure: DtorrentError | null = null;
    const written = (error: DtorrentError | null): void => {
      failure ??= error;
      waiting--;
      if (waiting === 0) this.#onExtentWritten(piece, extentIndex, failure);
    };
    this.#pending++;
    const slot = partial.extents[extentIndex]!.slot!;
    const first = partial.firstBlockOf(extentIndex);
    const end = partial.firstBlockOf(extentIndex + 1);
    for (let block = first; block < end; ) {
      const runEnd = endOfRun(partial, block, end);
      if (runEnd > block) {
        waiting++;
        const begin = block * BLOCK_BYTES;
        const length = Math.min(runEnd * BLOCK_BYTES, this.#picker.pieceBytes(piece)) - begin;
        const part = slotPart(slot, { offsetBytes: (block - first) * BLOCK_BYTES, lengthBytes: length });
        this.#storage.writeUnverified({ piece, begin, length }, part, (error) => this.#enter(() => written(error)));
      }
      block = Math.max(runEnd, block + 1);
    }
    written(null);
  }

  /**
   * Writes the blocks of unfinished pieces that are in memory to their places. To be called once nothing arrives any
   * more and before the storage is closed; `done` comes when the storage has nothing of ours to do, perhaps inside the
   * call, with every unfinished piece of which something is on disk, in order.
   */
  savePartials(done: (saved: SavedPartial[]) => void): void {
    for (const partial of [...this.#picker.inFlight]) {
      if (partial.isStoring) continue;
      this.#picker.spillPiece(partial.piece);
      for (let index = 0; index < partial.extentCount; index++) {
        const extent = partial.extents[index]!;
        if (extent.isOpen && extent.missingCount === extent.freeCount) this.writeExtent(partial.piece, index);
      }
    }
    this.#onSaved = () => done(this.partialsOnDisk());
    this.#tellIfSaved();
  }

  /** @returns the unfinished pieces of which blocks are on disk now, in order. O(blocks of spilled pieces). */
  partialsOnDisk(): SavedPartial[] {
    const saved: SavedPartial[] = [];
    for (const partial of this.#picker.inFlight) {
      const blocks = blocksOnDisk(partial);
      if (blocks !== null) saved.push({ piece: partial.piece, blocks });
    }
    return saved.sort((a, b) => a.piece - b.piece);
  }

  /** Nothing is begun any more, and nobody is told of what ends. */
  stop(): void {
    this.#isStopped = true;
    this.#leaves?.stop();
    this.#picker.releaseSlots();
  }

  #makeLeafFetcher(trees: FileTrees | null): LeafFetcher | null {
    if (trees === null) return null;
    const sources = (): Iterable<HashSource> => this.#handler.hashSources();
    const onLeaves = (piece: number, leaves: Uint8Array): void => this.#blame.onLeaves(piece, leaves);
    return new LeafFetcher({ turn: this.#turn, trees, sources, onLeaves });
  }

  #writePiece(partial: PartialPiece): void {
    const { piece } = partial;
    partial.isStoring = true;
    this.#pending++;
    this.#storage.writePiece(piece, partial.extents[0]!.slot!, (result) => {
      this.#enter(() => this.#onVerdict(piece, result));
    });
  }

  #verify(partial: PartialPiece): void {
    const { piece } = partial;
    partial.isStoring = true;
    this.#pending++;
    this.#storage.verifyPiece(piece, (result) => {
      this.#enter(() => this.#onVerdict(piece, result));
    });
  }

  /** The storage replies. */
  #enter(task: () => void): void {
    this.#turn.run(task, (bug) => this.#handler.onStoreError(toDtorrentError(bug)));
  }

  #onExtentWritten(piece: number, extentIndex: number, error: DtorrentError | null): void {
    this.#pending--;
    const isReady = this.#picker.extentWritten(piece, extentIndex, { isStored: error === null });
    if (this.#isStopped) {
      this.#picker.releaseSlots();
      return;
    }
    if (isReady) this.#verify(this.#picker.partial(piece)!);
    if (error !== null) this.#handler.onStoreError(error);
    else if (!isReady) this.#handler.onPartialStored();
    this.#handler.onRequestsPossible();
    this.#tellIfSaved();
  }

  #onVerdict(piece: number, result: 'ok' | 'bad-hash' | 'missing' | DtorrentError): void {
    this.#pending--;
    if (result === 'ok') {
      this.#picker.pieceVerified(piece);
      if (!this.#isStopped) {
        this.#handler.onPieceStored(piece);
        this.#blame.onPieceGood(piece);
      }
    } else if (result === 'bad-hash') {
      this.#onBadHash(piece);
      return;
    } else {
      this.#picker.pieceLost(piece);
      if (!this.#isStopped && result instanceof DtorrentError) this.#handler.onStoreError(result);
    }
    this.#afterVerdict();
  }

  /** One sender: there is no doubt whose fault it is. Of several, what they sent is remembered first. */
  #onBadHash(piece: number): void {
    const partial = this.#picker.partial(piece)!;
    const sole = partial.soleContributor();
    const fail = (): void => {
      this.#picker.pieceFailed(piece);
      if (!this.#isStopped) this.#handler.onPieceBad(piece);
    };
    if (sole >= 0 || this.#isStopped) {
      fail();
      if (!this.#isStopped) this.#handler.onPeersGuilty([sole]);
      this.#afterVerdict();
      return;
    }
    this.#pending++;
    this.#blame.onPieceBad(partial, () => {
      this.#pending--;
      fail();
      this.#afterVerdict();
    });
  }

  #afterVerdict(): void {
    if (this.#isStopped) return;
    this.#handler.onRequestsPossible();
    this.#tellIfSaved();
  }

  #tellIfSaved(): void {
    const onSaved = this.#onSaved;
    if (onSaved === null || this.#pending > 0) return;
    this.#onSaved = null;
    onSaved();
  }
}

/** @returns the end of the blocks from `block` on that are in memory and worth writing; `block` itself for none. */
function endOfRun(partial: PartialPiece, block: number, end: number): number {
  let runEnd = block;
  while (runEnd < end && partial.blockState[runEnd] === RECEIVED && partial.contributor[runEnd] !== NOBODY) runEnd++;
  return runEnd;
}

/** @returns null when there is none but padding. */
function blocksOnDisk(partial: PartialPiece): Uint8Array | null {
  if (!partial.isSpilled || !partial.hasBytes) return null;
  const blocks = new Uint8Array(Math.ceil(partial.blockCount / 8));
  let isAny = false;
  for (let block = 0; block < partial.blockCount; block++) {
    if (partial.blockState[block] !== ON_DISK || partial.contributor[block] === NOBODY) continue;
    blocks[block >>> 3]! |= 0x80 >>> (block & 7);
    isAny = true;
  }
  return isAny ? blocks : null;
}
