/** A torrent's trackers as a program sees them: a snapshot, made on request. Called by Announcer. */
import type { TrackerStanding } from './tracker-standing.js';

/**
 * idle: not announced to: paused, another tracker of its tier works, or it wants to be left alone · announcing: being asked, or in line for it ·
 * working: its last answer was good · failing: it did not answer, or refused; see `error`.
 */
export type TrackerState = 'idle' | 'announcing' | 'working' | 'failing';

/** One tracker of one torrent. Counts are what it said last, null where it did not. */
export interface TrackerStatus {
  /** As the torrent has it. */
  readonly url: string;
  /** From 0: its place in the torrent's announce-list. Added trackers come below the others. */
  readonly tier: number;
  /** What we know of it. */
  readonly state: TrackerState;
  /** Peers that have everything. */
  readonly seeds: number | null;
  /** Peers that have not. */
  readonly leechers: number | null;
  /** How many peers its last answer named. */
  readonly peers: number | null;
  /** Until it is announced to; null = not planned, or being asked now. */
  readonly nextAnnounceSeconds: number | null;
  /** Why its last announce failed. */
  readonly error: string | null;
}

/** `nextAnnounceMs`: monotonic; Infinity = not planned. */
export function trackerStatus(
  standing: TrackerStanding,
  place: { readonly tier: number; readonly nextAnnounceMs: number; readonly now: number },
): TrackerStatus {
  const { tracker, seeds, leechers, peers, error, round } = standing;
  const { tier, nextAnnounceMs, now } = place;
  const isPlanned = round === null && nextAnnounceMs < Number.POSITIVE_INFINITY;
  return {
    url: tracker.url,
    tier,
    state: stateOf(standing),
    seeds,
    leechers,
    peers,
    nextAnnounceSeconds: isPlanned ? Math.max(0, Math.ceil((nextAnnounceMs - now) / 1000)) : null,
    error: error?.message ?? null,
  };
}

function stateOf({ round, works, error }: TrackerStanding): TrackerState {
  if (round !== null) return 'announcing';
  if (works) return 'working';
  return error === null ? 'idle' : 'failing';
}
