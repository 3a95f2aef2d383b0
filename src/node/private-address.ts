/**
 * Which addresses are not of the public Internet. A public tracker must not steer us, by a redirect, to a router's or
 * another machine's web interface in the local network.
 */
import { BlockList } from 'node:net';
import type { Address } from '../base/address.js';

const PRIVATE_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
];
const PRIVATE_V6: readonly (readonly [string, number])[] = [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
];

const blockList = new BlockList();
for (const [network, prefixBits] of PRIVATE_V4) blockList.addSubnet(network, prefixBits, 'ipv4');
for (const [network, prefixBits] of PRIVATE_V6) blockList.addSubnet(network, prefixBits, 'ipv6');

/** Loopback, link-local, unspecified and the ranges of RFC 1918, RFC 6598 and RFC 4193. */
export function isPrivateAddress(address: Address): boolean {
  return blockList.check(address.host, address.family === 4 ? 'ipv4' : 'ipv6');
}
