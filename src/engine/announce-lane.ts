/**
 * The announces that go on one after the other, to one tracker at a time: those of one tier, or, for a private torrent,
 * of all of them (BEP 12, BEP 27). A round asks one tracker about each info-hash (a hybrid torrent has two swarms).
 * Per tracker and hash, `started` is sent until it was accepted and never again; `completed` is accepted once a lane.
 * State: waiting (timer armed), asking (calls not empty), or ended (no tracker may ever be asked again).
 */
import type { DtorrentError } from '../base/errors.js';
import type { Random } from '../base/random.js';
import { Timer } from '../base/timer-queue.js';
import {
  type AnnounceEvent,
  AnnounceFailure,
  type AnnounceResponse,
  type AnnounceResult,
} from '../protocol/tracker/announce.js';
import type { Tracker, TrackerChain } from '../protocol/tracker/tiers.js';
import type { AnnounceCall } from './announce-call.js';
import type { Turn } from './turn.js';

/** What one tracker knows of us, about one info-hash. */
export interface Membership {
  /** It accepted our `started`, and no `stopped` since. */
  hasStarted: boolean;
  hasCompleted: boolean;
  /** As it wants it back. */
  trackerId: Uint8Array | null;
}

/** What a lane needs of its announcer. */
export interface LaneOwner {
  readonly turn: Turn;
  readonly random: Random;
  readonly hashCount: number;
  /** The download was completed in this session. */
  readonly isCompleted: boolean;
  /** The tracker's memberships, one an info-hash. */
  membershipsOf(tracker: Tracker): readonly Membership[];
  ask(tracker: Tracker, hashIndex: number, event: AnnounceEvent, done: (result: AnnounceResult) => void): AnnounceCall;
  onResponse(tracker: Tracker, response: AnnounceResponse): void;
  onFailure(tracker: Tracker, error: DtorrentError): void;
  /** `left`, which worked before, is no longer the one that we announce to. */
  onSwitched(left: Tracker): void;
}

export class AnnounceLane {
  readonly #owner: LaneOwner;
  readonly #chain: TrackerChain;
  readonly #timer: Timer = new Timer(() => this.#beginPass());
  readonly #allHashes: readonly number[];
  #calls: AnnounceCall[] = [];
  /** The one that answered last. */
  #current: Tracker | null = null;

  constructor(owner: LaneOwner, chain: TrackerChain) {
    this.#owner = owner;
    this.#chain = chain;
    this.#allHashes = Array.from({ length: owner.hashCount }, (_, hashIndex) => hashIndex);
  }

  /** Announces now, or when a tracker that knows us already expects it. */
  begin(): void {
    this.#current = this.#chain.trackers.find((tracker) => this.#works(tracker)) ?? null;
    if (this.#current === null) this.#beginPass();
    else this.#goOn(this.#current, false);
  }

  /** The owner's `isCompleted` has become true. */
  onCompleted(): void {
    if (this.#calls.length > 0 || this.#current === null || !this.#works(this.#current)) return;
    this.#goOn(this.#current, false);
  }

  /** Trackers have joined the chain. */
  onChainGrown(): void {
    if (this.#calls.length === 0 && (this.#current === null || !this.#works(this.#current))) this.#beginPass();
  }

  /** Nothing happens after this. */
  cancel(): void {
    this.#owner.turn.timers.cancel(this.#timer);
    for (const call of this.#calls) call.cancel();
    this.#calls = [];
  }

  #beginPass(): void {
    this.#chain.restart();
    this.#tryNext();
  }

  #tryNext(): void {
    const tracker = this.#chain.next(this.#owner.turn.now);
    if (tracker === null) this.#waitUntil(this.#chain.notBeforeMs);
    else this.#ask(tracker, this.#allHashes);
  }

  /** One announce for each of `hashIndices`. */
  #ask(tracker: Tracker, hashIndices: readonly number[]): void {
    const owner = this.#owner;
    owner.turn.timers.cancel(this.#timer);
    const round = new Round(hashIndices.length);
    this.#calls = hashIndices.map((hashIndex) => {
      const membership = owner.membershipsOf(tracker)[hashIndex]!;
      const event = this.#eventFor(membership, hashIndex);
      if (event === 'completed') round.hasSaidCompleted = true;
      return owner.ask(tracker, hashIndex, event, (result) => {
        if (!(result instanceof AnnounceFailure)) {
          membership.hasStarted = true;
          if (event === 'completed') membership.hasCompleted = true;
          membership.trackerId = result.trackerId ?? membership.trackerId;
          owner.onResponse(tracker, result);
        }
        if (round.add(result)) this.#onRoundOver(tracker, round);
      });
    });
  }

