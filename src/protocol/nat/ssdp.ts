/**
 * SSDP as far as a search for routers needs it (UPnP Device Architecture 1.1, 1.3): a search goes to a multicast group,
 * its answers come to the socket that asked. Answers are from strangers: what is no answer is null, and nothing is
 * believed of a LOCATION but where to ask. Called by UpnpMapper.
 */
import { type Address, isDiallable, makeAddress } from '../../base/address.js';
import { fromLatin1, toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';

export const SSDP_GROUP: Address = { family: 4, host: '239.255.255.250', port: 1900 };

/** Seconds within which devices answer, each after a random part of it. */
export const SSDP_ANSWER_SECONDS = 2;

/** A router answers to each of them; some old ones to the services only. */
export const SSDP_TARGETS: readonly string[] = [
  'urn:schemas-upnp-org:device:InternetGatewayDevice:1',
  'urn:schemas-upnp-org:device:InternetGatewayDevice:2',
  'urn:schemas-upnp-org:service:WANIPConnection:1',
  'urn:schemas-upnp-org:service:WANPPPConnection:1',
];

/** The place of a description or of a control point: http, and an address, never a name. */
export interface LanUrl {
  /** Canonical IPv4 text. */
  readonly host: string;
  readonly port: number;
  /** Begins with `/`; ASCII without spaces, so that it can stand in a request line. */
  readonly path: string;
}

export function encodeSsdpSearch(target: string): Uint8Array {
  const lines = [
    'M-SEARCH * HTTP/1.1',
    `HOST: ${SSDP_GROUP.host}:${SSDP_GROUP.port}`,
    'MAN: "ssdp:discover"',
    `MX: ${SSDP_ANSWER_SECONDS}`,
    `ST: ${target}`,
  ];
  return fromLatin1(`${lines.join('\r\n')}\r\n\r\n`);
}

/** @returns where the description of one of the devices or services we look for is; null for what is no such answer. */
export function decodeSsdpAnswer(packet: Uint8Array): LanUrl | null {
  if (packet.length > LIMITS.ssdpPacketBytesMax) return null;
  const [status, ...lines] = toLatin1(packet).split('\r\n');
  if (!/^HTTP\/1\.[01] 200\b/.test(status!)) return null;
  const header = (name: string): string | null => {
    const line = lines.find((candidate) => candidate.slice(0, name.length + 1).toLowerCase() === `${name}:`);
    return line === undefined ? null : line.slice(name.length + 1).trim();
  };
  const location = header('location');
  const target = header('st');
  if (location === null || target === null || !SSDP_TARGETS.some((wanted) => isSameKind(wanted, target))) return null;
  return parseLanUrl(location);
}

/** @returns null unless it is an absolute http URL with an IPv4 address for its host. */
export function parseLanUrl(url: string): LanUrl | null {
  const match = /^http:\/\/([0-9.]+)(?::(\d{1,5}))?(\/[\x21-\x22\x24-\x7e]*)?(?:#.*)?$/i.exec(url);
  if (match === null) return null;
  const address = makeAddress(match[1]!, Number(match[2] ?? 80));
  if (address === null || !isDiallable(address)) return null;
  return { host: address.host, port: address.port, path: match[3] ?? '/' };
}

export function formatLanUrl({ host, port, path }: LanUrl): string {
  return `http://${host}:${port}${path}`;
}

/** A later version of a type is one of the earlier versions too. */
function isSameKind(wanted: string, target: string): boolean {
  const kind = wanted.slice(0, wanted.lastIndexOf(':') + 1);
  return target.startsWith(kind) && /^\d{1,3}$/.test(target.slice(kind.length));
}
