/**
 * Canonical peer priority (BEP 40): a number that both ends of a connection compute alike. Where all of a swarm keep the
 * connections with the greater numbers, who knows whom is left to chance and to nobody's choice.
 * It compares candidates or peers of one torrent, of one family and seen from one address of ours.
 */
import { type Address, parseIp } from '../../base/address.js';
import { compareBytes, concatBytes, writeUint16 } from '../../base/bytes.js';
import { crc32c } from '../../base/crc32c.js';

/** @returns [0, 2^32), the same for (a, b) and (b, a); the greater the better. Both have the same family. */
export function peerPriority(a: Address, b: Address): number {
  const [one, other] = [parseIp(a.host)!, parseIp(b.host)!];
  const shared = sharedBytes(one, other);
  if (shared === one.length) return crc32c(portsOf(a, b));
  const whole = wholeBytes(one.length, shared);
  const masked = [maskIp(one, whole), maskIp(other, whole)];
  return crc32c(concatBytes(masked.sort(compareBytes)));
}

/** Of every bit behind the part that counts in full, the second. */
const REST_MASK = 0x55;

/** How many leading bytes count in full: the network, and one more than what both have in common. */
function wholeBytes(length: number, shared: number): number {
  const networkBytes = length === 4 ? 2 : 6;
  return shared < networkBytes ? networkBytes : Math.min(length, shared + 1);
}

function sharedBytes(one: Uint8Array, other: Uint8Array): number {
  let shared = 0;
  while (shared < one.length && one[shared] === other[shared]) shared++;
  return shared;
}

function maskIp(ip: Uint8Array, whole: number): Uint8Array {
  return ip.map((byte, i) => (i < whole ? byte : byte & REST_MASK));
}

function portsOf(a: Address, b: Address): Uint8Array {
  const ports = new Uint8Array(4);
  writeUint16(ports, 0, Math.min(a.port, b.port));
  writeUint16(ports, 2, Math.max(a.port, b.port));
  return ports;
}
