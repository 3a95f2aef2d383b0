/**
 * The announces that go on one after the other, to one tracker at a time: those of one tier, or, for a private torrent,
 * of all of them (BEP 12, BEP 27). Per tracker and info-hash, `started` is sent until it was accepted and never again;
 * `completed` is accepted once a lane.
 * State: waiting (timer armed), asking (there is a round), or ended (no tracker may ever be asked again).
 */
import { Timer } from '../../base/timer-queue.js';
import type { AnnounceEvent } from '../../protocol/tracker/announce.js';
import type { Tracker, TrackerChain } from '../../protocol/tracker/tiers.js';
import type { Turn } from '../turn.js';
import type { Announcement, AnnounceRound, RoundListener, RoundOptions } from './announce-round.js';
import type { Membership, TrackerStanding } from './tracker-standing.js';

/** What a lane needs of its announcer. */
export interface LaneOwner {
  readonly turn: Turn;
  /** The download was completed in this session. */
  readonly isCompleted: boolean;
  /** What is said when there is nothing new: '', or `paused` of a partial seed (BEP 21). */
  readonly regularEvent: AnnounceEvent;
  standingOf(tracker: Tracker): TrackerStanding;
  /** Asks; a tracker that is being asked already is not asked again: that round gets the listener. */
  begin(tracker: Tracker, announcements: readonly Announcement[], options: RoundOptions): AnnounceRound;
  /** `left`, which worked before, is no longer the one that we announce to. */
  onSwitched(left: Tracker): void;
}

export class AnnounceLane implements RoundListener {
  readonly #owner: LaneOwner;
  readonly #chain: TrackerChain;
  readonly #timer: Timer = new Timer(() => this.#beginPass());
  #round: AnnounceRound | null = null;
  /** The one that answered last. */
  #current: Tracker | null = null;
  #isHurried = false;

  constructor(owner: LaneOwner, chain: TrackerChain) {
    this.#owner = owner;
    this.#chain = chain;
  }

  /** Announces now, or when a tracker that knows us already expects it; goes on with one that is being asked. */
  begin(): void {
    const { trackers } = this.#chain;
    this.#current = trackers.find((tracker) => this.#works(tracker)) ?? null;
    const asked = this.#current === null ? trackers : [this.#current];
    const round = asked.map((tracker) => this.#owner.standingOf(tracker).round).find((one) => one !== null) ?? null;
    if (round !== null) {
      this.#chain.restart();
      round.listener = this;
      this.#round = round;
    } else if (this.#current === null) this.#beginPass();
    else this.#goOn(this.#current, false);
  }

  /** A person does not want to wait: announces as soon as the trackers themselves allow it, whatever our back-off. */
  hurry(): void {
    if (this.#round !== null) return;
    for (const tracker of this.#chain.trackers) tracker.hurry();
    this.#isHurried = true;
    const current = this.#current !== null && this.#works(this.#current) ? this.#current : null;
    this.#waitUntil(current?.notBeforeMs ?? this.#chain.notBeforeMs);
  }

  /** The owner's `isCompleted` has become true. */
  onCompleted(): void {
    if (this.#round !== null || this.#current === null || !this.#works(this.#current)) return;
    this.#goOn(this.#current, false);
  }

  /** Trackers have joined the chain. */
  onChainGrown(): void {
    if (this.#round === null && (this.#current === null || !this.#works(this.#current))) this.#beginPass();
  }

  /** Nothing happens after this; a round that is under way goes on without this lane. */
  end(): void {
    this.#owner.turn.timers.cancel(this.#timer);
    if (this.#round !== null) this.#round.listener = null;
    this.#round = null;
  }

  /** Monotonic ms when `tracker` will be asked next; Infinity = that is not planned. */
  plannedMs(tracker: Tracker): number {
    if (!this.#timer.isArmed || !this.#chain.trackers.includes(tracker)) return Number.POSITIVE_INFINITY;
    const current = this.#current !== null && this.#works(this.#current) ? this.#current : null;
    if (tracker === current) return this.#timer.deadline;
    // One that has never failed is asked only when no other works.
    const isTurn = current === null || tracker.failures > 0;
    return isTurn ? Math.max(this.#timer.deadline, tracker.notBeforeMs) : Number.POSITIVE_INFINITY;
  }

  // ---- RoundListener ----

  onRoundOver(round: AnnounceRound): void {
    const { tracker } = round;
    this.#round = null;
    if (!round.isAccepted) {
      this.#tryNext();
      return;
    }
    this.#isHurried = false;
    this.#chain.promote(tracker);
    const previous = this.#current;
    this.#current = tracker;
    if (previous !== null && previous !== tracker) this.#owner.onSwitched(previous);
    this.#goOn(tracker, round.hasSaidCompleted);
  }

  // ---- inside ----

  #beginPass(): void {
    this.#chain.restart();
    this.#tryNext();
  }

  #tryNext(): void {
    const tracker = this.#chain.next(this.#owner.turn.now);
    if (tracker === null) {
      this.#isHurried = false;
      this.#waitUntil(this.#chain.notBeforeMs);
      return;
    }
    const { memberships } = this.#owner.standingOf(tracker);
    this.#ask(
      tracker,
      memberships.map((_, hashIndex) => hashIndex),
    );
  }

  /** One announce for each of `hashIndices`. */
  #ask(tracker: Tracker, hashIndices: readonly number[]): void {
    const { memberships } = this.#owner.standingOf(tracker);
    const announcements = hashIndices.map((hashIndex) => ({
      hashIndex,
      event: this.#eventFor(memberships[hashIndex]!, hashIndex),
    }));
    this.#owner.turn.timers.cancel(this.#timer);
    this.#round = this.#owner.begin(tracker, announcements, { listener: this, isUrgent: this.#isHurried });
  }

  /** Says `completed` at once if that is due, and waits for the next announce otherwise. */
  #goOn(tracker: Tracker, hasJustSaidCompleted: boolean): void {
    const due: number[] = [];
    this.#owner.standingOf(tracker).memberships.forEach((membership, hashIndex) => {
      if (this.#eventFor(membership, hashIndex) === 'completed') due.push(hashIndex);
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
    return this.#owner.isCompleted && !this.#hasCompleted(hashIndex) ? 'completed' : this.#owner.regularEvent;
  }

  #hasCompleted(hashIndex: number): boolean {
    return this.#chain.trackers.some((tracker) => {
      return this.#owner.standingOf(tracker).memberships[hashIndex]!.hasCompleted;
    });
  }

  #works(tracker: Tracker): boolean {
    return this.#owner.standingOf(tracker).works;
  }

  #waitUntil(deadlineMs: number): void {
    this.#owner.turn.timers.set(this.#timer, deadlineMs);
  }
}
