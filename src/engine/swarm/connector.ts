/**
 * The connections of all swarms together: at most `maxHalfOpen` dials at one time and `maxPeers` connections in all,
 * swarms taking turns. A swarm offers its next candidate; the connector decides when. When every place is taken, the
 * peer that is worth the least of all gives way to a newcomer, and to a torrent that has no peer at all.
 * Dials at the end of a turn, once.
 */
import type { EngineContext } from '../context.js';
import type { Deferred } from '../turn.js';
import { FULL_SHARE } from './peer-turnover.js';

/** A swarm as the connector sees it. */
export interface Dialler {
  /** Connected and being dialled. */
  readonly peerCount: number;
  /** Dials its best candidate. @returns false when it has none now or wants no more peers. */
  dialNext(now: number): boolean;
  /** Whether dialNext would dial. */
  wantsToDial(now: number): boolean;
  /** @returns what the peer is worth (peer-worth.ts) that it would let go for a newcomer; null = none. */
  leastWorth(now: number): number | null;
  /** Lets that peer go. */
  makeRoom(now: number): void;
  /** Others wait for places: lets go of those that are due, if any. */
  turnOver(now: number): void;
}

export class Connector {
  readonly #context: EngineContext;
  readonly #diallers: Dialler[] = [];
  readonly #work: Deferred;
  #nextIndex = 0;
  #halfOpen = 0;
  #connected = 0;

  constructor(context: EngineContext) {
    this.#context = context;
    this.#work = {
      isQueued: false,
      run: (now) => this.#pump(now),
      onBug: (error) => context.host.log.write('error', `connector: ${String(error)}`),
    };
  }

  /** Whether places are so short that those who only fill one may have to go. */
  get isCrowded(): boolean {
    return this.#connected >= FULL_SHARE * this.#context.settings.maxPeers;
  }

  /** Attempts under way. */
  get halfOpen(): number {
    return this.#halfOpen;
  }
  get connected(): number {
    return this.#connected;
  }
  /** Whether one more may be dialled. */
  get hasRoom(): boolean {
    if (!this.#context.canSend()) return false;
    const { maxHalfOpen, maxPeers } = this.#context.settings;
    return this.#halfOpen < maxHalfOpen && this.#connected + this.#halfOpen < maxPeers;
  }

  add(dialler: Dialler): void {
    this.#diallers.push(dialler);
    // Thousands of torrents that know nobody are not each a reason to ask all of them.
    if (dialler.wantsToDial(this.#context.turn.now)) this.wantsDial();
  }

  remove(dialler: Dialler): void {
    const index = this.#diallers.indexOf(dialler);
    if (index >= 0) this.#diallers.splice(index, 1);
  }

  /** New candidates, or room for them. */
  wantsDial(): void {
    this.#context.turn.settle(this.#work);
  }

  /** For one more incoming connection. @returns whether there is a place, for which another peer may have had to go. */
  takesIn(now: number): boolean {
    if (this.#connected < this.#context.settings.maxPeers) return true;
    let worst: Dialler | null = null;
    let leastWorth = Number.POSITIVE_INFINITY;
    for (const dialler of this.#diallers) {
      const worth = dialler.leastWorth(now);
      if (worth === null || worth > leastWorth) continue;
      if (worth === leastWorth && dialler.peerCount <= worst!.peerCount) continue;
      worst = dialler;
      leastWorth = worth;
    }
    worst?.makeRoom(now);
    return worst !== null;
  }

  /** About once a second. */
  tick(now: number): void {
    if (!this.isCrowded) return;
    const starving = this.#diallers.find((dialler) => isStarving(dialler, now));
    if (starving !== undefined && this.#connected + this.#halfOpen >= this.#context.settings.maxPeers) {
      if (this.takesIn(now)) this.wantsDial();
    }
    if (this.#diallers.some((dialler) => dialler.wantsToDial(now))) this.#largest()?.turnOver(now);
  }

  /** An attempt has begun / has become a connection / has failed; an incoming one counts from `onConnected`. */
  onDialStarted(): void {
    this.#halfOpen++;
  }
  onDialEnded(): void {
    this.#halfOpen--;
    this.wantsDial();
  }
  onConnected(): void {
    this.#connected++;
  }
  onDisconnected(): void {
    this.#connected--;
    this.wantsDial();
  }

  #pump(now: number): void {
    // What room there is goes to those first that have nobody.
    for (const dialler of this.#diallers) if (this.hasRoom && isStarving(dialler, now)) dialler.dialNext(now);
    let refusals = 0;
    while (refusals < this.#diallers.length && this.hasRoom) {
      this.#nextIndex = (this.#nextIndex + 1) % this.#diallers.length;
      refusals = this.#diallers[this.#nextIndex]!.dialNext(now) ? 0 : refusals + 1;
    }
  }

  #largest(): Dialler | null {
    let largest: Dialler | null = null;
    for (const dialler of this.#diallers) {
      if (largest === null || dialler.peerCount > largest.peerCount) largest = dialler;
    }
    return largest;
  }
}

function isStarving(dialler: Dialler, now: number): boolean {
  return dialler.peerCount === 0 && dialler.wantsToDial(now);
}
