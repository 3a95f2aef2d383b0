/**
 * A v1 torrent of reproducible bytes, and its content as one run of bytes: what a swarm in the lab is about. Content is
 * kept once, however many nodes have it.
 */
import { concatBytes } from '../base/bytes.js';
import { sha1 } from '../base/crypto.js';
import { SeededRandom } from '../base/random.js';
import { encodeBencode } from '../format/bencode.js';
import type { Magnet } from '../format/magnet.js';
import { type Metainfo, parseMetainfo } from '../format/metainfo.js';

/** What a torrent of the lab is made from. */
export interface LabTorrentOptions {
  /** Path below the torrent's folder -> length in bytes. */
  readonly lengths: Readonly<Record<string, number>>;
  /** Bytes. */
  readonly pieceLength: number;
  /** What the content is made from. */
  readonly seed: number;
  /** URLs, each a tier of its own. Left out = none. */
  readonly trackers?: readonly string[];
  /** BEP 27. Left out = no. */
  readonly isPrivate?: boolean;
}

/** A v1 torrent and its content. */
export class LabTorrent {
  /** As it would be read from a .torrent file. */
  readonly metainfo: Metainfo;
  /** The same by its info-hash. */
  readonly magnet: Magnet;
  /** All files, one after the other. */
  readonly content: Uint8Array;
  /** Path below the download directory -> its part of `content`, a view. */
  readonly files: ReadonlyMap<string, Uint8Array>;

  /** Makes content and hashes. */
  constructor(options: LabTorrentOptions) {
    const lengths = Object.entries(options.lengths);
    this.content = new Uint8Array(lengths.reduce((sum, [, length]) => sum + length, 0));
    fillQuickly(this.content, new SeededRandom(options.seed));
    const files = new Map<string, Uint8Array>();
    let offset = 0;
    for (const [path, length] of lengths) {
      files.set(`content/${path}`, this.content.subarray(offset, offset + length));
      offset += length;
    }
    this.files = files;
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < this.content.length; at += options.pieceLength) {
      pieces.push(sha1(this.content.subarray(at, at + options.pieceLength)));
    }
    const info = {
      name: 'content',
      'piece length': options.pieceLength,
      pieces: concatBytes(pieces),
      files: lengths.map(([path, length]) => ({ length, path: path.split('/') })),
      private: options.isPrivate === true ? 1 : undefined,
    };
    const trackers = options.trackers ?? [];
    this.metainfo = parseMetainfo(encodeBencode({ info, 'announce-list': trackers.map((url) => [url]) }));
    const { infoHash } = this.metainfo;
    this.magnet = { infoHash, name: null, trackers, webSeeds: [], peers: [], select: null };
  }

  /** @returns a view of one piece of the content. */
  pieceBytes(piece: number): Uint8Array {
    const { pieceLength } = this.metainfo;
    return this.content.subarray(piece * pieceLength, (piece + 1) * pieceLength);
  }
}

/** A generator's words, four bytes each: a gigabyte has to come in seconds. */
function fillQuickly(bytes: Uint8Array, random: SeededRandom): void {
  const words = new Uint32Array(bytes.buffer, 0, bytes.length >>> 2);
  for (let i = 0; i < words.length; i++) words[i] = random.uint32();
  for (let i = words.length * 4; i < bytes.length; i++) bytes[i] = random.uint32() >>> 24;
}
