/**
 * Our own address as others see it, one a family: trackers (BEP 24), peers (`yourip` of BEP 10), DHT nodes (BEP 42) and
 * the router each have a vote. None of them is trusted alone: whoever makes us believe a wrong address chooses our node
 * id and whom we hold on to (BEP 40).
 */
import type { Address } from '../../base/address.js';

/** Who says so. */
export type AddressWitness = 'tracker' | 'peer' | 'dht' | 'router';

export class ExternalAddress {
  /** Hears of each change, inside the call that made it. */
  onChange: (family: 4 | 6) => void = () => {};

  /** `ip` is canonical text; `voter` is who says so, of whose address one vote counts. */
  vote(_ip: string, _voter: Address, _witness: AddressWitness, _now: number): void {}

  /** Canonical IP text; null = not known. */
  of(_family: 4 | 6): string | null {
    return null;
  }
}
