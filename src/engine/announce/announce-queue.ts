/**
 * Who may announce now. Engine-wide, per tracker host: at most LIMITS.announcesPerHostMax at once, first come first
 * served, so that a thousand torrents do not fall upon one tracker together; `stopped` announces go first, because the
 * user waits for them. Invariant: every job that was added and not removed is either waiting or running.
 */
import { LIMITS } from '../../base/limits.js';

export interface AnnounceJob {
  readonly host: string;
  /** Goes before those that are not. */
  readonly isUrgent: boolean;
  /** Its turn has come; it runs until it is removed. */
  start(): void;
}

interface HostLine {
  readonly running: Set<AnnounceJob>;
  /** Sets keep the order in which they were filled, and lose a cancelled job in O(1). */
  readonly urgent: Set<AnnounceJob>;
  readonly waiting: Set<AnnounceJob>;
}

export class AnnounceQueue {
  readonly #lines = new Map<string, HostLine>();

  /** Starts `job`, at once if there is room. */
  add(job: AnnounceJob): void {
    let line = this.#lines.get(job.host);
    if (line === undefined) {
      line = { running: new Set(), urgent: new Set(), waiting: new Set() };
      this.#lines.set(job.host, line);
    }
    (job.isUrgent ? line.urgent : line.waiting).add(job);
    this.#startNext(line);
  }

  /** Ends a running job, or takes one out of the line. Idempotent. */
  remove(job: AnnounceJob): void {
    const line = this.#lines.get(job.host);
    if (line === undefined) return;
    line.urgent.delete(job);
    line.waiting.delete(job);
    line.running.delete(job);
    this.#startNext(line);
    if (line.running.size === 0) this.#lines.delete(job.host);
  }

  #startNext(line: HostLine): void {
    while (line.running.size < LIMITS.announcesPerHostMax) {
      const next = first(line.urgent) ?? first(line.waiting);
      if (next === undefined) return;
      line.urgent.delete(next);
      line.waiting.delete(next);
      line.running.add(next);
      next.start();
    }
  }
}

function first(jobs: ReadonlySet<AnnounceJob>): AnnounceJob | undefined {
  return jobs.values().next().value;
}
