/**
 * PCP packets with the MAP opcode (RFC 6887): 60 bytes each way, big-endian, over UDP to port 5351 of the default
 * gateway. IPv4 addresses stand in them as mapped IPv6. For IPv6 a mapping opens the firewall. What is no reply is
 * null; nothing here throws. Called by GatewayMapper.
 */
import { addressFromIp, parseIp } from '../../base/address.js';
import { readUint16, readUint32, writeUint16, writeUint32 } from '../../base/bytes.js';
import type { MappedProtocol } from './mapping.js';

export const PCP_VERSION = 2;
export const PCP_NONCE_BYTES = 12;
export const PCP_SUCCESS = 0;
export const PCP_UNSUPPORTED_VERSION = 1;
/** The packet came from another address than it says: there is a second NAT in between. */
export const PCP_ADDRESS_MISMATCH = 12;

const OPCODE_MAP = 1;
const REPLY = 0x80;
/** Of a reply with an error, which may be no longer than this. */
const HEADER_BYTES = 24;
const MAP_BYTES = 60;
const PROTOCOL_NUMBERS: Readonly<Record<MappedProtocol, number>> = { tcp: 6, udp: 17 };
const RESULT_TEXTS: Readonly<Record<number, string>> = {
  [PCP_UNSUPPORTED_VERSION]: 'it speaks another version',
  2: 'it is not allowed',
  3: 'it could not read the request',
  4: 'it does not map ports',
  5: 'it does not know an option',
  7: 'it has no address of its own yet',
  8: 'it has no ports left',
  9: 'it does not map this protocol',
  10: 'we have too many mappings already',
  11: 'it cannot give us that port',
  [PCP_ADDRESS_MISMATCH]: 'there is a second router in between that translates addresses too',
};

export interface PcpMapRequest {
  readonly protocol: MappedProtocol;
  /** IP text: the address that the packet is sent from. */
  readonly clientIp: string;
  /** 12 bytes, the same in all requests about one mapping. */
  readonly nonce: Uint8Array;
  readonly internalPort: number;
  /** Wished for; 0 to delete. */
  readonly externalPort: number;
  /** 0 = delete. */
  readonly lifetimeSeconds: number;
}

export interface PcpReply {
  readonly result: number;
  /** With an error: how long it will go on. */
  readonly lifetimeSeconds: number;
  readonly epochSeconds: number;
  /** null only with an error, when the reply is cut short. */
  readonly mapping: PcpMapping | null;
}

export interface PcpMapping {
  readonly nonce: Uint8Array;
  readonly protocol: MappedProtocol;
  readonly internalPort: number;
  readonly externalPort: number;
  /** Canonical IP text. */
  readonly externalIp: string;
}

/** RFC 6887, 7.1 and 11.1. The external address is left to the gateway: all zeros of the client's family. */
export function encodePcpMapRequest(request: PcpMapRequest): Uint8Array {
  const packet = new Uint8Array(MAP_BYTES);
  const client = parseIp(request.clientIp)!;
  packet[0] = PCP_VERSION;
  packet[1] = OPCODE_MAP;
  writeUint32(packet, 4, request.lifetimeSeconds);
  writeIp(packet, 8, client);
  packet.set(request.nonce, 24);
  packet[36] = PROTOCOL_NUMBERS[request.protocol];
  writeUint16(packet, 40, request.internalPort);
  writeUint16(packet, 42, request.externalPort);
  writeIp(packet, 44, new Uint8Array(client.length));
  return packet;
}

/** @returns null for what is no reply to a MAP request. */
export function decodePcpReply(packet: Uint8Array): PcpReply | null {
  if (packet.length < HEADER_BYTES || packet[0] !== PCP_VERSION || packet[1] !== (REPLY | OPCODE_MAP)) return null;
  const result = packet[3]!;
  const mapping = packet.length < MAP_BYTES ? null : decodeMapping(packet);
  if (mapping === null && result === PCP_SUCCESS) return null;
  return { result, lifetimeSeconds: readUint32(packet, 4), epochSeconds: readUint32(packet, 8), mapping };
}

/** What a result means, for a person. */
export function pcpResultText(result: number): string {
  return RESULT_TEXTS[result] ?? `result ${result}`;
}

function decodeMapping(packet: Uint8Array): PcpMapping | null {
  const number = packet[36];
  if (number !== PROTOCOL_NUMBERS.tcp && number !== PROTOCOL_NUMBERS.udp) return null;
  return {
    nonce: packet.slice(24, 24 + PCP_NONCE_BYTES),
    protocol: number === PROTOCOL_NUMBERS.tcp ? 'tcp' : 'udp',
    internalPort: readUint16(packet, 40),
    externalPort: readUint16(packet, 42),
    externalIp: addressFromIp(packet.subarray(44, 60), 0)!.host,
  };
}

function writeIp(packet: Uint8Array, offset: number, ip: Uint8Array): void {
  if (ip.length === 4) {
    packet[offset + 10] = 0xff;
    packet[offset + 11] = 0xff;
    packet.set(ip, offset + 12);
  } else packet.set(ip, offset);
}
