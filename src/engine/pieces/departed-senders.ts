/**
 * Where peers that sent something were, once they have gone: what they sent may turn out wrong only later, and then they
 * are not to come back. Called by Swarm. Invariant: at most `max`, the latest ones.
 */

import type { Address } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { RareMap } from '../../base/rarely-filled.js';

export interface DepartedSender {
  readonly remote: Address;
  /** Where it can be dialled; null = not known. */
  readonly listenAddress: Address | null;
}

export class DepartedSenders {
  /** By peer number, the oldest first. */
  readonly #senders = new RareMap<number, DepartedSender>();
  readonly #max: number;

  constructor(max: number = LIMITS.departedSendersMax) {
    this.#max = max;
  }

  note(peerNumber: number, { remote, listenAddress }: DepartedSender): void {
    this.#senders.set(peerNumber, { remote, listenAddress });
    if (this.#senders.size <= this.#max) return;
    for (const oldest of this.#senders.keys()) {
      this.#senders.delete(oldest);
      return;
    }
  }

  /** @returns null for a peer that is not known here. */
  find(peerNumber: number): DepartedSender | null {
    return this.#senders.get(peerNumber) ?? null;
  }
}
