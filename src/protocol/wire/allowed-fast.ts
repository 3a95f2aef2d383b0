/**
 * The canonical allowed-fast set (BEP 6): the pieces that a peer may request while it is choked. It depends on the
 * peer's network and the torrent only, so that reconnecting yields no further pieces.
 */
import { readUint32 } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';

/**
 * `ip` is the peer's address as we see it, `infoHash` has 20 bytes. BEP 6 defines the set for IPv4 only.
 * @returns min(count, pieceCount) distinct piece indices, in canonical order; none when `ip` has not 4 bytes.
 */
export function allowedFastSet(ip: Uint8Array, infoHash: Uint8Array, pieceCount: number, count: number): number[] {
  const pieces: number[] = [];
  if (ip.length !== 4) return pieces;
  // More than there are would never be found, and the loop would not end.
  const wanted = Math.min(count, pieceCount);
  let digest: Uint8Array = new Uint8Array(4 + infoHash.length);
  // The last octet stays zero: one network has one set.
  digest.set(ip.subarray(0, 3));
  digest.set(infoHash, 4);
  while (pieces.length < wanted) {
    digest = sha1(digest);
    for (let offset = 0; offset < digest.length && pieces.length < wanted; offset += 4) {
      const piece = readUint32(digest, offset) % pieceCount;
      if (!pieces.includes(piece)) pieces.push(piece);
    }
  }
  return pieces;
}
