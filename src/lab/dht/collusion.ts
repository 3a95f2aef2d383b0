/**
 * What hostile nodes know, and tell each other: everything. Where all nodes are, what is looked for, whom they have named
 * to whom. Used by HostileNode; it measures, beside, what they got away with.
 */
import { type Address, addressFromIp } from '../../base/address.js';
import { type Random, randomBelow } from '../../base/random.js';
import { compareDistance } from '../../protocol/dht/node-id.js';
import type { DatagramHost } from './datagram-world.js';
import type { DhtMember } from './dht-member.js';

export class Collusion {
  readonly random: Random;
  /** The honest ones. */
  readonly victims: readonly DhtMember[];
  /** What is worth being next to. */
  readonly targets: readonly Uint8Array[];
  readonly colluders: DatagramHost[] = [];
  /** Forged announces that were sent, and that were taken. */
  forged = 0;
  forgedTaken = 0;
  /** Tokens that honest nodes gave to a forger, for use by another. */
  readonly stolenTokens: StolenToken[] = [];
  readonly #deceived = new Set<string>();

  constructor(options: {
    readonly random: Random;
    readonly victims: readonly DhtMember[];
    readonly targets: readonly Uint8Array[];
  }) {
    this.random = options.random;
    this.victims = options.victims;
    this.targets = options.targets;
  }

  /** Of `sample` drawn at random those that are on and can be reached, closest to `target` first. */
  victimsNear(target: Uint8Array, sample: number): DhtMember[] {
    const near: DhtMember[] = [];
    for (let i = 0; i < sample; i++) {
      const victim = this.victims[randomBelow(this.random, this.victims.length)]!;
      if (victim.isOn && !victim.host.isNatted && !near.includes(victim)) near.push(victim);
    }
    return near.sort((a, b) => compareDistance(target, a.id, b.id));
  }

  anyTarget(): Uint8Array {
    return this.targets[randomBelow(this.random, this.targets.length)]!;
  }

  /** An id that shares all but the last bits with `target`; for the same `who` it is always the same. */
  idNextTo(target: Uint8Array, who: number): Uint8Array {
    const id = target.slice();
    id[17] = id[17]! ^ (who >>> 8);
    id[18] = id[18]! ^ who;
    return id;
  }

  /** Somewhere nobody is. */
  nowhere(): Address {
    const ip = bytesOf(this.random, 4);
    ip[0] = NOWHERE;
    return addressFromIp(ip, 1024 + randomBelow(this.random, 60_000))!;
  }

  /** `asker` was told that colluders have ids next to `target`. */
  deceive(asker: Address, target: Uint8Array): void {
    this.#deceived.add(deceptionKey(asker, target));
  }

  isDeceived(asker: Address, target: Uint8Array): boolean {
    return this.#deceived.has(deceptionKey(asker, target));
  }
}

/** Whether an address is one that hostile nodes make up. */
export function isMadeUp(address: Address): boolean {
  return address.host.startsWith(`${NOWHERE}.`);
}

export interface StolenToken {
  readonly from: Address;
  readonly target: Uint8Array;
  readonly token: Uint8Array;
  /** Whose it is. */
  readonly thief: DatagramHost;
}

export function bytesOf(random: Random, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  random.fill(bytes);
  return bytes;
}

/** First byte of addresses that no host has: a network that the scenario leaves out. */
const NOWHERE = 198;

function deceptionKey(asker: Address, target: Uint8Array): string {
  return `${asker.host} ${target.join()}`;
}
