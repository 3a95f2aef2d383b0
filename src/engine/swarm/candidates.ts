/**
 * Addresses that one torrent knows, and which of them to dial next. Called by Swarm. Time is monotonic ms.
 * Invariant: one entry per endpoint, at most LIMITS.candidatesPerTorrentMax; an entry is in exactly one state:
 *   idle -> dialling -> connected -> idle; a failed dial leads back to idle; banned and self are final.
 * Lists come from strangers (trackers, PEX): what cannot be a peer is ignored, what never answers is given up.
 */

import { type Address, addressKey, isDiallable } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { RareMap } from '../../base/rarely-filled.js';
import { type KeptPriority, type PeerPriorities, UNKNOWN_PRIORITY, unknownPriority } from './peer-priorities.js';

/**
 * How we know of a peer. user: a person named it · magnet: the link did · incoming: it dialled us · resume: known from an
 * earlier run · tracker, dht (BEP 5), lsd (BEP 14), pex (BEP 11): who told us.
 */
export type CandidateSource = 'user' | 'magnet' | 'incoming' | 'resume' | 'tracker' | 'dht' | 'lsd' | 'pex';

/** A number for each source. */
export type SourceCounts = Readonly<Record<CandidateSource, number>>;

type CandidateState = 'idle' | 'dialling' | 'connected' | 'banned' | 'self';

/** The wait after the n-th failure in a row is n times this. */
const RETRY_MS = 60_000;
const RETRY_MAX_MS = 600_000;
/** A person who names a peer expects it to be tried again soon. */
const FIRST_RETRY_NAMED_MS = 5000;
/**
 * Who says itself that it is there (BEP 14) is tried again this long after the last time: it has just started, or it begins
 * anew, as aria2 does once it has the metadata of a magnet link. Its next announce is minutes away.
 */
const RETRY_ANNOUNCED_MS = 5000;
/** One that ended sooner than this, and gave us nothing, counts as a failure: some peers accept everyone and drop them. */
const SHORT_CONNECTION_MS = 60_000;

/** Lower is dialled first, and forgotten last. */
const SOURCE_RANK: Readonly<Record<CandidateSource, number>> = {
  user: 0,
  magnet: 1,
  incoming: 2,
  resume: 3,
  tracker: 4,
  dht: 5,
  pex: 6,
  lsd: 7,
};

interface Candidate {
  readonly address: Address;
  readonly priority: KeptPriority;
  source: CandidateSource;
  /** A tracker named it, whoever did so first. */
  isFromTracker: boolean;
  state: CandidateState;
  /** Failures in a row. */
  failures: number;
  /** -Infinity = never tried. */
  dialledAtMs: number;
  /** Not to be dialled before. */
  retryAtMs: number;
  /** Nothing failed: neither of us wanted anything. */
  isUseless: boolean;
  /** It has said that it is there (BEP 14) since it was dialled last. */
  hasAnnounced: boolean;
  /** It has had its early dial after crossing ones, and no connection that lasted since. */
  hasCrossed: boolean;
}

export class Candidates {
  readonly #byKey = new RareMap<string, Candidate>();
  readonly #priorities: PeerPriorities | null;
  readonly #max: number;
  #isTrackersOnly = false;
  #refusesDiscovered = false;

  /** `priorities` null = all are of one priority (BEP 40). */
  constructor(options: { readonly priorities?: PeerPriorities | null; readonly max?: number } = {}) {
    this.#priorities = options.priorities ?? null;
    this.#max = options.max ?? LIMITS.candidatesPerTorrentMax;
  }

  get count(): number {
    return this.#byKey.size;
  }

