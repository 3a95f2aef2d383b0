/**
 * Finds out who spoiled a piece that failed its hash, when more than one peer may have: keeps what was sent and compares
 * once the piece is good, or peers have told what its blocks hash to (SmartBan, LeafFetcher). Called by PieceStore,
 * inside turns.
 * Invariant: nobody is found guilty but for a block that differs from the verified one, or for two versions of a block.
 */
import { LIMITS } from '../../base/limits.js';
import type { Storage } from '../../host/storage.js';
import type { Turn } from '../turn.js';
import { BlockDigests, digestsOf } from './block-digests.js';
import type { PartialPiece } from './partial-piece.js';
import { DIGEST_BYTES, SmartBan } from './smart-ban.js';

export interface PieceBlameHandler {
  /** Bytes that count: of a v2 piece those of its file, which its leaves are made of. */
  pieceBytes(piece: number): number;
  /** What was sent of the piece is remembered, and who spoiled it is not known. */
  onPieceDoubtful(piece: number): void;
  /** By number; they may have gone. */
  onPeersGuilty(peers: readonly number[]): void;
  onPeersInnocent(peers: readonly number[]): void;
}

export class PieceBlame {
  readonly #bans = new SmartBan();
  readonly #digests: BlockDigests;
  readonly #handler: PieceBlameHandler;

  constructor(options: { readonly turn: Turn; readonly storage: Storage; readonly handler: PieceBlameHandler }) {
    this.#digests = new BlockDigests(options);
    this.#handler = options.handler;
  }

  /**
   * The piece failed: remembers its blocks, from memory while it is whole, else from disk. `done` comes once it may be
   * fetched again, inside the call for a whole piece.
   */
  onPieceBad(partial: PartialPiece, done: () => void): void {
    const { piece } = partial;
    const pieceBytes = this.#handler.pieceBytes(piece);
    const senders = partial.contributor.slice(0, Math.ceil(pieceBytes / LIMITS.blockBytes));
    const record = (digests: Uint8Array | null): void => {
      done();
      const guilty = digests === null ? [] : this.#bans.record(piece, senders, digests);
      if (guilty.length > 0) this.#handler.onPeersGuilty(guilty);
      if (digests !== null) this.#handler.onPieceDoubtful(piece);
    };
    if (partial.isSpilled) this.#digests.read(piece, pieceBytes, record);
    else record(digestsOf(partial.extents[0]!.slot!.bytes.subarray(0, pieceBytes)));
  }

  /** The piece is verified and on disk: if it had failed before, those who had a part in that are judged. */
  onPieceGood(piece: number): void {
    if (!this.#bans.has(piece)) return;
    this.#digests.read(piece, this.#handler.pieceBytes(piece), (digests) => {
      if (digests === null) {
        this.#bans.forget(piece);
        return;
      }
      this.#judge(piece, digests);
    });
  }

  /** Peers have told the leaves of a piece (BEP 52), padding behind them: those who had sent others are found out. */
  onLeaves(piece: number, leaves: Uint8Array): void {
    const blocks = Math.ceil(this.#handler.pieceBytes(piece) / LIMITS.blockBytes);
    if (this.#bans.has(piece)) this.#judge(piece, leaves.subarray(0, blocks * DIGEST_BYTES));
  }

  #judge(piece: number, digests: Uint8Array): void {
    const { guilty, innocent } = this.#bans.judge(piece, digests);
    if (innocent.length > 0) this.#handler.onPeersInnocent(innocent);
    if (guilty.length > 0) this.#handler.onPeersGuilty(guilty);
  }
}
