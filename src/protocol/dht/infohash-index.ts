/**
 * Going through the whole network for what its nodes keep (BEP 51): each node is asked once, and names others. Half of
 * them are asked for their own neighbours and half for somebody elsewhere, which leads from each corner to the others.
 */
import { addressKey } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow } from '../../base/random.js';
import type { NodeContact } from './compact-nodes.js';
import type { DhtNode } from './dht-node.js';
import type { KrpcError, KrpcResponse } from './krpc.js';
import { NODE_ID_BYTES } from './node-id.js';
import type { DhtOperation, SampleListener } from './operations.js';
import { randomIdInBucket } from './routing-table.js';
import { samplesIn } from './sample-search.js';
import type { OutstandingQuery, QueryListener } from './transactions.js';

export class InfohashIndex implements DhtOperation, QueryListener {
  readonly #node: DhtNode;
  readonly #listener: SampleListener;
  readonly #random: Random;
  readonly #startedAtMs: number;
  /** Endpoints that were asked or are going to be. */
  readonly #known = new Set<string>();
  readonly #waiting: NodeContact[] = [];
  #outstanding = 0;
  #queries = 0;
  #answers = 0;
  #isOver = false;

  constructor(node: DhtNode, random: Random, listener: SampleListener, now: number) {
    this.#node = node;
    this.#random = random;
    this.#listener = listener;
    this.#startedAtMs = now;
  }

  /** Called once, not inside the call that asks for it. */
  start(now: number): void {
    for (const contact of this.#node.closest(this.#node.id, LIMITS.dhtTableNodesMax, now)) this.#add(contact);
    for (const address of this.#node.bootstrap(now)) this.#add({ id: new Uint8Array(NODE_ID_BYTES), address });
    this.#pump(now);
  }

  cancel(): void {
    this.#isOver = true;
  }

  onResponse(response: KrpcResponse, query: OutstandingQuery, now: number): void {
    this.#outstanding--;
    if (this.#isOver) return;
    this.#answers++;
    for (const contact of this.#node.nodesIn(response, query.to, now)) this.#add(contact);
    const samples = samplesIn(response);
    if (samples !== null) this.#listener.onSamples(samples.hashes, query.to, samples.total);
    this.#pump(now);
  }

  onFailure(_error: KrpcError | null, _query: OutstandingQuery, now: number): void {
    this.#outstanding--;
    this.#pump(now);
  }

  #add(contact: NodeContact): void {
    const key = addressKey(contact.address);
    if (this.#known.size >= LIMITS.dhtIndexNodesMax || this.#known.has(key)) return;
    this.#known.add(key);
    this.#waiting.push(contact);
  }

  #pump(now: number): void {
    while (!this.#isOver && this.#outstanding < OUTSTANDING_MAX) {
      const next = this.#waiting.at(-1);
      if (next === undefined) break;
      const args = { target: this.#targetFor(next.id) };
      if (this.#node.ask(next.address, 'sample_infohashes', args, this, now) === null) break;
      this.#waiting.pop();
      this.#outstanding++;
      this.#queries++;
    }
    if (this.#isOver || this.#outstanding > 0) return;
    this.#isOver = true;
    this.#listener.onDone({ queries: this.#queries, answers: this.#answers, elapsedMs: now - this.#startedAtMs });
  }

  #targetFor(id: Uint8Array): Uint8Array {
    if (randomBelow(this.#random, 2) === 0) return id;
    const depth = 32 - Math.clz32(this.#known.size);
    return randomIdInBucket(id, randomBelow(this.#random, depth), this.#random);
  }
}

/** Some ten queries a second: to be gone through is no reason for a network to suffer. */
const OUTSTANDING_MAX = 8;
