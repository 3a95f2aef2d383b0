/**
 * Items that the DHT stores (BEP 44). An immutable one is found by the hash of its value, a mutable one by a public key
 * and a salt, and whoever has the private key may replace it by one with a higher sequence number. A value is kept and
 * checked as the very bytes that were sent: encoding it anew could break the signature.
 */
import { concatBytes, fromLatin1 } from '../../base/bytes.js';
import {
  ED25519_PUBLIC_KEY_BYTES,
  ED25519_SIGNATURE_BYTES,
  ed25519PublicKey,
  ed25519Sign,
  ed25519Verify,
  sha1,
} from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import { decodeBencode } from '../../format/bencode.js';

/** What `signItem` signs. */
export interface UnsignedItem {
  /** 0 to 64 bytes; several items of one key have different ones. Empty is the same as none. */
  readonly salt: Uint8Array;
  /** 0 to 2^63 - 1. Of two items the one with the higher number counts. */
  readonly sequence: bigint;
  /** One bencoded value, at most 1000 bytes. */
  readonly value: Uint8Array;
}

/** A mutable item, signed. */
export interface MutableItem extends UnsignedItem {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** The highest sequence number there is. */
export const SEQUENCE_MAX: bigint = 2n ** 63n - 1n;

/** @returns the 20 bytes at which an immutable item is stored. */
export function immutableTarget(value: Uint8Array): Uint8Array {
  return sha1(value);
}

/** @returns the 20 bytes at which a mutable item is stored. */
export function mutableTarget(publicKey: Uint8Array, salt: Uint8Array): Uint8Array {
  return sha1(concatBytes([publicKey, salt]));
}

/** Whether it is well-formed, within the limits, and signed by its key. For items from anywhere; never throws. */
export function verifyItem(item: MutableItem): boolean {
  if (item.publicKey.length !== ED25519_PUBLIC_KEY_BYTES || item.signature.length !== ED25519_SIGNATURE_BYTES)
    return false;
  if (item.salt.length > LIMITS.dhtSaltBytesMax || !isSequence(item.sequence) || !isValidValue(item.value))
    return false;
  return ed25519Verify(item.publicKey, signedBytes(item), item.signature);
}

/**
 * @param seed the private key, 32 bytes
 * @returns `item` with its key and signature. Whether it is within the limits is for the caller to know.
 */
export function signItem(seed: Uint8Array, item: UnsignedItem): MutableItem {
  const { salt, sequence, value } = item;
  return { publicKey: ed25519PublicKey(seed), salt, sequence, value, signature: ed25519Sign(seed, signedBytes(item)) };
}

/** Whether `bytes` are one value in canonical bencode and not too long to be stored. */
export function isValidValue(bytes: Uint8Array): boolean {
  if (bytes.length > LIMITS.dhtValueBytesMax) return false;
  try {
    decodeBencode(bytes);
    return true;
  } catch {
    return false;
  }
}

export function isSequence(sequence: bigint): boolean {
  return sequence >= 0n && sequence <= SEQUENCE_MAX;
}

/** What the signature covers: a piece of a bencoded dictionary, without its beginning and its end. */
export function signedBytes(item: UnsignedItem): Uint8Array {
  const head = fromLatin1(`3:seqi${item.sequence}e1:v`);
  if (item.salt.length === 0) return concatBytes([head, item.value]);
  return concatBytes([fromLatin1(`4:salt${item.salt.length}:`), item.salt, head, item.value]);
}
