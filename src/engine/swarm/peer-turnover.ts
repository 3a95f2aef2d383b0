/**
 * Who has to go when there is no place for all who want one: the least worth, when a newcomer stands at the door of a
 * full house, and a few every minute while candidates wait. Pure but for its own clockwork: it chooses, the swarm
 * closes. Times in monotonic ms.
 * Invariant: never one that gives or is given anything, nor the only one that has a piece; and newcomers replace no more
 * than LIMITS.replacedPeersPerMinuteMax a minute, so that nobody can wash a swarm away by dialling it.
 */
import { LIMITS } from '../../base/limits.js';
import { UNKNOWN_PRIORITY } from './peer-priorities.js';
import { GRACE_MS, lastExchangeOf, lastUseOf, type ValuedPeer, valuePeers, WORTH } from './peer-worth.js';

/** A house is full, and the turnover begins, when so much of the limit is taken. */
export const FULL_SHARE = 0.9;
const MINUTE_MS = 60_000;
/** Every minute: those that nothing has come of for this long … */
const IDLE_MS = 300_000;
const IDLE_SHARE = 0.1;
/** … and every five minutes the worst, idle or not. */
const TURNOVER_MS = 300_000;
const TURNOVER_SHARE = 0.04;
/** Looking for a piece that only one peer has walks over all pieces: so many of the worst are looked at. */
const SEARCHED_MAX = 8;

export interface TurnoverState<P> {
  readonly now: number;
  readonly isSeeding: boolean;
  /** It has a piece that we want and nobody else has. */
  isOnlySource(peer: P): boolean;
}

export class PeerTurnover<P extends ValuedPeer> {
  #replaced = 0;
  #minuteAtMs = Number.NEGATIVE_INFINITY;
  #nextIdleAtMs: number;
  #nextTurnoverAtMs: number;

  constructor(now: number) {
    this.#nextIdleAtMs = now + MINUTE_MS;
    this.#nextTurnoverAtMs = now + TURNOVER_MS;
  }

  /** @returns whom a newcomer may replace, or null: everyone is better than somebody unknown, or it went too fast. */
  replaceable(peers: readonly P[], state: TurnoverState<P>): { readonly peer: P; readonly worth: number } | null {
    if (this.#isTooFast(state.now)) return null;
    for (const valued of valuePeers(peers, state.now, state).slice(0, SEARCHED_MAX)) {
      if (valued.worth > WORTH.mute) return null;
      if (!state.isOnlySource(valued.peer)) return valued;
    }
    return null;
  }

  /**
   * BEP 40: everyone is good enough to stay, and a newcomer stands at the door.
   * @param newcomer not one of `peers`
   * @returns whom it may replace, or null: the one of the least priority, if that is less than its own, of those of whom
   * nothing has come yet although they had their time. An address can be chosen, what one gives and takes cannot: no
   * priority is a reason to let go of a peer that blocks were exchanged with.
   */
  outranked(newcomer: ValuedPeer, peers: readonly P[], state: TurnoverState<P>): P | null {
    const { priority } = newcomer;
    if (priority === UNKNOWN_PRIORITY || this.#isTooFast(state.now)) return null;
    const outranked = peers.filter((peer) => peer.priority < priority && isUnproven(peer, state.now));
    outranked.sort((a, b) => a.priority - b.priority);
    return outranked.slice(0, SEARCHED_MAX).find((peer) => !state.isOnlySource(peer)) ?? null;
  }

  /** One has been replaced. */
  onReplaced(now: number): void {
    if (now - this.#minuteAtMs >= MINUTE_MS) {
      this.#minuteAtMs = now;
      this.#replaced = 0;
    }
    this.#replaced++;
  }

  /**
   * The house is full and others wait to be dialled; call it about once a second.
   * @param limit how many peers there may be
   * @returns whom to let go now
   */
  due(peers: readonly P[], limit: number, state: TurnoverState<P>): readonly P[] {
    const { now } = state;
    if (now < this.#nextIdleAtMs) return [];
    this.#nextIdleAtMs = now + MINUTE_MS;
    const isTurnover = now >= this.#nextTurnoverAtMs;
    if (isTurnover) this.#nextTurnoverAtMs = now + TURNOVER_MS;
    let idleLeft = Math.ceil(limit * IDLE_SHARE);
    let worstLeft = isTurnover ? Math.max(1, Math.floor(limit * TURNOVER_SHARE)) : 0;
    const leaving: P[] = [];
    for (const { peer, worth } of valuePeers(peers, now, state)) {
      if (worth > WORTH.slow || (idleLeft === 0 && worstLeft === 0)) break;
      const isIdle = idleLeft > 0 && worth <= WORTH.mute && now - lastUseOf(peer) >= IDLE_MS;
      if ((!isIdle && worstLeft === 0) || state.isOnlySource(peer)) continue;
      if (isIdle) idleLeft--;
      else worstLeft--;
      leaving.push(peer);
    }
    return leaving;
  }

  #isTooFast(now: number): boolean {
    return now - this.#minuteAtMs < MINUTE_MS && this.#replaced >= LIMITS.replacedPeersPerMinuteMax;
  }
}

/** No block has come from it or gone to it, in a minute or longer; and nobody named it. */
function isUnproven(peer: ValuedPeer, now: number): boolean {
  if (peer.source === 'user' || peer.priority === UNKNOWN_PRIORITY) return false;
  return lastExchangeOf(peer) === Number.NEGATIVE_INFINITY && now - peer.connectedAtMs >= GRACE_MS;
}
