/**
 * Canonical priorities (BEP 40) as one engine sees them. They need our own address as that peer sees it, which is learnt
 * late and may change: a priority is computed when it is first asked for, kept with its candidate or peer, and computed
 * anew once our address is another one. One for all torrents; it compares addresses within one torrent only.
 */
import type { Address } from '../../base/address.js';
import { isPublicIp } from '../../base/ip-ranges.js';
import { peerPriority } from './peer-priority.js';

/**
 * While our own address is not known, and for peers that do not see us from outside: in the middle, and no number that
 * can be computed. So other rules decide, and no family waits for the other one.
 */
export const UNKNOWN_PRIORITY: number = 2 ** 31 - 0.5;

/** Where a priority is kept. */
export interface KeptPriority {
  /** [0, 2^32), the greater the better, or UNKNOWN_PRIORITY. */
  value: number;
  /** Our own address when it was computed; null = it has not been. */
  own: Address | null;
}

/** Our own addresses, as far as they are known now. */
export interface OwnAddresses {
  /** Canonical IP text, as others see it. */
  externalIp(family: 4 | 6): string | null;
  /** The TCP port that peers of the family reach us on. */
  reachablePort(family: 4 | 6): number;
}

export class PeerPriorities {
  readonly #addresses: OwnAddresses;
  /** Undefined = to be asked for; the same object as long as it is the same address. */
  #own4: Address | null | undefined = undefined;
  #own6: Address | null | undefined = undefined;

  constructor(addresses: OwnAddresses) {
    this.#addresses = addresses;
  }

  /** @returns the priority of `address`, whose `kept` is. */
  of(kept: KeptPriority, address: Address): number {
    const own = this.#ownAddress(address.family);
    if (kept.own !== own) {
      kept.own = own;
      kept.value = own !== null && isPublicIp(address.host) ? peerPriority(own, address) : UNKNOWN_PRIORITY;
    }
    return kept.value;
  }

  /** One of our own addresses, or our port, is another one. */
  onOwnAddressChanged(): void {
    this.#own4 = undefined;
    this.#own6 = undefined;
  }

  #ownAddress(family: 4 | 6): Address | null {
    const known = family === 4 ? this.#own4 : this.#own6;
    if (known !== undefined) return known;
    const host = this.#addresses.externalIp(family);
    const own = host === null ? null : { family, host, port: this.#addresses.reachablePort(family) };
    if (family === 4) this.#own4 = own;
    else this.#own6 = own;
    return own;
  }
}

export function unknownPriority(): KeptPriority {
  return { value: UNKNOWN_PRIORITY, own: null };
}
