/**
 * Our own address, when others tell it (BEP 42): believed once eight of them, no two from one network, have said the same
 * without anyone saying something else in between. One who lies starts the count anew, so a few of them only make it last
 * longer. Used by DhtRunner, which hears of it from nobody else.
 */
import { type Address, makeAddress, parseIp } from '../base/address.js';

const VOICES = 8;

export class AgreedAddress {
  readonly #onAgreed: (family: 4 | 6, ip: string) => void;
  readonly #counts: Readonly<Record<4 | 6, Count>> = { 4: new Count(), 6: new Count() };

  /** `onAgreed` hears of each change. */
  constructor(onAgreed: (family: 4 | 6, ip: string) => void) {
    this.#onAgreed = onAgreed;
  }

  /** `voter` says that we are `ip`, any text. */
  vote(ip: string, voter: Address): void {
    const told = makeAddress(ip, 0);
    if (told === null || told.family !== voter.family) return;
    const count = this.#counts[told.family];
    if (!count.add(told.host, networkOf(voter))) return;
    this.#onAgreed(told.family, told.host);
  }
}

class Count {
  #ip = '';
  #agreedIp = '';
  readonly #voters = new Set<string>();

  /** @returns whether this has made `ip` the new answer. */
  add(ip: string, voter: string): boolean {
    if (ip !== this.#ip) {
      this.#ip = ip;
      this.#voters.clear();
    }
    if (ip === this.#agreedIp) return false;
    this.#voters.add(voter);
    if (this.#voters.size < VOICES) return false;
    this.#agreedIp = ip;
    this.#voters.clear();
    return true;
  }
}

/** Who has one address of an IPv6 /64 or an IPv4 /16 may well have more of them. */
function networkOf({ host }: Address): string {
  const ip = parseIp(host)!;
  return ip.subarray(0, ip.length === 4 ? 2 : 8).join();
}
