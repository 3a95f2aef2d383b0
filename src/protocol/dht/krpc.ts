/**
 * The envelope of all that DHT nodes say to each other (KRPC of BEP 5, with the keys of BEP 42 and 43): one bencoded
 * dictionary a packet. Reading is lenient about order, as deployed nodes are; what we write is canonical. What was read
 * are views of the packet: copy what outlives it.
 */
import { type Address, addressFromIp } from '../../base/address.js';
import { readUint16, toLatin1, viewOf } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { toOneLine } from '../../base/one-line.js';
import { VERSION } from '../../base/version.js';
import { BencodeDict, type BencodeInput, decodeBencode, encodeBencode } from '../../format/bencode.js';
import { NODE_ID_BYTES } from './node-id.js';

export const KRPC_GENERIC_ERROR = 201;
export const KRPC_SERVER_ERROR = 202;
export const KRPC_PROTOCOL_ERROR = 203;
export const KRPC_METHOD_UNKNOWN = 204;

export interface KrpcQuery {
  readonly kind: 'query';
  readonly transactionId: Uint8Array;
  /** Latin1; empty = it has none. */
  readonly method: string;
  /** null = it has none: malformed. */
  readonly args: BencodeDict | null;
  /** The sender's; null = none of the right length. */
  readonly id: Uint8Array | null;
  /** BEP 43: the sender answers nobody. */
  readonly isReadOnly: boolean;
  /** What the spans of `args` are offsets in. */
  readonly packet: Uint8Array;
}

export interface KrpcResponse {
  readonly kind: 'response';
  readonly transactionId: Uint8Array;
  readonly values: BencodeDict;
  readonly id: Uint8Array;
  /** Our address as the sender sees it (BEP 42); null = it does not say. */
  readonly seenAddress: Address | null;
  readonly packet: Uint8Array;
}

export interface KrpcError {
  readonly kind: 'error';
  readonly transactionId: Uint8Array;
  readonly code: number;
  readonly text: string;
  readonly seenAddress: Address | null;
}

export type KrpcMessage = KrpcQuery | KrpcResponse | KrpcError;

/** What the arguments of a query and the values of a response are made of. */
export type KrpcFields = Readonly<Record<string, BencodeInput | undefined>>;

/** @returns null for what is to be met with silence: no dictionary, no kind that we know, no transaction to answer. */
export function decodeKrpc(received: Uint8Array): KrpcMessage | null {
  // Of a Buffer, as sockets give, slice() would not copy: what is kept would hold the packet, and change with it.
  const packet = viewOf(received, 0, received.length);
  const dict = decodePacket(packet);
  if (dict === null) return null;
  const transactionId = dict.getBytes('t');
  if (transactionId === null || transactionId.length > LIMITS.dhtTransactionIdBytesMax) return null;
  const kind = dict.getBytes('y');
  if (kind === null || kind.length !== 1) return null;
  switch (kind[0]) {
    case QUERY:
      return queryOf(dict, transactionId, packet);
    case RESPONSE:
      return responseOf(dict, transactionId, packet);
    case ERROR:
      return errorOf(dict, transactionId);
    default:
      return null;
  }
}

export function encodeKrpcQuery(
  transactionId: Uint8Array,
  method: string,
  args: KrpcFields,
  { isReadOnly }: { readonly isReadOnly: boolean },
): Uint8Array {
  return encodeBencode({
    a: args,
    q: method,
    ro: isReadOnly ? 1 : undefined,
    t: transactionId,
    v: CLIENT_VERSION,
    y: 'q',
  });
}

/** `seenAddress`: who asked, as a compact endpoint. */
export function encodeKrpcResponse(transactionId: Uint8Array, values: KrpcFields, seenAddress: Uint8Array): Uint8Array {
  return encodeBencode({ ip: seenAddress, r: values, t: transactionId, v: CLIENT_VERSION, y: 'r' });
}

export function encodeKrpcError(
  transactionId: Uint8Array,
  { code, text }: { readonly code: number; readonly text: string },
  seenAddress: Uint8Array,
): Uint8Array {
  return encodeBencode({ e: [code, text], ip: seenAddress, t: transactionId, v: CLIENT_VERSION, y: 'e' });
}

const LETTER_D = 0x64;
const LETTER_E = 0x65;
const QUERY = 0x71;
const RESPONSE = 0x72;
const ERROR = 0x65;
const METHOD_BYTES_MAX = 64;
const ERROR_BYTES_MAX = 200;
/** Two letters for who we are, two bytes for which version. */
const CLIENT_VERSION = clientVersion();

function clientVersion(): Uint8Array {
  const [major, minor] = VERSION.split('.');
  return Uint8Array.of(0x44, 0x54, Number(major), Number(minor));
}

function decodePacket(packet: Uint8Array): BencodeDict | null {
  // Before an error object is made: what is no dictionary at all may come in any number.
  if (packet.length > LIMITS.dhtPacketBytesMax || packet[0] !== LETTER_D || packet.at(-1) !== LETTER_E) return null;
  try {
    const { value } = decodeBencode(packet, DECODING);
    return value instanceof BencodeDict ? value : null;
  } catch (error) {
    if (error instanceof DtorrentError) return null;
    throw error;
  }
}

const DECODING = {
  mode: 'lenient',
  depthMax: LIMITS.dhtPacketDepthMax,
  tokensMax: LIMITS.dhtPacketTokensMax,
  bytesMax: LIMITS.dhtPacketBytesMax,
} as const;

function queryOf(dict: BencodeDict, transactionId: Uint8Array, packet: Uint8Array): KrpcQuery {
  const method = dict.getBytes('q');
  const args = dict.getDict('a');
  return {
    kind: 'query',
    transactionId,
    method: method === null || method.length > METHOD_BYTES_MAX ? '' : toLatin1(method),
    args,
    id: args === null ? null : nodeIdOf(args),
    isReadOnly: dict.getInteger('ro') === 1,
    packet,
  };
}

function responseOf(dict: BencodeDict, transactionId: Uint8Array, packet: Uint8Array): KrpcResponse | null {
  const values = dict.getDict('r');
  const id = values === null ? null : nodeIdOf(values);
  if (values === null || id === null) return null;
  return { kind: 'response', transactionId, values, id, seenAddress: seenAddressOf(dict), packet };
}

function errorOf(dict: BencodeDict, transactionId: Uint8Array): KrpcError {
  const items = dict.getList('e')?.items ?? [];
  const code = items[0];
  const text = items[1];
  return {
    kind: 'error',
    transactionId,
    code: typeof code === 'number' ? code : KRPC_GENERIC_ERROR,
    text: text instanceof Uint8Array ? toOneLine(text.subarray(0, ERROR_BYTES_MAX)) : '',
    seenAddress: seenAddressOf(dict),
  };
}

function nodeIdOf(fields: BencodeDict): Uint8Array | null {
  const id = fields.getBytes('id');
  return id !== null && id.length === NODE_ID_BYTES ? id : null;
}

function seenAddressOf(dict: BencodeDict): Address | null {
  const ip = dict.getBytes('ip');
  if (ip === null || (ip.length !== 6 && ip.length !== 18)) return null;
  return addressFromIp(ip.subarray(0, -2), readUint16(ip, ip.length - 2));
}
