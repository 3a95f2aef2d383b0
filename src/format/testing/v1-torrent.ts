/** Torrents of any shape, for tests that look at where bytes lie and never at the bytes. */
import { type BencodeInput, encodeBencode } from '../bencode.js';
import { type Metainfo, parseMetainfo } from '../metainfo.js';

/** A v1 torrent `t` of files `f0`, `f1`, …; negative lengths are padding. Its hashes are zeros. */
export function v1Torrent(lengths: readonly number[], pieceLength: number): Metainfo {
  const files = lengths.map((length, i): { [key: string]: BencodeInput } =>
    length < 0 ? { attr: 'p', length: -length } : { length, path: [`f${i}`] },
  );
  const total = lengths.reduce((sum, length) => sum + Math.abs(length), 0);
  const pieces = new Uint8Array(20 * Math.ceil(total / pieceLength));
  return parseMetainfo(encodeBencode({ info: { files, name: 't', 'piece length': pieceLength, pieces } }));
}
