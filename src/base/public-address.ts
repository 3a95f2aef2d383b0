/**
 * Which addresses are of the public Internet: an address that someone far away can have, and can know us by. Ranges for
 * documentation count as public: nobody gains by them, and simulated worlds are made of them.
 */
import { parseIp } from './address.js';

/** IPv4 networks that are not routed: IANA's special-purpose registry. Four bytes and a prefix length each. */
const RESERVED_V4: readonly (readonly [number, number])[] = [
  [0x00000000, 8], // this network
  [0x0a000000, 8], // RFC 1918
  [0x64400000, 10], // RFC 6598: between a carrier's NAT and its customers
  [0x7f000000, 8], // loopback
  [0xa9fe0000, 16], // link-local
  [0xac100000, 12], // RFC 1918
  [0xc0000000, 24], // protocol assignments; a router behind DS-Lite has one
  [0xc0a80000, 16], // RFC 1918
  [0xc6120000, 15], // RFC 2544: measurements
  [0xe0000000, 3], // multicast, and what was never given out
];

/** `ip`: canonical text. false for what is no address. */
export function isPublicIp(ip: string): boolean {
  const bytes = parseIp(ip);
  if (bytes === null) return false;
  // Of IPv6 there is only one block that is given out: 2000::/3.
  if (bytes.length === 16) return bytes[0]! >>> 5 === 1;
  const value = (bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
  return !RESERVED_V4.some(([network, prefixBits]) => (value ^ network) >>> (32 - prefixBits) === 0);
}
