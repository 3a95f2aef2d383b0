/**
 * The downloading half of a peer connection: keeps the request pipeline full from the picker, and routes arriving
 * blocks into piece buffers. Called by Peer inside turns; no object, closure or string per block.
 */
import { LIMITS } from '../../base/limits.js';
import { wide } from '../../base/wide.js';
import type { WireDecoder } from '../../protocol/wire/decoder.js';
import type { WireEncoder } from '../../protocol/wire/encoder.js';
import type { PickerPeer } from '../pieces/picker-peer.js';
import type { PiecePicker } from '../pieces/piece-picker.js';
import type { Settings } from '../settings.js';
import { type RateLimiter, RateUser } from '../swarm/rate-limiter.js';
import { RequestPipeline } from './request-pipeline.js';

const BLOCK_BYTES = LIMITS.blockBytes;
/** A peer that can fetch a whole piece in this time keeps pieces to itself, so that a bad one has one culprit. */
const WHOLE_PIECE_MS = 20_000;
/** How much is kept requested while a reader waits for pieces: what is asked for next has to come soon. */
const URGENT_QUEUE_MS = 1000;
/** A block that takes longer to come is set aside. */
const SET_ASIDE_AFTER_MS = 3000;

/** What became of a block: whether it is of use, and whether its piece, or its extent of it, is complete now. */
export type BlockOutcome = 'wasted' | 'unrequested' | 'stored' | 'extent-complete' | 'piece-complete';

export class PeerDownload {
  readonly pipeline: RequestPipeline;
  /** Pieces the peer lets us request while it chokes us (BEP 6). */
  readonly allowedFast: Set<number> = new Set();
  /** Payload received, whatever its use; and how much of it was of none. */
  receivedBytes: number = wide(0);
  wastedBytes: number = wide(0);
  /** Blocks are paid for when they are requested, so that what is not ours to take yet waits at the peer. */
  readonly turns: RateUser;
  readonly #limiter: RateLimiter;
  /** It rejected a request: until a block comes, or time passes, asking again would only be rejected again. */
  #isRefusing = false;
  readonly #picks: Uint32Array;
  /** The block now arriving into a piece buffer; piece -1 = none, or one that is skipped. */
  #receivingPiece = -1;
  #receivingBlock = -1;
  #receivingSinceMs = wide(0);
  /** Where the block that is arriving goes since it was set aside. */
  #aside: Uint8Array | null = null;

  /** `wantsRefill`: more can be requested now; called inside a turn. */
  constructor(settings: Settings, limiter: RateLimiter, wantsRefill: () => void) {
    this.#limiter = limiter;
    this.turns = new RateUser(wantsRefill);
    this.pipeline = new RequestPipeline({
      maxRequests: settings.maxRequestsPerPeer,
      queueMs: settings.requestQueueMs,
    });
    this.#picks = new Uint32Array(2 * settings.maxRequestsPerPeer);
  }

