/**
 * What one peer tells by peer exchange (BEP 11): which of the contacts that it names are worth a try, and whether it
 * talks too much. Lists come from a stranger, who may want us to dial whom he likes.
 * Used by PeerExchange. Times in monotonic ms.
 */
import { type Address, addressKey, isDiallable, isLoopback } from '../../base/address.js';
import { isWithinReach } from '../../base/address-reach.js';
import { LIMITS } from '../../base/limits.js';
import type { PexMessage } from '../../protocol/wire/pex.js';

export class PexInbox {
  /** Named and not dropped since, by host: one machine is one contact, whatever ports it is said to have. */
  readonly #named = new Map<string, Address>();
  /** When the last messages came, the oldest first. */
  readonly #cameAtMs: number[] = [];

  /** A message has come. @returns whether it came too soon: a burst may have been held up on its way, a stream not. */
  isTooMuch(now: number): boolean {
    this.#cameAtMs.push(now);
    if (this.#cameAtMs.length <= LIMITS.pexMessagesPerMinuteMax) return false;
    return now - this.#cameAtMs.shift()! < MINUTE_MS;
  }

  /** @returns those of `message.added` that may be dialled, on the word of `sender`. Our own address is `isOwn`. */
  add(message: PexMessage, sender: Address, isOwn: (address: Address) => boolean): Address[] {
    const accepted: Address[] = [];
    for (const { address } of message.added) {
      if (this.#named.size >= LIMITS.pexContactsPerPeerMax) break;
      if (!isDiallable(address) || !isWithinReach(address, sender) || isOwn(address)) continue;
      const host = hostKey(address);
      if (this.#named.has(host)) continue;
      this.#named.set(host, address);
      accepted.push(address);
    }
    return accepted;
  }

  /** @returns those of `message.dropped` that this peer had named. */
  drop(message: PexMessage): Address[] {
    const dropped: Address[] = [];
    for (const address of message.dropped) {
      if (!this.names(address)) continue;
      this.#named.delete(hostKey(address));
      dropped.push(address);
    }
    return dropped;
  }

  /** Whether it has named the contact, and not dropped it. */
  names(address: Address): boolean {
    return this.#named.get(hostKey(address))?.port === address.port;
  }
}

const MINUTE_MS = 60_000;

/** On this machine each port is a client of its own. */
function hostKey(address: Address): string {
  return isLoopback(address) ? addressKey(address) : address.host;
}
