/**
 * The hash messages of BEP 52: a stretch of one row of a file's Merkle tree, asked for, sent or refused. All three name
 * the stretch the same way; HASHES has the hashes behind it, then those that prove them (format/merkle-proof.ts).
 * Lengths are checked by WireDecoder before a payload is collected. Used by WireDecoder and WireEncoder.
 */
import { readUint32, writeUint32 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';

/** Hashes of one row of a file's tree. The numbers are unsigned 32-bit as the remote sent them: not checked. */
export interface HashRange {
  /** 32 bytes; they name the file. */
  readonly piecesRoot: Uint8Array;
  /** Rows above the leaves: 0 = hashes of 16 KiB blocks. */
  readonly baseLayer: number;
  /** The first hash; a multiple of `length`. */
  readonly index: number;
  /** Hashes; a power of two. */
  readonly length: number;
  /** Rows above `baseLayer` that are to be proven. */
  readonly proofLayers: number;
}

/** Payload of a request and of a reject, and the start of that of HASHES. */
export const HASH_RANGE_BYTES = 48;
const HASH_BYTES = 32;

/** The longest payload of HASHES: all that one message may ask for, and a proof up to the root. */
export const HASHES_PAYLOAD_BYTES_MAX: number =
  HASH_RANGE_BYTES + (LIMITS.hashesPerMessageMax + LIMITS.hashProofLayersMax) * HASH_BYTES;

/** Whether a payload of HASHES can have that length. */
export function isHashesPayloadLength(payloadBytes: number): boolean {
  return payloadBytes > HASH_RANGE_BYTES && (payloadBytes - HASH_RANGE_BYTES) % HASH_BYTES === 0;
}

/** Writes the 48 bytes at `at`. */
export function writeHashRange(bytes: Uint8Array, at: number, range: HashRange): void {
  bytes.set(range.piecesRoot, at);
  writeUint32(bytes, at + 32, range.baseLayer);
  writeUint32(bytes, at + 36, range.index);
  writeUint32(bytes, at + 40, range.length);
  writeUint32(bytes, at + 44, range.proofLayers);
}

/** Reads the 48 bytes at `at`; the root is copied. */
export function readHashRange(bytes: Uint8Array, at: number): HashRange {
  return {
    piecesRoot: new Uint8Array(bytes.subarray(at, at + HASH_BYTES)),
    baseLayer: readUint32(bytes, at + 32),
    index: readUint32(bytes, at + 36),
    length: readUint32(bytes, at + 40),
    proofLayers: readUint32(bytes, at + 44),
  };
}

/** Whether HASHES for `range` may have `payloadBytes`: the hashes, and of the proof no more than was asked for. */
export function isHashesPayloadOf(range: HashRange, payloadBytes: number): boolean {
  const proofHashes = (payloadBytes - HASH_RANGE_BYTES) / HASH_BYTES - range.length;
  return proofHashes >= 0 && proofHashes <= range.proofLayers + 1;
}
