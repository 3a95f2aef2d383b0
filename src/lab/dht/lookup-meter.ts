/**
 * How far one lookup went, told from what the node that looks says and hears on the wire. A node that it knew itself is at
 * hop 1; one that a node of hop n named first is at hop n + 1. (What it knew and was named before it was asked counts as
 * named: the meter errs to more hops.) Used by DhtWorkload, one at a time on a host.
 */
import { type Address, addressKey } from '../../base/address.js';
import { bytesEqual, toLatin1 } from '../../base/bytes.js';
import { decodeNodes } from '../../protocol/dht/compact-nodes.js';
import { decodeKrpc } from '../../protocol/dht/krpc.js';
import { compareDistance } from '../../protocol/dht/node-id.js';
import type { DatagramTap } from './datagram-world.js';

export class LookupMeter implements DatagramTap {
  /** Queries that were sent, and answers that came; of these, from hostile nodes. */
  queries = 0;
  answers = 0;
  hostileAnswers = 0;
  readonly #target: Uint8Array;
  readonly #isHostile: (address: Address) => boolean;
  /** The hop of each address that was named. */
  readonly #named = new Map<string, number>();
  /** The hop of each query that waits for its answer. */
  readonly #asked = new Map<string, number>();
  readonly #answered: { readonly id: Uint8Array; readonly hop: number }[] = [];
  #hopOfLastAnswer = 0;

  constructor(target: Uint8Array, isHostile: (address: Address) => boolean) {
    this.#target = target;
    this.#isHostile = isHostile;
  }

  /** Where what the listener hears of just now came from. */
  get hopOfLastAnswer(): number {
    return this.#hopOfLastAnswer;
  }

  /** The hop of the node that is closest to the target, of those that answered; 0 = nobody did. */
  get hopsToClosest(): number {
    let closest = this.#answered[0];
    for (const node of this.#answered) {
      if (compareDistance(this.#target, node.id, closest!.id) < 0) closest = node;
    }
    return closest?.hop ?? 0;
  }

  onSent(packet: Uint8Array, to: Address): void {
    const message = decodeKrpc(packet);
    if (message?.kind !== 'query' || (message.method !== 'get_peers' && message.method !== 'get')) return;
    const target = message.args?.getBytes('info_hash') ?? message.args?.getBytes('target') ?? null;
    if (target === null || !bytesEqual(target, this.#target)) return;
    this.queries++;
    this.#asked.set(keyOf(message.transactionId, to), this.#named.get(addressKey(to)) ?? 1);
  }

  onReceived(packet: Uint8Array, from: Address): void {
    const message = decodeKrpc(packet);
    if (message?.kind !== 'response') return;
    const key = keyOf(message.transactionId, from);
    const hop = this.#asked.get(key);
    if (hop === undefined) return;
    this.#asked.delete(key);
    this.answers++;
    if (this.#isHostile(from)) this.hostileAnswers++;
    this.#hopOfLastAnswer = hop;
    this.#answered.push({ id: message.id.slice(), hop });
    const nodes = message.values.getBytes('nodes');
    if (nodes === null) return;
    for (const { address } of decodeNodes(nodes, 4, from)) {
      const named = addressKey(address);
      if (!this.#named.has(named)) this.#named.set(named, hop + 1);
    }
  }
}

function keyOf(transactionId: Uint8Array, address: Address): string {
  return `${toLatin1(transactionId)} ${addressKey(address)}`;
}
