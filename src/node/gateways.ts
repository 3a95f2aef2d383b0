/**
 * The default routers of this machine. On Linux the kernel's tables of routes tell; elsewhere, for want of a file to
 * read, the first address of each private network is taken for its router, which it mostly is: who is asked there in vain
 * says nothing, and UPnP finds routers wherever they are. Called by NodeNetwork.
 */
import { readFileSync } from 'node:fs';
import { endianness, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { platform } from 'node:process';
import { addressFromIp, familyOf, parseIp } from '../base/address.js';
import { fromHex } from '../base/bytes.js';
import { isPublicIp } from '../base/ip-ranges.js';
import type { Gateway } from '../host/network.js';

/** A way out of this machine by a router. */
export interface DefaultRoute {
  readonly interfaceName: string;
  /** Canonical IP text. */
  readonly gateway: string;
  /** The smaller the better. */
  readonly metric: number;
}

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** include/uapi/linux/route.h: up, and by a gateway. */
const ROUTE_FLAGS = 0x3;
const LINK_LOCAL_V6 = /^fe[89ab]/;

/** See Network.gateways. */
export function defaultGateways(): Gateway[] {
  const interfaces = networkInterfaces();
  if (platform !== 'linux') return likelyGateways(interfaces);
  const v4 = parseRoutesV4(readTable('/proc/net/route'), endianness() === 'LE');
  const v6 = parseRoutesV6(readTable('/proc/net/ipv6_route'));
  return [...v4, ...v6].flatMap((route) => gatewaysOf(route, interfaces));
}

/** /proc/net/route, whose numbers are in the byte order of the machine. Best first. */
export function parseRoutesV4(table: string, isLittleEndian: boolean): DefaultRoute[] {
  const routes: DefaultRoute[] = [];
  for (const line of table.split('\n').slice(1)) {
    const [interfaceName, destination, gateway, flags, , , metric, mask] = line.trim().split(/\s+/);
    if (mask === undefined || destination !== '00000000' || mask !== '00000000') continue;
    const ip = fromHex(gateway!.toLowerCase());
    if (ip?.length !== 4 || !isByGateway(flags!)) continue;
    if (isLittleEndian) ip.reverse();
    routes.push({ interfaceName: interfaceName!, gateway: addressFromIp(ip, 0)!.host, metric: Number(metric) });
  }
  return routes.sort((a, b) => a.metric - b.metric);
}

/** /proc/net/ipv6_route. Best first. */
export function parseRoutesV6(table: string): DefaultRoute[] {
  const routes: DefaultRoute[] = [];
  for (const line of table.split('\n')) {
    const [destination, prefixLength, , , gateway, metric, , , flags, interfaceName] = line.trim().split(/\s+/);
    if (interfaceName === undefined || !/^0{32}$/.test(destination!) || prefixLength !== '00') continue;
    const ip = fromHex(gateway!);
    if (ip?.length !== 16 || ip.every((byte) => byte === 0) || !isByGateway(flags!)) continue;
    routes.push({ interfaceName, gateway: addressFromIp(ip, 0)!.host, metric: Number.parseInt(metric!, 16) });
  }
  return routes.sort((a, b) => a.metric - b.metric);
}

/** With each address of ours that a router of IPv4 has in its network, or that a router of IPv6 leads the Internet to. */
export function gatewaysOf({ interfaceName, gateway }: DefaultRoute, interfaces: Interfaces): Gateway[] {
  const family = familyOf(gateway);
  const own = (interfaces[interfaceName] ?? []).filter((info) => info.family === `IPv${family}`);
  const zone = LINK_LOCAL_V6.test(gateway) ? `%${interfaceName}` : '';
  return own.map(localAddress).flatMap(({ localHost, prefixBits }) => {
    const fits =
      family === 4 ? networkOf(localHost, prefixBits) === networkOf(gateway, prefixBits) : isPublicIp(localHost);
    return fits ? [{ family, host: gateway + zone, localHost, prefixBits } as const] : [];
  });
}

/** Guesses, for systems that give no table of routes. */
export function likelyGateways(interfaces: Interfaces): Gateway[] {
  return Object.values(interfaces).flatMap((infos = []) =>
    infos.flatMap((info) => {
      if (info.family !== 'IPv4' || info.internal || isPublicIp(info.address)) return [];
      const { localHost, prefixBits } = localAddress(info);
      const network = networkOf(localHost, prefixBits);
      const host = addressFromIp(numberBytes(network + 1), 0)!.host;
      return host === localHost ? [] : [{ family: 4, host, localHost, prefixBits } as const];
    }),
  );
}

function localAddress({ address, cidr, family }: NetworkInterfaceInfo): { localHost: string; prefixBits: number } {
  const wholeBits = family === 'IPv4' ? 32 : 128;
  return { localHost: address, prefixBits: Number(cidr?.split('/')[1] ?? wholeBits) };
}

/** Of IPv4 text, as a number. */
function networkOf(ip: string, prefixBits: number): number {
  const [a, b, c, d] = parseIp(ip)!;
  const value = ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
  const size = 2 ** (32 - prefixBits);
  return value - (value % size);
}

function numberBytes(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);
}

function isByGateway(flagsHex: string): boolean {
  return (Number.parseInt(flagsHex, 16) & ROUTE_FLAGS) === ROUTE_FLAGS;
}

function readTable(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // no such family, or a /proc that shows less
  }
}
