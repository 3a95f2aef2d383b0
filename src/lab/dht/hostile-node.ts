/**
 * A hostile node of the simulated network: what each of HOSTILE_KINDS does. It makes itself known by asking honest nodes, as
 * any node does, and answers what it likes. It is lean: it has no table, for it knows where everybody is (Collusion).
 * Used by DhtNetwork.
 */
import { type Address, parseIp, toCompact } from '../../base/address.js';
import { fromLatin1, toLatin1 } from '../../base/bytes.js';
import { randomBelow } from '../../base/random.js';
import { RawBencode } from '../../format/bencode.js';
import { encodeNodes, type NodeContact } from '../../protocol/dht/compact-nodes.js';
import {
  decodeKrpc,
  encodeKrpcQuery,
  encodeKrpcResponse,
  type KrpcFields,
  type KrpcQuery,
  type KrpcResponse,
} from '../../protocol/dht/krpc.js';
import { compareDistance, makeNodeId } from '../../protocol/dht/node-id.js';
import { bytesOf, type Collusion } from './collusion.js';
import type { DatagramHost, DatagramProgram, DatagramWorld } from './datagram-world.js';
import type { HostileKind } from './dht-scenario.js';

export interface HostileNodeOptions {
  readonly kind: HostileKind;
  readonly world: DatagramWorld;
  readonly host: DatagramHost;
  readonly collusion: Collusion;
  /** Of a sybil: what its gang is around. */
  readonly prey: Uint8Array;
}

export class HostileNode implements DatagramProgram {
  readonly #kind: HostileKind;
  readonly #world: DatagramWorld;
  readonly #host: DatagramHost;
  readonly #collusion: Collusion;
  readonly #prey: Uint8Array;
  readonly #id: Uint8Array;
  /** By transaction id: what an answer is for. */
  readonly #asked = new Map<string, Purpose>();

  constructor({ kind, world, host, collusion, prey }: HostileNodeOptions) {
    this.#kind = kind;
    this.#world = world;
    this.#host = host;
    this.#collusion = collusion;
    this.#prey = prey;
    this.#id = kind === 'sybil' ? this.#sybilId() : this.#lawfulId();
  }

