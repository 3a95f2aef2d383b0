/**
 * v2 piece layers (BEP 52): for each file longer than a piece, the hash of every piece's subtree. Checked here against
 * the file's root, so that a layer that is there can be trusted. Called by metainfo.ts.
 */
import { toHex } from '../base/bytes.js';
import { invalidTorrent } from './invalid-torrent.js';
import { HASH_BYTES, isPieceLayerOf } from './merkle.js';
import type { Steps } from './steps.js';

/** The part of a file that its layer depends on. */
export interface LayeredFile {
  readonly lengthBytes: number;
  readonly piecesRoot: Uint8Array | null;
}

/** Of most torrents: v1 has none, nor have small files. */
const NO_LAYERS: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * @returns the layers of `given` that belong to `files`, by root in hex. Missing ones are fetched from peers later; ones
 * of no file here are left out.
 * @throws {DtorrentError} `ETORRENT` when a layer has a wrong size or does not hash to its root.
 */
export function* checkedPieceLayers(
  files: readonly LayeredFile[],
  pieceLength: number,
  given: ReadonlyMap<string, Uint8Array>,
): Steps<ReadonlyMap<string, Uint8Array>> {
  const layers = new Map<string, Uint8Array>();
  for (const { lengthBytes, piecesRoot } of files) {
    if (piecesRoot === null || lengthBytes <= pieceLength) continue;
    const key = toHex(piecesRoot);
    const layer = given.get(key);
    if (layer === undefined) continue;
    // Before the look-up of known layers: copies of one file share a root, so they have to share the length too.
    if (layer.length !== Math.ceil(lengthBytes / pieceLength) * HASH_BYTES) {
      throw invalidTorrent('a piece layer does not have the size of its file');
    }
    if (layers.has(key)) continue;
    if (!(yield* isPieceLayerOf({ root: piecesRoot, lengthBytes, pieceLength }, layer))) {
      throw invalidTorrent('a piece layer does not match the root of its file');
    }
    layers.set(key, layer);
  }
  return layers.size === 0 ? NO_LAYERS : layers;
}
