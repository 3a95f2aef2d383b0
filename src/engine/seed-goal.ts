/**
 * How long a torrent is to be seeded: until it has been uploaded so many times, or seeded for so long, whichever comes
 * first, all its runs together. Pure; asked by Torrent about once a second.
 */
import { DtorrentError } from '../base/errors.js';

export class SeedGoal {
  /** Bytes uploaded for each byte of what is selected; Infinity = no goal. */
  readonly ratio: number;
  /** Infinity = no goal. */
  readonly timeMs: number;

  /** @throws {DtorrentError} `EOPTION` for a negative number, or what is none. */
  constructor(goal: { readonly ratio?: number | undefined; readonly timeMs?: number | undefined }) {
    this.ratio = check('seedRatio', goal.ratio);
    this.timeMs = check('seedTimeMs', goal.timeMs);
  }

  /** Bytes of all runs, and of what is selected. */
  isReached(totals: {
    readonly uploadedBytes: number;
    readonly wantedBytes: number;
    readonly seedingMs: number;
  }): boolean {
    return totals.uploadedBytes >= this.ratio * totals.wantedBytes || totals.seedingMs >= this.timeMs;
  }
}

function check(name: string, value: number | undefined): number {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  if (typeof value === 'number' && value >= 0) return value;
  throw new DtorrentError('EOPTION', `${name} must be a number, 0 or more, not ${value}`);
}
