/**
 * What is kept in the DHT under the key of a torrent that changes (BEP 46): a dictionary with the info-hash of its
 * present version. Other keys are left for others to understand.
 */
import { BencodeDict, decodeBencode, encodeBencode } from './bencode.js';

const HASH_BYTES = 20;

/** `infoHash`: 20 bytes. @returns bencode, to be signed and put (BEP 44). */
export function encodeTorrentPointer(infoHash: Uint8Array): Uint8Array {
  return encodeBencode({ ih: infoHash });
}

/** @returns the info-hash, 20 bytes, or null when `value` points at no torrent. */
export function decodeTorrentPointer(value: Uint8Array): Uint8Array | null {
  try {
    const decoded = decodeBencode(value, { depthMax: 10 }).value;
    const infoHash = decoded instanceof BencodeDict ? decoded.getBytes('ih') : null;
    return infoHash?.length === HASH_BYTES ? infoHash.slice() : null;
  } catch {
    return null;
  }
}
