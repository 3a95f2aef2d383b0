/**
 * One node of the DHT (BEP 5): one socket, one id, one routing table.
 */
import type { Address } from '../../base/address.js';

export class DhtNode {
  readonly family: 4 | 6 = 4;

  /** 20 bytes. */
  get id(): Uint8Array {
    return new Uint8Array(20);
  }

  /** @returns whether the packet was one of the DHT: a shared socket passes others on. Never throws. */
  receive(_packet: Uint8Array, _from: Address, _now: number): boolean {
    return false;
  }

  /** Does what is due. Called by Dht.advance. */
  advance(_now: number): void {}

  /** ms; Infinity = nothing to wait for. */
  nextDeadline(): number {
    return Number.POSITIVE_INFINITY;
  }
}
