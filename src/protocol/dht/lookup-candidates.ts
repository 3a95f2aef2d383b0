/**
 * Whom a lookup may ask, closest to its target first, and whom of them it believes. A node counts only once it has answered
 * with the id it was named with, each network has one candidate at a time, a node that named others which are not there is
 * believed less, and nodes whose id does not belong to their address (BEP 42) never crowd out those whose id does: once
 * most of them were not what they were said to be, no more of them are asked, and of those that are too close to the target
 * to be there by accident a few ever are.
 * Invariants: candidates are ordered by distance, and bounded. Used by Lookup.
 */
import { type Address, parseIp } from '../../base/address.js';
import { bytesEqual, toLatin1 } from '../../base/bytes.js';
import { isLocalIp } from '../../base/ip-ranges.js';
import { LIMITS } from '../../base/limits.js';
import type { NodeContact } from './compact-nodes.js';
import { commonPrefixBits, compareDistance, isSecureId } from './node-id.js';
import { BUCKET_NODES } from './routing-table.js';

/** A node that has answered. */
export interface LookupNode extends NodeContact {
  /** Its id belongs to its address (BEP 42), or its address is exempt; and it is not too close to the target to be true. */
  readonly isSecure: boolean;
  /** What it gave us to write with; null = nothing. */
  readonly token: Uint8Array | null;
}

/** Where a lookup is. */
export interface LookupSurvey {
  /** Who is to be asked next. */
  readonly next: Candidate | null;
  /** Who is to be asked when there is nobody else: what named it names many that are not there. */
  readonly nextDoubtful: Candidate | null;
  /** How many are waited for of those that count. */
  readonly pending: number;
  /** There are K that have answered or will soon. */
  readonly isEnough: boolean;
}

export class LookupCandidates {
  /** How many leading bits a node may well share with the target: more are no accident. Infinity = not known. */
  plausibleBits: number = Number.POSITIVE_INFINITY;
  readonly #target: Uint8Array;
  readonly #allowSameIp: boolean;
  readonly #candidates: Candidate[] = [];
  /** IPs and networks that were asked. */
  readonly #taken = new Set<string>();
  /** Candidates that were closer than is plausible, and those asked that were closer than seemed likely then. */
  #implausible = 0;
  #implausibleAsked = 0;
  /** The closest node whose id is of its address: bits that it shares with the target, -1 = none has answered. */
  #secureBits = -1;
  /** Fresh candidates whose id is not of their address; and of those that were asked, who was there and who was not. */
  #insecure = 0;
  #insecureAnswers = 0;
  #insecureFailures = 0;

  constructor(target: Uint8Array, { allowSameIp }: { readonly allowSameIp: boolean }) {
    this.#target = target;
    this.#allowSameIp = allowSameIp;
  }

  get size(): number {
    return this.#candidates.length;
  }

