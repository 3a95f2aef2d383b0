/**
 * All that it takes to fetch what a torrent lacks: memory for pieces in flight, the picker, what is wanted of them, and
 * their way to disk. TorrentData makes it when a piece is missing or a peer comes, whichever is first: a torrent that
 * only waits to be asked for something does without, and of those there are thousands.
 */
import type { Bitfield } from '../../base/bitfield.js';
import { SlotPool } from '../../base/slot-pool.js';
import type { FileLayout } from '../../format/file-layout.js';
import type { Storage } from '../../host/storage.js';
import type { EngineContext } from '../context.js';
import type { FilePriorities } from '../data/file-priorities.js';
import { slotBytesFor } from './extent-size.js';
import type { FileTrees } from './file-trees.js';
import { PieceDemand } from './piece-demand.js';
import { PiecePicker } from './piece-picker.js';
import { PieceStore, type PieceStoreHandler } from './piece-store.js';

export class PieceFetching {
  readonly slots: SlotPool;
  readonly picker: PiecePicker;
  readonly demand: PieceDemand;
  readonly store: PieceStore;

  constructor(options: {
    readonly context: EngineContext;
    readonly layout: FileLayout;
    readonly storage: Storage;
    /** Null without v2 hashes. */
    readonly trees: FileTrees | null;
    /** What is there; the picker adds what comes. */
    readonly have: Bitfield;
    readonly files: FilePriorities;
    readonly isSequential: boolean;
    readonly handler: PieceStoreHandler;
  }) {
    const { context, layout, storage, trees, have, files, isSequential, handler } = options;
    const { turn, writeBudget, host } = context;
    this.slots = new SlotPool(slotBytesFor(layout.pieceLength, writeBudget.limitBytes), writeBudget);
    this.picker = new PiecePicker({
      geometry: layout,
      slots: this.slots,
      random: host.random,
      isSequential,
      have,
      spill: (piece, extent) => this.store.writeExtent(piece, extent),
    });
    this.store = new PieceStore({ turn, storage, picker: this.picker, trees, handler });
    this.demand = new PieceDemand(this.picker, files);
  }

  /** Everything is there, nobody comes for it, and nothing is on its way to disk: it can be made anew. */
  get isIdle(): boolean {
    return this.picker.isComplete && !this.picker.hasPeers && this.store.isIdle && this.slots.heldBytes === 0;
  }
}
