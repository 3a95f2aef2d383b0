/** A node that says what a test has it say, and nothing else: for tests of what others make of it. */
import { type Address, toCompact } from '../../../base/address.js';
import { fromLatin1 } from '../../../base/bytes.js';
import {
  decodeKrpc,
  encodeKrpcQuery,
  encodeKrpcResponse,
  type KrpcFields,
  type KrpcMessage,
  type KrpcQuery,
} from '../krpc.js';
import { NODE_ID_BYTES } from '../node-id.js';
import type { DhtNetwork, Machine, TestDht } from './dht-network.js';

export class RawNode implements Machine {
  readonly address: Address;
  readonly id: Uint8Array = new Uint8Array(NODE_ID_BYTES);
  /** What it was asked. */
  readonly queries: KrpcQuery[] = [];
  /** What it was answered, with the length of the packet. */
  readonly answers: { readonly message: KrpcMessage; readonly bytes: number }[] = [];
  /** The values that it answers with, beside its id; null = silence. */
  answer: (query: KrpcQuery) => KrpcFields | null = () => ({});
  readonly #network: DhtNetwork;

  constructor(network: DhtNetwork, address: Address) {
    this.#network = network;
    this.address = address;
    network.random.fill(this.id);
    network.attach(this);
  }

  receive(packet: Uint8Array, from: Address): void {
    const message = decodeKrpc(packet);
    if (message === null) return;
    if (message.kind !== 'query') {
      this.answers.push({ message, bytes: packet.length });
      return;
    }
    this.queries.push(message);
    const values = this.answer(message);
    if (values === null) return;
    this.send(encodeKrpcResponse(message.transactionId, { id: this.id, ...values }, toCompact(from)), from);
  }

  send(packet: Uint8Array, to: Address): void {
    this.#network.send(packet, this.address, to);
  }

  /** Asks, and waits. @returns the answer; null = silence. */
  ask(whom: TestDht, method: string, args: KrpcFields = {}, { isReadOnly = false } = {}): KrpcMessage | null {
    return this.say(whom, encodeKrpcQuery(fromLatin1('aa'), method, { id: this.id, ...args }, { isReadOnly }));
  }

  /** Sends a packet as it is, and waits for the answer. */
  say(whom: TestDht, packet: Uint8Array): KrpcMessage | null {
    const before = this.answers.length;
    this.send(packet, whom.address);
    this.#network.run(500, () => this.answers.length > before);
    return this.answers[before]?.message ?? null;
  }
}
