/**
 * BEP 3 choking: who may download from us. Pure: given peers and the time it says who is unchoked next; it sends
 * nothing. Called by Swarm: `round` every `chokeRoundMs`, `fillFreeSlots` whenever a slot may have come free.
 * Invariant: a round leaves at most uploadSlots + optimisticSlots interested peers unchoked. Uninterested ones that
 * would have earned a slot are unchoked as well and use none; when one becomes interested the next round decides.
 * Between rounds nobody is choked (no fibrillation). Slots that are not earned go round by host: one machine with fifty
 * connections waits as one.
 */
import { type Address, isLoopback } from '../../base/address.js';
import { type Random, randomBelow } from '../../base/random.js';

/** A peer as the choker sees it. Rates in bytes per second, times in monotonic ms. */
export interface ChokerPeer {
  /** Where it is; left out = alone there. */
  readonly remote?: Address;
  readonly isInterested: boolean;
  /** By us. */
  readonly isUnchoked: boolean;
  /** Wants nothing (BEP 21): it is not unchoked ahead of its interest. */
  readonly isUploadOnly: boolean;
  /** It stopped sending what we asked for: no reciprocation, but it may be lucky. */
  readonly isSnubbed: boolean;
  /** From the peer to us. */
  readonly downloadRate: number;
  /** From us to the peer. */
  readonly uploadRate: number;
  /** Payload we sent it since it connected. */
  readonly uploadedBytes: number;
  readonly connectedAtMs: number;
  /** -Infinity = never. */
  readonly lastUnchokedAtMs: number;
  /** For a while it has taken nothing of us, and we do not keep it waiting: it does not ask, or does not read. */
  readonly isIdle?: boolean;
}

export interface ChokerSettings {
  readonly uploadSlots: number;
  readonly optimisticSlots: number;
  readonly optimisticRoundMs: number;
}

/**
 * While seeding, a turn is over after this long and this much, and at the latest after SEED_TURN_MAX_MS: sooner, but
 * not before SEED_TURN_MS, when so many wait that not all of them would have a turn within SEED_ROTATION_MS.
 */
export const SEED_TURN_MS = 60_000;
export const SEED_TURN_MAX_MS = 300_000;
/** The turn of a peer that takes nothing: a few of them would else keep every slot empty. */
export const SEED_IDLE_TURN_MS = 20_000;
export const SEED_TURN_BYTES: number = 16 * 1024 * 1024;
export const SEED_ROTATION_MS = 900_000;
/** Newcomers have nothing to trade yet: they are this much likelier to be unchoked optimistically. */
export const NEWCOMER_MS = 60_000;
const NEWCOMER_WEIGHT = 3;

export class Choker<P extends ChokerPeer> {
  readonly #settings: ChokerSettings;
  readonly #random: Random;
  /** The optimistically unchoked, and when they are due to change. */
  #optimistic: P[] = [];
  #nextOptimisticAtMs = Number.NEGATIVE_INFINITY;
  /** uploadedBytes of each unchoked peer when its turn began, for turns while seeding. */
  #turnStartBytes = new Map<P, number>();

  constructor(settings: ChokerSettings, random: Random) {
    this.#settings = settings;
    this.#random = random;
  }

