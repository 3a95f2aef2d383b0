/**
 * One iterative lookup (BEP 5): asks the nodes closest to a target for nodes that are closer still, until the K closest
 * that live have answered. Liars are expected: a node counts only once it has answered with the id it was named with, each
 * network has one candidate, a node that named others which are not there is believed less, and nodes whose id does not
 * belong to their address (BEP 42) never crowd out those whose id does: once most of them were not what they were said to
 * be, no more of them are asked, and of those that are too close to the target to be there by accident a few ever are.
 * Invariants: at most ALPHA queries are waited for that are not slow; candidates are ordered by distance, and bounded.
 */
import { type Address, parseIp } from '../../base/address.js';
import { bytesEqual, toLatin1 } from '../../base/bytes.js';
import { isLocalIp } from '../../base/ip-ranges.js';
import { LIMITS } from '../../base/limits.js';
import type { NodeContact } from './compact-nodes.js';
import type { KrpcError, KrpcFields, KrpcResponse } from './krpc.js';
import { commonPrefixBits, compareDistance, isSecureId } from './node-id.js';
import { BUCKET_NODES } from './routing-table.js';
import type { OutstandingQuery, QueryListener } from './transactions.js';

/** What a lookup is made for. */
export interface LookupGoal {
  readonly method: string;
  /** Beside the id of who asks. */
  readonly args: KrpcFields;
  onResponse(response: KrpcResponse, node: LookupNode, now: number): void;
  /** Called once, unless it is cancelled. */
  onEnd(lookup: Lookup, now: number): void;
}

/** A node that has answered. */
export interface LookupNode extends NodeContact {
  /** Its id belongs to its address (BEP 42), or its address is exempt; and it is not too close to the target to be true. */
  readonly isSecure: boolean;
  /** What it gave us to write with; null = nothing. */
  readonly token: Uint8Array | null;
}

/** The node that looks, as far as a lookup needs it. */
export interface LookupHost {
  readonly family: 4 | 6;
  readonly allowSameIp: boolean;
  /** Whom to ask first. */
  closest(target: Uint8Array, count: number, now: number): NodeContact[];
  /** Whom to ask when nobody else answers: their ids are not known. Empty while there are good nodes. */
  bootstrap(now: number): readonly Address[];
  /** @returns null when too many queries are outstanding. */
  ask(to: Address, method: string, args: KrpcFields, listener: QueryListener, now: number): OutstandingQuery | null;
  /** The same, of one of `bootstrap`. */
  askBootstrap(
    to: Address,
    method: string,
    args: KrpcFields,
    listener: QueryListener,
    now: number,
  ): OutstandingQuery | null;
  /** How many leading bits a node may well share with a target: more are no accident. Infinity = not known. */
  plausibleBits(now: number): number;
  /** The nodes that `response` names, of our family. */
  nodesIn(response: KrpcResponse, from: Address, now: number): NodeContact[];
}

export class Lookup implements QueryListener {
  readonly target: Uint8Array;
  readonly startedAtMs: number;
  /** Queries sent. */
  queries = 0;
  /** Nodes that answered. */
  answers = 0;
  readonly #host: LookupHost;
  readonly #goal: LookupGoal;
  readonly #onOver: (lookup: Lookup) => void;
  #candidates: Candidate[] = [];
  /** Whose ids are not known. */
  #beginners: Address[] = [];
  /** The same once more: when the only packet is lost there is nobody else to ask. */
  #beginnersAgain: Address[] = [];
  readonly #asked = new Map<OutstandingQuery, Candidate | null>();
  /** Of `#asked`, those that take long, and of these those that hardly answer any more. */
  readonly #slow = new Set<OutstandingQuery>();
  readonly #overdue = new Set<OutstandingQuery>();
  /** IPs and networks that were asked. */
  readonly #taken = new Set<string>();
  #plausibleBits = Number.POSITIVE_INFINITY;
  /** Candidates that were closer than that, and queries to those that are closer than seems likely now. */
  #implausible = 0;
  #implausibleAsked = 0;
  /** The closest node whose id is of its address: bits that it shares with the target, -1 = none has answered. */
  #secureBits = -1;
  /** Fresh candidates whose id is not of their address; and of those that were asked, who was there and who was not. */
  #insecure = 0;
  #insecureAnswers = 0;
  #insecureFailures = 0;
  #isOver = false;

  /** `onOver` hears of every end, also by cancel(). */
  constructor(
    target: Uint8Array,
    { host, goal, onOver }: { host: LookupHost; goal: LookupGoal; onOver: (lookup: Lookup) => void },
    now: number,
  ) {
    this.target = target;
    this.startedAtMs = now;
    this.#host = host;
    this.#goal = goal;
    this.#onOver = onOver;
  }

