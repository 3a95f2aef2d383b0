/**
 * What a peer has: the pieces it announced, before the metadata as it said them (EarlyPieces), after it as a Bitfield
 * that the picker counts. Used by Peer, which closes the connection when a change says so.
 * Invariant: once attached, and until detached, the picker's availability counts exactly `pieces`.
 */
import { Bitfield } from '../../base/bitfield.js';
import type { PickerPeer } from '../pieces/picker-peer.js';
import type { PiecePicker } from '../pieces/piece-picker.js';
import type { CloseReason } from './close-reason.js';
import { EarlyPieces } from './early-pieces.js';

/** 'complete' = it has everything since now; a CloseReason = the message was wrong. */
export type HoldingsChange =
  | 'none'
  | 'changed'
  | 'complete'
  | Extract<CloseReason, 'bad-bitfield' | 'piece-out-of-range'>;

export class PeerHoldings {
  /** Length 0 until the metadata is known. */
  pieces: Bitfield = new Bitfield(0);
  readonly #peer: PickerPeer;
  #picker: PiecePicker | null = null;
  /** Null once the metadata is known. */
  #early: EarlyPieces | null = new EarlyPieces();

  /** `peer` is whose `pieces` these are. */
  constructor(peer: PickerPeer) {
    this.#peer = peer;
  }

  get hasAll(): boolean {
    return this.#early?.hasAll ?? this.pieces.isFull;
  }

  /** The metadata is known. @returns false when what was said before does not fit it. */
  attach(picker: PiecePicker): boolean {
    const pieces = this.#early?.resolve(picker.pieceCount) ?? null;
    if (pieces === null) return false;
    this.#early = null;
    this.#picker = picker;
    this.pieces = pieces;
    picker.addPeer(this.#peer);
    return true;
  }

  /** The connection is over. */
  detach(): void {
    this.#picker?.removePeer(this.#peer);
    this.#picker = null;
  }

  add(piece: number): HoldingsChange {
    if (this.#picker === null) {
      this.#early?.onHave(piece);
      return 'none';
    }
    if (piece >= this.#picker.pieceCount) return 'piece-out-of-range';
    if (this.pieces.has(piece)) return 'none';
    this.#picker.onPeerHave(this.#peer, piece);
    return this.#outcome();
  }

  /** BEP 54: it has the piece no longer. */
  remove(piece: number): HoldingsChange {
    if (this.#picker === null) {
      this.#early?.onDontHave(piece);
      return 'none';
    }
    if (piece >= this.#picker.pieceCount) return 'piece-out-of-range';
    if (!this.pieces.has(piece)) return 'none';
    this.#picker.onPeerDontHave(this.#peer, piece);
    return 'changed';
  }

  /** A later one, which aria2 sends instead of many haves, adds to what it had; what it leaves out is not taken back. */
  addBitfield(bytes: Uint8Array): HoldingsChange {
    const picker = this.#picker;
    if (picker === null) return this.#early?.onBitfield(bytes) === false ? 'bad-bitfield' : 'none';
    const pieces = Bitfield.fromWire(bytes, picker.pieceCount);
    if (pieces === null) return 'bad-bitfield';
    if (this.pieces.isEmpty) return this.#replace(picker, pieces);
    for (let piece = 0; piece < pieces.length; piece++) if (pieces.has(piece)) picker.onPeerHave(this.#peer, piece);
    return this.#outcome();
  }

  addAll(): HoldingsChange {
    if (this.#picker === null) {
      if (this.#early !== null) this.#early.hasAll = true;
      return 'none';
    }
    const pieces = new Bitfield(this.#picker.pieceCount);
    pieces.fill();
    return this.#replace(this.#picker, pieces);
  }

  #replace(picker: PiecePicker, pieces: Bitfield): HoldingsChange {
    picker.removePeer(this.#peer);
    this.pieces = pieces;
    picker.addPeer(this.#peer);
    return this.#outcome();
  }

  #outcome(): HoldingsChange {
    return this.pieces.isFull ? 'complete' : 'changed';
  }
}
