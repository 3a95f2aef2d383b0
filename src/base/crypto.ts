/**
 * One-shot hashes and signatures, the only `node:` import below floor 4 (SHA-1, SHA-256 and Ed25519 are OpenSSL's;
 * everything else is ours). Bulk hashing of pieces does not happen here but on disk workers.
 */
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { assert } from './assert.js';

/** Of an Ed25519 private key in the form of RFC 8032: what the key is derived from. */
export const ED25519_SEED_BYTES = 32;
export const ED25519_PUBLIC_KEY_BYTES = 32;
export const ED25519_SIGNATURE_BYTES = 64;

/** @returns 20 bytes. */
export function sha1(bytes: Uint8Array): Uint8Array {
  return digest('sha1', bytes);
}

/** @returns 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return digest('sha256', bytes);
}

/**
 * @param seed 32 bytes; another length is a bug of the caller
 * @returns 32 bytes
 */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  const exported = createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' });
  return new Uint8Array(exported.subarray(exported.length - ED25519_PUBLIC_KEY_BYTES));
}

/**
 * Pure Ed25519 (RFC 8032).
 * @param seed 32 bytes; another length is a bug of the caller
 * @returns 64 bytes
 */
export function ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, privateKeyOf(seed)));
}

/** Whether `signature` is right. All three may come from a stranger: what is no key has no signatures. Never throws. */
export function ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== ED25519_PUBLIC_KEY_BYTES || signature.length !== ED25519_SIGNATURE_BYTES) return false;
  try {
    const key = createPublicKey({ key: derOf(PUBLIC_KEY_HEAD, publicKey), format: 'der', type: 'spki' });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}

/** The fixed beginnings of the DER encodings that OpenSSL reads keys from (RFC 8410). */
const PRIVATE_KEY_HEAD = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const PUBLIC_KEY_HEAD = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

function privateKeyOf(seed: Uint8Array): KeyObject {
  assert(seed.length === ED25519_SEED_BYTES, 'a seed has 32 bytes');
  return createPrivateKey({ key: derOf(PRIVATE_KEY_HEAD, seed), format: 'der', type: 'pkcs8' });
}

/** Node takes any array of bytes; only its types ask for a Buffer. */
function derOf(head: readonly number[], key: Uint8Array): never {
  const der = new Uint8Array(head.length + key.length);
  der.set(head);
  der.set(key, head.length);
  return der as never;
}

function digest(algorithm: 'sha1' | 'sha256', bytes: Uint8Array): Uint8Array {
  // In one call: a third of the time of a Hash object for the 64 bytes of a pair in a Merkle tree.
  const buffer = hash(algorithm, bytes, 'buffer');
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
