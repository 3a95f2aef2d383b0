/**
 * The allowed-fast set that we grant a peer (BEP 6): a few pieces that it may fetch while we choke it, so that a
 * newcomer soon has something to trade. Granted once a connection, and each piece for three times its blocks: a peer
 * cannot live off it. Used by Peer.
 */
import type { Address } from '../../base/address.js';
import { isLoopback, parseIp } from '../../base/address.js';
import type { Bitfield } from '../../base/bitfield.js';
import { LIMITS } from '../../base/limits.js';
import { allowedFastSet } from '../../protocol/wire/allowed-fast.js';
import type { TorrentData } from '../data/torrent-data.js';

const TIMES_SERVED_MAX = 3;

export class FastGrants {
  /** Piece -> how many of its blocks may still be requested. */
  readonly #blocksLeft = new Map<number, number>();
  #isGranted = false;

  /**
   * Chooses the pieces for a peer at `remote` that has `pieces`.
   * @returns what to announce as allowed: nothing for a peer that has enough already, for IPv6 (not defined), for
   * loopback, and when asked again.
   */
  grant(
    data: TorrentData,
    peer: { readonly remote: Address; readonly pieces: Bitfield },
    wireHash: Uint8Array,
  ): number[] {
    if (this.#isGranted) return [];
    this.#isGranted = true;
    const ip = parseIp(peer.remote.host)!;
    if (peer.pieces.count >= LIMITS.allowedFastCount || ip.length !== 4 || isLoopback(peer.remote)) return [];
    if (data.have.isEmpty) return [];
    const set = allowedFastSet(ip, wireHash, data.layout.pieceCount, LIMITS.allowedFastCount);
    const granted = set.filter((piece) => data.have.has(piece));
    for (const piece of granted) {
      const blocks = Math.ceil(data.pieceBytes(piece) / LIMITS.blockBytes);
      this.#blocksLeft.set(piece, TIMES_SERVED_MAX * blocks);
    }
    return granted;
  }

  has(piece: number): boolean {
    return this.#blocksLeft.has(piece);
  }

  /** Counts one request. @returns whether it may be served to a choked peer. */
  take(piece: number): boolean {
    const left = this.#blocksLeft.get(piece) ?? 0;
    if (left === 0) return false;
    this.#blocksLeft.set(piece, left - 1);
    return true;
  }
}
