/**
 * One-shot hashes, the only `node:` import below floor 4 (SHA-1 and SHA-256 are OpenSSL's; everything else is ours).
 * Bulk hashing of pieces does not happen here but on disk workers.
 */
import { createHash } from 'node:crypto';

/** @returns 20 bytes. */
export function sha1(bytes: Uint8Array): Uint8Array {
  return digest('sha1', bytes);
}

/** @returns 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return digest('sha256', bytes);
}

function digest(algorithm: 'sha1' | 'sha256', bytes: Uint8Array): Uint8Array {
  const buffer = createHash(algorithm).update(bytes).digest();
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
