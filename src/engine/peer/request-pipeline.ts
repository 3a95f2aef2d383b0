/**
 * What is outstanding to one peer, and how much should be: a ring of numbers in the order asked, no object per block.
 * Keeps about `queueMs` of data at the peer's rate requested (BEP 3: a shallow queue leaves a fast link idle), finds
 * the depth by slow start, and times out a peer that stops answering. Time is monotonic ms. Called by PeerDownload.
 * Invariant: a (piece, block) is outstanding at most once; what left unanswered is remembered for a while, because
 * its block may still be on the way and is then waste, not an attack (BEP 6).
 */
import { assert } from '../../base/assert.js';
import { LIMITS } from '../../base/limits.js';
import { RateMeter } from '../../base/rate.js';
import { wide } from '../../base/wide.js';

const QUEUE_MIN = 2;
/**
 * A queue is filled up when an eighth of it is free: it lasts for seconds, and each time costs either side a system
 * call and us a look through the pieces. Of one with fewer than 16 places it is still each block.
 */
const BATCH_SHARE = 8;
const SLOW_START_REQUESTS = 4;
/** Slow start ends when a second brings less than this much more than the one before, in bytes per second. */
const SLOW_START_GROWTH = 5000;
const SLOW_START_STEP_MS = 1000;
/** RateMeter's window. */
const RATE_STALE_MS = 5000;

/** Guess before the first block has come. */
const FIRST_BLOCK_MS = 500;

/** A peer that has been silent for so long is asked for nothing more before it says something: it may never. */
const SILENT_MS = 10_000;
const TIMEOUT_MIN_MS = 2000;
const TIMEOUT_MAX_MS = 60_000;
const FIRST_GAIN = 1 / 2;
const MEAN_GAIN = 1 / 8;
const DEVIATION_GAIN = 1 / 4;

/** How long, and how many, withdrawn requests are remembered: a line that is stuck may bring answers minutes later. */
export const WITHDRAWN_MS = 300_000;
export const WITHDRAWN_MAX = 512;

export type BlockAnswer = 'requested' | 'cancelled' | 'unrequested';

/**
 * Called for every block. What is needed only now and then, such as the rate when slow start is over, is worked out each
 * time all the same: a branch that is first taken once the code around it has been compiled has all of it compiled anew.
 */
export class RequestPipeline {
  /** True after a time-out, until a block comes in time; the queue is one request meanwhile. */
  isSnubbed = false;
  readonly #queueMs: number;
  readonly #maxRequests: number;
  #limit: number;
  readonly #rate = new RateMeter();
  readonly #outstanding: RequestRing;
  readonly #withdrawn = new RequestRing(WITHDRAWN_MAX);
  /** The block whose bytes are arriving: it does not time out. */
  #arrivingPiece = -1;
  #arrivingBlock = -1;
  /** It had timed out, or was withdrawn for another reason. */
  #isArrivingLate = false;
  /** When the queue last moved: a block came, or the first request went out. */
  #progressAtMs = wide(0);
  /** When a withdrawn request began to be answered: no progress that says how fast the peer is, but a sign of life. */
  #renewedAtMs = wide(0);
  /** From a request to its block, when nothing else was outstanding: a round trip and one block. */
  #firstMs = wide(FIRST_BLOCK_MS);
  #samples = 0;
  #meanMs = wide(0);
  #deviationMs = wide(0);
  #timeoutsInRow = 0;
  /** 0 = slow start is over. */
  #slowStartRequests = wide(SLOW_START_REQUESTS);
  /** The second being measured: its start and totalBytes then, and the rate of the one before; -Infinity = none yet. */
  #stepAtMs = Number.NEGATIVE_INFINITY;
  #stepBytes = wide(0);
  #stepRate = Number.NEGATIVE_INFINITY;

  /** `maxRequests`: the most that is ever outstanding. `queueMs`: how much data, in time, is kept requested. */
  constructor(options: { readonly maxRequests: number; readonly queueMs: number }) {
    this.#maxRequests = options.maxRequests;
    this.#limit = options.maxRequests;
    this.#queueMs = options.queueMs;
    this.#outstanding = new RequestRing(options.maxRequests);
  }

  /** Requests outstanding. */
  get count(): number {
    return this.#outstanding.count;
  }

  get hasAnswered(): boolean {
    return this.#samples > 0;
  }

  /** Bytes of blocks that answered a request. */
  get totalBytes(): number {
    return this.#rate.totalBytes;
  }

