/**
 * Torrent files and info dictionaries: v1 (BEP 3), v2 (BEP 52) and hybrids, made into one plain description that the
 * engine works with. All input is hostile. Invariant of what is returned: paths are safe and unique, offsets are
 * contiguous from 0, and pieceCount, pieces, layers and files agree with each other. Lengths and offsets are bytes.
 */
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { BencodeDict, decodeBencode, decodeBencodeSteps } from './bencode.js';
import { readFileList } from './file-list.js';
import { type LaidOutFile, layOutHybrid, layOutListFile, layOutTree } from './file-order.js';
import { readFileTree } from './file-tree.js';
import { type InfoHash, infoHashHex, infoHashOf } from './infohash.js';
import { invalidTorrent } from './invalid-torrent.js';
import { baseUrlsOf, EMPTY_OUTER_DICTIONARY, type OuterDictionary, readOuterDictionary } from './outer-dictionary.js';
import { placeInTree } from './path-tree.js';
import { checkedPieceLayers } from './piece-layers.js';
import { safeName } from './safe-path.js';
import { runSteps, type Steps } from './steps.js';

/** A torrent, read and checked. What lies outside of the info dictionary is OuterDictionary's. */
export interface Metainfo extends OuterDictionary {
  /** Of `infoBytes`. */
  readonly infoHash: InfoHash;
  /** The info dictionary as it was sent: what ut_metadata serves. A view of the input. */
  readonly infoBytes: Uint8Array;
  /** A safe name: of the file, or of the directory that all files lie in. */
  readonly name: string;
  /** Bytes of every piece but the last, 1 to 512 MiB. */
  readonly pieceLength: number;
  /** 1 to LIMITS.pieceCountMax. */
  readonly pieceCount: number;
  /** Padding left out; never 0. */
  readonly totalLength: number;
  /** In offset order, padding included; BEP 53 indices count these. */
  readonly files: readonly MetainfoFile[];
  /** BEP 27: peers come from trackers only. */
  readonly isPrivate: boolean;
  /** `source` of private trackers; it only serves to change the info-hash. */
  readonly source: string | null;
  /** 20 bytes of SHA-1 per piece; null for v2 alone. */
  readonly v1Pieces: Uint8Array | null;
  /** v2: root in hex -> 32 bytes per piece, checked, for files longer than a piece. Missing ones come from peers. */
  readonly pieceLayers: ReadonlyMap<string, Uint8Array>;
}

/** A file of a torrent, or padding between two. */
export interface MetainfoFile {
  /** Safe elements below the download directory, the torrent's own directory first when there is one. */
  readonly path: readonly string[];
  /** 0 for an empty file. */
  readonly lengthBytes: number;
  /** From the torrent's first byte, padding included. */
  readonly offsetBytes: number;
  /** Zeros that are hashed (v1) or only keep files on piece boundaries (v2 alone); never stored. */
  readonly padding: boolean;
  /** BEP 47: to be made executable. */
  readonly executable: boolean;
  /** BEP 47: only told, nothing is done about it. */
  readonly hidden: boolean;
  /** BEP 47: a path like `path`, inside the torrent; null = no link, or one that leads nowhere. */
  readonly symlinkTarget: readonly string[] | null;
  /** v2: 32 bytes; null for empty files, padding and v1 alone. */
  readonly piecesRoot: Uint8Array | null;
}

/**
 * Reads a torrent file. The result keeps views of `bytes`.
 * @throws {DtorrentError} `EBENCODE` for malformed bencode, `ETORRENT` for a torrent that breaks a rule, `EUNSUPPORTED`
 * for a format newer than v2 or older than v1 (BEP 30).
 */
export function parseMetainfo(bytes: Uint8Array): Metainfo {
  return runSteps(parseSteps(bytes));
}

/**
 * parseMetainfo in steps, for a caller that lets other work go on in between: a large torrent takes longer than anybody
 * should wait for a turn. Each step ends where nothing is left half done.
 */