  /** @returns false when nobody is known to ask: it may be started again later. */
  start(now: number): boolean {
    this.#plausibleBits = this.#host.plausibleBits(now);
    this.#addKnown(now);
    this.#beginners = [...this.#host.bootstrap(now)];
    this.#beginnersAgain = [...this.#beginners];
    if (this.#candidates.length + this.#beginners.length === 0) return false;
    this.#pump(now);
    return true;
  }

  /** Ends it; its goal hears nothing more. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver(this);
  }

  /** Ends it as it is. */
  finish(now: number): void {
    if (this.#isOver) return;
    this.cancel();
    this.#goal.onEnd(this, now);
  }

  /**
   * The nodes to write to, closest first: the K closest secure ones that gave a token, and a few that are closer but not
   * secure, who may be honest and old-fashioned.
   */
  writableNodes(): LookupNode[] {
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

  onResponse(response: KrpcResponse, query: OutstandingQuery, now: number): void {
    if (this.#isOver) return;
    const asked = this.#close(query);
    const node = this.#identify(asked, response, query);
    this.answers++;
    if (asked?.source != null && node === asked) asked.source.named++;
    for (const contact of this.#host.nodesIn(response, query.to, now)) this.#add(contact, node);
    if (node !== null) {
      const token = response.values.getBytes('token');
      if (token !== null && token.length <= LIMITS.dhtTokenBytesMax) node.token = token.slice();
      this.#goal.onResponse(response, node, now);
    }
    this.#pump(now);
  }

  onFailure(error: KrpcError | null, query: OutstandingQuery, now: number): void {
    if (this.#isOver) return;
    const candidate = this.#close(query);
    if (candidate !== null) {
      this.#setState(candidate, 'failed');
      // Who answers with an error is there: nobody lied about it.
      if (error === null) this.#blame(candidate);
      this.#taken.delete(this.#networkOf(candidate));
    }
    this.#pump(now);
  }

  onSlow(query: OutstandingQuery, now: number): void {
    if (this.#isOver) return;
    this.#slow.add(query);
    const candidate = this.#asked.get(query);
    if (candidate != null) this.#setState(candidate, 'slow');
    this.#pump(now);
  }

  onOverdue(query: OutstandingQuery, now: number): void {
    if (this.#isOver) return;
    this.#overdue.add(query);
    this.#pump(now);
  }

  #close(query: OutstandingQuery): Candidate | null {
    const candidate = this.#asked.get(query) ?? null;
    this.#asked.delete(query);
    this.#slow.delete(query);
    this.#overdue.delete(query);
    return candidate;
  }

  /** Who has answered. Another id than it was named with makes it another candidate, and who named it a liar. */
  #identify(asked: Candidate | null, response: KrpcResponse, query: OutstandingQuery): Candidate | null {
    let node = asked;
    if (asked === null || !bytesEqual(asked.id, response.id)) {
      if (asked !== null) {
        this.#setState(asked, 'failed');
        this.#blame(asked);
      }
      node = this.#add({ id: response.id.slice(), address: query.to }, null);
    }
    if (node !== null) this.#setState(node, 'answered');
    return node;
  }

  #setState(candidate: Candidate, state: CandidateState): void {
    if (candidate.isSecure) {
      if (state === 'answered') this.#secureBits = Math.max(this.#secureBits, candidate.bits);
    } else if (candidate.state === 'fresh') this.#insecure--;
    else if (state === 'answered') this.#insecureAnswers++;
    else if (state === 'failed') this.#insecureFailures++;
    candidate.state = state;
  }

  #blame(candidate: Candidate): void {
    if (candidate.source !== null) candidate.source.lies++;
  }

  /** @returns the candidate, which may have been there already; null when it is too far to matter, or too close to be true. */
  #add(contact: NodeContact, source: Candidate | null): Candidate | null {
    let place = 0;
    let end = this.#candidates.length;
    while (place < end) {
      const middle = (place + end) >>> 1;
      if (compareDistance(this.target, this.#candidates[middle]!.id, contact.id) < 0) place = middle + 1;
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
    const bits = commonPrefixBits(contact.id, this.target);
    const isPlausible = bits <= this.#plausibleBits;
    if (!isPlausible && ++this.#implausible > LIMITS.dhtLookupImplausibleMax) return null;
    const isSecure = isPlausible && isSecureId(contact.id, parseIp(contact.address.host)!);
    const candidate = new Candidate(contact, { source, bits, isSecure });
    this.#candidates.splice(place, 0, candidate);
    if (!isSecure && ++this.#insecure > LIMITS.dhtLookupInsecureMax) this.#dropInsecure();
    if (this.#candidates.length > LIMITS.dhtLookupCandidatesMax) this.#drop(this.#candidates.length - 1);
    return candidate;
  }

  /**
   * Adds the closest nodes of our table. Those that it began with may have been liars, all of them, of whom the table is rid
   * by now. @returns whether there is somebody new.
   */
  #addKnown(now: number): boolean {
    let failed = 0;
    for (const { state } of this.#candidates) if (state === 'failed') failed++;
    const before = this.#candidates.length;
    for (const contact of this.#host.closest(this.target, STARTING_NODES + failed, now)) this.#add(contact, null);
    return this.#candidates.length > before;
  }

  /** Among those whose id is not of their address any number can claim to be the closest: few of them are remembered. */
  #dropInsecure(): void {
    this.#drop(this.#candidates.findLastIndex(({ isSecure, state }) => !isSecure && state === 'fresh'));
  }

  #drop(index: number): void {
    const [dropped] = this.#candidates.splice(index, 1);
    this.#setState(dropped!, 'failed');
  }

  #pump(now: number): void {
    while (!this.#isOver) {
      const { next, pending, isEnough } = this.#survey();
      if (next !== null) {
        if (this.#asked.size - this.#slow.size >= ALPHA) return;
        if (this.#askCandidate(next, now)) continue;
      } else if (pending > 0 && !(isEnough && this.#overdue.size === this.#asked.size)) return;
      else if (!isEnough && this.#addKnown(now)) continue;
      // Nobody that we were told of is left.
      if (this.answers === 0 && this.#askBeginner(now)) continue;
      const isFound = next === null && this.answers > 0;
      if (isFound || this.#asked.size === 0) this.finish(now);
      return;
    }
  }

  /**
   * Who is to be asked next, and how many are waited for of those that count. `isEnough`: there are K that have answered or
   * will soon; those that are overdue are then not worth the wait, for hardly one of them is there.
   */
  #survey(): { readonly next: Candidate | null; readonly pending: number; readonly isEnough: boolean } {
    let counted = 0;
    let secure = 0;
    let pending = 0;
    let next: Candidate | null = null;
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
          if (!isDiscredited(candidate.source)) next ??= candidate;
          else nextDoubtful ??= candidate;
          if (next !== null) return { next, pending, isEnough: false };
          continue;
      }
      // Who is too close to be true takes no place among the K.
      if (this.#isPlausible(candidate)) counted++;
      if (candidate.isSecure) secure++;
    }
    const isEnough = counted >= BUCKET_NODES && secure >= BUCKET_NODES;
    return { next: pending > 0 || this.queries >= LIMITS.dhtLookupQueriesMax ? null : nextDoubtful, pending, isEnough };
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
    if (bits > this.#plausibleBits) return false;
    return this.#secureBits < 0 || bits <= this.#secureBits + ACCIDENTAL_BITS;
  }

  #askCandidate(candidate: Candidate, now: number): boolean {
    if (this.queries >= LIMITS.dhtLookupQueriesMax) return false;
    const query = this.#host.ask(candidate.address, this.#goal.method, this.#goal.args, this, now);
    if (query === null) return false;
    this.queries++;
    if (!this.#isPlausible(candidate)) this.#implausibleAsked++;
    this.#setState(candidate, 'asked');
    if (!this.#host.allowSameIp) {
      this.#taken.add(candidate.address.host);
      this.#taken.add(this.#networkOf(candidate));
    }
    this.#asked.set(query, candidate);
    return true;
  }

  #askBeginner(now: number): boolean {
    if (this.#asked.size - this.#slow.size >= ALPHA) return false;
    // Not at once: a whole network may begin with this one node.
    const isAgain = this.#beginners.length === 0 && this.#asked.size === this.#slow.size;
    const to = isAgain ? this.#beginnersAgain.shift() : this.#beginners.shift();
    if (to === undefined) return false;
    const query = this.#host.askBootstrap(to, this.#goal.method, this.#goal.args, this, now);
    if (query === null) return false;
    this.queries++;
    this.#asked.set(query, null);
    return true;
  }

  #isTaken(candidate: Candidate): boolean {
    if (this.#host.allowSameIp) return false;
    return this.#taken.has(candidate.address.host) || this.#taken.has(this.#networkOf(candidate));
  }

  /** What has one candidate: a /24, of IPv6 a /64; addresses of local networks are each one of their own. */
  #networkOf(candidate: Candidate): string {
    candidate.network ??= networkOf(candidate.address);
    return candidate.network;
  }
}

type CandidateState = 'fresh' | 'asked' | 'slow' | 'answered' | 'failed';

class Candidate implements LookupNode {
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

/** Queries under way at once, those that are slow apart. */
const ALPHA = 4;
const STARTING_NODES = 2 * BUCKET_NODES;
const INSECURE_WRITTEN_MAX = BUCKET_NODES / 2;
/** What a node that is not a liar may well have named. */
const LIES_MAX = 4;
/** The node closest to a target is closer by so many bits than it should be in one of 256 lookups. */
export const ACCIDENTAL_BITS = 8;

function isDiscredited(source: Candidate | null): boolean {
  return source !== null && isMostlyFalse({ lies: source.lies, truths: source.named });
}

/** Half of what an honest node names may be gone; of what it names some is there. */
function isMostlyFalse({ lies, truths }: { readonly lies: number; readonly truths: number }): boolean {
  return lies >= LIES_MAX && lies > 2 * truths;
}

function networkOf(address: Address): string {
  const ip = parseIp(address.host)!;
  if (isLocalIp(ip)) return address.host;
  return address.family === 4 ? address.host.slice(0, address.host.lastIndexOf('.') + 1) : toLatin1(ip.subarray(0, 8));
}
