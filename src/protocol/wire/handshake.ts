/**
 * The 68-byte handshake (BEP 3) and its reserved bits (BEP 4): name length and name, 8 reserved bytes, 20 bytes of
 * info-hash, 20 bytes of peer id. Bits that we do not know are ignored: some clients fill whole bytes with their own.
 */
import { assert } from '../../base/assert.js';
import { concatBytes, fromLatin1 } from '../../base/bytes.js';

/** What the reserved bits say of a side. A feature is usable when both sides set its bit. */
export interface WireFeatures {
  /** BEP 10. */
  readonly extensions: boolean;
  /** BEP 6. */
  readonly fast: boolean;
  /** BEP 5: sends a PORT message. Never set for a private torrent. */
  readonly dht: boolean;
  /** BEP 52: a v1 peer of a hybrid torrent that can be upgraded to v2. */
  readonly v2Upgrade: boolean;
}

export const HANDSHAKE_BYTES = 68;
export const RESERVED_BYTES = 8;
export const PEER_ID_BYTES = 20;
/** How much of a handshake says which torrent it is for: everything but the peer id. */
export const HANDSHAKE_HASH_BYTES = 48;
/** Length byte and name. */
export const PROTOCOL_HEAD: Uint8Array = fromLatin1('\x13BitTorrent protocol');

/** @returns 68 bytes. `reserved` has 8 bytes, `infoHash` and `peerId` 20 each. */
export function encodeHandshake(reserved: Uint8Array, infoHash: Uint8Array, peerId: Uint8Array): Uint8Array {
  const handshake = concatBytes([PROTOCOL_HEAD, reserved, infoHash, peerId]);
  assert(handshake.length === HANDSHAKE_BYTES && peerId.length === PEER_ID_BYTES, 'a handshake has 68 bytes');
  return handshake;
}

/** @returns the 8 reserved bytes; a feature that is left out is off. */
export function encodeReserved(features: Partial<WireFeatures>): Uint8Array {
  const reserved = new Uint8Array(RESERVED_BYTES);
  if (features.extensions === true) reserved[5]! |= EXTENSIONS_MASK;
  if (features.fast === true) reserved[7]! |= FAST_MASK;
  if (features.dht === true) reserved[7]! |= DHT_MASK;
  if (features.v2Upgrade === true) reserved[7]! |= V2_UPGRADE_MASK;
  return reserved;
}

/** `reserved` has 8 bytes. */
export function decodeReserved(reserved: Uint8Array): WireFeatures {
  return {
    extensions: (reserved[5]! & EXTENSIONS_MASK) !== 0,
    fast: (reserved[7]! & FAST_MASK) !== 0,
    dht: (reserved[7]! & DHT_MASK) !== 0,
    v2Upgrade: (reserved[7]! & V2_UPGRADE_MASK) !== 0,
  };
}

/** In byte 5. */
const EXTENSIONS_MASK = 0x10;
/** In byte 7, like the two below. */
const DHT_MASK = 0x01;
const FAST_MASK = 0x04;
const V2_UPGRADE_MASK = 0x10;