  /** @returns the peers to unchoke, best first; everyone else is to be choked. */
  round(peers: readonly P[], now: number, { isSeeding }: { readonly isSeeding: boolean }): readonly P[] {
    if (isSeeding) {
      // Whom we feed cannot prove itself to a seed: optimistic slots are slots like the others.
      this.#optimistic = [];
      const unchoked = this.#bySeedTurn(peers, now);
      this.#noteTurns(unchoked);
      return unchoked;
    }
    this.#keepOptimistic(peers, now);
    const candidates = peers.filter((peer) => !this.#optimistic.includes(peer));
    const regular = this.#byReciprocation(candidates);
    const isRegular = new Set(regular);
    this.#fillOptimistic(
      peers.filter((peer) => !isRegular.has(peer)),
      now,
    );
    const unchoked = [...regular, ...this.#optimistic];
    this.#noteTurns(unchoked);
    return unchoked;
  }

  /**
   * A peer left, or its interest changed: free slots go to interested peers that wait, longest without one first.
   * @returns the peers to unchoke in addition; nobody is choked.
   */
  fillFreeSlots(peers: readonly P[]): readonly P[] {
    const holding: P[] = [];
    const waiting: P[] = [];
    for (const peer of peers) {
      if (!peer.isInterested) continue;
      if (peer.isUnchoked) holding.push(peer);
      // The next round would choke a snubbed peer again.
      else if (!peer.isSnubbed) waiting.push(peer);
    }
    const free = this.#settings.uploadSlots + this.#settings.optimisticSlots - holding.length;
    if (free <= 0 || waiting.length === 0) return [];
    waiting.sort(byLongestWaitOfHost([...holding, ...waiting]));
    const inTurn = inTurnsOfHosts([...holding, ...waiting]).filter((peer) => !peer.isUnchoked);
    const unchoked = inTurn.slice(0, free);
    for (const peer of unchoked) this.#turnStartBytes.set(peer, peer.uploadedBytes);
    return unchoked;
  }

  /** The best uploaders among the interested, and whoever uploads more than the least of them but wants nothing yet. */
  #byReciprocation(candidates: readonly P[]): P[] {
    const ranked = candidates.filter((peer) => !peer.isSnubbed && (peer.isInterested || !peer.isUploadOnly));
    ranked.sort((a, b) => b.downloadRate - a.downloadRate || byHeldSlot(a, b) || byLongestWait(a, b));
    const unchoked: P[] = [];
    let slots = this.#settings.uploadSlots;
    for (const peer of ranked) {
      if (slots === 0) break;
      if (peer.isInterested) slots--;
      // An uninterested peer that sends nothing has earned nothing.
      else if (peer.downloadRate === 0) continue;
      unchoked.push(peer);
    }
    return unchoked;
  }

  /** Everyone gets a turn: those in the middle of theirs keep it, then those who have waited longest. */
  #bySeedTurn(candidates: readonly P[], now: number): P[] {
    const interested = candidates.filter((peer) => peer.isInterested);
    const slots = this.#settings.uploadSlots + this.#settings.optimisticSlots;
    const evenMs = (SEED_ROTATION_MS * slots) / interested.length;
    const maxMs = Math.min(SEED_TURN_MAX_MS, Math.max(SEED_TURN_MS, evenMs));
    const holding = new Set(interested.filter((peer) => peer.isUnchoked && !this.#hasHadTurn(peer, now, maxMs)));
    const byWait = byLongestWaitOfHost(interested);
    interested.sort((a, b) => {
      if (holding.has(a) !== holding.has(b)) return holding.has(a) ? -1 : 1;
      // Of those whose turn is over, whom we feed fastest goes on if there is room.
      if (a.isUnchoked && b.isUnchoked) return b.uploadRate - a.uploadRate;
      if (a.isUnchoked !== b.isUnchoked) return a.isUnchoked ? 1 : -1;
      return byWait(a, b);
    });
    return inTurnsOfHosts(interested).slice(0, slots);
  }

  #hasHadTurn(peer: P, now: number, maxMs: number): boolean {
    const heldMs = now - peer.lastUnchokedAtMs;
    if (heldMs < SEED_TURN_MS) return peer.isIdle === true && heldMs >= SEED_IDLE_TURN_MS;
    const sentBytes = peer.uploadedBytes - (this.#turnStartBytes.get(peer) ?? 0);
    // A peer that takes nothing does not need more of it; one that is slow has to let others in some time.
    return sentBytes >= SEED_TURN_BYTES || heldMs >= maxMs || peer.uploadRate === 0;
  }

  #noteTurns(unchoked: readonly P[]): void {
    const turns = new Map<P, number>();
    for (const peer of unchoked) {
      const begun = peer.isUnchoked ? this.#turnStartBytes.get(peer) : undefined;
      turns.set(peer, begun ?? peer.uploadedBytes);
    }
    this.#turnStartBytes = turns;
  }

