/**
 * Ids of DHT nodes: 20 bytes in the same space as info-hashes, the distance of two being their XOR (BEP 5). BEP 42 ties
 * the first 21 bits of an id to the node's IP address, so that nobody can place many nodes next to a chosen target.
 * IP addresses are raw here, 4 or 16 bytes; an IPv4-mapped one is a bug of the caller, for `base/address` unmaps them.
 */
import { crc32c } from '../../base/crc32c.js';
import { isLocalIp } from '../../base/ip-ranges.js';
import type { Random } from '../../base/random.js';

/** Length of a node id, and of every target. */
export const NODE_ID_BYTES = 20;

/**
 * Makes an id that others will find to belong to `ip` (BEP 42); a random one when our address is not known yet.
 * @param ip 4 or 16 bytes
 */
export function makeNodeId(ip: Uint8Array | null, random: Random): Uint8Array {
  const id = new Uint8Array(NODE_ID_BYTES);
  random.fill(id);
  if (ip === null) return id;
  const checksum = addressChecksum(ip, id[NODE_ID_BYTES - 1]!);
  id[0] = checksum >>> 24;
  id[1] = checksum >>> 16;
  id[2] = ((checksum >>> 8) & 0xf8) | (id[2]! & 0x07);
  return id;
}

/** Whether `id` belongs to `ip` (BEP 42). Addresses of local networks are exempt: every id belongs to them. */
export function isSecureId(id: Uint8Array, ip: Uint8Array): boolean {
  if (isLocalIp(ip)) return true;
  const checksum = addressChecksum(ip, id[NODE_ID_BYTES - 1]!);
  const prefix = (id[0]! << 24) | (id[1]! << 16) | (id[2]! << 8);
  return (checksum ^ prefix) >>> 11 === 0;
}

/** @returns below 0 when `a` is closer to `target` than `b` is, above 0 when it is farther, 0 when they are the same. */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < NODE_ID_BYTES; i++) {
    const difference = (a[i]! ^ target[i]!) - (b[i]! ^ target[i]!);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** @returns how many bits `a` and `b` have in common from the first on: 0 to 160. */
export function commonPrefixBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < NODE_ID_BYTES; i++) {
    const difference = a[i]! ^ b[i]!;
    // Of the 32 bits that are counted the upper 24 are not there.
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return 8 * NODE_ID_BYTES;
}

const MASK_V4 = [0x03, 0x0f, 0x3f, 0xff];
const MASK_V6 = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];

/** The masks leave out most of the upper bits, so that who owns a whole network cannot choose among many ids with it. */
function addressChecksum(ip: Uint8Array, lastByteOfId: number): number {
  const mask = ip.length === 4 ? MASK_V4 : MASK_V6;
  const masked = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i++) masked[i] = ip[i]! & mask[i]!;
  masked[0]! |= (lastByteOfId & 0x07) << 5;
  return crc32c(masked);
}
