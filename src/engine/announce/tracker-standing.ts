/**
 * How one torrent stands with one of its trackers: what the tracker knows of us, what it said last, and whether it is
 * being asked. It stays as long as the tracker does, over pauses and changes of the tiers. Called by Announcer.
 */
import type { DtorrentError } from '../../base/errors.js';
import type { Tracker } from '../../protocol/tracker/tiers.js';
import type { AnnounceRound } from './announce-round.js';

/** What one tracker knows of us, about one info-hash. */
export interface Membership {
  /** It accepted our `started`, and no `stopped` since. */
  hasStarted: boolean;
  hasCompleted: boolean;
  /** As it wants it back. */
  trackerId: Uint8Array | null;
}

export class TrackerStanding {
  readonly tracker: Tracker;
  /** One an info-hash. */
  readonly memberships: readonly Membership[];
  /** Under way. */
  round: AnnounceRound | null = null;
  /** It has answered in this session. */
  hasAnswered = false;
  /** Of the last announce or scrape that said so. */
  seeds: number | null = null;
  leechers: number | null = null;
  /** How many addresses the last announce gave. */
  peers: number | null = null;
  /** Why the last announce failed; null when it did not. */
  error: DtorrentError | null = null;

  constructor(tracker: Tracker, hashCount: number) {
    this.tracker = tracker;
    this.memberships = Array.from({ length: hashCount }, () => ({
      hasStarted: false,
      hasCompleted: false,
      trackerId: null,
    }));
  }

  /** It has us in a swarm. */
  get hasStarted(): boolean {
    return this.memberships.some(({ hasStarted }) => hasStarted);
  }

  /** It has us in a swarm, and answered last time. */
  get works(): boolean {
    return this.tracker.failures === 0 && this.hasStarted;
  }
}