export function* parseSteps(bytes: Uint8Array): Steps<Metainfo> {
  // Lenient: deployed files have unsorted keys and newlines at the end. The info-hash is taken from the source anyway.
  const { value, softError } = yield* decodeBencodeSteps(bytes, { mode: 'lenient', allowTrailing: true });
  yield;
  if (!(value instanceof BencodeDict)) throw invalidTorrent('it is not a dictionary');
  const info = value.getDict('info');
  if (info === null) throw invalidTorrent('it has no info dictionary');
  const source = { info, isCanonical: softError === null, infoBytes: bytes.subarray(info.start, info.end) };
  return yield* describe(source, readOuterDictionary(value));
}

/**
 * Reads an info dictionary alone, as peers send it (BEP 9); `outer` is what a magnet link or resume data adds. The
 * caller has compared the info-hash.
 * @throws {DtorrentError} like parseMetainfo.
 */
export function parseInfoDictionary(infoBytes: Uint8Array, outer: Partial<OuterDictionary> = {}): Metainfo {
  const { value, softError } = decodeBencode(infoBytes, { mode: 'lenient', bytesMax: LIMITS.metadataBytesMax });
  if (!(value instanceof BencodeDict)) throw invalidTorrent('its info is not a dictionary');
  const source = { info: value, isCanonical: softError === null, infoBytes };
  return runSteps(describe(source, { ...EMPTY_OUTER_DICTIONARY, ...outer }));
}

/** An info dictionary as it was read leniently. */
interface InfoSource {
  readonly info: BencodeDict;
  /** False = it may have unsorted keys or the like, or what it was read with has. */
  readonly isCanonical: boolean;
  readonly infoBytes: Uint8Array;
}

function* describe({ info: lenientInfo, isCanonical, infoBytes }: InfoSource, outer: OuterDictionary): Steps<Metainfo> {
  const hasV2 = readsAsV2(lenientInfo);
  // BEP 52 asks for canonical bencode: with unsorted keys, two clients would number the files differently.
  const isToBeReadAgain = hasV2 && !isCanonical;
  const info = isToBeReadAgain ? (decodeBencode(infoBytes).value as BencodeDict) : lenientInfo;
  const hasV1 = !hasV2 || info.has('pieces');
  if (!info.has('pieces') && info.has('root hash')) {
    throw new DtorrentError('EUNSUPPORTED', 'the torrent is a Merkle torrent of BEP 30, which nobody serves any more');
  }
  const infoHash = infoHashOf(infoBytes, { v1: hasV1, v2: hasV2 });
  const name = readName(info, infoHash);
  const pieceLength = readPieceLength(info, hasV2);
  yield;
  const laidOut = yield* layOut(info, { hasV1, hasV2, name, pieceLength });
  yield;
  const { files, endBytes, totalLength } = placeFiles(laidOut, pieceLength);
  if (totalLength === 0) throw invalidTorrent('it has no data');
  const pieceCount = Math.ceil(endBytes / pieceLength);
  yield;
  const pieceLayers = yield* checkedPieceLayers(files, pieceLength, outer.pieceLayers);
  return {
    infoHash,
    // A Buffer's slice() would share memory; callers get plain arrays whatever they gave.
    infoBytes: new Uint8Array(infoBytes.buffer, infoBytes.byteOffset, infoBytes.byteLength),
    name,
    pieceLength,
    pieceCount,
    totalLength,
    files,
    isPrivate: (info.getInteger('private') ?? 0) !== 0,
    source: info.getText('source'),
    v1Pieces: hasV1 ? readPieces(info, pieceCount) : null,
    pieceLayers,
    trackers: outer.trackers,
    webSeeds: baseUrlsOf(outer.webSeeds, hasSeveral(files)),
    httpSeeds: outer.httpSeeds,
    nodes: outer.nodes,
    comment: outer.comment,
    createdBy: outer.createdBy,
    creationDate: outer.creationDate,
  };
}