  countFailed(): number {
    let failed = 0;
    for (const { state } of this.#candidates) if (state === 'failed') failed++;
    return failed;
  }

  /**
   * `source`: who named it, null = we know it ourselves.
   * @returns the candidate, which may have been there already; null when it is too far to matter, or too close to be true.
   */
  add(contact: NodeContact, source: Candidate | null): Candidate | null {
    let place = 0;
    let end = this.#candidates.length;
    while (place < end) {
      const middle = (place + end) >>> 1;
      if (compareDistance(this.#target, this.#candidates[middle]!.id, contact.id) < 0) place = middle + 1;
      else end = middle;
    }
    // Others may have claimed this id for other addresses: the true one is among them.
    for (let i = place; i < this.#candidates.length; i++) {
      const twin = this.#candidates[i]!;
      if (!bytesEqual(twin.id, contact.id)) break;
      if (twin.address.host !== contact.address.host || twin.address.port !== contact.address.port) continue;
      if (isDiscredited(twin.source)) twin.source = source;
      return twin;
    }
    if (place >= LIMITS.dhtLookupCandidatesMax) return null;
    const bits = commonPrefixBits(contact.id, this.#target);
    const isPlausible = bits <= this.plausibleBits;
    if (!isPlausible && ++this.#implausible > LIMITS.dhtLookupImplausibleMax) return null;
    const isSecure = isPlausible && isSecureId(contact.id, parseIp(contact.address.host)!);
    const candidate = new Candidate(contact, { source, bits, isSecure });
    this.#candidates.splice(place, 0, candidate);
    if (!isSecure && ++this.#insecure > LIMITS.dhtLookupInsecureMax) this.#dropInsecure();
    if (this.#candidates.length > LIMITS.dhtLookupCandidatesMax) this.#drop(this.#candidates.length - 1);
    return candidate;
  }

  survey(): LookupSurvey {
    let counted = 0;
    let secure = 0;
    let pending = 0;
    let nextDoubtful: Candidate | null = null;
    for (const candidate of this.#candidates) {
      if (counted >= BUCKET_NODES && secure >= BUCKET_NODES) break;
      switch (candidate.state) {
        case 'failed':
          continue;
        case 'slow':
          pending++;
          continue;
        case 'asked':
          pending++;
          break;
        case 'fresh':
          // Those whose id is not of their address are asked where they are among the K closest, and no further.
          if (!candidate.isSecure && (counted >= BUCKET_NODES || !this.#mayAskInsecure(candidate))) continue;
          if (this.#isTaken(candidate)) continue;
          if (!isDiscredited(candidate.source)) return { next: candidate, nextDoubtful, pending, isEnough: false };
          nextDoubtful ??= candidate;
          continue;
      }
      // Who is too close to be true takes no place among the K.
      if (this.#isPlausible(candidate)) counted++;
      if (candidate.isSecure) secure++;
    }
    return { next: null, nextDoubtful, pending, isEnough: counted >= BUCKET_NODES && secure >= BUCKET_NODES };
  }

  setAsked(candidate: Candidate): void {
    if (!this.#isPlausible(candidate)) this.#implausibleAsked++;
    this.#setState(candidate, 'asked');
    if (this.#allowSameIp) return;
    this.#taken.add(candidate.address.host);
    this.#taken.add(networkOf(candidate));
  }

  setSlow(candidate: Candidate): void {
    this.#setState(candidate, 'slow');
  }

  /** It has answered, with the id it was named with. */
  setAsNamed(candidate: Candidate): void {
    this.setAnswered(candidate);
    if (candidate.source !== null) candidate.source.named++;
  }

  /** It has answered; nobody had told us that id of it. */
  setAnswered(candidate: Candidate): void {
    this.#setState(candidate, 'answered');
  }

  /** Another of its network may be asked now. `isLie`: who named it should not have done so. */
  setGone(candidate: Candidate, { isLie }: { readonly isLie: boolean }): void {
    this.#setState(candidate, 'failed');
    if (isLie) blame(candidate);
    this.#taken.delete(networkOf(candidate));
  }

  /** Somebody else is there. */
  setFalse(candidate: Candidate): void {
    this.#setState(candidate, 'failed');
    blame(candidate);
  }

  /**
   * The nodes to write to, closest first: the K closest secure ones that gave a token, and a few that are closer but not
   * secure, who may be honest and old-fashioned.
   */
  writable(): LookupNode[] {
    const nodes: LookupNode[] = [];
    let secure = 0;
    for (const node of this.#candidates) {
      if (node.state !== 'answered' || node.token === null) continue;
      if (node.isSecure) secure++;
      else if (nodes.length - secure >= INSECURE_WRITTEN_MAX) continue;
      nodes.push(node);
      if (secure >= BUCKET_NODES) break;
    }
    return nodes;
  }

  #setState(candidate: Candidate, state: CandidateState): void {
    if (candidate.isSecure) {
      if (state === 'answered') this.#secureBits = Math.max(this.#secureBits, candidate.bits);
    } else if (candidate.state === 'fresh') this.#insecure--;
    else if (state === 'answered') this.#insecureAnswers++;
    else if (state === 'failed') this.#insecureFailures++;
    candidate.state = state;
  }

  /** Among those whose id is not of their address any number can claim to be the closest: few of them are remembered. */
  #dropInsecure(): void {
    this.#drop(this.#candidates.findLastIndex(({ isSecure, state }) => !isSecure && state === 'fresh'));
  }

  #drop(index: number): void {
    const [dropped] = this.#candidates.splice(index, 1);
    this.#setState(dropped!, 'failed');
  }

  #mayAskInsecure(candidate: Candidate): boolean {
    // Where there are no others there is no choice.
    if (this.#secureBits < 0) return true;
    if (isMostlyFalse({ lies: this.#insecureFailures, truths: this.#insecureAnswers })) return false;
    return this.#isPlausible(candidate) || this.#implausibleAsked < LIMITS.dhtLookupImplausibleMax;
  }

  /**
   * Not closer to the target than a node may well be by accident. Who does not know the size of the network yet learns it
   * on the way: an id that belongs to an address cannot be chosen.
   */
  #isPlausible({ isSecure, bits }: Candidate): boolean {
    if (isSecure) return true;
    if (bits > this.plausibleBits) return false;
    return this.#secureBits < 0 || bits <= this.#secureBits + ACCIDENTAL_BITS;
  }

  #isTaken(candidate: Candidate): boolean {
    if (this.#allowSameIp) return false;
    return this.#taken.has(candidate.address.host) || this.#taken.has(networkOf(candidate));
  }
}

/** answered: with the id it was named with. slow: it may still answer. */
type CandidateState = 'fresh' | 'asked' | 'slow' | 'answered' | 'failed';

/** `state` is changed by LookupCandidates only. */
export class Candidate implements LookupNode {
  readonly id: Uint8Array;
  readonly address: Address;
  readonly isSecure: boolean;
  /** That its id shares with the target. */
  readonly bits: number;
  state: CandidateState = 'fresh';
  token: Uint8Array | null = null;
  network: string | null = null;
  /** Who named it; null = we know it ourselves. */
  source: Candidate | null;
  /** Of those that it named: that were there, and that were not. */
  named = 0;
  lies = 0;

  constructor(
    { id, address }: NodeContact,
    { source, bits, isSecure }: Pick<Candidate, 'source' | 'bits' | 'isSecure'>,
  ) {
    this.id = id;
    this.address = address;
    this.source = source;
    this.bits = bits;
    this.isSecure = isSecure;
  }
}

/** The node closest to a target is closer by so many bits than it should be in one of 256 lookups. */
export const ACCIDENTAL_BITS = 8;
const INSECURE_WRITTEN_MAX = BUCKET_NODES / 2;
/** What a node that is not a liar may well have named. */
const LIES_MAX = 4;

function blame({ source }: Candidate): void {
  if (source !== null) source.lies++;
}

function isDiscredited(source: Candidate | null): boolean {
  return source !== null && isMostlyFalse({ lies: source.lies, truths: source.named });
}

/** Half of what an honest node names may be gone; of what it names some is there. */
function isMostlyFalse({ lies, truths }: { readonly lies: number; readonly truths: number }): boolean {
  return lies >= LIES_MAX && lies > 2 * truths;
}

/** What has one candidate: a /24, of IPv6 a /64; addresses of local networks are each one of their own. */
function networkOf(candidate: Candidate): string {
  candidate.network ??= networkOfAddress(candidate.address);
  return candidate.network;
}

function networkOfAddress(address: Address): string {
  const ip = parseIp(address.host)!;
  if (isLocalIp(ip)) return address.host;
  return address.family === 4 ? address.host.slice(0, address.host.lastIndexOf('.') + 1) : toLatin1(ip.subarray(0, 8));
}
