/**
 * Peers under suspicion: each sent a part of a piece that failed its hash, and nobody knows who spoiled it. A suspect
 * gets whole pieces to himself, so that the next failure has one culprit; he is cleared by a good one, or when the
 * blocks of the failed piece turn out to be right (SmartBan). Called by PiecePicker. A suspicion ends with the
 * connection: what a peer sent is remembered longer, by SmartBan.
 */
import type { PickerPeer } from './picker-peer.js';

export class Parole {
  readonly #peers: ReadonlySet<PickerPeer>;

  constructor(peers: ReadonlySet<PickerPeer>) {
    this.#peers = peers;
  }

  /** By number; those that have gone do not count. */
  suspect(numbers: readonly number[]): void {
    this.#mark(numbers, true);
  }

  clear(numbers: readonly number[]): void {
    this.#mark(numbers, false);
  }

  #mark(numbers: readonly number[], isSuspect: boolean): void {
    for (const peer of this.#peers) if (numbers.includes(peer.number)) peer.pick.isSuspect = isSuspect;
  }
}
