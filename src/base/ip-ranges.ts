/**
 * What an IP address is by the range it is in (RFC 6890 and IANA's registries of special-purpose addresses), and what
 * follows from that. One table for all who ask: the DHT, peer exchange, port mapping, trackers' redirects.
 * Ranges for documentation (RFC 5737, RFC 3849) count as public: nobody gains by them, and simulated worlds are made of them.
 */
import { type Address, parseIp } from './address.js';

/**
 * unspecified: this host on this network, no destination · loopback: this machine · link-local, private, unique-local: of the
 * network one is in · shared: between a carrier's NAT and its customers · reserved: neither routed nor given out, or groups.
 */
export type IpRange =
  | 'unspecified'
  | 'loopback'
  | 'link-local'
  | 'private'
  | 'unique-local'
  | 'shared'
  | 'reserved'
  | 'public';

/** @param ip 4 or 16 bytes; an IPv4-mapped one is a bug of the caller, for `base/address` unmaps them */
export function rangeOfIp(ip: Uint8Array): IpRange {
  if (ip.length === 16) return rangeOfIpv6(ip);
  const value = (ip[0]! << 24) | (ip[1]! << 16) | (ip[2]! << 8) | ip[3]!;
  for (const { network, prefixBits, range } of RANGES_V4) {
    if ((value ^ network) >>> (32 - prefixBits) === 0) return range;
  }
  return 'public';
}

/** Whether `ip` is of this machine or of a private network: the ranges that BEP 42 exempts, and their like of IPv6. */
export function isLocalIp(ip: Uint8Array): boolean {
  const range = rangeOfIp(ip);
  return range === 'private' || range === 'loopback' || range === 'link-local' || range === 'unique-local';
}

/** Whether someone far away can have `ip` (canonical text), and can know us by it. false for what is no address. */
export function isPublicIp(ip: string): boolean {
  const bytes = parseIp(ip);
  return bytes !== null && rangeOfIp(bytes) === 'public';
}

/**
 * Whether to connect to it is to stay in this machine or its network: a public tracker must not steer us, by a redirect, to
 * a router's or another machine's web interface.
 */
export function isPrivateAddress({ host }: Address): boolean {
  const range = rangeOfIp(parseIp(host)!);
  return range !== 'public' && range !== 'reserved';
}

interface RangeV4 {
  readonly network: number;
  readonly prefixBits: number;
  readonly range: IpRange;
}

const RANGES_V4: readonly RangeV4[] = [
  { network: 0x00000000, prefixBits: 8, range: 'unspecified' }, // 0.0.0.0/8, RFC 791 and 1122
  { network: 0x0a000000, prefixBits: 8, range: 'private' }, // 10.0.0.0/8, RFC 1918
  { network: 0x64400000, prefixBits: 10, range: 'shared' }, // 100.64.0.0/10, RFC 6598
  { network: 0x7f000000, prefixBits: 8, range: 'loopback' }, // 127.0.0.0/8, RFC 1122
  { network: 0xa9fe0000, prefixBits: 16, range: 'link-local' }, // 169.254.0.0/16, RFC 3927
  { network: 0xac100000, prefixBits: 12, range: 'private' }, // 172.16.0.0/12, RFC 1918
  { network: 0xc0000000, prefixBits: 24, range: 'reserved' }, // 192.0.0.0/24, RFC 6890; a router behind DS-Lite has one
  { network: 0xc0a80000, prefixBits: 16, range: 'private' }, // 192.168.0.0/16, RFC 1918
  { network: 0xc6120000, prefixBits: 15, range: 'reserved' }, // 198.18.0.0/15, RFC 2544: measurements
  { network: 0xe0000000, prefixBits: 3, range: 'reserved' }, // multicast (RFC 5771), and what was never given out (RFC 1112)
];

/** Only one block of IPv6 is given out: 2000::/3 (RFC 4291). */
function rangeOfIpv6(ip: Uint8Array): IpRange {
  const first = ip[0]!;
  if (first >>> 5 === 1) return 'public';
  if (first >>> 1 === 0x7e) return 'unique-local'; // fc00::/7, RFC 4193
  if (first === 0xfe && ip[1]! >>> 6 === 2) return 'link-local'; // fe80::/10, RFC 4291
  for (let i = 0; i < 15; i++) if (ip[i] !== 0) return 'reserved';
  if (ip[15] === 0) return 'unspecified'; // ::, RFC 4291
  return ip[15] === 1 ? 'loopback' : 'reserved'; // ::1, RFC 4291
}
