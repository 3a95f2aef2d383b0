/**
 * Super-seeding (BEP 16): the only seed pretends to have nothing and shows each peer one piece after the other, the
 * rarest first; the next one when the last has turned up at another peer. So a piece is uploaded once before others
 * pass it on, and the first copy in the swarm costs little more than its size. Used by Swarm.
 * Invariant: `pendingCount` says of each piece to how many peers it was shown and has not turned up at another since.
 * Time is monotonic ms.
 */
import type { Bitfield } from '../../base/bitfield.js';
import { type Random, randomBelow } from '../../base/random.js';

/** Pieces pending to a peer: to one that we feed two, so that it never waits for us; to others one, to arouse them. */
const PENDING_MAX = 2;
/** A piece that does not turn up elsewhere, by whosever fault, holds a peer up no longer than this. */
const PATIENCE_MS = 60_000;
/** A peer that is not interested in what it was shown has no use for it. */
const INDIFFERENCE_MS = 10_000;
/** So many peers with everything, and there is nothing left to be clever about. */
export const ENOUGH_COPIES = 2;

/** A peer that pieces are shown to. */
export interface ShownPeer {
  /** What it says it has. */
  readonly pieces: Bitfield;
  readonly isInterested: boolean;
  /** By us. */
  readonly isUnchoked: boolean;
  /** Tells it that we have `piece`. */
  showPiece(piece: number): void;
}

/** What one peer was shown. */
interface Exhibition {
  readonly everything: Set<number>;
  /** What has not turned up at another peer yet, and when it was shown. */
  readonly pending: Map<number, number>;
}

export class SuperSeeding<P extends ShownPeer> {
  readonly #random: Random;
  /** How many connected peers have a piece. */
  readonly #availability: (piece: number) => number;
  readonly #pendingCount: Uint16Array;
  readonly #peers = new Map<P, Exhibition>();
  #copies = 0;

  constructor(options: {
    readonly pieceCount: number;
    readonly random: Random;
    readonly availability: (piece: number) => number;
  }) {
    this.#random = options.random;
    this.#availability = options.availability;
    this.#pendingCount = new Uint16Array(options.pieceCount);
  }

  /** Others have whole copies: show everything to everyone. */
  get isOver(): boolean {
    return this.#copies >= ENOUGH_COPIES;
  }

  /** Whether the peer may have the piece of us. */
  wasShown(peer: P, piece: number): boolean {
    return this.#peers.get(peer)?.everything.has(piece) === true;
  }

  /** The peer is there, and has said what it has: from the next tick on it is shown pieces. */
  add(peer: P): void {
    if (!this.#peers.has(peer)) this.#peers.set(peer, { everything: new Set(), pending: new Map() });
  }

  remove(peer: P): void {
    const exhibition = this.#peers.get(peer);
    if (exhibition === undefined) return;
    for (const piece of exhibition.pending.keys()) this.#pendingCount[piece]!--;
    this.#peers.delete(peer);
  }

  /** A peer has a piece now: whoever else was shown it has passed it on, or need not any more. */
  onHave(from: P, piece: number, now: number): void {
    if (this.#pendingCount[piece] === 0) return;
    for (const [peer, exhibition] of this.#peers) {
      // Alone, it has nobody to pass it on to.
      if ((peer === from && this.#peers.size > 1) || !exhibition.pending.has(piece)) continue;
      this.#settle(exhibition, piece);
      this.#show(peer, exhibition, now);
    }
  }

  /** A peer has everything now. */
  onCopy(): void {
    this.#copies++;
  }

  /** About once a second. */
  tick(now: number): void {
    for (const [peer, exhibition] of this.#peers) {
      for (const [piece, atMs] of exhibition.pending) {
        const isUnwanted = !peer.isInterested && !peer.pieces.has(piece) && now - atMs >= INDIFFERENCE_MS;
        if (isUnwanted || now - atMs >= PATIENCE_MS) this.#settle(exhibition, piece);
      }
      this.#show(peer, exhibition, now);
    }
  }

  #show(peer: P, exhibition: Exhibition, now: number): void {
    while (exhibition.pending.size < (peer.isUnchoked ? PENDING_MAX : 1)) {
      const piece = this.#choose(peer, exhibition);
      if (piece < 0) return;
      exhibition.everything.add(piece);
      exhibition.pending.set(piece, now);
      this.#pendingCount[piece]!++;
      peer.showPiece(piece);
    }
  }

  #settle(exhibition: Exhibition, piece: number): void {
    if (exhibition.pending.delete(piece)) this.#pendingCount[piece]!--;
  }

  /** Of what it lacks and was not shown, the rarest, those on their way counted; -1 = there is none. */
  #choose(peer: P, exhibition: Exhibition): number {
    const count = this.#pendingCount.length;
    let chosen = -1;
    let fewest = Number.POSITIVE_INFINITY;
    // From a random place on, so that equals are not shown in the order of their index.
    const start = randomBelow(this.#random, count);
    for (let i = 0; i < count; i++) {
      const piece = (start + i) % count;
      if (peer.pieces.has(piece) || exhibition.everything.has(piece)) continue;
      const copies = this.#availability(piece) + this.#pendingCount[piece]!;
      if (copies >= fewest) continue;
      fewest = copies;
      chosen = piece;
      if (fewest === 0) break;
    }
    return chosen;
  }
}
