/**
 * Whether a piece in memory is what its torrent promises: SHA-1 (BEP 3), a Merkle root over 16 KiB leaves of SHA-256
 * (BEP 52), or both. One-shot and simple; called by the simulator's storage and wherever a whole piece is in memory.
 * Disk threads, which see a piece in parts, have node/piece-hasher.ts and share the verdict.
 */
import { assert } from '../base/assert.js';
import { bytesEqual } from '../base/bytes.js';
import { sha1, sha256 } from '../base/crypto.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { PieceHashes } from '../host/storage.js';
import { HASH_BYTES, merkleRoot } from './merkle.js';

/**
 * An error (`ETORRENT`) when one kind of hash matches and the other does not: then no data can ever satisfy the
 * torrent, and the peers that sent it are not to blame (BEP 52, "Upgrade path").
 */
export type PieceVerdict = 'ok' | 'bad-hash' | DtorrentError;

/** @param bytes exactly the piece as on the wire, a hybrid's padding included. */
export function checkPiece(piece: number, bytes: Uint8Array, hashes: PieceHashes): PieceVerdict {
  assert(hashes.v1 !== null || hashes.v2 !== null, 'a piece has a hash to be checked against');
  return verdictOf({
    v1: hashes.v1 === null ? null : bytesEqual(sha1(bytes), hashOf(hashes.v1, piece, 20)),
    v2: hashes.v2 === null ? null : bytesEqual(rootOf(piece, bytes, hashes), hashOf(hashes.v2, piece, HASH_BYTES)),
  });
}

/** null = the torrent has no hash of that kind. */
export function verdictOf(matches: { readonly v1: boolean | null; readonly v2: boolean | null }): PieceVerdict {
  const { v1, v2 } = matches;
  if (v1 !== null && v2 !== null && v1 !== v2) {
    return new DtorrentError(
      'ETORRENT',
      `the torrent contradicts itself: data that its ${v1 ? 'v1' : 'v2'} hashes accept fails its ${v1 ? 'v2' : 'v1'} hashes; get another copy of the torrent`,
    );
  }
  return (v1 ?? v2) ? 'ok' : 'bad-hash';
}

function hashOf(hashes: Uint8Array, piece: number, hashBytes: number): Uint8Array {
  return hashes.subarray(piece * hashBytes, (piece + 1) * hashBytes);
}

function rootOf(piece: number, bytes: Uint8Array, hashes: PieceHashes): Uint8Array {
  // Beyond v2PieceBytes there is a hybrid's padding, which v2 does not hash.
  const v2Bytes = hashes.v2PieceBytes(piece);
  const leaves = new Uint8Array(Math.ceil(v2Bytes / LIMITS.blockBytes) * HASH_BYTES);
  for (let i = 0; i * HASH_BYTES < leaves.length; i++) {
    const begin = i * LIMITS.blockBytes;
    leaves.set(sha256(bytes.subarray(begin, Math.min(begin + LIMITS.blockBytes, v2Bytes))), i * HASH_BYTES);
  }
  return merkleRoot(leaves, { width: hashes.v2LeafCount(piece) });
}
