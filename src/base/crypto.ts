/**
 * One-shot hashes, the only `node:` import below floor 4 (SHA-1 and SHA-256 are OpenSSL's; everything else is ours).
 * Bulk hashing of pieces does not happen here but on disk workers.
 */
import { hash } from 'node:crypto';

/** @returns 20 bytes. */
export function sha1(bytes: Uint8Array): Uint8Array {
  return digest('sha1', bytes);
}

/** @returns 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return digest('sha256', bytes);
}

function digest(algorithm: 'sha1' | 'sha256', bytes: Uint8Array): Uint8Array {
  // In one call: a third of the time of a Hash object for the 64 bytes of a pair in a Merkle tree.
  const buffer = hash(algorithm, bytes, 'buffer');
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