  /** One accepted announce makes a round good: some trackers serve only one of a hybrid's two hashes. */
  #onRoundOver(tracker: Tracker, round: Round): void {
    this.#calls = [];
    const { turn, random } = this.#owner;
    if (round.intervalMs === null) {
      tracker.fail(turn.now, { retryInMs: round.retryInMs, isRefusal: round.error?.code === 'ETRACKER' }, random);
      this.#owner.onFailure(tracker, round.error!);
      this.#tryNext();
      return;
    }
    tracker.succeed(turn.now, { intervalMs: round.intervalMs, minIntervalMs: round.minIntervalMs }, random);
    this.#chain.promote(tracker);
    const previous = this.#current;
    this.#current = tracker;
    if (previous !== null && previous !== tracker) this.#owner.onSwitched(previous);
    this.#goOn(tracker, round.hasSaidCompleted);
  }

  /** Says `completed` at once if that is due, and waits for the next announce otherwise. */
  #goOn(tracker: Tracker, hasJustSaidCompleted: boolean): void {
    const due = this.#allHashes.filter((hashIndex) => {
      const membership = this.#owner.membershipsOf(tracker)[hashIndex]!;
      return this.#eventFor(membership, hashIndex) === 'completed';
    });
    if (due.length === 0 || hasJustSaidCompleted) {
      this.#waitUntil(tracker.nextAnnounceMs);
      return;
    }
    this.#chain.restart(); // when it fails, the others of the chain get their turn
    this.#ask(tracker, due); // only these: the min interval holds for all that is not `completed`
  }

  #eventFor(membership: Membership, hashIndex: number): AnnounceEvent {
    if (!membership.hasStarted) return 'started';
    return this.#owner.isCompleted && !this.#hasCompleted(hashIndex) ? 'completed' : '';
  }

  #hasCompleted(hashIndex: number): boolean {
    return this.#chain.trackers.some((tracker) => this.#owner.membershipsOf(tracker)[hashIndex]!.hasCompleted);
  }

  #works(tracker: Tracker): boolean {
    return tracker.failures === 0 && this.#owner.membershipsOf(tracker).some(({ hasStarted }) => hasStarted);
  }

  #waitUntil(deadlineMs: number): void {
    this.#owner.turn.timers.set(this.#timer, deadlineMs);
  }
}

/** The answers of one tracker about each info-hash. Of intervals the longest is kept. */
class Round {
  intervalMs: number | null = null;
  minIntervalMs: number | null = null;
  retryInMs: number | null = null;
  error: DtorrentError | null = null;
  hasSaidCompleted = false;
  #waiting: number;

  constructor(hashCount: number) {
    this.#waiting = hashCount;
  }

  /** @returns whether the round is over. */
  add(result: AnnounceResult): boolean {
    if (result instanceof AnnounceFailure) {
      this.error ??= result.error;
      // "Never" about one hash must not silence the other.
      this.retryInMs = Math.min(this.retryInMs ?? Number.POSITIVE_INFINITY, result.retryInMs ?? 0);
    } else {
      this.intervalMs = longest(this.intervalMs, result.intervalMs);
      this.minIntervalMs = longest(this.minIntervalMs, result.minIntervalMs);
    }
    this.#waiting--;
    return this.#waiting === 0;
  }
}

function longest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
