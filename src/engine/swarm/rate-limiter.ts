/**
 * One limit on bytes per second for all peers of all torrents together: a token bucket whose users take turns.
 * Whoever finds the bucket empty waits and is called when it is its turn: torrents one after the other, a torrent's
 * peers one after the other, a block each. Sans-IO: one timer of the turn's queue for everybody, nothing per block.
 * Called by PeerUpload for blocks sent and by PeerDownload for blocks requested, inside turns.
 * Invariant: over any time t no more than limit × (t + BURST_MS) is given out, and one request.
 */
import { assert } from '../../base/assert.js';
import { LIMITS } from '../../base/limits.js';
import { Timer } from '../../base/timer-queue.js';
import { wide } from '../../base/wide.js';
import type { Turn } from '../turn.js';

const BLOCK_BYTES = LIMITS.blockBytes;
/** What may be saved up while nobody wants it: enough to bridge a busy event loop, little within ten seconds. */
const BURST_MS = 200;
/** Those who wait are served this often at most: 100 times a second, whatever the limit. */
const SERVE_EVERY_MS = 10;

/** The users that share a turn: the peers of one torrent. */
export class RateGroup {
  /** @internal in the order of their turns. */
  readonly waiting: RateUser[] = [];
}

/** One that spends: a peer's uploading or downloading half. */
export class RateUser {
  /** Null = nobody's yet; has to be there before the first `take`. */
  group: RateGroup | null = null;
  /** @internal bytes that it was given and has not spent. */
  allowanceBytes = 0;
  /** @internal */
  wantedBytes = 0;
  /** It would go on if it were not for the limit. */
  isWaiting = false;
  readonly onAllowance: () => void;

  /** `onAllowance`: it is its turn to take; called inside a turn. */
  constructor(onAllowance: () => void) {
    this.onAllowance = onAllowance;
  }
}

export class RateLimiter {
  readonly #turn: Turn;
  readonly #timer: Timer = new Timer((now) => this.#serve(now));
  /** Bytes per second; 0 = no limit. */
  #limit = 0;
  /** Bytes; below 0 after a large request, or what came unasked. */
  #tokens = wide(0);
  #filledAtMs = wide(0);
  /** Groups with somebody waiting, in the order of their turns. */
  readonly #waiting: RateGroup[] = [];
  /** Whoever was given something when it was last served. */
  #served: RateUser[] = [];
  #servedAtMs = Number.NEGATIVE_INFINITY;

  constructor(turn: Turn, bytesPerSecond: number) {
    this.#turn = turn;
    this.#limit = bytesPerSecond;
    this.#filledAtMs = turn.now;
  }

  get isLimited(): boolean {
    return this.#limit > 0;
  }

