/**
 * ut_metadata messages (BEP 9): a bencoded dictionary, and for `data` the block right behind it. Metadata is cut into
 * blocks of 16 KiB, the last one shorter. The dictionary ends where the decoder says; a search for `ee` would find
 * binary data. Who may ask whom for what is engine/metadata/metadata-fetcher.ts.
 */
import { concatBytes } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { BencodeDict, type BencodeDocument, decodeBencode, encodeBencode } from '../../format/bencode.js';

/** A message of ut_metadata (BEP 9). `block` counts blocks of 16 KiB, as sent: 0 or more. */
export type MetadataMessage =
  | { readonly type: 'request'; readonly block: number }
  | { readonly type: 'reject'; readonly block: number }
  | {
      readonly type: 'data';
      readonly block: number;
      /** The sender's word for the size of the whole; null when it left it out. */
      readonly totalBytes: number | null;
      /** A view of the payload that was decoded. */
      readonly bytes: Uint8Array;
    };

export const METADATA_BLOCK_BYTES: number = LIMITS.blockBytes;

export function metadataBlockCount(totalBytes: number): number {
  return Math.ceil(totalBytes / METADATA_BLOCK_BYTES);
}

/** @returns how long block `block` of `totalBytes` is; 0 when there is no such block. */
export function metadataBlockBytes(totalBytes: number, block: number): number {
  return Math.max(0, Math.min(METADATA_BLOCK_BYTES, totalBytes - block * METADATA_BLOCK_BYTES));
}

/** Asks for a block. */
export function encodeMetadataRequest(block: number): Uint8Array {
  return encodeBencode({ msg_type: REQUEST, piece: block });
}

/** A block will not be served. */
export function encodeMetadataReject(block: number): Uint8Array {
  return encodeBencode({ msg_type: REJECT, piece: block });
}

/** `bytes` is the block, `totalBytes` the size of the whole metadata. */
export function encodeMetadataData(block: number, totalBytes: number, bytes: Uint8Array): Uint8Array {
  return concatBytes([encodeBencode({ msg_type: DATA, piece: block, total_size: totalBytes }), bytes]);
}

/** @returns null for what is malformed, too long, or of a type that BEP 9 does not know: all to be ignored. */
export function decodeMetadataMessage(payload: Uint8Array): MetadataMessage | null {
  const document = decodeHead(payload);
  if (document === null || !(document.value instanceof BencodeDict)) return null;
  const dict = document.value;
  const block = dict.getInteger('piece');
  if (block === null || block < 0) return null;
  switch (dict.getInteger('msg_type')) {
    case REQUEST:
      return { type: 'request', block };
    case REJECT:
      return { type: 'reject', block };
    case DATA:
      return { type: 'data', block, totalBytes: dict.getInteger('total_size'), bytes: payload.subarray(document.end) };
    default:
      return null;
  }
}

const REQUEST = 0;
const DATA = 1;
const REJECT = 2;
/** The dictionary has three entries; some clients add a few of their own. */
const DEPTH_MAX = 5;
const TOKENS_MAX = 100;

function decodeHead(payload: Uint8Array): BencodeDocument | null {
  if (payload.length > LIMITS.metadataMessageBytesMax) return null;
  try {
    return decodeBencode(payload, {
      mode: 'lenient',
      allowTrailing: true,
      depthMax: DEPTH_MAX,
      tokensMax: TOKENS_MAX,
    });
  } catch {
    return null;
  }
}
