/**
 * UPnP Internet Gateway Devices, version 1 and 2: which of a device's services maps ports, the SOAP requests to it, and
 * what it answers. Everything that a device writes is read as from a stranger. Called by UpnpMapper.
 */
import { makeAddress } from '../../base/address.js';
import { fromUtf8, toUtf8 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { MappedProtocol } from './mapping.js';
import { type LanUrl, parseLanUrl } from './ssdp.js';
import { childOf, descendantsOf, escapeXml, parseXml } from './xml.js';

/** A service that maps ports. */
export interface IgdService {
  /** A URN. */
  readonly type: string;
  readonly control: LanUrl;
}

/** A SOAP request, but for where it goes. */
export interface SoapRequest {
  /** The value of the header, quotes included. */
  readonly soapAction: string;
  /** UTF-8 XML. */
  readonly body: Uint8Array;
}

/** Of AddPortMapping. */
export interface PortMappingRequest {
  readonly protocol: MappedProtocol;
  readonly externalPort: number;
  readonly internalPort: number;
  /** IPv4 text. */
  readonly internalIp: string;
  /** 0 = until the router forgets it. */
  readonly leaseSeconds: number;
}

/** What came of a request: `fault` null = done. */
export interface SoapAnswer {
  /** The code of a UPnPError; 0 = a failure without one. */
  readonly fault: number | null;
  /** Of GetExternalIPAddress: canonical IPv4 text; null when there is none. */
  readonly externalIp: string | null;
}

/** Codes of faults that something can be done about (WANIPConnection:1, 2.4.16 and WANIPConnection:2, 2.5.16). */
export const FAULT = {
  invalidArguments: 402,
  actionFailed: 501,
  conflict: 718,
  onlyPermanentLeases: 725,
  conflictWithOther: 729,
} as const;

const SERVICE_TYPE = /^urn:schemas-upnp-org:service:(WANIPConnection:[12]|WANPPPConnection:1)$/;
/** What routers show in their lists of mappings. */
const DESCRIPTION = 'dtorrent';
const OK = 200;

/**
 * The services of a description that map ports, in its order; [] when the device is no router, or is no description at
 * all. A control URL has to be on the very host that the description is from: it is asked for whatever we like.
 */
export function parseIgdDescription(body: Uint8Array, location: LanUrl): IgdService[] {
  const root = parseXml(toUtf8(body));
  if (root === null) return [];
  const base = parseLanUrl(childOf(root, 'URLBase')?.text ?? '') ?? location;
  const services: IgdService[] = [];
  for (const element of descendantsOf(root)) {
    if (services.length >= LIMITS.upnpServicesMax) break;
    if (element.name !== 'service') continue;
    const type = childOf(element, 'serviceType')?.text ?? '';
    const control = resolveControlUrl(childOf(element, 'controlURL')?.text ?? '', base);
    if (SERVICE_TYPE.test(type) && control?.host === location.host) services.push({ type, control });
  }
  return services;
}

export function addPortMapping(type: string, request: PortMappingRequest): SoapRequest {
  return soapRequest(type, 'AddPortMapping', [
    ['NewRemoteHost', ''],
    ['NewExternalPort', request.externalPort],
    ['NewProtocol', request.protocol.toUpperCase()],
    ['NewInternalPort', request.internalPort],
    ['NewInternalClient', request.internalIp],
    ['NewEnabled', 1],
    ['NewPortMappingDescription', DESCRIPTION],
    ['NewLeaseDuration', request.leaseSeconds],
  ]);
}

export function deletePortMapping(type: string, protocol: MappedProtocol, externalPort: number): SoapRequest {
  return soapRequest(type, 'DeletePortMapping', [
    ['NewRemoteHost', ''],
    ['NewExternalPort', externalPort],
    ['NewProtocol', protocol.toUpperCase()],
  ]);
}

export function getExternalIpAddress(type: string): SoapRequest {
  return soapRequest(type, 'GetExternalIPAddress', []);
}

/** Reads the answer to any of these. Faults come with status 500; some routers send them with 200. */
export function parseSoapAnswer(status: number, body: Uint8Array): SoapAnswer {
  const root = parseXml(toUtf8(body));
  const elements = root === null ? [] : [...descendantsOf(root)];
  const codeText = elements.find(({ name }) => name === 'errorCode')?.text ?? '';
  const code = /^\d{1,5}$/.test(codeText) ? Number(codeText) : 0;
  const isFault = status !== OK || code !== 0 || elements.some(({ name }) => name === 'Fault');
  const ipText = elements.find(({ name }) => name === 'NewExternalIPAddress')?.text ?? '';
  const address = makeAddress(ipText, 0);
  const isIp = address !== null && address.family === 4 && address.host !== '0.0.0.0';
  return { fault: isFault ? code : null, externalIp: isIp ? address.host : null };
}

/** Relative to the host: routers write paths, with or without the slash, or whole URLs. */
function resolveControlUrl(url: string, base: LanUrl): LanUrl | null {
  if (url === '') return null;
  if (/^[a-z][a-z0-9+.-]*:/i.test(url)) return parseLanUrl(url);
  const directory = base.path.slice(0, base.path.lastIndexOf('/') + 1);
  return parseLanUrl(`http://${base.host}:${base.port}${url.startsWith('/') ? url : directory + url}`);
}

function soapRequest(
  type: string,
  action: string,
  values: readonly (readonly [string, string | number])[],
): SoapRequest {
  const written = values.map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`).join('');
  const body =
    '<?xml version="1.0"?>\r\n' +
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${action} xmlns:u="${type}">${written}</u:${action}></s:Body></s:Envelope>\r\n`;
  return { soapAction: `"${type}#${action}"`, body: fromUtf8(body) };
}
