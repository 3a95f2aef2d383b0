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
  // One more, because `unixTime` may be most of a second ago.
  const waitSeconds = waitMs <= 0 ? 0 : Math.ceil(waitMs / 1000) + 1;
  return { key: tracker.key, notBeforeUnixTime: waitMs <= 0 ? 0 : unixTime + waitSeconds, waitSeconds, trackerId };
}

/** @returns monotonic ms: no longer from now than was left then, however the wall clock was set since. */
export function recalledNotBeforeMs(memory: TrackerMemory, { now, unixTime }: Moment): number {
  const { notBeforeUnixTime, waitSeconds } = memory;
  const waitMs = Math.min(notBeforeUnixTime - unixTime, waitSeconds) * 1000;
  return waitMs > 0 ? now + Math.min(waitMs, LIMITS.announceIntervalMaxMs) : Number.NEGATIVE_INFINITY;
}
