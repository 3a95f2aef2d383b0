/**
 * One tracker asked about each info-hash of a torrent (a hybrid torrent has two swarms), from the first call to the
 * last answer. A round belongs to its tracker: when the lane that began it is gone (trackers were replaced, a magnet
 * turned out to be private), it goes on without a listener, so that nothing is asked twice and nobody is left
 * believing that we are there. Invariant: at most one round a tracker. Called by Announcer and AnnounceLane.
 */
import type { DtorrentError } from '../../base/errors.js';
import {
  type AnnounceEvent,
  AnnounceFailure,
  type AnnounceResponse,
  type AnnounceResult,
  greaterKnown,
} from '../../protocol/tracker/announce.js';
import type { Tracker } from '../../protocol/tracker/tiers.js';
import { type AnnounceCall, cancelCalls } from './announce-call.js';

/** What is said about one of the torrent's info-hashes. */
export interface Announcement {
  readonly hashIndex: number;
  readonly event: AnnounceEvent;
}

/** The lane that waits for the round. */
export interface RoundListener {
  onRoundOver(round: AnnounceRound): void;
}

export interface RoundOptions {
  readonly listener: RoundListener;
  /** A person waits for it. */
  readonly isUrgent: boolean;
}

/** What a round needs of its announcer. */
export interface RoundOwner {
  ask(round: AnnounceRound, announcement: Announcement, done: (result: AnnounceResult) => void): AnnounceCall;
  /** The tracker accepted one of them. */
  onAccepted(round: AnnounceRound, announcement: Announcement, response: AnnounceResponse): void;
  onRoundOver(round: AnnounceRound): void;
}

export class AnnounceRound {
  readonly tracker: Tracker;
  readonly isUrgent: boolean;
  /** Null = nobody announces to this tracker any more. */
  listener: RoundListener | null;
  /** Of the intervals that were answered the longest is kept. Null = nothing was accepted. */
  intervalMs: number | null = null;
  minIntervalMs: number | null = null;
  retryInMs: number | null = null;
  error: DtorrentError | null = null;
  readonly hasSaidCompleted: boolean;
  readonly #calls: Set<AnnounceCall>;

  constructor(tracker: Tracker, announcements: readonly Announcement[], owner: RoundOwner, options: RoundOptions) {
    this.tracker = tracker;
    this.listener = options.listener;
    this.isUrgent = options.isUrgent;
    this.hasSaidCompleted = announcements.some(({ event }) => event === 'completed');
    this.#calls = new Set();
    for (const announcement of announcements) {
      const call = owner.ask(this, announcement, (result) => {
        this.#calls.delete(call);
        this.#note(result);
        if (!(result instanceof AnnounceFailure)) owner.onAccepted(this, announcement, result);
        if (this.#calls.size === 0) owner.onRoundOver(this);
      });
      this.#calls.add(call);
    }
  }

  /** One accepted announce makes a round good: some trackers serve only one of a hybrid's two hashes. */
  get isAccepted(): boolean {
    return this.intervalMs !== null;
  }

  /** The tracker may have heard something of it. */
  get isSent(): boolean {
    return [...this.#calls].some((call) => call.isSent);
  }

  /** Ends it: no answer is heard. */
  cancel(): void {
    cancelCalls(this.#calls);
    this.#calls.clear();
  }

  #note(result: AnnounceResult): void {
    if (result instanceof AnnounceFailure) {
      this.error ??= result.error;
      // "Never" about one hash must not silence the other.
      this.retryInMs = Math.min(this.retryInMs ?? Number.POSITIVE_INFINITY, result.retryInMs ?? 0);
    } else {
      this.intervalMs = greaterKnown(this.intervalMs, result.intervalMs);
      this.minIntervalMs = greaterKnown(this.minIntervalMs, result.minIntervalMs);
    }
  }
}
