/**
 * What a peer says it has before the torrent's metadata is known (BEP 9): kept as it came, judged once the number of
 * pieces is there. Bounded by LIMITS, whatever the peer says. Used by Peer.
 */
import { Bitfield } from '../../base/bitfield.js';
import { LIMITS } from '../../base/limits.js';

export class EarlyPieces {
  hasAll = false;
  #bitfield: Uint8Array | null = null;
  #haves: Set<number> | null = null;
  /** Said to be gone again (BEP 54). */
  #losses: Set<number> | null = null;

  /** Copies `bytes`. @returns false when no torrent has so many pieces. */
  onBitfield(bytes: Uint8Array): boolean {
    if (bytes.length > LIMITS.pieceCountMax / 8) return false;
    this.#bitfield = bytes.slice();
    return true;
  }

  onHave(piece: number): void {
    this.#losses?.delete(piece);
    this.#haves ??= new Set();
    if (this.#haves.size < LIMITS.earlyHavesMax) this.#haves.add(piece);
  }

  onDontHave(piece: number): void {
    this.#haves?.delete(piece);
    this.#losses ??= new Set();
    if (this.#losses.size < LIMITS.earlyHavesMax) this.#losses.add(piece);
  }

  /** @returns null when the bitfield does not fit a torrent of `pieceCount`; haves beyond it are left out. */
  resolve(pieceCount: number): Bitfield | null {
    let pieces: Bitfield | null = new Bitfield(pieceCount);
    if (this.hasAll) pieces.fill();
    else if (this.#bitfield !== null) pieces = Bitfield.fromWire(this.#bitfield, pieceCount);
    for (const piece of this.#haves ?? []) if (piece < pieceCount) pieces?.add(piece);
    for (const piece of this.#losses ?? []) if (piece < pieceCount) pieces?.delete(piece);
    return pieces;
  }
}
