/**
 * Info-hashes: SHA-1 (BEP 3) and SHA-256 (BEP 52) of the info dictionary exactly as it was sent; re-encoding would
 * change the hash of torrents with unsorted keys. A hybrid torrent has both, and at least one is always there.
 */
import { bytesEqual, toHex } from '../base/bytes.js';
import { sha1, sha256 } from '../base/crypto.js';

/** What a torrent is known by; one of the two may be null, never both. Equal hashes are the same torrent. */
export interface InfoHash {
  /** 20 bytes. */
  readonly v1: Uint8Array | null;
  /** 32 bytes. */
  readonly v2: Uint8Array | null;
}

/** Length of an info-hash in handshakes, announces and the DHT. */
export const WIRE_HASH_BYTES = 20;

/** @returns the hashes of the formats that the info dictionary speaks. */
export function infoHashOf(infoBytes: Uint8Array, formats: { readonly v1: boolean; readonly v2: boolean }): InfoHash {
  return { v1: formats.v1 ? sha1(infoBytes) : null, v2: formats.v2 ? sha256(infoBytes) : null };
}

/** @returns lower-case hex, 40 digits of v1 or else 64 of v2: how events, the API and file names know a torrent. */
export function infoHashHex(infoHash: InfoHash): string {
  return toHex(infoHash.v1 ?? infoHash.v2!);
}

/** @returns the 20-byte ids that peers, trackers and the DHT know the torrent by: v1, then v2 cut to 20 (BEP 52). */
export function wireHashes(infoHash: InfoHash): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  if (infoHash.v1 !== null) hashes.push(infoHash.v1);
  const v2 = v2WireHash(infoHash);
  if (v2 !== null) hashes.push(v2);
  return hashes;
}

/** @returns the id of the v2 swarm, 20 bytes; null when there is no v2 hash. */
export function v2WireHash({ v2 }: InfoHash): Uint8Array | null {
  return v2 === null ? null : v2.subarray(0, WIRE_HASH_BYTES);
}

/** Whether metadata from a peer is what a magnet asked for: every hash that is known has to match (BEP 9). */
export function matchesInfoHash(infoBytes: Uint8Array, expected: InfoHash): boolean {
  if (expected.v1 !== null && !bytesEqual(sha1(infoBytes), expected.v1)) return false;
  if (expected.v2 !== null && !bytesEqual(sha256(infoBytes), expected.v2)) return false;
  return expected.v1 !== null || expected.v2 !== null;
}
