/** Torrents of BEP 52 with their content, for tests of whole engines: one file, v2 alone or a hybrid. */
import { concatBytes } from '../../base/bytes.js';
import { sha1, sha256 } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { assembleTorrent, planTorrent } from '../../format/create-torrent.js';
import { merkleRoot, pieceLeafCount } from '../../format/merkle.js';
import { parseMetainfo } from '../../format/metainfo.js';
import { plainFields } from '../../format/testing/plain-fields.js';
import type { SimTorrent } from './sim-swarm.js';

/** The leaves of `bytes`, padding left out. */
export function leavesOf(bytes: Uint8Array): Uint8Array {
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += LIMITS.blockBytes) {
    leaves.push(sha256(bytes.subarray(at, at + LIMITS.blockBytes)));
  }
  return concatBytes(leaves);
}

export function makeV2Torrent(options: {
  readonly kind: 'v2' | 'hybrid';
  readonly lengthBytes: number;
  readonly pieceLength: number;
}): SimTorrent {
  const { kind, lengthBytes, pieceLength } = options;
  const content = new Uint8Array(lengthBytes);
  new SeededRandom(52).fill(content);
  const plan = planTorrent([{ path: [], lengthBytes, executable: false }], {
    kind,
    pieceLength,
    fields: plainFields('a.bin'),
  });
  const v1: Uint8Array[] = [];
  const v2: Uint8Array[] = [];
  for (let at = 0; at < lengthBytes; at += pieceLength) {
    const piece = content.subarray(at, at + pieceLength);
    v1.push(sha1(piece));
    v2.push(merkleRoot(leavesOf(piece), { width: pieceLeafCount(lengthBytes, pieceLength) }));
  }
  const { bytes } = assembleTorrent(plan, {
    v1: kind === 'v2' ? new Uint8Array(0) : concatBytes(v1),
    v2: concatBytes(v2),
  });
  const metainfo = parseMetainfo(bytes);
  const magnet = { infoHash: metainfo.infoHash, name: null, trackers: [], webSeeds: [], peers: [], select: null };
  return { metainfo, magnet, files: new Map([['a.bin', content]]) };
}
