/**
 * Nodes that want lookups to fail. They know each other, behave well while nobody looks for anything, and name each other,
 * or nobody, as the nodes closest to whatever is looked for. Whatever they are given to keep they forget.
 */
import { type Address, makeAddress, parseIp, toCompact } from '../../../base/address.js';
import { randomBelow, type SeededRandom } from '../../../base/random.js';
import { encodeNodes, type NodeContact } from '../compact-nodes.js';
import { decodeKrpc, encodeKrpcQuery, encodeKrpcResponse } from '../krpc.js';
import { makeNodeId, NODE_ID_BYTES } from '../node-id.js';
import type { DhtNetwork, Machine } from './dht-network.js';

/** ghosts: names nodes that do not exist. sybils: names its accomplices, which then answer with the id that they were named with. */
export type LiarKind = 'ghosts' | 'sybils';

export class Liar implements Machine {
  readonly address: Address;
  readonly id: Uint8Array;
  asked = 0;
  readonly #network: DhtNetwork;
  readonly #random: SeededRandom;
  readonly #kind: LiarKind;
  readonly #gang: readonly Liar[];
  /** What it was named with last. */
  claimedId: Uint8Array;

  constructor(network: DhtNetwork, address: Address, { kind, gang }: { kind: LiarKind; gang: readonly Liar[] }) {
    this.address = address;
    this.#network = network;
    this.#random = network.random.split();
    this.#kind = kind;
    this.#gang = gang;
    this.id = makeNodeId(parseIp(address.host), this.#random);
    this.claimedId = this.id;
    network.attach(this);
  }

  /** Gets into the tables of others. */
  introduce(to: Address): void {
    this.#network.send(
      encodeKrpcQuery(Uint8Array.of(1, 2), 'find_node', { id: this.id, target: this.id }, { isReadOnly: false }),
      this.address,
      to,
    );
  }

  receive(packet: Uint8Array, from: Address): void {
    const query = decodeKrpc(packet);
    if (query?.kind !== 'query') return;
    const target = query.args?.getBytes('info_hash') ?? query.args?.getBytes('target');
    const isLookedFor = query.method === 'get_peers' || query.method === 'get';
    this.asked++;
    const values =
      target?.length === NODE_ID_BYTES && isLookedFor
        ? { id: this.claimedId, nodes: encodeNodes(this.#inventNodes(target), 4), token: Uint8Array.of(6, 6, 6) }
        : { id: this.id };
    const reply = encodeKrpcResponse(query.transactionId, values, toCompact(from));
    this.#network.send(reply, this.address, from);
  }

  #inventNodes(target: Uint8Array): NodeContact[] {
    const nodes: NodeContact[] = [];
    for (let i = 0; i < 8; i++) {
      const id = target.slice();
      id[NODE_ID_BYTES - 1]! ^= 1 + randomBelow(this.#random, 255);
      if (this.#kind === 'ghosts') {
        const host = `${100 + i}.${randomBelow(this.#random, 256)}.${randomBelow(this.#random, 256)}.1`;
        const local = `127.9.${randomBelow(this.#random, 256)}.${1 + randomBelow(this.#random, 250)}`;
        nodes.push({ id, address: makeAddress(this.address.host.startsWith('127.') ? local : host, 6881)! });
        continue;
      }
      const accomplice = this.#gang[randomBelow(this.#random, this.#gang.length)]!;
      accomplice.claimedId = id;
      nodes.push({ id, address: accomplice.address });
    }
    return nodes;
  }
}
