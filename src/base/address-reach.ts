/**
 * From where an address can be reached: from this machine, from the network it is in, or from everywhere. A stranger who
 * names a local address means a machine of his own network, or has us knock at those of ours.
 */
import { type Address, parseIp } from './address.js';
import { rangeOfIp } from './ip-ranges.js';

/** The wider, the greater. */
export const REACH = { machine: 0, network: 1, world: 2 } as const;

/** @returns one of REACH. Local: RFC 1918 and 6598, link-local, and unique local IPv6. */
export function reachOf(address: Address): number {
  switch (rangeOfIp(parseIp(address.host)!)) {
    case 'loopback':
      return REACH.machine;
    case 'private':
    case 'shared':
    case 'link-local':
    case 'unique-local':
      return REACH.network;
    default:
      return REACH.world;
  }
}

/** Whether `teller` may be believed to know of `address`: what is nearer than he is himself, he cannot know. */
export function isWithinReach(address: Address, teller: Address): boolean {
  return reachOf(address) >= reachOf(teller);
}
