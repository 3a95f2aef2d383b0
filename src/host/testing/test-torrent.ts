/**
 * Small torrents with their content, for tests of storage: a v1 torrent laid out by hand, padding where asked for, and
 * the v2 and hybrid torrents of the reference creator (BEP 52).
 */
import { concatBytes } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';
import { SeededRandom } from '../../base/random.js';
import { FileLayout, pieceHashesOf } from '../../format/file-layout.js';
import { type Metainfo, type MetainfoFile, parseMetainfo } from '../../format/metainfo.js';
import { contentOf, HYBRID_TORRENT, V2_TORRENT } from '../../format/testing/example-torrents.js';
import type { PieceHashes, StorageLayout, StorageSpec } from '../storage.js';

export interface TestTorrent {
  readonly layout: StorageLayout;
  readonly hashes: PieceHashes;
  /** The bytes of a piece on the wire, padding included. */
  pieceContent(piece: number): Uint8Array;
  /** What each stored file has to hold in the end. */
  readonly files: readonly { readonly path: readonly string[]; readonly content: Uint8Array }[];
}

export interface TestFile {
  readonly path: readonly string[];
  readonly lengthBytes: number;
  readonly padding?: boolean;
  readonly executable?: boolean;
}

/** Everything wanted, nothing preallocated, unless `changes` say otherwise. */
export function specOf(
  directory: string,
  { layout, hashes }: Pick<TestTorrent, 'layout' | 'hashes'>,
  changes: Partial<StorageSpec> = {},
): StorageSpec {
  return { directory, layout, hashes, wantedFiles: null, partsName: PARTS_NAME, preallocation: 'none', ...changes };
}

/** One byte a file: wanted are those at `indices`. */
export function wantedFiles(torrent: Pick<TestTorrent, 'layout'>, indices: readonly number[]): Uint8Array {
  return Uint8Array.from(torrent.layout.files, (_, index) => (indices.includes(index) ? 1 : 0));
}

export const PARTS_NAME = '.test.parts';

export function v1Torrent(files: readonly TestFile[], pieceLength: number): TestTorrent {
  let offsetBytes = 0;
  const placed = files.map((file): MetainfoFile => {
    const { path, lengthBytes, padding = false, executable = false } = file;
    const start = offsetBytes;
    offsetBytes += lengthBytes;
    const rest = { hidden: false, symlinkTarget: null, piecesRoot: null };
    return { path, lengthBytes, padding, executable, offsetBytes: start, ...rest };
  });
  const contents = placed.map((file, index) => noise(file, index));
  const content = concatBytes(contents);
  const pieces: Uint8Array[] = [];
  for (let begin = 0; begin < content.length; begin += pieceLength) {
    pieces.push(sha1(content.subarray(begin, begin + pieceLength)));
  }
  const base = parseMetainfo(HYBRID_TORRENT);
  const v1Pieces = concatBytes(pieces);
  const infoHash = { v1: base.infoHash.v1, v2: null };
  const metainfo = { ...base, infoHash, files: placed, pieceLength, pieceCount: pieces.length, v1Pieces };
  return torrentOf(metainfo, contents);
}

export function v2Torrent(): TestTorrent {
  return referenceTorrent(parseMetainfo(V2_TORRENT));
}

export function hybridTorrent(): TestTorrent {
  return referenceTorrent(parseMetainfo(HYBRID_TORRENT));
}

function referenceTorrent(metainfo: Metainfo): TestTorrent {
  const contents = metainfo.files.map(({ path, padding, lengthBytes }) =>
    // The torrent's own directory is not part of what the content is made from.
    padding ? new Uint8Array(lengthBytes) : contentOf(path.slice(1).join('/'), lengthBytes),
  );
  return torrentOf(metainfo, contents);
}

function torrentOf(metainfo: Metainfo, contents: readonly Uint8Array[]): TestTorrent {
  const layout = new FileLayout(metainfo);
  const whole = concatBytes(contents);
  const files = metainfo.files.map((file, index) => ({ path: file.path, content: contents[index]! }));
  return {
    layout,
    hashes: pieceHashesOf(metainfo)!,
    pieceContent: (piece) => {
      const begin = piece * metainfo.pieceLength;
      return whole.slice(begin, begin + layout.pieceBytes(piece));
    },
    files: files.filter((_, index) => !metainfo.files[index]!.padding),
  };
}

function noise({ padding, lengthBytes }: MetainfoFile, index: number): Uint8Array {
  const content = new Uint8Array(lengthBytes);
  if (!padding) new SeededRandom(index + 1).fill(content);
  return content;
}