  /** How many are known from each source, those in use and those given up included; not who is banned, nor ourselves. */
  countBySource(): SourceCounts {
    const counts = noneBySource();
    for (const candidate of this.#byKey.values()) if (!isFinal(candidate)) counts[candidate.source]++;
    return counts;
  }

  /**
   * Learns of an address. A known one keeps its state; its source becomes the better of the two, and a tracker or a
   * person that names it again grants it one more attempt. So does its own word (lsd), and that one soon, unless there was
   * no use for it. @returns whether it is known now.
   */
  add(address: Address, source: CandidateSource): boolean {
    if (this.#isTrackersOnly && source !== 'tracker') return this.isKnown(address);
    if (this.#refusesDiscovered && isDiscovered(source)) return this.isKnown(address);
    return this.#add(address, source);
  }

  isKnown(address: Address): boolean {
    return this.#byKey.has(addressKey(address));
  }

  /** BEP 27: forgets, and from now on refuses, what no tracker has named. Bans stay. */
  restrictToTrackers(): void {
    this.#isTrackersOnly = true;
    this.#forget((candidate) => !candidate.isFromTracker);
  }

  /** BEP 27: forgets, and from now on refuses, what the DHT, peer exchange or local discovery alone has named. Bans stay. */
  forgetDiscovered(): void {
    this.#refusesDiscovered = true;
    this.#forget((candidate) => isDiscovered(candidate.source) && !candidate.isFromTracker);
  }

  /** Forgets it if peer exchange alone has named it and nobody has dialled it yet. */
  forgetHearsay(address: Address): void {
    const candidate = this.#active(address);
    if (candidate?.source !== 'pex' || candidate.state !== 'idle') return;
    if (candidate.dialledAtMs === Number.NEGATIVE_INFINITY) this.#byKey.delete(addressKey(address));
  }

  /** Forgets all but bans. */
  clear(): void {
    this.#forget(() => true);
  }

  #forget(isForgotten: (candidate: Candidate) => boolean): void {
    for (const [key, candidate] of this.#byKey) {
      if (!isFinal(candidate) && isForgotten(candidate)) this.#byKey.delete(key);
    }
  }

  #add(address: Address, source: CandidateSource): boolean {
    if (!isDiallable(address)) return false;
    const key = addressKey(address);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      if (source === 'tracker') known.isFromTracker = true;
      if (SOURCE_RANK[source] < SOURCE_RANK[known.source]) known.source = source;
      if (source === 'tracker' || source === 'user') known.failures = Math.max(0, known.failures - 1);
      if (source === 'lsd' && !known.isUseless) onAnnounced(known);
      return true;
    }
    const candidate: Candidate = {
      address,
      priority: unknownPriority(),
      source,
      isFromTracker: source === 'tracker',
      state: 'idle',
      failures: 0,
      dialledAtMs: Number.NEGATIVE_INFINITY,
      retryAtMs: Number.NEGATIVE_INFINITY,
      isUseless: false,
      hasAnnounced: false,
      hasCrossed: false,
    };
    if (this.#byKey.size >= this.#max && !this.#makeRoomFor(candidate)) return false;
    this.#byKey.set(key, candidate);
    return true;
  }

  /**
   * @returns whom to dial now, or null: named by a person, fewest failures, longest untried, source, canonical priority
   * (BEP 40), in this order.
   */
  next(now: number): { readonly address: Address; readonly source: CandidateSource } | null {
    let best: Candidate | null = null;
    for (const candidate of this.#byKey.values()) {
      if (!isWaiting(candidate) || candidate.retryAtMs > now) continue;
      if (best === null || this.#isBetterToDial(candidate, best)) best = candidate;
    }
    return best;
  }

  /** @returns when `next` will have something: -Infinity for a candidate never tried, Infinity for none at all. */
  nextRetryAt(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const candidate of this.#byKey.values()) {
      if (isWaiting(candidate) && candidate.retryAtMs < earliest) earliest = candidate.retryAtMs;
    }
    return earliest;
  }

  /** Visits those that are in use: each is some peer's. */
  forEachInUse(visit: (address: Address, state: 'dialling' | 'connected') => void): void {
    for (const { address, state } of this.#byKey.values()) {
      if (state === 'dialling' || state === 'connected') visit(address, state);
    }
  }

  onDialled(address: Address, now: number): void {
    const candidate = this.#active(address);
    if (candidate === null) return;
    candidate.state = 'dialling';
    candidate.isUseless = false;
    candidate.hasAnnounced = false;
    candidate.dialledAtMs = now;
  }

  /** The handshake is done, whoever dialled. */
  onConnected(address: Address): void {
    const candidate = this.#active(address);
    if (candidate !== null) candidate.state = 'connected';
  }

  /** The dial or the handshake failed. */
  onFailed(address: Address, now: number): void {
    const candidate = this.#active(address);
    if (candidate !== null) fail(candidate, now);
  }

  /** Neither side wanted anything of the other: dialled again as seldom as one that fails. */
  onUseless(address: Address, now: number): void {
    const candidate = this.#active(address);
    if (candidate === null) return;
    candidate.hasAnnounced = false;
    fail(candidate, now);
    candidate.isUseless = true;
  }

  /** We want something again: those that were of no use may be dialled at once. */
  reconsiderUseless(): void {
    for (const candidate of this.#byKey.values()) {
      if (!candidate.isUseless) continue;
      candidate.isUseless = false;
      candidate.failures = 0;
      candidate.retryAtMs = Number.NEGATIVE_INFINITY;
    }
  }

  /** A connection that had worked is over. `hasGiven`: blocks had come over it. */
  onClosed(address: Address, now: number, { hasGiven = false }: { readonly hasGiven?: boolean } = {}): void {
    const candidate = this.#active(address);
    if (candidate === null) return;
    if (!hasGiven && now - candidate.dialledAtMs < SHORT_CONNECTION_MS) {
      fail(candidate, now);
      return;
    }
    candidate.hasCrossed = false;
    candidate.failures = 0;
    rest(candidate, now, isNamed(candidate) ? FIRST_RETRY_NAMED_MS : RETRY_MS);
  }

  /** Both sides dialled, and each closed the connection that the other had kept: once it is dialled again so early. */
  onCrossed(address: Address, retryAtMs: number): void {
    const candidate = this.#active(address);
    if (candidate?.state !== 'idle' || candidate.hasCrossed) return;
    candidate.hasCrossed = true;
    candidate.failures = 0;
    candidate.retryAtMs = retryAtMs;
  }

  /** We let it go, and may want it back: whatever it was doing, it did not fail. */
  onReleased(address: Address): void {
    const candidate = this.#active(address);
    if (candidate === null) return;
    candidate.state = 'idle';
    candidate.retryAtMs = Number.NEGATIVE_INFINITY;
  }

  /** @returns up to `count` addresses to dial in another run, the best first: connected, then those that worked. */
  worthKeeping(count: number): Address[] {
    const kept = [...this.#byKey.values()].filter((candidate) => !isFinal(candidate) && candidate.failures === 0);
    return kept
      .sort((a, b) => keepingRank(a) - keepingRank(b) || SOURCE_RANK[a.source] - SOURCE_RANK[b.source])
      .slice(0, count)
      .map(({ address }) => address);
  }

  /** Never dialled again. The address need not be known. */
  ban(address: Address): void {
    this.#finish(address, 'banned');
  }

  /** The address is our own. */
  markSelf(address: Address): void {
    this.#finish(address, 'self');
  }

  isBanned(address: Address): boolean {
    return this.#byKey.get(addressKey(address))?.state === 'banned';
  }

  #isBetterToDial(a: Candidate, b: Candidate): boolean {
    const order = compare(a, b);
    return order === 0 ? this.#priorityOf(a) > this.#priorityOf(b) : order < 0;
  }

  #priorityOf({ priority, address }: Candidate): number {
    return this.#priorities === null ? UNKNOWN_PRIORITY : this.#priorities.of(priority, address);
  }

