/**
 * The extension handshake (BEP 10): a bencoded dictionary in an EXTENDED message with id 0. Ids are per connection and
 * per direction: a side lists the ids it wants to receive. It may be repeated, and then changes only what it names.
 * Everything in it is the peer's word: what is out of range reads as absent.
 */
import { toUtf8 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { BencodeDict, decodeBencode, encodeBencode } from '../../format/bencode.js';

/** The ids we assign. Constant, so that a `switch` can tell them apart; 4 is left for ut_holepunch. */
export const EXTENSION_IDS = {
  ut_pex: 1,
  ut_metadata: 2,
  upload_only: 3,
  lt_donthave: 7,
} as const;

/** Null = not told. */
export interface ExtensionHandshake {
  /** `m`: extension name to the id that its sender wants to receive it with, 0 to 255; 0 = no longer supported. */
  readonly extensions: ReadonlyMap<string, number>;
  /** `metadata_size` (BEP 9): bytes of the info dictionary, 1 to LIMITS.metadataBytesMax. */
  readonly metadataBytes: number | null;
  /** `p`: where the sender listens, 1 to 65535. */
  readonly listenPort: number | null;
  /** `v`: the sender's client. One line, no control characters. */
  readonly clientName: string | null;
  /** `yourip`: the receiver's address as the sender sees it, 4 or 16 bytes. */
  readonly yourIp: Uint8Array | null;
  /** `reqq`: requests that the sender queues without dropping any, 1 to 65535. */
  readonly requestQueue: number | null;
  /** `upload_only` (BEP 21): the sender downloads nothing more. */
  readonly isUploadOnly: boolean | null;
}

/** @returns the payload behind extension id 0. */
export function encodeExtensionHandshake(handshake: ExtensionHandshake): Uint8Array {
  const { isUploadOnly } = handshake;
  return encodeBencode({
    m: handshake.extensions,
    metadata_size: handshake.metadataBytes ?? undefined,
    p: handshake.listenPort ?? undefined,
    reqq: handshake.requestQueue ?? undefined,
    upload_only: isUploadOnly === null ? undefined : Number(isUploadOnly),
    v: handshake.clientName ?? undefined,
    yourip: handshake.yourIp ?? undefined,
  });
}

/**
 * Copies what it keeps of `payload`.
 * @returns null when it is too long or no dictionary; deployed clients do send unsorted keys, so these are read.
 */
export function decodeExtensionHandshake(payload: Uint8Array): ExtensionHandshake | null {
  const dict = decodeDict(payload);
  if (dict === null) return null;
  const uploadOnly = dict.getInteger('upload_only');
  return {
    extensions: decodeExtensions(dict.getDict('m')),
    metadataBytes: integerWithin(dict, 'metadata_size', LIMITS.metadataBytesMax),
    listenPort: integerWithin(dict, 'p', 65535),
    clientName: decodeClientName(dict.getBytes('v')),
    yourIp: decodeIp(dict.getBytes('yourip')),
    requestQueue: decodeRequestQueue(dict.getInteger('reqq')),
    isUploadOnly: uploadOnly === null ? null : uploadOnly !== 0,
  };
}

/** A handshake is flat but for `m`; extensions of others nest a little. */
const DEPTH_MAX = 10;

function decodeDict(payload: Uint8Array): BencodeDict | null {
  if (payload.length > LIMITS.extensionHandshakeBytesMax) return null;
  try {
    const { value } = decodeBencode(payload, { mode: 'lenient', allowTrailing: true, depthMax: DEPTH_MAX });
    return value instanceof BencodeDict ? value : null;
  } catch {
    return null;
  }
}

function decodeExtensions(m: BencodeDict | null): Map<string, number> {
  const extensions = new Map<string, number>();
  for (const name of m?.keys ?? []) {
    const id = m!.getInteger(name);
    if (id !== null && id >= 0 && id <= 255) extensions.set(name, id);
  }
  return extensions;
}

/** @returns an integer in [1, max], or null. */
function integerWithin(dict: BencodeDict, key: string, max: number): number | null {
  const value = dict.getInteger(key);
  return value !== null && value >= 1 && value <= max ? value : null;
}

function decodeRequestQueue(value: number | null): number | null {
  return value !== null && value >= 1 ? Math.min(value, 65535) : null;
}

/** It ends up in logs and on terminals: no control characters (C0, DEL, C1), no line or direction marks, and short. */
function decodeClientName(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  // Four bytes a character at most: what is behind them would be cut anyway.
  const text = toUtf8(bytes.subarray(0, 4 * LIMITS.clientNameCharactersMax));
  const characters = [...text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '')];
  return characters.slice(0, LIMITS.clientNameCharactersMax).join('');
}

function decodeIp(bytes: Uint8Array | null): Uint8Array | null {
  return bytes !== null && (bytes.length === 4 || bytes.length === 16) ? bytes.slice() : null;
}
