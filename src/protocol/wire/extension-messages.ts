/**
 * The payloads of two small extension messages (BEP 10): lt_donthave (BEP 54), which takes a HAVE back, and
 * upload_only, which says that what the handshake told of BEP 21 has changed. What does not have its form reads as null.
 */
import { readUint32, writeUint32 } from '../../base/bytes.js';

const DONT_HAVE_BYTES = 4;

export function encodeDontHave(piece: number): Uint8Array {
  const payload = new Uint8Array(DONT_HAVE_BYTES);
  writeUint32(payload, 0, piece);
  return payload;
}

/** @returns the piece, an unsigned 32-bit number that may be out of the torrent's range. */
export function decodeDontHave(payload: Uint8Array): number | null {
  return payload.length === DONT_HAVE_BYTES ? readUint32(payload, 0) : null;
}

export function encodeUploadOnly(isUploadOnly: boolean): Uint8Array {
  return Uint8Array.of(Number(isUploadOnly));
}

export function decodeUploadOnly(payload: Uint8Array): boolean | null {
  return payload.length === 1 ? payload[0] !== 0 : null;
}