  #finish(address: Address, state: 'banned' | 'self'): void {
    this.#add(address, 'incoming');
    const candidate = this.#byKey.get(addressKey(address));
    if (candidate !== undefined) candidate.state = state;
  }

  #active(address: Address): Candidate | null {
    const candidate = this.#byKey.get(addressKey(address));
    return candidate === undefined || isFinal(candidate) ? null : candidate;
  }

  /** Forgets the least promising idle address if the newcomer is better; the oldest ban if there are only those. */
  #makeRoomFor(newcomer: Candidate): boolean {
    let worst: Candidate | null = null;
    let oldestFinal: Candidate | null = null;
    for (const candidate of this.#byKey.values()) {
      if (isFinal(candidate)) oldestFinal ??= candidate;
      else if (candidate.state === 'idle' && (worst === null || isBetter(worst, candidate))) worst = candidate;
    }
    if (worst !== null && !isBetter(newcomer, worst)) return false;
    const victim = worst ?? oldestFinal;
    if (victim === null) return false;
    this.#byKey.delete(addressKey(victim.address));
    return true;
  }
}

/** To be counted up. */
export function noneBySource(): Record<CandidateSource, number> {
  return { user: 0, magnet: 0, incoming: 0, resume: 0, tracker: 0, dht: 0, lsd: 0, pex: 0 };
}

