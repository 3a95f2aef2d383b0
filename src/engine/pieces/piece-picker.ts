/**
 * Decides which block is asked of which peer (BEP 3: strict priority inside a piece, rarest first, random first
 * pieces, end game), and knows every piece: had, in flight or open. Called by PeerDownload and TorrentData.
 * Invariant: a wanted piece that we lack is either in the rarity order (open) or in flight, never both; a block is
 * asked of more than one peer only in the end game, and when the first does not answer.
 * Cost per picked block is O(1) amortised: peers keep to their piece, and walks over pieces are shared by many picks.
 */
import { assert } from '../../base/assert.js';
import { Bitfield } from '../../base/bitfield.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import type { SlotPool } from '../../base/slot-pool.js';
import { OpenPieces, type PiecePreference } from './open-pieces.js';
import { Parole } from './parole.js';
import { PartialChoice } from './partial-choice.js';
import { FREE, NOBODY, type PartialPiece } from './partial-piece.js';
import { PartialPieces, type PieceSizes } from './partial-pieces.js';
import type { PickerPeer, PieceGeometry } from './picker-peer.js';
import { PieceSources } from './piece-sources.js';
import { PRIORITY_MAX } from './rarity-order.js';
import { RepeatRequests, STALLED_MS } from './repeat-requests.js';
import { UrgentPieces } from './urgent-pieces.js';

/** Pieces picked at random before rarest first sets in: something to trade soon beats something rare (BEP 3). */
const RANDOM_PIECES = 4;
/** With more unfinished pieces than this a peer, everyone helps to finish them before a new one is begun. */
const PARTIALS_PER_PEER = 1.5;
/** Of more pieces than one in so many, priorities are set by building the order anew. */
const BULK_SHARE = 64;
/** The same for spilled pieces, in blocks: a piece that nobody can be sent yet is of use to nobody. */
const SPILLED_BLOCKS_USUAL = LIMITS.spilledBlocksMax / 4;
/** Flags for `pick`, made by `modeFor`. */
const PICK_FAST = 1;
const PICK_SNUBBED = 2;

export class PiecePicker {
  readonly pieceCount: number;
  readonly pieceLength: number;
  /** Pieces that are verified and stored. */
  readonly have: Bitfield;
  /** What readers wait for; it goes before everything else. */
  readonly urgent: UrgentPieces = new UrgentPieces();
  readonly #geometry: PieceGeometry;
  readonly #slots: SlotPool;
  readonly #spill: (piece: number, extent: number) => void;
  readonly #isSequential: boolean;
  readonly #open: OpenPieces;
  /** Wanted pieces that we lack. */
  readonly #missing: Bitfield;
  readonly #partials: PartialPieces;
  readonly #repeats: RepeatRequests;
  readonly #choice: PartialChoice;
  readonly #sources: PieceSources;
  readonly #parole: Parole;
  /** Pieces that failed their hash and have not passed since: fetched from one peer alone. */
  readonly #failed = new Set<number>();

