/**
 * From where an address can be reached: from this machine, from the network it is in, or from everywhere. A stranger who
 * names a local address means a machine of his own network, or has us knock at those of ours.
 */
import { type Address, isLoopback, parseIp } from './address.js';

/** The wider, the greater. */
export const REACH = { machine: 0, network: 1, world: 2 } as const;

/** @returns one of REACH. Local: RFC 1918 and 6598, link-local, and unique local IPv6. */
export function reachOf(address: Address): number {
  if (isLoopback(address)) return REACH.machine;
  const ip = parseIp(address.host)!;
  return (ip.length === 4 ? isLocalIpv4(ip) : isLocalIpv6(ip)) ? REACH.network : REACH.world;
}

/** Whether `teller` may be believed to know of `address`: what is nearer than he is himself, he cannot know. */
export function isWithinReach(address: Address, teller: Address): boolean {
  return reachOf(address) >= reachOf(teller);
}

function isLocalIpv4(ip: Uint8Array): boolean {
  const [a, b] = [ip[0]!, ip[1]!];
  if (a === 172) return b >= 16 && b < 32;
  if (a === 100) return b >= 64 && b < 128;
  return a === 10 || (a === 192 && b === 168) || (a === 169 && b === 254);
}

function isLocalIpv6(ip: Uint8Array): boolean {
  return (ip[0]! & 0xfe) === 0xfc || (ip[0] === 0xfe && (ip[1]! & 0xc0) === 0x80);
}
