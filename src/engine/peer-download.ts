/**
 * The downloading half of a peer connection: keeps the request pipeline full from the picker, and routes arriving
 * blocks into piece buffers. Called by Peer inside turns; no object, closure or string per block.
 */
import { LIMITS } from '../base/limits.js';
import type { WireEncoder } from '../protocol/wire/encoder.js';
import type { PickerPeer, PiecePicker } from './piece-picker.js';
import { RequestPipeline } from './request-pipeline.js';
import type { Settings } from './settings.js';

const BLOCK_BYTES = LIMITS.blockBytes;
/** A peer that can fetch a whole piece in this time keeps pieces to itself, so that a bad one has one culprit. */
const WHOLE_PIECE_MS = 20_000;

/** What became of a block: whether its piece is complete now, and whether others should be told not to send it. */
export type BlockOutcome = 'wasted' | 'unrequested' | 'stored' | 'piece-complete';

export class PeerDownload {
  readonly pipeline: RequestPipeline;
  /** Pieces the peer lets us request while it chokes us (BEP 6). */
  readonly allowedFast: Set<number> = new Set();
  /** Payload received, whatever its use; and how much of it was of none. */
  receivedBytes = 0;
  wastedBytes = 0;
  readonly #picks: Uint32Array;
  /** The block now arriving into a piece buffer; piece -1 = none, or one that is skipped. */
  #receivingPiece = -1;
  #receivingBlock = -1;

  constructor(settings: Settings) {
    this.pipeline = new RequestPipeline({
      maxRequests: settings.maxRequestsPerPeer,
      queueMs: settings.requestQueueMs,
    });
    this.#picks = new Uint32Array(2 * settings.maxRequestsPerPeer);
  }

  /** Asks for as much as the pipeline wants. @returns how many requests were written to `encoder`. */
  refill(peer: PickerPeer, picker: PiecePicker, isChoked: boolean, encoder: WireEncoder, now: number): number {
    if (isChoked && this.allowedFast.size === 0) return 0;
    const wanted = Math.min(this.pipeline.want(now), this.#picks.length / 2);
    if (wanted <= 0 || !picker.isInteresting(peer)) return 0;
    const count = isChoked
      ? picker.pickAllowedFast(peer, this.allowedFast, wanted, this.#picks)
      : picker.pick(peer, wanted, this.#pickMode(picker, now), this.#picks, this.pipeline);
    for (let i = 0; i < count; i++) {
      const piece = this.#picks[2 * i]!;
      const block = this.#picks[2 * i + 1]!;
      const begin = block * BLOCK_BYTES;
      this.pipeline.add(piece, block, now);
      encoder.request(piece, begin, Math.min(BLOCK_BYTES, picker.pieceBytes(piece) - begin));
    }
    return count;
  }

  /** A PIECE message begins. @returns the piece's buffer, or null when the payload is to be skipped. */
  startBlock(peer: PickerPeer, picker: PiecePicker, piece: number, begin: number, length: number): Uint8Array | null {
    this.#receivingPiece = -1;
    if (!isWholeBlock(picker, piece, begin, length)) return null;
    const block = begin / BLOCK_BYTES;
    if (!this.pipeline.startBlock(piece, block)) return null;
    const buffer = picker.startBlock(peer.number, piece, block);
    if (buffer !== null) {
      this.#receivingPiece = piece;
      this.#receivingBlock = block;
    }
    return buffer;
  }

  /** The PIECE message is complete. */
  finishBlock(
    peer: PickerPeer,
    picker: PiecePicker,
    piece: number,
    begin: number,
    length: number,
    now: number,
  ): BlockOutcome {
    this.receivedBytes += length;
    const wasExpected = isWholeBlock(picker, piece, begin, length)
      ? this.pipeline.onBlock(piece, begin / BLOCK_BYTES, length, now)
      : 'unrequested';
    if (this.#receivingPiece < 0) {
      this.wastedBytes += length;
      if (wasExpected === 'requested') picker.releaseRequest(piece, begin / BLOCK_BYTES);
      return wasExpected === 'unrequested' ? 'unrequested' : 'wasted';
    }
    this.#receivingPiece = -1;
    return picker.finishBlock(peer.number, piece, begin / BLOCK_BYTES) === 'piece-complete'
      ? 'piece-complete'
      : 'stored';
  }

  /** Gives everything outstanding back to the picker: a choke, a disconnect, a stop. */
  releaseAll(picker: PiecePicker, now: number): void {
    if (this.#receivingPiece >= 0) {
      picker.abortBlock(this.#receivingPiece, this.#receivingBlock);
      this.#receivingPiece = -1;
    }
    this.pipeline.clear(now, (piece, block) => picker.releaseRequest(piece, block));
  }

  #pickMode(picker: PiecePicker, now: number): number {
    return picker.modeFor({
      isFast: this.pipeline.bytesPerSecond(now) * (WHOLE_PIECE_MS / 1000) >= picker.pieceLength,
      isSnubbed: this.pipeline.isSnubbed,
    });
  }
}

function isWholeBlock(picker: PiecePicker, piece: number, begin: number, length: number): boolean {
  if (piece >= picker.pieceCount || begin % BLOCK_BYTES !== 0) return false;
  const pieceBytes = picker.pieceBytes(piece);
  return begin < pieceBytes && length === Math.min(BLOCK_BYTES, pieceBytes - begin);
}
