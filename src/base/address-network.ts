/** Networks of addresses: an address and how many of its leading bits all of them share (CIDR). */
import { parseIp } from './address.js';

/** @returns whether `host` is in the network of `prefixBits` bits that `member` is in; never across families. */
export function isInNetwork(host: string, member: string, prefixBits: number): boolean {
  const a = parseIp(host);
  const b = parseIp(member);
  if (a === null || b === null || a.length !== b.length) return false;
  const whole = prefixBits >>> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = prefixBits & 7;
  return rest === 0 || (a[whole]! ^ b[whole]!) >>> (8 - rest) === 0;
}
