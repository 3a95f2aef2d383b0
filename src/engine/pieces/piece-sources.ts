/**
 * Who has what: the peers that pieces may come from, how many have each piece, and which of them have something that
 * we want and lack. Called by PiecePicker.
 * Invariant: `pick.interestingCount` of each peer is the number of pieces that both it and `missing` have.
 */
import { assert } from '../../base/assert.js';
import type { Bitfield } from '../../base/bitfield.js';
import type { OpenPieces } from './open-pieces.js';
import type { PickerPeer } from './picker-peer.js';

export class PieceSources {
  readonly #peers = new Set<PickerPeer>();
  readonly #open: OpenPieces;
  /** Wanted pieces that we lack. */
  readonly #missing: Bitfield;
  /** Peers that had everything when they came. They are not counted in the order of the pieces. */
  #seeds = 0;

  constructor(open: OpenPieces, missing: Bitfield) {
    this.#open = open;
    this.#missing = missing;
  }

  get peers(): ReadonlySet<PickerPeer> {
    return this.#peers;
  }

  /** How many peers have the piece. */
  availability(piece: number): number {
    return this.#open.order.availability(piece) + this.#seeds;
  }

  /** Whether the peer has a piece that we want and lack, and nobody else has. Walks over all pieces. */
  isOnlySource(peer: PickerPeer): boolean {
    if (peer.pick.interestingCount === 0) return false;
    for (let piece = 0; piece < peer.pieces.length; piece++) {
      if (peer.pieces.has(piece) && this.#missing.has(piece) && this.availability(piece) === 1) return true;
    }
    return false;
  }

  add(peer: PickerPeer): void {
    const { pick, pieces } = peer;
    assert(!pick.isAdded && pieces.length === this.#missing.length, 'a peer is added twice or too early');
    pick.isAdded = true;
    pick.isSeed = pieces.isFull;
    pick.currentPiece = -1;
    pick.shortlist.clear();
    pick.interestingCount = pieces.countCommon(this.#missing);
    this.#peers.add(peer);
    if (pick.isSeed) this.#seeds++;
    else pieces.forEachPiece((piece) => this.#open.order.increment(piece));
  }

  /** @returns false for one that is not there. */
  remove(peer: PickerPeer): boolean {
    const { pick } = peer;
    if (!pick.isAdded) return false;
    pick.isAdded = false;
    pick.interestingCount = 0;
    this.#peers.delete(peer);
    if (pick.isSeed) this.#seeds--;
    else peer.pieces.forEachPiece((piece) => this.#open.order.decrement(piece));
    return true;
  }

  /** The peer has one more. */
  onHave(peer: PickerPeer, piece: number): void {
    if (!peer.pieces.add(piece)) return;
    this.#open.order.increment(piece);
    if (this.#missing.has(piece)) peer.pick.interestingCount++;
    if (this.#open.has(piece)) peer.pick.shortlist.offer(this.#open.order, piece);
  }

  /** The peer has one less. @returns false when it had it not. */
  onDontHave(peer: PickerPeer, piece: number): boolean {
    const { pick, pieces } = peer;
    if (!pieces.delete(piece)) return false;
    if (this.#missing.has(piece)) pick.interestingCount--;
    if (pick.isSeed) {
      pick.isSeed = false;
      this.#seeds--;
      pieces.forEachPiece((had) => this.#open.order.increment(had));
    } else {
      this.#open.order.decrement(piece);
      pick.shortlist.remove(piece);
    }
    return true;
  }

  /** The piece is missing now: 1, or not any more: -1. */
  countMissing(piece: number, change: 1 | -1): void {
    for (const peer of this.#peers) if (peer.pieces.has(piece)) peer.pick.interestingCount += change;
  }

  /** Many pieces are missing now, or not any more. */
  recount(): void {
    for (const { pick, pieces } of this.#peers) pick.interestingCount = pieces.countCommon(this.#missing);
  }

  /** The piece can be begun again. */
  offer(piece: number): void {
    for (const peer of this.#peers) if (peer.pieces.has(piece)) peer.pick.shortlist.offer(this.#open.order, piece);
  }
}
