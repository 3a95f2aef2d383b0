/**
 * The interfaces of this machine, as the Network port tells them. The system lists those that are up and running and
 * have an address: one that was set down is as good as gone, though its address can still be bound to. Called by
 * NodeNetwork.
 */
import { networkInterfaces } from 'node:os';
import { makeAddress } from '../base/address.js';
import type { LocalAddress, LocalInterface } from '../host/network.js';

/** @returns [] when the system does not tell. */
export function localInterfaces(): readonly LocalInterface[] {
  let found: ReturnType<typeof networkInterfaces>;
  try {
    found = networkInterfaces();
  } catch {
    return []; // some sandboxes forbid it
  }
  const interfaces: LocalInterface[] = [];
  for (const [name, infos = []] of Object.entries(found)) {
    const addresses: LocalAddress[] = [];
    for (const { address, cidr } of infos) {
      const local = makeAddress(address.split('%')[0]!, 0);
      const prefixBits = Number(cidr?.split('/')[1] ?? Number.NaN);
      if (local === null) continue;
      // Without a netmask that makes sense it is alone in its network.
      const longest = local.family === 4 ? 32 : 128;
      const { family, host } = local;
      addresses.push({ family, host, prefixBits: prefixBits <= longest ? prefixBits : longest });
    }
    const isLoopback = infos.some(({ internal }) => internal);
    if (addresses.length > 0) interfaces.push({ name, addresses, isLoopback, canMulticast: !isLoopback });
  }
  return interfaces;
}
