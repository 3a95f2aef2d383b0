/**
 * IP addresses with ports: parsing, canonical text, the compact forms of BEP 23 (6 bytes) and BEP 7 (18 bytes), and
 * which addresses may be dialled at all. Canonical: IPv4-mapped IPv6 becomes IPv4, IPv6 is RFC 5952 text, so that two
 * spellings of one address compare equal everywhere.
 */
import { readUint16 } from './bytes.js';

/** An endpoint. `host` is canonical IP text (never a name), `port` 0 to 65535. */
export interface Address {
  /** Of `host`. */
  readonly family: 4 | 6;
  readonly host: string;
  readonly port: number;
}

export const COMPACT_V4_BYTES = 6;
export const COMPACT_V6_BYTES = 18;

/** @returns null when `host` is not an IP address or `port` is not an integer in [0, 65535]. */
export function makeAddress(host: string, port: number): Address | null {
  if (!Number.isInteger(port) || port < 0 || port > 65535) return null;
  const ip = parseIp(host);
  return ip === null ? null : addressFromIp(ip, port);
}

/** @returns the address of 4 or 16 raw bytes (a v4-mapped address becomes IPv4), or null for another length. */
export function addressFromIp(ip: Uint8Array, port: number): Address | null {
  if (ip.length === 4) return { family: 4, host: formatIpv4(ip, 0), port };
  if (ip.length !== 16) return null;
  if (isMappedIpv4(ip)) return { family: 4, host: formatIpv4(ip, 12), port };
  return { family: 6, host: formatIpv6(ip), port };
}

/** Of IP text, which is known to be that; it may have a zone. */
export function familyOf(ip: string): 4 | 6 {
  return ip.includes(':') ? 6 : 4;
}

/** Host and port as typed by a person or found in a link: `1.2.3.4:6881`, `[2001:db8::1]:6881`, `example.org:6881`. */
export interface HostPort {
  /** IP text or a host name; never empty. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** @returns null when there is no host, no port, or the port is out of range. */
export function parseHostPort(text: string): HostPort | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/?#@]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const host = match[1] ?? match[2]!;
  const port = Number(match[3]);
  if (port < 1 || port > 65535) return null;
  if (match[1] !== undefined && parseIp(host)?.length !== 16) return null;
  return { host, port };
}

export function formatHostPort(endpoint: HostPort): string {
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}

/** A string that is equal for equal endpoints: a Map key. */
export function addressKey(address: Address): string {
  return formatHostPort(address);
}

/** @returns 4 or 16 bytes, or null when `text` is not an IP address. Zone ids are refused. */
export function parseIp(text: string): Uint8Array | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** BEP 23 / BEP 7 compact form: 6 bytes for IPv4, 18 for IPv6. */
export function toCompact(address: Address): Uint8Array {
  const ip = parseIp(address.host)!;
  const compact = new Uint8Array(ip.length + 2);
  compact.set(ip);
  compact[ip.length] = address.port >>> 8;
  compact[ip.length + 1] = address.port;
  return compact;
}

/** Reads whole entries of a compact list and ignores a cut-off rest (trackers send such lists); port 0 is kept. */
export function fromCompact(list: Uint8Array, family: 4 | 6): Address[] {
  const stride = family === 4 ? COMPACT_V4_BYTES : COMPACT_V6_BYTES;
  const addresses: Address[] = [];
  for (let offset = 0; offset + stride <= list.length; offset += stride) {
    const ip = list.subarray(offset, offset + stride - 2);
    addresses.push(addressFromIp(ip, readUint16(list, offset + stride - 2))!);
  }
  return addresses;
}

/** Whether a peer can be behind this address: a port, and neither unspecified, multicast nor broadcast. */
export function isDiallable(address: Address): boolean {
  if (address.port === 0) return false;
  const ip = parseIp(address.host);
  if (ip === null) return false;
  if (ip.length === 4) return ip[0] !== 0 && ip[0]! < 224;
  return ip[0] !== 0xff && ip.some((byte) => byte !== 0);
}

export function isLoopback(address: Address): boolean {
  return address.family === 4 ? address.host.startsWith('127.') : address.host === '::1';
}

/** Digit by digit: a DHT node reads some thousand addresses a second. */
function parseIpv4(text: string): Uint8Array | null {
  const ip = new Uint8Array(4);
  let part = 0;
  let value = 0;
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - DIGIT_ZERO;
    if (digit >= 0 && digit <= 9) {
      // No leading zeros: inet_aton reads them as octal, and two readings of one text is how filters are bypassed.
      if (digits > 0 && value === 0) return null;
      value = 10 * value + digit;
      digits++;
      if (value > 255) return null;
      continue;
    }
    if (text[i] !== '.' || digits === 0 || part === 3) return null;
    ip[part++] = value;
    value = 0;
    digits = 0;
  }
  if (part !== 3 || digits === 0) return null;
  ip[3] = value;
  return ip;
}

const DIGIT_ZERO = 0x30;

function parseIpv6(text: string): Uint8Array | null {
  let groups = text;
  let tail: Uint8Array | null = null;
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.')) {
    tail = parseIpv4(text.slice(lastColon + 1));
    if (tail === null) return null;
    groups = text.slice(0, lastColon + 1);
    groups = groups.endsWith('::') ? groups : groups.slice(0, -1);
  }
  const halves = groups.split('::');
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!);
  const rest = halves.length === 2 ? parseGroups(halves[1]!) : [];
  if (head === null || rest === null) return null;
  const total = head.length + rest.length + (tail === null ? 0 : 2);
  if (halves.length === 2 ? total > 7 : total !== 8) return null;
  const ip = new Uint8Array(16);
  const tailStart = 16 - (tail === null ? 0 : 4);
  head.forEach((group, i) => {
    ip[2 * i] = group >>> 8;
    ip[2 * i + 1] = group;
  });
  rest.forEach((group, i) => {
    const offset = tailStart - 2 * (rest.length - i);
    ip[offset] = group >>> 8;
    ip[offset + 1] = group;
  });
  if (tail !== null) ip.set(tail, tailStart);
  return ip;
}

function parseGroups(text: string): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  for (const group of text.split(':')) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
    groups.push(Number.parseInt(group, 16));
  }
  return groups;
}

function isMappedIpv4(ip: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false;
  return ip[10] === 0xff && ip[11] === 0xff;
}

function formatIpv4(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups becomes `::`. */
function formatIpv6(ip: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => readUint16(ip, 2 * i));
  let runStart = -1;
  let runLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > runLength) {
      runStart = i;
      runLength = end - i;
    }
    if (end > i) i = end;
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return runStart < 0 ? hex(0, 8) : `${hex(0, runStart)}::${hex(runStart + runLength, 8)}`;
}