/** The version comes first: what a newer format means by its other keys is unknown. */
function readsAsV2(info: BencodeDict): boolean {
  const version = info.has('meta version') ? info.getInteger('meta version') : 1;
  if (version === null || version < 1) throw invalidTorrent('its meta version is not a positive number');
  if (version > 2) {
    throw new DtorrentError('EUNSUPPORTED', `the torrent has format version ${version}; dtorrent knows 1 and 2`);
  }
  if (info.has('file tree') !== (version === 2)) throw invalidTorrent('its meta version and its file tree disagree');
  return version === 2;
}

function readName(info: BencodeDict, infoHash: InfoHash): string {
  const name = info.getBytes('name.utf-8') ?? info.getBytes('name');
  if (name === null) throw invalidTorrent('it has no name');
  return nameOf(name, infoHash);
}

/** @returns the name that a torrent has for whoever reads it; its info-hash when nothing of the name can be used. */
export function nameOf(name: Uint8Array, infoHash: InfoHash): string {
  return safeName(name) || infoHashHex(infoHash);
}

function readPieceLength(info: BencodeDict, hasV2: boolean): number {
  const pieceLength = info.getInteger('piece length');
  if (pieceLength === null || pieceLength < 1) throw invalidTorrent('it has no valid piece length');
  if (pieceLength > LIMITS.pieceLengthBytesMax) {
    throw invalidTorrent(`its pieces are longer than ${LIMITS.pieceLengthBytesMax} bytes`);
  }
  // The limit keeps 32-bit arithmetic exact.
  const isPowerOfTwo = (pieceLength & (pieceLength - 1)) === 0;
  if (hasV2 && (pieceLength < LIMITS.blockBytes || !isPowerOfTwo)) {
    throw invalidTorrent('its piece length is not a power of two from 16 KiB on, as v2 asks for');
  }
  return pieceLength;
}

interface InfoFormat {
  readonly hasV1: boolean;
  readonly hasV2: boolean;
  readonly name: string;
  readonly pieceLength: number;
}

function* layOut(info: BencodeDict, { hasV1, hasV2, name, pieceLength }: InfoFormat): Steps<LaidOutFile[]> {
  if (!hasV2) return readFileList(info, (file) => layOutListFile(file, name));
  const tree = info.getDict('file tree');
  if (tree === null) throw invalidTorrent('its file tree is not a dictionary');
  const treeFiles = readFileTree(tree);
  yield;
  // A lone file has no directory of its own, unless the v1 part says that it has one.
  const isSingle = tree.size === 1 && treeFiles[0]?.depth === 1 && !(hasV1 && info.has('files'));
  const directory = isSingle ? [] : [name];
  if (!hasV1) return layOutTree(treeFiles, { name, directory, pieceLength });
  const listFiles = readFileList(info, (file) => file);
  yield;
  return layOutHybrid(listFiles, treeFiles, { name, directory, pieceLength });
}

/** Gives every file its offset and a path of its own, where it is: there may be a million. */
function placeFiles(
  files: readonly LaidOutFile[],
  pieceLength: number,
): { files: readonly MetainfoFile[]; endBytes: number; totalLength: number } {
  placeInTree(files.filter((file) => !file.padding));
  let endBytes = 0;
  let totalLength = 0;
  for (const file of files) {
    file.offsetBytes = endBytes;
    endBytes += file.lengthBytes;
    if (!file.padding) totalLength += file.lengthBytes;
    // At every step, so that the sum stays far below 2^53 and exact.
    if (endBytes > pieceLength * LIMITS.pieceCountMax) {
      throw invalidTorrent(`it has more than ${LIMITS.pieceCountMax} pieces`);
    }
  }
  return { files, endBytes, totalLength };
}

function hasSeveral(files: readonly MetainfoFile[]): boolean {
  return files.filter((file) => !file.padding).length > 1;
}

function readPieces(info: BencodeDict, pieceCount: number): Uint8Array {
  const pieces = info.getBytes('pieces');
  if (pieces === null || pieces.length !== pieceCount * SHA1_BYTES) {
    throw invalidTorrent(`its pieces are not ${SHA1_BYTES} bytes for each of ${pieceCount} pieces`);
  }
  return pieces;
}

const SHA1_BYTES = 20;
