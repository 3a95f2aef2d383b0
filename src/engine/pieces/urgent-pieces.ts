/**
 * Pieces that readers wait for, each with the time it is needed by, and which of them a peer is asked for: the earliest
 * deadline goes to the peers that answer soonest, a slower one gets the first piece that it can deliver in time, and
 * what is late is asked of a second peer. Called by PiecePicker, told of by TorrentReaders. Times are monotonic ms.
 * Peers come one by one, whenever they have room for requests, so this decides for one peer with what is known of the
 * others. Invariant: no piece that we have is listed.
 */
import type { PeerPickState, PickerPeer } from './picker-peer.js';

/** A peer leaves a piece to others that have it and would deliver so many times sooner. */
const MUCH_SOONER = 2;
/** A late block is asked again only of a peer that would deliver it within this. */
const LATE_LAG_MAX_MS = 2000;
/** How many peers a block that is late may be asked of. */
const REQUESTERS_MAX = 3;
/** A piece is never called late sooner than this after the last of it was asked for. */
const LATE_MIN_MS = 500;
/** Guess, before any piece has come, of how long one takes. */
const FIRST_TAKES_MS = 1000;
const GAIN = 1 / 4;

interface UrgentPiece {
  readonly piece: number;
  readonly deadlineMs: number;
  /** When the last of its blocks was asked for, as far as was seen; -1 = some are still to be asked for. */
  askedAtMs: number;
}

/** What is known of a piece in flight. */
export interface PieceInFlight {
  /** Blocks that nobody is asked for. */
  readonly freeCount: number;
}

export class UrgentPieces {
  /** By deadline. */
  #pieces: UrgentPiece[] = [];
  readonly #byPiece = new Map<number, UrgentPiece>();
  #now = 0;
  /** From when the last block was asked for until the piece was verified. */
  #takesMs = FIRST_TAKES_MS;
  #deviationMs: number = FIRST_TAKES_MS / 2;

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  get pieces(): Iterable<number> {
    return this.#byPiece.keys();
  }

  has(piece: number): boolean {
    return this.#byPiece.has(piece);
  }

  /** Replaces what is urgent: piece -> deadline. */
  replace(deadlines: ReadonlyMap<number, number>): void {
    const pieces: UrgentPiece[] = [];
    for (const [piece, deadlineMs] of deadlines) {
      pieces.push({ piece, deadlineMs, askedAtMs: this.#byPiece.get(piece)?.askedAtMs ?? -1 });
    }
    this.#pieces = pieces.sort((a, b) => a.deadlineMs - b.deadlineMs || a.piece - b.piece);
    this.#byPiece.clear();
    for (const urgent of pieces) this.#byPiece.set(urgent.piece, urgent);
  }

  /** We have it now. */
  onVerified(piece: number, now: number): void {
    const urgent = this.#byPiece.get(piece);
    if (urgent === undefined) return;
    this.#byPiece.delete(piece);
    this.#pieces.splice(this.#pieces.indexOf(urgent), 1);
    if (urgent.askedAtMs < 0) return;
    const tookMs = now - urgent.askedAtMs;
    this.#deviationMs += GAIN * (Math.abs(tookMs - this.#takesMs) - this.#deviationMs);
    this.#takesMs += GAIN * (tookMs - this.#takesMs);
  }

  /** Before each pick: that many blocks are asked of the peer, and each takes so long; Infinity = it sends none. */
  notePeer(pick: PeerPickState, outstanding: number, blockMs: number, now: number): void {
    pick.blockMs = blockMs;
    pick.lagMs = (outstanding + 1) * blockMs;
    this.#now = now;
  }

  /** One more block is asked of the peer. */
  onAsked(pick: PeerPickState): void {
    pick.lagMs += pick.blockMs;
  }

  /** @returns the piece to ask the peer for: the first by deadline that it suits and `canAsk` says; -1 = none. */
  choose(peer: PickerPeer, peers: Iterable<PickerPeer>, canAsk: (piece: number) => boolean): number {
    for (const urgent of this.#pieces) {
      if (peer.pieces.has(urgent.piece) && canAsk(urgent.piece) && this.#suits(peer, urgent, peers))
        return urgent.piece;
    }
    return -1;
  }

  /**
   * Calls `visit` with pieces that are all asked for and late, by deadline, and how many peers their blocks may be asked
   * of: 2 or 3. It returns whether there is room for more.
   */
  forEachLate(
    peer: PickerPeer,
    peers: Iterable<PickerPeer>,
    inFlight: (piece: number) => PieceInFlight | null,
    visit: (piece: number, requestersMax: number) => boolean,
  ): void {
    for (const urgent of this.#pieces) {
      const partial = inFlight(urgent.piece);
      if (partial === null || partial.freeCount > 0) urgent.askedAtMs = -1;
      else if (urgent.askedAtMs < 0) urgent.askedAtMs = this.#now;
      const requestersMax = this.#requestersMax(urgent);
      if (requestersMax < 2 || peer.pick.lagMs > LATE_LAG_MAX_MS || !peer.pieces.has(urgent.piece)) continue;
      if (this.#isMuchSlower(peer, urgent, peers)) continue;
      if (!visit(urgent.piece, requestersMax)) return;
    }
  }

  #requestersMax({ askedAtMs, deadlineMs }: UrgentPiece): number {
    // There is time enough for it to come by itself.
    if (askedAtMs < 0 || this.#now + this.#takesMs < deadlineMs) return 1;
    const patienceMs = Math.max(this.#takesMs + this.#deviationMs, LATE_MIN_MS);
    return Math.min(1 + Math.floor((this.#now - askedAtMs) / patienceMs), REQUESTERS_MAX);
  }

  /** In time, or nobody else would be much sooner. */
  #suits(peer: PickerPeer, urgent: UrgentPiece, peers: Iterable<PickerPeer>): boolean {
    return this.#now + peer.pick.lagMs <= urgent.deadlineMs || !this.#isMuchSlower(peer, urgent, peers);
  }

  #isMuchSlower(peer: PickerPeer, { piece }: UrgentPiece, peers: Iterable<PickerPeer>): boolean {
    for (const other of peers) {
      if (other.pick.lagMs * MUCH_SOONER < peer.pick.lagMs && other.pieces.has(piece)) return true;
    }
    return false;
  }
}