  start(): void {
    if (this.#kind === 'colluder') this.#collusion.colluders.push(this.#host);
    this.#host.program = this;
    this.#host.wakeAt(this.#world.now);
  }

  wake(): void {
    this.#host.wakeAt(this.#world.now + ASKS_EVERY_MS + randomBelow(this.#collusion.random, ASKS_EVERY_MS));
    const target = this.#kind === 'sybil' ? this.#prey : this.#collusion.anyTarget();
    // In places where it is of use to be known: near what is looked for.
    const victim = this.#collusion.victimsNear(target, VICTIMS_SEEN)[0];
    if (victim === undefined) return;
    if (this.#kind === 'forger' && randomBelow(this.#collusion.random, 2) === 0)
      this.#forge(victim.host.address, target);
    else
      this.#ask(
        victim.host.address,
        'find_node',
        { id: this.#id, target: this.#id },
        { isForgery: false, wants: null },
      );
  }

  receive(packet: Uint8Array, from: Address): void {
    const message = decodeKrpc(packet);
    if (message === null) return;
    if (message.kind === 'query') this.#answer(message, from);
    else if (message.kind === 'response') this.#use(message, from);
  }

  #answer(query: KrpcQuery, from: Address): void {
    if (this.#kind === 'dropper' && randomBelow(this.#collusion.random, 2) === 0) return;
    const target = query.args?.getBytes('info_hash') ?? query.args?.getBytes('target') ?? null;
    const fields = target === null || target.length !== this.#id.length ? {} : this.#fieldsFor(query, target, from);
    const values: KrpcFields = { id: this.#id, ...fields };
    this.#host.send(encodeKrpcResponse(query.transactionId, values, toCompact(from)), from);
  }

  #fieldsFor({ method }: KrpcQuery, target: Uint8Array, from: Address): KrpcFields {
    const token = bytesOf(this.#collusion.random, TOKEN_BYTES);
    const honest = { token, nodes: encodeNodes(this.#honestNodes(target), 4) };
    switch (this.#kind) {
      case 'namer': {
        const nodes = Array.from({ length: NODES_NAMED }, (_, i) => ({
          id: this.#collusion.idNextTo(target, randomBelow(this.#collusion.random, 1000) + i),
          address: this.#collusion.nowhere(),
        }));
        return { token, nodes: encodeNodes(nodes, 4), ...this.#lies(method) };
      }
      case 'colluder':
        return { token, ...this.#collude(target, from), ...this.#lies(method) };
      case 'sybil':
      case 'forger':
      case 'dropper':
        return honest;
    }
  }

  /** Values that nobody announced or put. */
  #lies(method: string): KrpcFields {
    if (method === 'get_peers') {
      return { values: Array.from({ length: PEERS_MADE_UP }, () => toCompact(this.#collusion.nowhere())) };
    }
    if (method !== 'get') return {};
    return {
      v: new RawBencode(fromLatin1('4:evil')),
      k: bytesOf(this.#collusion.random, 32),
      seq: 1_000_000,
      sig: bytesOf(this.#collusion.random, 64),
    };
  }

  /** Names the others under ids next to the target, and goes by such an id to whom it was named. */
  #collude(target: Uint8Array, from: Address): KrpcFields {
    const collusion = this.#collusion;
    const wasNamed = collusion.isDeceived(from, target);
    collusion.deceive(from, target);
    const nodes: NodeContact[] = [];
    const first = randomBelow(collusion.random, collusion.colluders.length);
    for (let i = 0; i < Math.min(NODES_NAMED, collusion.colluders.length); i++) {
      const other = collusion.colluders[(first + i) % collusion.colluders.length]!;
      nodes.push({ id: collusion.idNextTo(target, other.number), address: other.address });
    }
    const id = wasNamed ? collusion.idNextTo(target, this.#host.number) : this.#id;
    return { id, nodes: encodeNodes(nodes, 4) };
  }

  /** As good an answer as that of an honest node. */
  #honestNodes(target: Uint8Array): NodeContact[] {
    const near = this.#collusion.victimsNear(target, VICTIMS_SEEN).slice(0, NODES_NAMED);
    return near.map(({ id, host }) => ({ id, address: host.address }));
  }

  #forge(to: Address, target: Uint8Array): void {
    const collusion = this.#collusion;
    const stolen = collusion.stolenTokens.findIndex(({ thief }) => thief !== this.#host);
    if (stolen >= 0) {
      const [token] = collusion.stolenTokens.splice(stolen, 1);
      this.#announce(token!.from, token!.target, token!.token);
    } else if (randomBelow(collusion.random, 2) === 0) {
      this.#announce(to, target, bytesOf(collusion.random, TOKEN_BYTES));
    } else this.#ask(to, 'get_peers', { id: this.#id, info_hash: target }, { isForgery: false, wants: target });
  }

  #announce(to: Address, infoHash: Uint8Array, token: Uint8Array): void {
    this.#collusion.forged++;
    const args = { id: this.#id, info_hash: infoHash, port: this.#host.address.port, token };
    this.#ask(to, 'announce_peer', args, { isForgery: true, wants: null });
  }

  #use(response: KrpcResponse, from: Address): void {
    const key = toLatin1(response.transactionId);
    const purpose = this.#asked.get(key);
    this.#asked.delete(key);
    if (purpose === undefined) return;
    if (purpose.isForgery) this.#collusion.forgedTaken++;
    const token = response.values.getBytes('token');
    if (purpose.wants === null || token === null) return;
    // For another info-hash, or by another node: it was not given for either.
    if (randomBelow(this.#collusion.random, 2) === 0) {
      const other = this.#collusion.idNextTo(purpose.wants, 1);
      this.#announce(from, other, token.slice());
    } else {
      const stolen = { from: { ...from }, target: purpose.wants, token: token.slice(), thief: this.#host };
      if (this.#collusion.stolenTokens.length < STOLEN_MAX) this.#collusion.stolenTokens.push(stolen);
    }
  }

  #ask(to: Address, method: string, args: KrpcFields, purpose: Purpose): void {
    const transactionId = bytesOf(this.#collusion.random, 4);
    if (this.#asked.size >= ASKED_MAX) this.#asked.clear();
    this.#asked.set(toLatin1(transactionId), purpose);
    this.#host.send(encodeKrpcQuery(transactionId, method, args, { isReadOnly: false }), to);
  }

  #lawfulId(): Uint8Array {
    return makeNodeId(parseIp(this.#host.address.host)!, this.#collusion.random);
  }

  /** Every third takes the best of the ids that belong to its address (BEP 42), the others what they like. */
  #sybilId(): Uint8Array {
    if (this.#host.number % 3 !== 0) return this.#collusion.idNextTo(this.#prey, this.#host.number);
    const ids = Array.from({ length: LAWFUL_IDS_TRIED }, () => this.#lawfulId());
    return ids.sort((a, b) => compareDistance(this.#prey, a, b))[0]!;
  }
}

interface Purpose {
  readonly isForgery: boolean;
  /** A token for this; null = none. */
  readonly wants: Uint8Array | null;
}

const ASKS_EVERY_MS = 4000;
const VICTIMS_SEEN = 32;
const NODES_NAMED = 8;
const PEERS_MADE_UP = 3;
const TOKEN_BYTES = 8;
const ASKED_MAX = 64;
const STOLEN_MAX = 64;
const LAWFUL_IDS_TRIED = 64;