  /** 0 = no limit. Call it inside a turn. */
  setLimit(bytesPerSecond: number): void {
    this.#fill(this.#turn.now);
    this.#limit = bytesPerSecond;
    // What is owed under a high limit could take hours under a low one; a block that was sent is paid for.
    const debtBytesMax = Math.max(this.#debtBytesMax, LIMITS.requestBytesMax);
    this.#tokens = Math.max(Math.min(this.#tokens, this.#capacity), -debtBytesMax);
    if (bytesPerSecond > 0) {
      this.#schedule(this.#turn.now);
      return;
    }
    this.#tokens = 0;
    const freed = this.#waiting.splice(0).flatMap((group) => group.waiting.splice(0));
    for (const user of freed) user.isWaiting = false;
    for (const user of freed) user.onAllowance();
  }

  /** @returns whether `bytes` may move now, and are paid for; if not, call `wait`. */
  take(user: RateUser, bytes: number): boolean {
    if (this.#limit === 0) return true;
    if (user.allowanceBytes > 0) {
      user.allowanceBytes -= bytes;
      if (user.allowanceBytes < 0) {
        this.#tokens += user.allowanceBytes;
        user.allowanceBytes = 0;
      }
      return true;
    }
    if (this.#waiting.length > 0) return false;
    const { now } = this.#turn;
    this.#fill(now);
    if (now > this.#servedAtMs) this.#takeUnspent();
    if (this.#tokens < ENOUGH_BYTES) return false;
    this.#tokens -= bytes;
    return true;
  }

  /** @returns how many of `count` blocks may be requested now, and are paid for; for the rest it waits. */
  takeBlocks(user: RateUser, count: number): number {
    if (this.#limit === 0) return count;
    let taken = 0;
    while (taken < count && this.take(user, BLOCK_BYTES)) taken++;
    if (taken < count) this.wait(user, (count - taken) * BLOCK_BYTES);
    return taken;
  }

  /** `user` would move about `bytes` more: it is called when it can. */
  wait(user: RateUser, bytes: number): void {
    user.wantedBytes = bytes;
    if (user.isWaiting || this.#limit === 0) return;
    user.isWaiting = true;
    const group = user.group!;
    group.waiting.push(user);
    if (group.waiting.length === 1) this.#waiting.push(group);
    if (this.#timer.isArmed) return;
    const { now } = this.#turn;
    this.#fill(now);
    this.#schedule(now);
  }

  /** It wants no more for now. Idempotent. */
  leave(user: RateUser): void {
    if (user.isWaiting) {
      user.isWaiting = false;
      const group = user.group!;
      group.waiting.splice(group.waiting.indexOf(user), 1);
      if (group.waiting.length === 0) this.#waiting.splice(this.#waiting.indexOf(group), 1);
    }
    const unspentBytes = user.allowanceBytes;
    user.allowanceBytes = 0;
    this.giveBack(unspentBytes);
  }

  /** What was paid for does not come. */
  giveBack(bytes: number): void {
    if (this.#limit === 0 || bytes === 0) return;
    const { now } = this.#turn;
    this.#fill(now);
    this.#tokens = Math.min(this.#tokens + bytes, this.#capacity);
    this.#schedule(now);
  }

  /** Bytes that came without having been paid for. Nobody can make us stand still for long by sending them. */
  charge(bytes: number): void {
    if (this.#limit === 0) return;
    this.#fill(this.#turn.now);
    this.#tokens = Math.max(this.#tokens - bytes, Math.min(this.#tokens, -this.#debtBytesMax));
  }

  /** Asserts what holds between turns; for tests and audits. */
  verify(): void {
    for (const group of this.#waiting) {
      assert(group.waiting.length > 0, 'a group waits of which nobody does');
      for (const user of group.waiting) assert(user.isWaiting && user.group === group, 'a user waits in a wrong place');
    }
    assert(this.#limit > 0 || this.#waiting.length === 0, 'someone waits though there is no limit');
    assert(this.#waiting.length === 0 || this.#timer.isArmed, 'nobody serves those who wait');
    assert(this.#tokens <= this.#capacity, 'more is saved up than may be');
  }

  /** Whether the user is in a queue, to be called when it is its turn. */
  isQueued(user: RateUser): boolean {
    return user.group !== null && this.#waiting.includes(user.group) && user.group.waiting.includes(user);
  }

  get #capacity(): number {
    return ENOUGH_BYTES + (this.#limit * BURST_MS) / 1000;
  }

  get #debtBytesMax(): number {
    return (this.#limit * LIMITS.rateDebtMsMax) / 1000;
  }

  #fill(now: number): void {
    const earned = ((now - this.#filledAtMs) * this.#limit) / 1000;
    this.#tokens = Math.min(this.#tokens + earned, this.#capacity);
    this.#filledAtMs = now;
  }

  /** A block for the first peer of the first torrent, then both go to the end of their queues. */
  #serve(now: number): void {
    this.#fill(now);
    this.#takeUnspent();
    this.#servedAtMs = now;
    while (this.#tokens >= ENOUGH_BYTES && this.#waiting.length > 0) {
      const group = this.#waiting.shift()!;
      const user = group.waiting.shift()!;
      if (user.allowanceBytes === 0) this.#served.push(user);
      user.allowanceBytes += BLOCK_BYTES;
      this.#tokens -= BLOCK_BYTES;
      if (user.allowanceBytes < user.wantedBytes) group.waiting.push(user);
      else user.isWaiting = false;
      if (group.waiting.length > 0) this.#waiting.push(group);
    }
    this.#schedule(now);
    for (const user of this.#served) user.onAllowance();
  }

  /** What users did not spend of their last turn is everybody's again. */
  #takeUnspent(): void {
    for (const user of this.#served) {
      this.#tokens += user.allowanceBytes;
      user.allowanceBytes = 0;
    }
    this.#served.length = 0;
    this.#tokens = Math.min(this.#tokens, this.#capacity);
  }

  #schedule(now: number): void {
    if (this.#waiting.length === 0) return;
    const missingMs = ((ENOUGH_BYTES - this.#tokens) * 1000) / this.#limit;
    this.#turn.timers.set(this.#timer, now + Math.max(Math.ceil(missingMs), SERVE_EVERY_MS));
  }
}

/** A block may go when half of it is there: what has gone is then what was due, give or take half a block. */
const ENOUGH_BYTES = BLOCK_BYTES / 2;
