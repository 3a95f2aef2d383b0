/**
 * Whether clients announced as BEP 3 wants it and the engine promises: never before the min interval of the last answer
 * is over (a minute where it names none), `completed` and `stopped` excepted; less often and less often to what fails;
 * `started` first, `stopped` last, `completed` once. Judged from what trackers heard, for each sender, torrent and tracker.
 * A new peer id is a new session of a client, which remembers what it was told; after a crash it may have forgotten
 * what was not saved yet. An announce that a person asks for by hand is not allowed for: it need not back off.
 */
import { LIMITS } from '../../base/limits.js';
import type { AnnounceLog, HeardAnnounce } from './announce-log.js';

export interface SpacingOptions {
  /** By IP: virtual ms of each crash of the client there. */
  readonly crashes?: ReadonlyMap<string, readonly number[]>;
  /** How old what a crash loses can be: the client's time between saves, and what a save takes. */
  readonly unsavedMs?: number;
  /** Answers may get lost on the way, so that a client backs off where the tracker thinks that it was told to wait. */
  readonly isLossy?: boolean;
}

const UNSAVED_MS = 60_000;
/** The shortest back-off is 17.5 s; a packet is waited for as long as 15. */
const BACK_OFF_MS_MIN = 15_000;
/** Clocks are one here, but a client may measure from when it asked. */
const TOLERANCE_MS = 1;
/** How long clients wait for an answer; less what the ways there and back may take. */
const PATIENCE_MS = { http: LIMITS.httpTrackerTimeoutMs - 1000, udp: 45_000 - 1000 } as const;

/** @returns each violation in words, in order; [] when all is well. */
export function spacingViolations(log: AnnounceLog, options: SpacingOptions = {}): string[] {
  const clients = new Map<string, Client>();
  const members = new Set<string>();
  const violations: string[] = [];
  for (const announce of log.announces) {
    const key = `${announce.from.host} ${announce.infoHash}`;
    const client = clients.get(key) ?? new Client(options, members);
    clients.set(key, client);
    const complaint = client.judge(announce);
    if (complaint === null) continue;
    const { event, from, infoHash, atMs } = announce;
    const what = event === '' ? 'a regular announce' : `"${event}"`;
    violations.push(`${from.host} says ${what} of ${infoHash.slice(0, 8)} at ${seconds(atMs)}: ${complaint}`);
  }
  return violations;
}

/** One torrent of one sender. */
class Client {
  readonly #options: SpacingOptions;
  /** The last that asked for peers, or said `completed`. */
  #last: HeardAnnounce | null = null;
  /** Of the last one of any kind. */
  #previous: HeardAnnounce | null = null;
  /** Sessions that were accepted and have not said `stopped` since: one for both families, as a tracker may take it. */
  readonly #members: Set<string>;
  #hasCompleted = false;

  constructor(options: SpacingOptions, members: Set<string>) {
    this.#options = options;
    this.#members = members;
  }

  judge(announce: HeardAnnounce): string | null {
    const { event, outcome } = announce;
    const complaint = this.#totalsComplaint(announce) ?? this.#complaint(announce);
    this.#previous = announce;
    if (event === 'stopped') {
      this.#members.delete(sessionOf(announce));
      return complaint;
    }
    this.#last = announce;
    if (outcome === 'accepted') {
      this.#members.add(sessionOf(announce));
      if (event === 'completed' && this.#isHeard(announce)) this.#hasCompleted = true;
    }
    return complaint;
  }

  #complaint(announce: HeardAnnounce): string | null {
    const { event, atMs } = announce;
    if (event === 'stopped') return null;
    if (event === 'completed') {
      if (announce.left !== 0) return `${announce.left} bytes are left`;
      if (this.#hasCompleted && !this.#hasCrashedSince(this.#last!.atMs, atMs)) return 'it has said so before';
    }
    // The other way round there is a doubt: it may not have heard that it was accepted.
    if (!this.#members.has(sessionOf(announce)) && event !== 'started') return 'it has not said "started" yet';
    if (event === 'completed' || this.#last === null) return null;
    const sinceMs = atMs - this.#last.atMs;
    const leastMs = this.#leastMs(this.#last, announce);
    if (sinceMs + TOLERANCE_MS >= leastMs) return null;
    return `${seconds(sinceMs)} after the one before, which was ${this.#last.outcome} and wants ${seconds(leastMs)}`;
  }

  /** @returns what has to lie between the two. */
  #leastMs(last: HeardAnnounce, announce: HeardAnnounce): number {
    const isNewSession = last.peerId !== announce.peerId;
    if (isNewSession && this.#hasCrashedSince(last.atMs, announce.atMs, last.answeredMs)) return 0;
    // It may have asked again before the answer left.
    const isHeard = this.#isHeard(last) && last.answeredMs < announce.atMs;
    if (last.outcome === 'unanswered' || !isHeard) return isNewSession ? 0 : BACK_OFF_MS_MIN;
    if (last.outcome === 'accepted') return last.waitMs ?? LIMITS.announceIntervalMinMs;
    return Math.max(last.waitMs ?? 0, isNewSession ? LIMITS.announceIntervalMinMs : BACK_OFF_MS_MIN);
  }

  /** Whether the client must have got the answer. */
  #isHeard({ atMs, answeredMs, via }: HeardAnnounce): boolean {
    return this.#options.isLossy !== true && answeredMs - atMs < PATIENCE_MS[via];
  }

  /** Whether there was a crash that can have lost what was heard at `heardMs`. */
  #hasCrashedSince(fromMs: number, toMs: number, heardMs = Number.POSITIVE_INFINITY): boolean {
    const { crashes, unsavedMs = UNSAVED_MS } = this.#options;
    const ip = this.#last!.from.host;
    return (crashes?.get(ip) ?? []).some((at) => at >= fromMs && at <= toMs && at <= heardMs + unsavedMs);
  }

  /** Payload of a session only grows. */
  #totalsComplaint(announce: HeardAnnounce): string | null {
    const before = this.#previous;
    if (before === null || before.peerId !== announce.peerId) return null;
    if (announce.uploaded < before.uploaded) return `uploaded ${announce.uploaded} after ${before.uploaded} bytes`;
    if (announce.downloaded < before.downloaded) {
      return `downloaded ${announce.downloaded} after ${before.downloaded} bytes`;
    }
    return null;
  }
}

function sessionOf({ infoHash, peerId }: HeardAnnounce): string {
  return `${infoHash} ${peerId}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