  /** Drops optimistic unchokes that left or lost interest, and all of them when their time is over. */
  #keepOptimistic(peers: readonly P[], now: number): void {
    if (now >= this.#nextOptimisticAtMs) {
      this.#optimistic = [];
      return;
    }
    this.#optimistic = this.#optimistic.filter((peer) => peer.isInterested && peers.includes(peer));
  }

  /** Draws among the interested that have no slot; the newly connected are likelier. */
  #fillOptimistic(candidates: readonly P[], now: number): void {
    const isNewTurn = now >= this.#nextOptimisticAtMs;
    const isWaiting = (peer: P): boolean => peer.isInterested && !this.#optimistic.includes(peer);
    while (this.#optimistic.length < this.#settings.optimisticSlots) {
      const pool = onePerHost(candidates.filter(isWaiting).sort(byLongestWait), this.#optimistic);
      if (pool.length === 0) break;
      this.#optimistic.push(pool[this.#draw(pool, now)]!);
      if (isNewTurn) this.#nextOptimisticAtMs = now + this.#settings.optimisticRoundMs;
    }
  }

  #draw(pool: readonly P[], now: number): number {
    let total = 0;
    for (const peer of pool) total += weightOf(peer, now);
    let ticket = randomBelow(this.#random, total);
    for (let i = 0; i < pool.length; i++) {
      ticket -= weightOf(pool[i]!, now);
      if (ticket < 0) return i;
    }
    return pool.length - 1;
  }
}

/** The first of each host, then the second of each, and so on; otherwise as they stand. */
function inTurnsOfHosts<P extends ChokerPeer>(peers: readonly P[]): P[] {
  const ranks = new Map<P, number>();
  const counts = new Map<string, number>();
  for (const peer of peers) {
    const host = hostOf(peer);
    const rank = host === null ? 0 : (counts.get(host) ?? 0);
    if (host !== null) counts.set(host, rank + 1);
    ranks.set(peer, rank);
  }
  return [...peers].sort((a, b) => ranks.get(a)! - ranks.get(b)!);
}

/** The wait of a host begins with the last turn of any of its connections. */
function byLongestWaitOfHost<P extends ChokerPeer>(peers: readonly P[]): (a: P, b: P) => number {
  const lastTurns = new Map<string, number>();
  for (const peer of peers) {
    const host = hostOf(peer);
    if (host !== null)
      lastTurns.set(host, Math.max(lastTurns.get(host) ?? peer.lastUnchokedAtMs, peer.lastUnchokedAtMs));
  }
  const since = (peer: P): number => Math.max(waitingSince(peer), lastTurns.get(hostOf(peer) ?? '') ?? 0);
  return (a, b) => since(a) - since(b) || byLongestWait(a, b);
}

/** One of each host, the first; none of a host of one of `chosen`, unless there are no others. */
function onePerHost<P extends ChokerPeer>(peers: readonly P[], chosen: readonly P[]): readonly P[] {
  const hosts = new Set(chosen.map(hostOf));
  const distinct = peers.filter((peer) => {
    const host = hostOf(peer);
    const isFirst = host === null || !hosts.has(host);
    hosts.add(host);
    return isFirst;
  });
  return distinct.length > 0 ? distinct : peers;
}

/** On this machine each port is a client of its own. */
function hostOf({ remote }: ChokerPeer): string | null {
  return remote === undefined || isLoopback(remote) ? null : remote.host;
}

function weightOf(peer: ChokerPeer, now: number): number {
  const isNew = now - peer.connectedAtMs < NEWCOMER_MS || peer.lastUnchokedAtMs === Number.NEGATIVE_INFINITY;
  return isNew ? NEWCOMER_WEIGHT : 1;
}

/** At equal rates whoever is unchoked stays so: changing costs a round trip and gains nothing. */
function byHeldSlot(a: ChokerPeer, b: ChokerPeer): number {
  return Number(b.isUnchoked) - Number(a.isUnchoked);
}

/**
 * Since its last turn, or since it came: whoever comes and goes does not get ahead of those that wait. Many begin in one
 * round: of those the one that has got the least is first.
 */
function byLongestWait(a: ChokerPeer, b: ChokerPeer): number {
  return waitingSince(a) - waitingSince(b) || a.uploadedBytes - b.uploadedBytes || a.connectedAtMs - b.connectedAtMs;
}

function waitingSince(peer: ChokerPeer): number {
  return Math.max(peer.lastUnchokedAtMs, peer.connectedAtMs);
}