  constructor(options: {
    readonly geometry: PieceGeometry;
    readonly slots: SlotPool;
    readonly random: Random;
    /** Pieces in index order instead of rarest first. */
    readonly isSequential: boolean;
    /** What is had when it begins; it is kept up from then on. Left out = nothing. */
    readonly have?: Bitfield;
    /** Memory is short: what has come of an idle extent of the piece is to be written. Called inside `pick`. */
    readonly spill: (piece: number, extent: number) => void;
  }) {
    const { geometry } = options;
    this.#geometry = geometry;
    this.#slots = options.slots;
    this.#spill = options.spill;
    this.#isSequential = options.isSequential;
    this.pieceCount = geometry.pieceCount;
    this.pieceLength = geometry.pieceLength;
    this.have = options.have ?? new Bitfield(geometry.pieceCount);
    this.#open = new OpenPieces({
      pieceCount: geometry.pieceCount,
      random: options.random,
      isSequential: options.isSequential,
    });
    this.#missing = new Bitfield(geometry.pieceCount);
    this.#missing.fill();
    const { pieceCount, pieceLength } = geometry;
    this.#partials = new PartialPieces({ pieceCount, pieceLength, slots: options.slots });
    this.#repeats = new RepeatRequests(this.#partials);
    this.#choice = new PartialChoice(this.#partials, this.#open.order, options);
    this.#sources = new PieceSources(this.#open, this.#missing);
    this.#parole = new Parole(this.#sources.peers);
    this.have.forEachPiece((piece) => {
      this.#open.remove(piece);
      this.#missing.delete(piece);
    });
  }

  /** Every piece is had, wanted or not. */
  get isComplete(): boolean {
    return this.have.isFull;
  }

  /** Somebody has been added and not removed. */
  get hasPeers(): boolean {
    return this.#sources.peers.size > 0;
  }

  /** Wanted pieces that we lack, those in flight included. */
  get wantedMissing(): number {
    return this.#missing.count;
  }

  /** Every wanted block has come or is asked for: blocks may be asked of several peers. */
  get isEndgame(): boolean {
    return this.#missing.count > 0 && this.#open.count + this.#partials.open.length === 0;
  }

  /** Whether somebody else is asked for the block that has just come. */
  isAskedElsewhere(piece: number, block: number): boolean {
    return this.isEndgame || this.urgent.has(piece) || (this.#partials.get(piece)?.requestCount[block] ?? 0) > 0;
  }

  pieceBytes(piece: number): number {
    return this.#geometry.pieceBytes(piece);
  }

  /** How many added peers have the piece. */
  availability(piece: number): number {
    return this.#sources.availability(piece);
  }

  /** Every piece in flight, in no order. */
  get inFlight(): readonly PartialPiece[] {
    return this.#partials.all;
  }

  /** 0 = not wanted, 1 (last) to 7 (first), had or not. */
  priority(piece: number): number {
    return this.#open.order.priority(piece);
  }

  /** The piece in flight, or null. */
  partial(piece: number): PartialPiece | null {
    return this.#partials.get(piece);
  }

  // ---- what we have and want ----

  /** The piece was found on disk, or has just been stored. */
  markHave(piece: number): void {
    assert(this.#partials.get(piece) === null, 'a piece in flight is marked as had');
    if (!this.have.add(piece)) return;
    this.#failed.delete(piece);
    this.#open.remove(piece);
    if (this.#missing.delete(piece)) this.#sources.countMissing(piece, -1);
  }

  /**
   * Some blocks of the piece are on disk since an earlier session, unverified; it goes on from there, and takes no memory
   * before the next block is asked for.
   * @param blocks one bit a block, as in a bitfield message.
   * @returns false, and does nothing, for a piece that is had, in flight or not wanted, one of which all or none of the
   * blocks are there (verify it, or fetch it), `blocks` of another length, and with LIMITS.spilledBlocksMax reached.
   */
  restorePartial(piece: number, blocks: Uint8Array): boolean {
    if (!this.#open.has(piece)) return false;
    const sizes = this.#sizesOf(piece);
    const restored = Bitfield.fromWire(blocks, Math.ceil(sizes.pieceBytes / LIMITS.blockBytes));
    if (restored === null || restored.isEmpty || !this.#hasRoomForSpilled(restored.length)) return false;
    this.#open.remove(piece);
    const partial = this.#partials.begin(piece, sizes, { isRestored: true });
    partial.haveCountAtPick = this.have.count;
    restored.forEachPiece((block) => {
      if (partial.blockState[block] === FREE) this.#partials.restore(partial, block);
    });
    if (partial.freeCount > 0 && partial.hasBytes) return true;
    this.#drop(partial);
    return false;
  }

  /** 1 (last) to 7 (first), 0 = do not fetch. A piece in flight that is no longer wanted is left to those asked. */
  setPriority(piece: number, priority: number): void {
    assert(Number.isInteger(priority) && priority >= 0 && priority <= PRIORITY_MAX, 'piece priority out of range');
    const wasWanted = this.#isWanted(piece);
    const isWanted = priority > 0;
    this.#open.setPriority(piece, priority);
    if (wasWanted === isWanted || this.have.has(piece)) return;
    const partial = this.#partials.get(piece);
    if (!isWanted) {
      this.#missing.delete(piece);
      this.#sources.countMissing(piece, -1);
      if (partial !== null) this.#dropIfUnwanted(partial);
    } else {
      this.#missing.add(piece);
      this.#sources.countMissing(piece, 1);
      if (partial === null) this.#reopen(piece);
    }
  }

  /** The same for the pieces from `first` on. Many cost O(pieces) together, whatever they change. */
  setPriorities(first: number, priorities: Uint8Array): void {
    if (priorities.length < this.pieceCount / BULK_SHARE) {
      for (let i = 0; i < priorities.length; i++) this.setPriority(first + i, priorities[i]!);
      return;
    }
    const isOpen = (piece: number): boolean => !this.have.has(piece) && this.#partials.get(piece) === null;
    this.#open.setPriorities(first, priorities, isOpen);
    for (let i = 0; i < priorities.length; i++) {
      if (priorities[i]! > 0 && !this.have.has(first + i)) this.#missing.add(first + i);
      else this.#missing.delete(first + i);
    }
    this.#sources.recount();
    for (const partial of [...this.#partials.all]) this.#dropIfUnwanted(partial);
  }

  // ---- peers ----

  /** The peer's bitfield is known (all zeros counts). */
  addPeer(peer: PickerPeer): void {
    this.#sources.add(peer);
  }

  /** What is outstanding to it the caller releases, before or after. No-op for a peer that was never added. */
  removePeer(peer: PickerPeer): void {
    if (!this.#sources.remove(peer)) return;
    for (const partial of this.#partials.all) this.#disown(partial, peer);
  }

  /** Adds `piece` to what the peer has. */
  onPeerHave(peer: PickerPeer, piece: number): void {
    this.#sources.onHave(peer, piece);
  }

  /** Takes `piece` from what the peer has (BEP 54). What is outstanding of it the caller releases, or waits for. */
  onPeerDontHave(peer: PickerPeer, piece: number): void {
    const partial = this.#sources.onDontHave(peer, piece) ? this.#partials.get(piece) : null;
    if (partial !== null) this.#disown(partial, peer);
  }

  /** Whether the peer has a piece that we want and lack. O(1). */
  isInteresting(peer: PickerPeer): boolean {
    return peer.pick.interestingCount > 0;
  }

  /** Whether the peer has a piece that we want and lack, and nobody else has. Walks over all pieces. */
  isOnlySource(peer: PickerPeer): boolean {
    return this.#sources.isOnlySource(peer);
  }

  // ---- picking ----

  /** `isFast`: finishes a piece soon enough to have it to itself. `isSnubbed`: gets what others can help with. */
  modeFor(peer: { readonly isFast: boolean; readonly isSnubbed: boolean }): number {
    if (peer.isSnubbed) return PICK_SNUBBED;
    return peer.isFast ? PICK_FAST : 0;
  }

  /**
   * Picks up to `count` blocks and counts them as asked of `peer`.
   * @param out receives (piece, block) pairs from index 0; at least 2 × count long.
   * @param now monotonic ms
   * @returns how many pairs were written.
   */
  pick(peer: PickerPeer, count: number, mode: number, out: Uint32Array, now: number): number {
    if (!this.isInteresting(peer)) return 0;
    let picked = this.urgent.isEmpty ? 0 : this.#pickUrgent(peer, count, mode, out);
    while (picked < count) {
      const partial = this.#choose(peer, mode);
      if (partial === null) break;
      picked = this.#take(peer, partial, mode, out, picked, count);
    }
    if (picked > 0) return picked;
    const leastMs = this.isEndgame ? 0 : STALLED_MS;
    const from = { missing: this.#missing, peers: this.#sources.peers, leastMs };
    return this.#repeats.pickSlowest(peer, from, { out, count }, now);
  }

  /** Whether there is a block that `pick` may not fail to find for the peer: nothing hinders it. Walks over all pieces. */
  canAsk(peer: PickerPeer): boolean {
    for (const partial of this.#partials.open) {
      if (this.#isWanted(partial.piece) && this.#choice.canJoin(partial, peer, 'any')) return true;
    }
    for (let i = 0; i < this.#open.count; i++) {
      const piece = this.#open.order.pieceAt(i);
      if (peer.pieces.has(piece) && this.#canBegin(piece)) return true;
    }
    return false;
  }

  /** The same for `pickAllowedFast`. */
  canAskAllowedFast(peer: PickerPeer, pieces: ReadonlySet<number>): boolean {
    return [...pieces].some((piece) => {
      const partial = this.#partials.get(piece);
      const isPossible = partial === null ? this.#canBegin(piece) : this.#choice.canJoin(partial, peer, 'any');
      return isPossible && this.#isAllowedFast(peer, piece);
    });
  }

  /** Like `pick`, for a peer that chokes us: only from `pieces`, which it allows all the same (BEP 6). */
  pickAllowedFast(peer: PickerPeer, pieces: ReadonlySet<number>, count: number, out: Uint32Array): number {
    let picked = 0;
    for (const piece of pieces) {
      if (picked === count) break;
      if (!this.#isAllowedFast(peer, piece)) continue;
      const partial = this.#partials.get(piece) ?? this.#begin(piece);
      if (partial === null || !this.#choice.canJoin(partial, peer, 'any')) continue;
      picked = this.#take(peer, partial, 0, out, picked, count);
    }
    return picked;
  }

  // ---- blocks ----

  /**
   * A block begins to come that was asked of the peer and taken back. @returns whether it is needed all the same; it
   * counts as asked of the peer then.
   */
  askAgain(peer: PickerPeer, piece: number, block: number): boolean {
    const partial = this.#partials.get(piece);
    if (partial === null || !this.#isWanted(piece) || !this.#partials.canStart(partial, block)) return false;
    if (partial.isSolo ? partial.owner !== peer.number : peer.pick.isSuspect) return false;
    this.#partials.request(partial, block);
    return true;
  }

  /** @returns the buffer that the block belongs in, at slotOffset, or null when it is not needed (any more). */
  startBlock(peerNumber: number, piece: number, block: number): Uint8Array | null {
    const partial = this.#partials.get(piece);
    if (partial === null || (partial.isSolo && partial.owner !== peerNumber)) return null;
    return this.#partials.start(partial, block, peerNumber) ? partial.extentOf(block).slot!.bytes : null;
  }

  /** Where byte `begin` of a piece is in the buffer that startBlock returns. */
  slotOffset(begin: number): number {
    return begin % this.#slots.slotBytes;
  }

  /**
   * The block has come; its sender's request counts as answered.
   * @returns 'piece-complete': it is whole, in memory, to be hashed and written. 'extent-complete': the extent of this
   * block is to be written, unverified.
   */
  finishBlock(peerNumber: number, piece: number, block: number): 'more' | 'extent-complete' | 'piece-complete' {
    const partial = this.#partials.get(piece);
    assert(partial !== null && partial.contributor[block] === peerNumber, 'a block ends that its peer did not begin');
    this.#partials.finish(partial, block);
    if (partial.isSpilled && partial.extentOf(block).missingCount === 0) return 'extent-complete';
    if (partial.isComplete) return 'piece-complete';
    this.#dropIfUnwanted(partial);
    return 'more';
  }

  /** The sender left in the middle of the block; its request is released on its own. */
  abortBlock(piece: number, block: number): void {
    const partial = this.#partials.get(piece);
    if (partial !== null) this.#partials.abort(partial, block);
  }

  /** An arriving block gives up its place, for whoever is faster; its request stays. @returns a copy, as far as it has come. */
  setAsideBlock(piece: number, block: number): Uint8Array {
    return this.#partials.setAside(this.#inFlight(piece), block);
  }

  /** A request is over without its block: rejected, timed out, choked, cancelled, answered by waste, disconnected. */
  releaseRequest(piece: number, block: number): void {
    const partial = this.#partials.get(piece);
    if (partial === null) return;
    this.#partials.release(partial, block);
    if (partial.outstandingCount === 0 && !partial.isSolo) partial.owner = NOBODY;
    this.#dropIfUnwanted(partial);
  }

  // ---- extents and pieces that ended ----

  /** The storage takes the memory of an extent, to write what has come of it. */
  extentWriting(piece: number, extent: number): void {
    this.#partials.startWriting(this.#inFlight(piece), extent);
  }

  /**
   * The storage has written it, or failed to (its blocks are to be fetched again). Its memory is free again.
   * @returns whether all of the piece is on disk now, and to be verified.
   */
  extentWritten(piece: number, extent: number, result: { readonly isStored: boolean }): boolean {
    const partial = this.#inFlight(piece);
    this.#partials.finishWriting(partial, extent, result);
    this.#dropIfUnwanted(partial);
    return partial.isReadyToVerify;
  }

  /** The torrent stops: whatever has come of the piece is to be written as extents. */
  spillPiece(piece: number): void {
    this.#partials.spill(this.#inFlight(piece));
  }

  /** The peers of these numbers are suspects no longer. */
  clearSuspects(numbers: readonly number[]): void {
    this.#parole.clear(numbers);
  }

  /** Hashed and stored. The buffer goes back to the pool. A suspect that sent all of it is cleared. */
  pieceVerified(piece: number): void {
    const partial = this.#partials.get(piece);
    if (partial !== null) {
      if (partial.isSolo) this.#parole.clear([partial.soleContributor()]);
      this.#partials.end(partial);
    }
    this.markHave(piece);
  }

  /**
   * The hash did not match: everything of it is to be fetched again, from one peer alone, and whoever sent a part of it
   * is a suspect.
   */
  pieceFailed(piece: number): void {
    const partial = this.#partials.get(piece);
    if (partial === null) return;
    this.#failed.add(piece);
    this.#parole.suspect(partial.contributors());
    partial.isSolo = true;
    this.#refetch(partial);
  }

  /** It could not be written, or is gone from the disk: everything of it is to be fetched again; no peer is to blame. */
  pieceLost(piece: number): void {
    const partial = this.#partials.get(piece);
    if (partial !== null) this.#refetch(partial);
  }

  #refetch(partial: PartialPiece): void {
    partial.isStoring = false;
    partial.owner = NOBODY;
    this.#partials.discardReceived(partial, NOBODY);
    if (partial.outstandingCount === 0) this.#drop(partial);
  }

  /** All of it has come, and nobody wants it any more. */
  pieceAbandoned(piece: number): void {
    const partial = this.#partials.get(piece);
    if (partial !== null) this.#drop(partial);
  }

  /** The torrent stops: every buffer that the storage does not hold goes back to the pool. */
  releaseSlots(): void {
    for (const partial of [...this.#partials.all]) {
      if (!partial.isStoring && partial.writingCount === 0) this.#drop(partial);
    }
  }

  /** Asserts the invariants by brute force; for tests and audits. */
  verify(): void {
    this.#open.verify();
    this.#partials.verify();
    for (let piece = 0; piece < this.pieceCount; piece++) {
      const isInFlight = this.#partials.get(piece) !== null;
      const isMissing = !this.have.has(piece) && this.#isWanted(piece);
      assert(this.#missing.has(piece) === isMissing, 'missing set is wrong');
      assert(this.#open.has(piece) === (isMissing && !isInFlight), 'a missing piece is neither open nor in flight');
    }
  }

  // ---- which piece ----

  /** In order: go on with a started piece, begin one, help others, take the memory of a piece nobody goes on with. */
  #choose(peer: PickerPeer, mode: number): PartialPiece | null {
    const current = this.#partials.get(peer.pick.currentPiece);
    const isSharing = mode === PICK_SNUBBED || this.#hasManyPartials;
    const reach = isSharing ? 'any' : 'unowned';
    if (current !== null && this.#isWanted(current.piece) && !this.#isSequential) {
      if (this.#choice.canJoin(current, peer, reach)) return current;
    }
    const started = this.#choice.best(peer, mode === PICK_FAST && !isSharing ? 'idle' : reach);
    if (started !== null) return started;
    const piece = this.#open.choose(peer.pieces, peer.pick, this.#preference(mode));
    const begun = piece < 0 ? null : this.#begin(piece);
    if (begun !== null) return begun;
    const shared = this.#choice.best(peer, 'any');
    if (shared !== null) return shared;
    if (piece >= 0 && this.#makeRoom()) return this.#begin(piece);
    if (piece < 0 && !this.#slots.hasRoom && this.#choice.wantsRoom(peer)) this.#spillIdleExtent();
    return this.#choice.toTakeOver(peer);
  }

  get #hasManyPartials(): boolean {
    const { open, spilledBlocks } = this.#partials;
    return open.length > PARTIALS_PER_PEER * this.#sources.peers.size || spilledBlocks > SPILLED_BLOCKS_USUAL;
  }

  /** Block by block: with each that it is asked for, the peer suits the next less. */
  #pickUrgent(peer: PickerPeer, count: number, mode: number, out: Uint32Array): number {
    let picked = this.#repeats.pickLate(peer, { urgent: this.urgent, peers: this.#sources.peers }, { out, count });
    while (picked < count) {
      const partial = this.#chooseUrgent(peer);
      if (partial === null) break;
      picked = this.#take(peer, partial, mode, out, picked, picked + 1);
      this.urgent.onAsked(peer.pick);
    }
    return picked;
  }

  #chooseUrgent(peer: PickerPeer): PartialPiece | null {
    const piece = this.urgent.choose(peer, this.#sources.peers, (candidate) => {
      const partial = this.#partials.get(candidate);
      return partial === null ? this.#open.has(candidate) : this.#choice.canJoin(partial, peer, 'any');
    });
    if (piece < 0) return null;
    const begun = this.#partials.get(piece) ?? this.#begin(piece);
    return begun === null && this.#makeRoom() ? this.#begin(piece) : begun;
  }

  /** The peer allows the piece; but that may be one that it does not have, and says nothing about what we need. */
  #isAllowedFast(peer: PickerPeer, piece: number): boolean {
    if (piece >= this.pieceCount || !peer.pieces.has(piece) || !this.#missing.has(piece)) return false;
    // It may unchoke us any moment, and should then have nothing else to send first.
    return this.urgent.isEmpty || this.urgent.has(piece);
  }

  #preference(mode: number): PiecePreference {
    if (mode === PICK_SNUBBED) return 'common';
    return this.have.count < RANDOM_PIECES ? 'random' : 'rare';
  }

  // ---- starting, taking, ending ----

  /** @returns null when there is no room for it, in memory or among the spilled. */
  #begin(piece: number): PartialPiece | null {
    if (!this.#canBegin(piece)) return null;
    this.#open.remove(piece);
    const partial = this.#partials.begin(piece, this.#sizesOf(piece), { isRestored: false });
    partial.isSolo = this.#failed.has(piece);
    return partial;
  }

  #canBegin(piece: number): boolean {
    if (!this.#slots.hasRoom) return false;
    const sizes = this.#sizesOf(piece);
    if (!this.#partials.isSpilledFromBeginning(sizes)) return true;
    return this.#hasRoomForSpilled(Math.ceil(sizes.pieceBytes / LIMITS.blockBytes));
  }

  #sizesOf(piece: number): PieceSizes {
    return { pieceBytes: this.#geometry.pieceBytes(piece), dataBytes: this.#geometry.dataBytes(piece) };
  }

  #hasRoomForSpilled(blockCount: number): boolean {
    return this.#partials.spilledBlocks + blockCount <= LIMITS.spilledBlocksMax;
  }

  #take(peer: PickerPeer, partial: PartialPiece, mode: number, out: Uint32Array, from: number, count: number): number {
    this.#claim(peer, partial, mode);
    peer.pick.currentPiece = partial.piece;
    partial.haveCountAtPick = this.have.count;
    let picked = from;
    while (picked < count) {
      const block = this.#partials.next(partial);
      if (block < 0) break;
      this.#partials.request(partial, block);
      out[2 * picked] = partial.piece;
      out[2 * picked + 1] = block;
      picked++;
    }
    assert(picked > from, 'a piece was chosen that has no block to ask for');
    return picked;
  }

  #claim(peer: PickerPeer, partial: PartialPiece, mode: number): void {
    if (partial.owner === peer.number) return;
    if (partial.isSolo || peer.pick.isSuspect) {
      this.#partials.discardReceived(partial, peer.number);
      partial.isSolo = true;
      partial.owner = peer.number;
    } else if (partial.outstandingCount === 0) {
      partial.owner = mode === PICK_FAST ? peer.number : NOBODY;
    }
  }

  /** @returns whether a piece can be begun now. If not, memory may come free once something has been written. */
  #makeRoom(): boolean {
    const isMemoryShort = !this.#slots.hasRoom;
    const victim = this.#choice.toGiveUp({
      isSpilled: !isMemoryShort,
      haveCount: this.have.count,
      availability: (other) => this.availability(other),
    });
    if (victim !== null) this.#drop(victim);
    else if (isMemoryShort) this.#spillIdleExtent();
    return victim !== null;
  }

  /** What has come of it goes to disk, so that its memory serves whoever goes on. */
  #spillIdleExtent(): void {
    const partial = this.#choice.toSpill();
    if (partial !== null) this.#spill(partial.piece, partial.idleExtent());
  }

  #dropIfUnwanted(partial: PartialPiece): void {
    if (partial.isIdle && !this.#isWanted(partial.piece)) this.#drop(partial);
  }

  /** Gives up a piece in flight with what has come of it. */
  #drop(partial: PartialPiece): void {
    const { piece } = partial;
    this.#partials.end(partial);
    if (this.#missing.has(piece)) this.#reopen(piece);
  }

  /** The peer does not go on with it. What was his alone because of him, and not of the piece, is everyone's again. */
  #disown(partial: PartialPiece, peer: PickerPeer): void {
    if (partial.owner !== peer.number) return;
    partial.owner = NOBODY;
    partial.isSolo = this.#failed.has(partial.piece);
  }

  #inFlight(piece: number): PartialPiece {
    const partial = this.#partials.get(piece);
    assert(partial !== null, 'the piece is not in flight');
    return partial;
  }

  #reopen(piece: number): void {
    this.#open.add(piece);
    this.#sources.offer(piece);
  }

  #isWanted(piece: number): boolean {
    return this.#open.order.priority(piece) > 0;
  }
}
