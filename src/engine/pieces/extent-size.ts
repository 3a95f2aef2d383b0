/**
 * How much of a piece is in memory at one time. Up to EXTENT_BYTES_MAX a piece is hashed where it was received, which
 * is the fastest way; a larger one, up to LIMITS.pieceLengthBytesMax, goes to disk extent by extent. Called by TorrentData.
 */

const EXTENT_BYTES_MAX = 4 * 1024 * 1024;
/** However small the cache is, so many peers can be at different places at one time. */
const SLOTS_MIN = 4;

/** @returns bytes of a slot: the whole piece, or a multiple of the block length that is a power of two. */
export function slotBytesFor(pieceLength: number, writeCacheBytes: number): number {
  let extentBytes = EXTENT_BYTES_MAX;
  while (SLOTS_MIN * extentBytes > writeCacheBytes) extentBytes /= 2;
  return Math.min(pieceLength, extentBytes);
}
