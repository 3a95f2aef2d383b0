/**
 * NAT-PMP packets (RFC 6886): big-endian, a request of 2 or 12 bytes and a reply of 12 or 16, over UDP to port 5351 of
 * the default gateway. What is no reply is null; nothing here throws. Called by GatewayMapper.
 */
import { addressFromIp } from '../../base/address.js';
import { readUint16, readUint32, writeUint16, writeUint32 } from '../../base/bytes.js';
import type { MappedProtocol } from './mapping.js';

/** Where gateways listen, for NAT-PMP and PCP alike. */
export const GATEWAY_PORT = 5351;

const VERSION = 0;
const OPCODE_ADDRESS = 0;
const OPCODES: Readonly<Record<MappedProtocol, number>> = { udp: 1, tcp: 2 };
/** Set in the opcode of a reply. */
const REPLY = 128;
const HEADER_BYTES = 4;
const ADDRESS_REPLY_BYTES = 12;
const MAP_BYTES = 12;
const MAP_REPLY_BYTES = 16;

export const NAT_PMP_SUCCESS = 0;
export const NAT_PMP_UNSUPPORTED_VERSION = 1;

/** A reply without an error carries what was asked for; one with an error may be cut short after its result. */
export type NatPmpReply =
  /** `ip` is canonical text. */
  | { readonly type: 'address'; readonly result: number; readonly epochSeconds: number; readonly ip: string }
  | {
      readonly type: 'mapping';
      readonly result: number;
      readonly epochSeconds: number;
      readonly protocol: MappedProtocol;
      readonly internalPort: number;
      readonly externalPort: number;
      readonly lifetimeSeconds: number;
    }
  /** `protocol` null: of the question for the address. */
  | { readonly type: 'error'; readonly result: number; readonly protocol: MappedProtocol | null };

export interface NatPmpMapRequest {
  readonly protocol: MappedProtocol;
  readonly internalPort: number;
  /** Wished for; 0 to delete. */
  readonly externalPort: number;
  /** 0 = delete. */
  readonly lifetimeSeconds: number;
}

/** Asks for the address that the router has outside (RFC 6886, 3.2). */
export function encodeNatPmpAddressRequest(): Uint8Array {
  return new Uint8Array([VERSION, OPCODE_ADDRESS]);
}

/** RFC 6886, 3.3 and 3.4. */
export function encodeNatPmpMapRequest(request: NatPmpMapRequest): Uint8Array {
  const packet = new Uint8Array(MAP_BYTES);
  packet[1] = OPCODES[request.protocol];
  writeUint16(packet, 4, request.internalPort);
  writeUint16(packet, 6, request.externalPort);
  writeUint32(packet, 8, request.lifetimeSeconds);
  return packet;
}

/** @returns null for what is no reply of this protocol. What follows a reply is ignored. */
export function decodeNatPmpReply(packet: Uint8Array): NatPmpReply | null {
  if (packet.length < HEADER_BYTES || packet[0] !== VERSION || packet[1]! < REPLY) return null;
  const opcode = packet[1]! - REPLY;
  const result = readUint16(packet, 2);
  const protocol = opcode === OPCODES.udp ? 'udp' : opcode === OPCODES.tcp ? 'tcp' : null;
  if (result !== NAT_PMP_SUCCESS) return { type: 'error', result, protocol };
  if (opcode === OPCODE_ADDRESS) {
    if (packet.length < ADDRESS_REPLY_BYTES) return null;
    const ip = addressFromIp(packet.subarray(8, 12), 0)!.host;
    return { type: 'address', result, epochSeconds: readUint32(packet, 4), ip };
  }
  if (protocol === null || packet.length < MAP_REPLY_BYTES) return null;
  return {
    type: 'mapping',
    result,
    epochSeconds: readUint32(packet, 4),
    protocol,
    internalPort: readUint16(packet, 8),
    externalPort: readUint16(packet, 10),
    lifetimeSeconds: readUint32(packet, 12),
  };
}

/** What a result means, for a person. */
export function natPmpResultText(result: number): string {
  switch (result) {
    case NAT_PMP_UNSUPPORTED_VERSION:
      return 'it speaks another version';
    case 2:
      return 'it is not allowed';
    case 3:
      return 'it has no address of its own yet';
    case 4:
      return 'it has no ports left';
    default:
      return `result ${result}`;
  }
}
