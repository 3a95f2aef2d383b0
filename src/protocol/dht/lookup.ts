/**
 * One iterative lookup (BEP 5): asks the nodes closest to a target for nodes that are closer still, until the K closest
 * that live have answered. Whom it may ask and whom it believes is in lookup-candidates.ts: liars are expected.
 * Invariant: at most ALPHA queries are waited for that are not slow.
 */
import type { Address } from '../../base/address.js';
import { bytesEqual } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { NodeContact } from './compact-nodes.js';
import type { KrpcError, KrpcFields, KrpcResponse } from './krpc.js';
import { type Candidate, LookupCandidates, type LookupNode } from './lookup-candidates.js';
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
  readonly #candidates: LookupCandidates;
  /** Whose ids are not known. */
  #beginners: Address[] = [];
  /** The same once more: when the only packet is lost there is nobody else to ask. */
  #beginnersAgain: Address[] = [];
  readonly #asked = new Map<OutstandingQuery, Candidate | null>();
  /** Of `#asked`, those that take long, and of these those that hardly answer any more. */
  readonly #slow = new Set<OutstandingQuery>();
  readonly #overdue = new Set<OutstandingQuery>();
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
    this.#candidates = new LookupCandidates(target, host);
  }

  /** @returns false when nobody is known to ask: it may be started again later. */
  start(now: number): boolean {
    this.#candidates.plausibleBits = this.#host.plausibleBits(now);
    this.#addKnown(now);
    this.#beginners = [...this.#host.bootstrap(now)];
    this.#beginnersAgain = [...this.#beginners];
    if (this.#candidates.size + this.#beginners.length === 0) return false;
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

  /** The nodes to write to, closest first. */
  writableNodes(): LookupNode[] {
    return this.#candidates.writable();
  }

  onResponse(response: KrpcResponse, query: OutstandingQuery, now: number): void {
    if (this.#isOver) return;
    const asked = this.#close(query);
    const node = this.#identify(asked, response, query);
    this.answers++;
    for (const contact of this.#host.nodesIn(response, query.to, now)) this.#candidates.add(contact, node);
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
    // Who answers with an error is there: nobody lied about it.
    if (candidate !== null) this.#candidates.setGone(candidate, { isLie: error === null });
    this.#pump(now);
  }

  onSlow(query: OutstandingQuery, now: number): void {
    if (this.#isOver) return;
    this.#slow.add(query);
    const candidate = this.#asked.get(query);
    if (candidate != null) this.#candidates.setSlow(candidate);
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
    if (asked !== null && bytesEqual(asked.id, response.id)) {
      this.#candidates.setAsNamed(asked);
      return asked;
    }
    if (asked !== null) this.#candidates.setFalse(asked);
    const node = this.#candidates.add({ id: response.id.slice(), address: query.to }, null);
    if (node !== null) this.#candidates.setAnswered(node);
    return node;
  }

  /**
   * Adds the closest nodes of our table. Those that it began with may have been liars, all of them, of whom the table is rid
   * by now. @returns whether there is somebody new.
   */
  #addKnown(now: number): boolean {
    const before = this.#candidates.size;
    const count = STARTING_NODES + this.#candidates.countFailed();
    for (const contact of this.#host.closest(this.target, count, now)) this.#candidates.add(contact, null);
    return this.#candidates.size > before;
  }

  #pump(now: number): void {
    while (!this.#isOver) {
      const { next: nextTrusted, nextDoubtful, pending, isEnough } = this.#candidates.survey();
      const isLast = pending === 0 && this.queries < LIMITS.dhtLookupQueriesMax;
      const next = nextTrusted ?? (isLast ? nextDoubtful : null);
      if (next !== null) {
        if (this.#asked.size - this.#slow.size >= ALPHA) return;
        if (this.#askCandidate(next, now)) continue;
        // Those that are overdue are not worth the wait when there are enough: hardly one of them is there.
      } else if (pending > 0 && !(isEnough && this.#overdue.size === this.#asked.size)) return;
      else if (!isEnough && this.#addKnown(now)) continue;
      // Nobody that we were told of is left.
      if (this.answers === 0 && this.#askBeginner(now)) continue;
      const isFound = next === null && this.answers > 0;
      if (isFound || this.#asked.size === 0) this.finish(now);
      return;
    }
  }

  #askCandidate(candidate: Candidate, now: number): boolean {
    if (this.queries >= LIMITS.dhtLookupQueriesMax) return false;
    const query = this.#host.ask(candidate.address, this.#goal.method, this.#goal.args, this, now);
    if (query === null) return false;
    this.queries++;
    this.#candidates.setAsked(candidate);
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
}

/** Queries under way at once, those that are slow apart. */
const ALPHA = 4;
const STARTING_NODES = 2 * BUCKET_NODES;
