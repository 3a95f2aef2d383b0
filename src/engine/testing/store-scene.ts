/**
 * A picker and a store over a disk in memory, for tests of what becomes of received blocks. Peers are TestPickerPeers
 * that deliver the torrent's bytes, or others when told so; the storage's work is done by `settle`.
 */
import assert from 'node:assert/strict';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { ByteBudget, SlotPool } from '../../base/slot-pool.js';
import { FileLayout, pieceHashesOf } from '../../format/file-layout.js';
import type { Storage } from '../../host/storage.js';
import { specOf } from '../../host/testing/test-torrent.js';
import { Simulator } from '../../sim/simulator.js';
import { MemoryDisk } from '../../sim/storage/memory-disk.js';
import { type MemoryOperation, MemoryStorageFactory } from '../../sim/storage/memory-storage.js';
import type { HashSource } from '../pieces/leaf-fetcher.js';
import { PiecePicker } from '../pieces/piece-picker.js';
import { PieceStore, type PieceStoreHandler, type SavedPartial } from '../pieces/piece-store.js';
import { Turn } from '../turn.js';
import { type PickedBlock, TestPickerPeer } from './picker-peer.js';
import { contentOf } from './raw-peer.js';
import { DOWNLOADS, type SimTorrent } from './sim-swarm.js';

const BLOCK = LIMITS.blockBytes;

export class StoreScene implements PieceStoreHandler {
  readonly torrent: SimTorrent;
  readonly disk: MemoryDisk;
  readonly layout: FileLayout;
  readonly storage: Storage;
  readonly pool: SlotPool;
  readonly picker: PiecePicker;
  readonly store: PieceStore;
  readonly stored: number[] = [];
  readonly bad: number[] = [];
  readonly guilty: number[] = [];
  readonly errors: DtorrentError[] = [];
  /** What the storage was asked for, by name, in order, the opening left out. */
  readonly operations: string[] = [];
  fault: (operation: MemoryOperation, piece: number) => DtorrentError | null = () => null;
  readonly #turn: Turn;
  readonly #simulator = new Simulator({ seed: 1 });
  #peers = 0;

  constructor(torrent: SimTorrent, options: { readonly slotBytes: number; readonly slots: number; disk?: MemoryDisk }) {
    this.torrent = torrent;
    this.disk = options.disk ?? new MemoryDisk();
    this.layout = new FileLayout(torrent.metainfo);
    this.storage = this.#open();
    this.#turn = new Turn(this.#simulator.clock, (error) => {
      throw error;
    });
    this.pool = new SlotPool(options.slotBytes, new ByteBudget(options.slots * options.slotBytes));
    this.picker = new PiecePicker({
      geometry: this.layout,
      slots: this.pool,
      random: new SeededRandom(1),
      isSequential: true,
      spill: (piece, extent) => this.store.writeExtent(piece, extent),
    });
    const { storage, picker } = this;
    this.store = new PieceStore({ turn: this.#turn, storage, picker, trees: null, handler: this });
  }

  peer(pieces: Iterable<number> | 'all' = 'all'): TestPickerPeer {
    const peer = new TestPickerPeer(++this.#peers, this.layout.pieceCount, pieces);
    this.picker.addPeer(peer);
    return peer;
  }

  /** The peer asks for one block and sends it; `isBad`: with a byte that is wrong. @returns null = nothing to ask for. */
  fetch(peer: TestPickerPeer, { isBad = false }: { readonly isBad?: boolean } = {}): PickedBlock | null {
    return this.inTurn(() => {
      const [block] = peer.ask(this.picker, 1);
      if (block === undefined) return null;
      this.deliver(peer, block, { isBad });
      return block;
    });
  }

  /** Sends a block that the peer has been asked for. */
  deliver(peer: TestPickerPeer, [piece, block]: PickedBlock, { isBad }: { readonly isBad: boolean }): void {
    peer.forget([piece, block]);
    const begin = block * BLOCK;
    const bytes = contentOf(this.torrent, piece, begin, Math.min(BLOCK, this.layout.pieceBytes(piece) - begin));
    if (isBad) bytes[peer.number % bytes.length]! ^= 1;
    const target = this.picker.startBlock(peer.number, piece, block);
    if (target === null) {
      this.picker.releaseRequest(piece, block);
      return;
    }
    target.set(bytes, this.picker.slotOffset(begin));
    if (this.picker.finishBlock(peer.number, piece, block) !== 'more') this.store.store(piece, block);
  }

  savePartials(): SavedPartial[] {
    let saved: SavedPartial[] | null = null;
    this.inTurn(() => {
      this.store.savePartials((partials) => {
        saved = partials;
      });
    });
    this.settle();
    assert.ok(saved !== null, 'the partials were not saved');
    return saved;
  }

  /** Lets the storage do all that it has been asked for. */
  settle(): void {
    this.#simulator.run(1);
    this.picker.verify();
  }

  inTurn<T>(action: () => T): T {
    let result: T | undefined;
    this.#turn.run(() => {
      result = action();
    });
    return result as T;
  }

  /** Whether the bytes on disk are the torrent's. */
  isOnDisk(piece: number, begin: number, length: number): boolean {
    const into = new Uint8Array(length);
    let error: DtorrentError | null = null;
    this.storage.read(piece, begin, into, (result) => {
      error = result;
    });
    this.settle();
    return error === null && Buffer.from(into).equals(contentOf(this.torrent, piece, begin, length));
  }

  onPieceStored(piece: number): void {
    this.stored.push(piece);
  }

  onPieceBad(piece: number): void {
    this.bad.push(piece);
  }

  onPeersGuilty(peers: readonly number[]): void {
    this.guilty.push(...peers);
  }

  hashSources(): Iterable<HashSource> {
    return [];
  }

  onStoreError(error: DtorrentError): void {
    this.errors.push(error);
  }

  onPartialStored(): void {}

  onRequestsPossible(): void {}

  #open(): Storage {
    const factory = new MemoryStorageFactory({
      defer: (fn) => this.#simulator.defer(fn),
      disk: this.disk,
      fault: (operation, piece) => {
        if (operation !== 'open') this.operations.push(operation);
        return this.fault(operation, piece);
      },
    });
    const hashes = pieceHashesOf(this.torrent.metainfo)!;
    let opened: Storage | null = null;
    factory.open(specOf(DOWNLOADS, { layout: this.layout, hashes }), (result) => {
      assert.ok(!(result instanceof DtorrentError));
      opened = result;
    });
    this.#simulator.run(() => opened !== null);
    return opened!;
  }
}
