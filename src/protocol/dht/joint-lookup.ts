/**
 * One thing that is looked for in both networks (BEP 32): a lookup by one node of each family, and what is sent to nodes
 * when a lookup is over. Over when all of it is; its end is told once.
 */
import { assert } from '../../base/assert.js';
import type { DhtNode } from './dht-node.js';
import type { KrpcError, KrpcFields, KrpcResponse } from './krpc.js';
import type { Lookup } from './lookup.js';
import type { LookupNode } from './lookup-candidates.js';
import type { DhtOperation, LookupSummary } from './operations.js';
import type { QueryListener } from './transactions.js';

/** What the lookups are made for. */
export interface JointGoal {
  readonly method: string;
  readonly args: KrpcFields;
  onResponse(response: KrpcResponse, node: LookupNode, now: number): void;
  /** There is no need to look any further. */
  readonly isSatisfied?: boolean;
  /** What is to be written to a node that the lookup has found, closest first; null = nothing. Left out: only looks. */
  writeTo?(node: LookupNode): KrpcWrite | null;
  /** A write was taken (null) or refused. */
  onWritten?(refusal: KrpcError | null): void;
  onEnd(summary: LookupSummary): void;
}

export interface KrpcWrite {
  readonly method: string;
  /** Without the token. */
  readonly args: KrpcFields;
}

export class JointLookup implements DhtOperation {
  readonly #goal: JointGoal;
  readonly #startedAtMs: number;
  readonly #lookups = new Map<Lookup, DhtNode>();
  #queries = 0;
  #answers = 0;
  #writes = 0;
  #isOver = false;

  /** `nodes`: who looks, at most one of each family, and at least one. */
  constructor(nodes: readonly DhtNode[], target: Uint8Array, goal: JointGoal, now: number) {
    assert(nodes.length > 0, 'a lookup needs a node');
    this.#goal = goal;
    this.#startedAtMs = now;
    const each = {
      method: goal.method,
      args: goal.args,
      onResponse: (response: KrpcResponse, node: LookupNode, at: number) => this.#onResponse(response, node, at),
      onEnd: (lookup: Lookup, at: number) => this.#onLookupEnd(lookup, at),
    };
    for (const node of nodes) this.#lookups.set(node.lookUp(target, each, now), node);
  }

  cancel(): void {
    this.#isOver = true;
    for (const lookup of this.#lookups.keys()) lookup.cancel();
    this.#lookups.clear();
  }

  #onResponse(response: KrpcResponse, node: LookupNode, now: number): void {
    this.#goal.onResponse(response, node, now);
    if (this.#goal.isSatisfied !== true) return;
    for (const lookup of [...this.#lookups.keys()]) lookup.finish(now);
  }

  #onLookupEnd(lookup: Lookup, now: number): void {
    const node = this.#lookups.get(lookup);
    assert(node !== undefined, 'a lookup ends twice');
    this.#lookups.delete(lookup);
    this.#queries += lookup.queries;
    this.#answers += lookup.answers;
    if (this.#goal.writeTo !== undefined) {
      for (const found of lookup.writableNodes()) this.#write(node, found, now);
    }
    this.#endIfDone(now);
  }

  #write(by: DhtNode, found: LookupNode, now: number): void {
    const write = this.#goal.writeTo?.(found) ?? null;
    if (write === null) return;
    const written = (refusal: KrpcError | null, at: number): void => {
      this.#writes--;
      if (this.#isOver) return;
      this.#goal.onWritten?.(refusal);
      this.#endIfDone(at);
    };
    const listener: QueryListener = {
      onResponse: (_response, _query, at) => written(null, at),
      onFailure: (error, _query, at) => (error === null ? this.#onUnanswered(at) : written(error, at)),
    };
    const query = by.ask(found.address, write.method, { ...write.args, token: found.token! }, listener, now);
    if (query === null) return;
    this.#writes++;
    this.#queries++;
  }

  #onUnanswered(now: number): void {
    this.#writes--;
    this.#endIfDone(now);
  }

  #endIfDone(now: number): void {
    if (this.#isOver || this.#lookups.size > 0 || this.#writes > 0) return;
    this.#isOver = true;
    this.#goal.onEnd({ queries: this.#queries, answers: this.#answers, elapsedMs: now - this.#startedAtMs });
  }
}