  /** When onTimeout is due; Infinity while nothing is outstanding. */
  get nextDeadline(): number {
    if (this.#outstanding.count === 0) return Number.POSITIVE_INFINITY;
    return Math.max(this.#progressAtMs, this.#renewedAtMs) + this.#timeoutMs();
  }

  bytesPerSecond(now: number): number {
    return this.#rate.rateBytesPerSecond(now);
  }

  /** The peer's `reqq` (BEP 10): how many requests it keeps. Nonsense is taken for the nearest sense. */
  setPeerLimit(requests: number): void {
    this.#limit = Math.max(1, Math.min(Math.floor(requests) || 1, this.#maxRequests));
  }

  /** @returns how many more requests should be sent now, 0 or more. Of a deep queue they come in batches. */
  want(now: number): number {
    const target = this.#target(now);
    const room = target - this.#outstanding.count;
    return room < Math.floor(target / BATCH_SHARE) ? 0 : room;
  }

  /** The same, to keep no more than about `queueMs` requested. */
  wantWithin(queueMs: number, now: number): number {
    const target = Math.max(Math.ceil(queueMs / this.blockMs(now)), QUEUE_MIN);
    return Math.max(0, Math.min(this.#target(now), target) - this.#outstanding.count);
  }

  /** Guess of how long a block takes behind the one before it; Infinity = the peer does not answer. */
  blockMs(now: number): number {
    if (this.isSnubbed) return Number.POSITIVE_INFINITY;
    const usualMs = this.#samples === 0 ? FIRST_BLOCK_MS : this.#meanMs;
    return this.#outstanding.count === 0 ? usualMs : Math.max(usualMs, now - this.#progressAtMs);
  }

  pieceAt(index: number): number {
    return this.#outstanding.pieceAt(index);
  }

  blockAt(index: number): number {
    return this.#outstanding.blockAt(index);
  }

  /**
   * Guess of how long it takes until the request at `index` is answered, the oldest being 0; of one that would be sent
   * now at `count`. A peer that is late is expected to take as long again. Infinity = it does not answer.
   */
  waitMs(index: number, now: number): number {
    if (this.isSnubbed) return Number.POSITIVE_INFINITY;
    if (this.#outstanding.count === 0) return this.#firstMs;
    const behindMs = this.#samples === 0 ? FIRST_BLOCK_MS : this.#meanMs;
    // The oldest was sent to a peer that had nothing else to send us, or it is one of many that stream in.
    const usualMs = this.#outstanding.timeAt(0) >= this.#progressAtMs ? this.#firstMs : behindMs;
    const elapsedMs = now - this.#progressAtMs;
    const oldestMs = elapsedMs <= usualMs ? usualMs - elapsedMs : elapsedMs;
    return oldestMs + index * behindMs;
  }

  /** The same of one that is known by its block; Infinity when it is not outstanding. */
  waitMsOf(piece: number, block: number, now: number): number {
    const index = this.#outstanding.find(piece, block);
    return index < 0 ? Number.POSITIVE_INFINITY : this.waitMs(index, now);
  }

  /** A request has been sent. */
  add(piece: number, block: number, now: number): void {
    if (this.#outstanding.count === 0) {
      // After a pause, such as a choke, the measured rate says nothing any more.
      if (now - this.#progressAtMs >= RATE_STALE_MS) this.#restartSlowStart();
      this.#progressAtMs = now;
    }
    this.#outstanding.push(piece, block, now);
  }

  has(piece: number, block: number): boolean {
    return this.#outstanding.find(piece, block) >= 0;
  }

  /** Visits what is outstanding, oldest first. */
  forEach(visit: (piece: number, block: number) => void): void {
    for (let i = 0; i < this.#outstanding.count; i++) visit(this.#outstanding.pieceAt(i), this.#outstanding.blockAt(i));
  }

  /** A block's bytes begin to arrive. @returns whether it is outstanding; if so it no longer times out. */
  startBlock(piece: number, block: number): boolean {
    if (!this.has(piece, block)) return false;
    this.#arrivingPiece = piece;
    this.#arrivingBlock = block;
    return true;
  }

  /** Whether a request for it was withdrawn lately, and has got no answer, and there is room for it again. */
  canRenew(piece: number, block: number): boolean {
    return this.#outstanding.count < this.#maxRequests && this.#withdrawn.find(piece, block) >= 0;
  }

  /** A withdrawn request counts again: its block begins to arrive after all. */
  renew(piece: number, block: number, now: number): void {
    this.#renewedAtMs = now;
    const index = this.#withdrawn.find(piece, block);
    this.#outstanding.push(piece, block, this.#withdrawn.timeAt(index));
    this.#withdrawn.removeAt(index);
    this.#isArrivingLate = true;
  }

  /** A block has arrived: 'requested' was outstanding, 'cancelled' had been withdrawn lately. */
  onBlock(piece: number, block: number, bytes: number, now: number): BlockAnswer {
    this.#arrivingPiece = -1;
    const isLate = this.#isArrivingLate;
    this.#isArrivingLate = false;
    const index = this.#outstanding.find(piece, block);
    if (index < 0) {
      this.#forgetOld(now);
      if (!this.#withdrawn.take(piece, block)) return 'unrequested';
      // Of no use, but it says how fast the peer is: a slow one would else never be seen to be slow.
      this.#addSample(now - this.#progressAtMs);
      this.#progressAtMs = now;
      return 'cancelled';
    }
    const askedAtMs = this.#outstanding.timeAt(index);
    const isFirst = askedAtMs >= this.#progressAtMs;
    this.#firstMs += (isFirst ? FIRST_GAIN : 0) * (now - askedAtMs - this.#firstMs);
    // Of blocks that stream in one behind the other, each one's time begins when the one before has come.
    this.#addSample(now - Math.max(askedAtMs, this.#progressAtMs));
    this.#outstanding.removeAt(index);
    this.#progressAtMs = now;
    if (!isLate) {
      this.#timeoutsInRow = 0;
      this.isSnubbed = false;
    }
    this.#rate.add(bytes, now);
    if (this.#slowStartRequests > 0) this.#growSlowly(now);
    return 'requested';
  }

  /** The peer refused (BEP 6). @returns whether the request was outstanding. */
  onReject(piece: number, block: number): boolean {
    // A cancelled request is answered by a reject: nothing is to come for it any more. The same block may have been asked
    // for again meanwhile; answers come in the order asked, so this one is the old request's.
    if (this.#withdrawn.take(piece, block)) return false;
    return this.#outstanding.take(piece, block);
  }

  /** Withdraws a request, as the block has come from elsewhere. @returns whether it was outstanding. */
  cancel(piece: number, block: number, now: number): boolean {
    if (!this.#outstanding.take(piece, block)) return false;
    this.#remember(piece, block, now);
    return true;
  }

  /** Withdraws the requests of pieces that `isUnwanted` says, telling `cancelled` of each. Not one that is arriving. */
  cancelWhere(
    isUnwanted: (piece: number) => boolean,
    now: number,
    cancelled: (piece: number, block: number) => void,
  ): void {
    for (let i = this.#outstanding.count - 1; i >= 0; i--) {
      const piece = this.#outstanding.pieceAt(i);
      const block = this.#outstanding.blockAt(i);
      if (!isUnwanted(piece) || (piece === this.#arrivingPiece && block === this.#arrivingBlock)) continue;
      this.#outstanding.removeAt(i);
      this.#remember(piece, block, now);
      cancelled(piece, block);
    }
  }

  /** Withdraws everything, telling `released` of each: a choke, a disconnect. */
  clear(now: number, released: (piece: number, block: number) => void): void {
    this.#arrivingPiece = -1;
    this.#withdraw(this.#outstanding.count, now, released);
  }

  /** Withdraws what is outstanding of one piece, telling `released` of each block: the peer has it no longer. */
  clearPiece(piece: number, now: number, released: (piece: number, block: number) => void): void {
    for (let i = this.#outstanding.count - 1; i >= 0; i--) {
      if (this.#outstanding.pieceAt(i) !== piece) continue;
      const block = this.#outstanding.blockAt(i);
      if (this.cancel(piece, block, now)) released(piece, block);
    }
  }

  /**
   * Call when nextDeadline has come. The peer counts as snubbing. The first time only the newest request is withdrawn
   * (the peer may just be slow, and every block that is fetched elsewhere as well is waste); when that brings no
   * answer either, all are.
   */
  onTimeout(now: number, released: (piece: number, block: number) => void): void {
    if (now < this.nextDeadline) return;
    this.#withdraw(this.isSnubbed ? this.#outstanding.count : 1, now, released);
    this.isSnubbed = true;
    this.#timeoutsInRow++;
    this.#progressAtMs = now;
    this.#restartSlowStart();
  }

  #target(now: number): number {
    if (this.isSnubbed) return 1;
    if (this.#outstanding.count > 0 && now - this.#progressAtMs >= SILENT_MS) return 0;
    const byRate = Math.ceil((this.bytesPerSecond(now) * this.#queueMs) / 1000 / LIMITS.blockBytes);
    const usual = Math.max(byRate, QUEUE_MIN);
    return Math.min(this.#slowStartRequests > 0 ? this.#slowStartRequests : usual, this.#limit);
  }

  /** One request more per block received, which doubles the queue each round trip, while the rate keeps growing. */
  #growSlowly(now: number): void {
    const elapsedMs = now - this.#stepAtMs;
    const isMeasured = elapsedMs >= SLOW_START_STEP_MS;
    const rate = ((this.totalBytes - this.#stepBytes) * 1000) / elapsedMs;
    const isGrowing = rate >= this.#stepRate + SLOW_START_GROWTH;
    const grown = Math.min(this.#slowStartRequests + 1, this.#maxRequests);
    this.#slowStartRequests = isMeasured && !isGrowing ? 0 : grown;
    if (!isMeasured) return;
    this.#stepAtMs = now;
    this.#stepBytes = this.totalBytes;
    this.#stepRate = rate;
  }

  #restartSlowStart(): void {
    this.#slowStartRequests = SLOW_START_REQUESTS;
    this.#stepAtMs = Number.NEGATIVE_INFINITY;
    this.#stepRate = Number.NEGATIVE_INFINITY;
  }

  /** Mean + 4 deviations of the answer times, doubled for every time-out in a row. */
  #timeoutMs(): number {
    if (this.#samples === 0) return TIMEOUT_MAX_MS;
    const usual = Math.max(TIMEOUT_MIN_MS, this.#meanMs + 4 * this.#deviationMs);
    return Math.min(usual * 2 ** this.#timeoutsInRow, TIMEOUT_MAX_MS);
  }

  #addSample(sampleMs: number): void {
    this.#samples++;
    if (this.#samples === 1) {
      this.#meanMs = sampleMs;
      this.#deviationMs = sampleMs / 2;
      return;
    }
    this.#deviationMs += DEVIATION_GAIN * (Math.abs(sampleMs - this.#meanMs) - this.#deviationMs);
    this.#meanMs += MEAN_GAIN * (sampleMs - this.#meanMs);
  }

  /** Withdraws the newest `count` requests, but not the one that is arriving. */
  #withdraw(count: number, now: number, released: (piece: number, block: number) => void): void {
    let left = count;
    for (let i = this.#outstanding.count - 1; i >= 0 && left > 0; i--) {
      const piece = this.#outstanding.pieceAt(i);
      const block = this.#outstanding.blockAt(i);
      if (piece === this.#arrivingPiece && block === this.#arrivingBlock) continue;
      this.#outstanding.removeAt(i);
      this.#remember(piece, block, now);
      released(piece, block);
      left--;
    }
  }

  #remember(piece: number, block: number, now: number): void {
    this.#forgetOld(now);
    if (this.#withdrawn.count === WITHDRAWN_MAX) this.#withdrawn.removeAt(0);
    this.#withdrawn.push(piece, block, now);
  }

  #forgetOld(now: number): void {
    while (this.#withdrawn.count > 0 && now - this.#withdrawn.timeAt(0) > WITHDRAWN_MS) this.#withdrawn.removeAt(0);
  }
}

/** (piece, block, time) in the order pushed. Memory is taken with the first push: most peers never get that far. */
class RequestRing {
  readonly #capacity: number;
  #pieces: Uint32Array = NO_NUMBERS;
  #blocks: Uint32Array = NO_NUMBERS;
  #times: Float64Array = NO_TIMES;
  #head = 0;
  #count = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get count(): number {
    return this.#count;
  }

  pieceAt(index: number): number {
    return this.#pieces[this.#place(index)]!;
  }
  blockAt(index: number): number {
    return this.#blocks[this.#place(index)]!;
  }
  timeAt(index: number): number {
    return this.#times[this.#place(index)]!;
  }

  push(piece: number, block: number, time: number): void {
    assert(this.#count < this.#capacity, 'more requests outstanding than allowed');
    if (this.#pieces.length === 0) {
      this.#pieces = new Uint32Array(this.#capacity);
      this.#blocks = new Uint32Array(this.#capacity);
      this.#times = new Float64Array(this.#capacity);
    }
    const place = this.#place(this.#count++);
    this.#pieces[place] = piece;
    this.#blocks[place] = block;
    this.#times[place] = time;
  }

  /** @returns the index, or -1. Blocks mostly come in the order asked, so the search begins at the oldest. */
  find(piece: number, block: number): number {
    let place = this.#head;
    for (let i = 0; i < this.#count; i++) {
      if (this.#blocks[place] === block && this.#pieces[place] === piece) return i;
      if (++place === this.#capacity) place = 0;
    }
    return -1;
  }

  /** Removes the pair. @returns whether it was there. */
  take(piece: number, block: number): boolean {
    const index = this.find(piece, block);
    if (index < 0) return false;
    this.removeAt(index);
    return true;
  }

  /** O(distance from the oldest), as is finding it. */
  removeAt(index: number): void {
    for (let i = index; i > 0; i--) this.#copy(i - 1, i);
    this.#head = this.#place(1);
    this.#count--;
  }

  #copy(from: number, to: number): void {
    const source = this.#place(from);
    const target = this.#place(to);
    this.#pieces[target] = this.#pieces[source]!;
    this.#blocks[target] = this.#blocks[source]!;
    this.#times[target] = this.#times[source]!;
  }

  #place(index: number): number {
    return (this.#head + index) % this.#capacity;
  }
}

const NO_NUMBERS: Uint32Array = new Uint32Array(0);
const NO_TIMES: Float64Array = new Float64Array(0);