  /** Asks for as much as the pipeline wants. @returns how many requests were written to `encoder`. */
  refill(peer: PickerPeer, picker: PiecePicker, isChoked: boolean, encoder: WireEncoder, now: number): number {
    if (!picker.urgent.isEmpty) {
      const blockMs = isChoked ? Number.POSITIVE_INFINITY : this.pipeline.blockMs(now);
      picker.urgent.notePeer(peer.pick, this.pipeline.count, blockMs, now);
    }
    const isPossible = !this.#isRefusing && (!isChoked || this.allowedFast.size > 0) && picker.isInteresting(peer);
    const wanted = isPossible ? this.#room(picker, now) : 0;
    if (wanted === 0) this.#limiter.leave(this.turns);
    const allowed = wanted === 0 ? 0 : this.#limiter.takeBlocks(this.turns, wanted);
    if (allowed === 0) return 0;
    const count = isChoked
      ? picker.pickAllowedFast(peer, this.allowedFast, allowed, this.#picks)
      : picker.pick(peer, allowed, this.#pickMode(picker, now), this.#picks, now);
    let unspentBytes = allowed * BLOCK_BYTES;
    for (let i = 0; i < count; i++) {
      const piece = this.#picks[2 * i]!;
      const block = this.#picks[2 * i + 1]!;
      const begin = block * BLOCK_BYTES;
      const bytes = blockBytes(picker, piece, block);
      this.pipeline.add(piece, block, now);
      encoder.request(piece, begin, bytes);
      unspentBytes -= bytes;
    }
    this.#limiter.giveBack(unspentBytes);
    if (count < allowed) this.#limiter.leave(this.turns);
    return count;
  }

  /** A PIECE message begins. @returns the buffer for it, see PiecePicker.startBlock; null = the payload is skipped. */
  startBlock(
    peer: PickerPeer,
    picker: PiecePicker,
    piece: number,
    begin: number,
    length: number,
    now: number,
  ): Uint8Array | null {
    this.#receivingPiece = -1;
    if (!isWholeBlock(picker, piece, begin, length)) return null;
    const block = begin / BLOCK_BYTES;
    if (!this.pipeline.has(piece, block)) this.#askAgain(peer, picker, piece, block, now);
    if (!this.pipeline.startBlock(piece, block)) return null;
    const buffer = picker.startBlock(peer.number, piece, block);
    if (buffer !== null) {
      this.#receivingPiece = piece;
      this.#receivingBlock = block;
      this.#receivingSinceMs = now;
    }
    return buffer;
  }

  /**
   * A block that comes all too slowly loses its place in the piece, so that it can be had from others: a byte a second
   * would else keep the piece, and its memory, from everyone for hours. It goes on beside the piece, and is put in its
   * place if it is the first to be whole. Call it about once a second. @returns whether there was one.
   */
  setAside(picker: PiecePicker, decoder: WireDecoder, now: number): boolean {
    if (this.#receivingPiece < 0 || now - this.#receivingSinceMs < SET_ASIDE_AFTER_MS) return false;
    this.#aside = picker.setAsideBlock(this.#receivingPiece, this.#receivingBlock);
    this.#receivingPiece = -1;
    decoder.redirectBlock(this.#aside);
    return true;
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
    this.#isRefusing = false;
    this.receivedBytes += length;
    if (this.#aside !== null) this.#bringBack(peer, picker, piece, begin, length);
    const wasExpected = isWholeBlock(picker, piece, begin, length)
      ? this.pipeline.onBlock(piece, begin / BLOCK_BYTES, length, now)
      : 'unrequested';
    if (wasExpected !== 'requested') this.#limiter.charge(length);
    if (this.#receivingPiece < 0) {
      this.wastedBytes += length;
      if (wasExpected === 'requested') picker.releaseRequest(piece, begin / BLOCK_BYTES);
      return wasExpected === 'unrequested' ? 'unrequested' : 'wasted';
    }
    this.#receivingPiece = -1;
    const completed = picker.finishBlock(peer.number, piece, begin / BLOCK_BYTES);
    return completed === 'more' ? 'stored' : completed;
  }

  /** The block has come from elsewhere. @returns whether it was outstanding here: the peer is to be told. */
  cancel(picker: PiecePicker, piece: number, block: number, now: number): boolean {
    if (!this.pipeline.cancel(piece, block, now)) return false;
    this.#release(picker, piece, block);
    return true;
  }

  /** Withdraws what is requested of pieces that are not wanted any more, telling `cancelled` of each block. */
  cancelUnwanted(picker: PiecePicker, now: number, cancelled: (piece: number, block: number) => void): void {
    this.pipeline.cancelWhere(
      (piece) => picker.priority(piece) === 0,
      now,
      (piece, block) => {
        this.#release(picker, piece, block);
        cancelled(piece, block);
      },
    );
  }

  /** The peer will not send it. @returns whether it was outstanding; a reject that answers a cancel refuses nothing. */
  reject(picker: PiecePicker, piece: number, block: number): boolean {
    if (!this.pipeline.onReject(piece, block)) return false;
    this.#isRefusing = true;
    this.#release(picker, piece, block);
    return true;
  }

  /** It has requests of ours, or refuses them. */
  get isAsked(): boolean {
    return this.pipeline.count > 0 || this.#isRefusing;
  }

  /** The bytes of this block are arriving from the peer, into its piece. */
  isReceiving(piece: number, block: number): boolean {
    return piece === this.#receivingPiece && block === this.#receivingBlock;
  }

  /** Whatever it refused before, it may be asked again. */
  retry(): void {
    this.#isRefusing = false;
  }

  /** The pipeline's deadline has passed: what it withdraws, telling `withdrawn` of each block, may be asked of others. */
  timeOut(picker: PiecePicker, now: number, withdrawn: (piece: number, block: number) => void): void {
    this.pipeline.onTimeout(now, (piece, block) => {
      this.#release(picker, piece, block);
      withdrawn(piece, block);
    });
  }

  /** The peer has the piece no longer: what it was asked of it is over. */
  dropPiece(picker: PiecePicker, piece: number, now: number): void {
    this.pipeline.clearPiece(piece, now, (_piece, block) => this.#release(picker, piece, block));
  }

  /** Gives everything outstanding back to the picker: a choke, a disconnect, a stop. */
  releaseAll(picker: PiecePicker, now: number): void {
    if (this.#receivingPiece >= 0) {
      picker.abortBlock(this.#receivingPiece, this.#receivingBlock);
      this.#receivingPiece = -1;
    }
    this.#aside = null;
    this.pipeline.clear(now, (piece, block) => this.#release(picker, piece, block));
    this.#limiter.leave(this.turns);
  }

  /** It comes although it was taken back; of use all the same, if nobody else has brought it. */
  #askAgain(peer: PickerPeer, picker: PiecePicker, piece: number, block: number, now: number): void {
    if (!this.pipeline.canRenew(piece, block) || !picker.askAgain(peer, piece, block)) return;
    this.pipeline.renew(piece, block, now);
    this.#limiter.charge(blockBytes(picker, piece, block));
  }

  /** How many requests more are to be outstanding. */
  #room(picker: PiecePicker, now: number): number {
    const { pipeline } = this;
    const room = picker.urgent.isEmpty ? pipeline.want(now) : pipeline.wantWithin(URGENT_QUEUE_MS, now);
    return Math.min(room, this.#picks.length / 2);
  }

  /** What was set aside is whole: it takes its place, unless that is taken. */
  #bringBack(peer: PickerPeer, picker: PiecePicker, piece: number, begin: number, length: number): void {
    const block = begin / BLOCK_BYTES;
    const buffer = picker.startBlock(peer.number, piece, block);
    if (buffer !== null) {
      buffer.set(this.#aside!.subarray(0, length), picker.slotOffset(begin));
      this.#receivingPiece = piece;
      this.#receivingBlock = block;
    }
    this.#aside = null;
  }

  /** A request is over without its block. */
  #release(picker: PiecePicker, piece: number, block: number): void {
    picker.releaseRequest(piece, block);
    this.#limiter.giveBack(blockBytes(picker, piece, block));
  }

  #pickMode(picker: PiecePicker, now: number): number {
    return picker.modeFor({
      isFast: this.pipeline.bytesPerSecond(now) * (WHOLE_PIECE_MS / 1000) >= picker.pieceLength,
      isSnubbed: this.pipeline.isSnubbed,
    });
  }
}

function blockBytes(picker: PiecePicker, piece: number, block: number): number {
  return Math.min(BLOCK_BYTES, picker.pieceBytes(piece) - block * BLOCK_BYTES);
}

function isWholeBlock(picker: PiecePicker, piece: number, begin: number, length: number): boolean {
  if (piece >= picker.pieceCount || begin % BLOCK_BYTES !== 0) return false;
  const pieceBytes = picker.pieceBytes(piece);
  return begin < pieceBytes && length === Math.min(BLOCK_BYTES, pieceBytes - begin);
}