/** Found by asking around, which a private torrent does not do (BEP 27). */
export function isDiscovered(source: CandidateSource): boolean {
  return source === 'dht' || source === 'lsd' || source === 'pex';
}

/** What is worth keeping. Not having been tried does not count: a flood of addresses must not wash away known ones. */
function isBetter(a: Candidate, b: Candidate): boolean {
  if ((a.source === 'user') !== (b.source === 'user')) return a.source === 'user';
  if (a.failures !== b.failures) return a.failures < b.failures;
  return SOURCE_RANK[a.source] < SOURCE_RANK[b.source];
}

function fail(candidate: Candidate, now: number): void {
  candidate.failures++;
  const isFirst = isNamed(candidate) && candidate.failures === 1;
  rest(candidate, now, isFirst ? FIRST_RETRY_NAMED_MS : Math.min(RETRY_MS * candidate.failures, RETRY_MAX_MS));
}

/** It is dialled again so much later, or sooner when it has said meanwhile that it is there. */
function rest(candidate: Candidate, now: number, waitMs: number): void {
  candidate.state = 'idle';
  candidate.retryAtMs = now + (candidate.hasAnnounced ? Math.min(waitMs, RETRY_ANNOUNCED_MS) : waitMs);
}

function onAnnounced(candidate: Candidate): void {
  candidate.hasAnnounced = true;
  candidate.failures = Math.max(0, candidate.failures - 1);
  candidate.retryAtMs = Math.min(candidate.retryAtMs, candidate.dialledAtMs + RETRY_ANNOUNCED_MS);
}

/** Idle and not given up: what a person named is tried for ever. */
function isWaiting(candidate: Candidate): boolean {
  if (candidate.state !== 'idle') return false;
  return candidate.source === 'user' || candidate.failures < LIMITS.dialAttemptsMax;
}

/** Connected, then tried without a failure since, then never tried. */
function keepingRank({ state, dialledAtMs }: Candidate): number {
  if (state === 'connected') return 0;
  return dialledAtMs === Number.NEGATIVE_INFINITY ? 2 : 1;
}

function isFinal(candidate: Candidate): boolean {
  return candidate.state === 'banned' || candidate.state === 'self';
}

function isNamed(candidate: Candidate): boolean {
  return candidate.source === 'user' || candidate.source === 'magnet';
}

/** Negative when `a` is the better one to dial. */
function compare(a: Candidate, b: Candidate): number {
  if ((a.source === 'user') !== (b.source === 'user')) return a.source === 'user' ? -1 : 1;
  if (a.failures !== b.failures) return a.failures - b.failures;
  if (a.dialledAtMs !== b.dialledAtMs) return a.dialledAtMs < b.dialledAtMs ? -1 : 1;
  return SOURCE_RANK[a.source] - SOURCE_RANK[b.source];
}
