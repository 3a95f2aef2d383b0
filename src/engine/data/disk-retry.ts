/**
 * When a torrent that the disk failed is tried again: soon, because space is often freed at once, then less and less
 * often. Called by Torrent, inside turns.
 */
import type { ErrorCode } from '../../base/errors.js';
import { Timer } from '../../base/timer-queue.js';
import type { Turn } from '../turn.js';

export const DISK_RETRY_FIRST_MS = 10_000;
export const DISK_RETRY_MAX_MS = 300_000;

/** What a torrent pauses for instead of failing: the disk may allow it later. */
const DISK_ERRORS: readonly ErrorCode[] = ['EDISKFULL', 'EFILEOPEN', 'EFILECREATE', 'EFILEIO', 'EDIRCREATE'];

export function isDiskError(code: ErrorCode): boolean {
  return DISK_ERRORS.includes(code);
}

export class DiskRetry {
  readonly #turn: Turn;
  readonly #timer: Timer;
  #waitMs = DISK_RETRY_FIRST_MS;
  #resumedAtMs = Number.POSITIVE_INFINITY;

  constructor(turn: Turn, retry: () => void) {
    this.#turn = turn;
    this.#timer = new Timer(retry);
  }

  /** The disk has failed. @returns ms until it is tried again. */
  schedule(): number {
    // What worked for longer than the longest wait has nothing to do with the failure before.
    if (this.#turn.now - this.#resumedAtMs > DISK_RETRY_MAX_MS) this.#waitMs = DISK_RETRY_FIRST_MS;
    const waitMs = this.#waitMs;
    this.#turn.timers.set(this.#timer, this.#turn.now + waitMs);
    this.#waitMs = Math.min(2 * waitMs, DISK_RETRY_MAX_MS);
    return waitMs;
  }

  onResumed(): void {
    this.#resumedAtMs = this.#turn.now;
  }

  /** A piece was stored: the disk works. */
  onStored(): void {
    this.#waitMs = DISK_RETRY_FIRST_MS;
  }

  cancel(): void {
    this.#turn.timers.cancel(this.#timer);
  }
}
