/**
 * What is remembered of a torrent's trackers from one session to the next, so that starting the program again is no way
 * around a tracker's min interval or retry-in (BEP 31). Plain data, stored with the resume data. Deadlines are monotonic
 * ms within a session and unix time, seconds, in what is stored. Called by Announcer.
 */
import { LIMITS } from '../../base/limits.js';
import type { TrackerMemory } from '../../format/resume-data.js';
import type { Tracker } from '../../protocol/tracker/tiers.js';

/** The two clocks at one moment. */
export interface Moment {
  /** Monotonic ms. */
  readonly now: number;
  /** Seconds since 1970. */
  readonly unixTime: number;
}

/** @returns null when there is nothing to remember. */
export function rememberTracker(
  tracker: Tracker,
  trackerId: Uint8Array | null,
  { now, unixTime }: Moment,
): TrackerMemory | null {
  const waitMs = Math.min(tracker.rememberedMs - now, LIMITS.announceIntervalMaxMs); // "never" becomes a day
  if (waitMs <= 0 && trackerId === null) return null;
  return {
    key: tracker.key,
    // One more, because `unixTime` may be most of a second ago.
    notBeforeUnixTime: waitMs <= 0 ? 0 : unixTime + Math.ceil(waitMs / 1000) + 1,
    trackerId,
  };
}

/** @returns monotonic ms: at most LIMITS.announceIntervalMaxMs from now, however the wall clock was set since. */
export function recalledNotBeforeMs({ notBeforeUnixTime }: TrackerMemory, { now, unixTime }: Moment): number {
  const waitMs = (notBeforeUnixTime - unixTime) * 1000;
  return waitMs > 0 ? now + Math.min(waitMs, LIMITS.announceIntervalMaxMs) : Number.NEGATIVE_INFINITY;
}
