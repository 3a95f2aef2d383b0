/**
 * Making a torrent, the part without I/O: which files in which order (BEP 3, BEP 52), padding (BEP 47), piece length, and
 * the bytes of the .torrent from the hashes. `planTorrent`, hash what the plan says, `assembleTorrent`.
 * Invariant: the same files and options give the same bytes; info dictionaries equal libtorrent's. Lengths are bytes.
 * Called by node/create-torrent.ts.
 */
import { assert } from '../base/assert.js';
import { compareAsUtf8, fromUtf8, isAscii, toLatin1 } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import {
  type BencodeDict,
  type BencodeInput,
  bencodeText,
  decodeBencode,
  encodeBencode,
  RawBencode,
} from './bencode.js';
import { type InfoHash, infoHashOf } from './infohash.js';
import { type Magnet, magnetOf } from './magnet.js';
import { HASH_BYTES, pieceLayerRoot } from './merkle.js';
import { nameOf } from './metainfo.js';
import { baseUrlsOf, readOuterDictionary } from './outer-dictionary.js';
import { checkTorrentFields, type TorrentFields } from './torrent-fields.js';

/** v1 = BEP 3, v2 = BEP 52, hybrid = both in one torrent. */
export type TorrentKind = 'v1' | 'v2' | 'hybrid';

/** A file to be shared. */
export interface SourceFile {
  /** Names below the torrent's directory, well-formed Unicode; empty when this file alone is the torrent. */
  readonly path: readonly string[];
  readonly lengthBytes: number;
  readonly executable: boolean;
}

export interface PlannedFile<F extends SourceFile = SourceFile> {
  /** null = padding: zeros that are hashed and not stored. */
  readonly source: F | null;
  readonly lengthBytes: number;
  /** In piece space: piece i begins at i × pieceLength. */
  readonly offsetBytes: number;
}

export interface TorrentPlan<F extends SourceFile = SourceFile> {
  readonly kind: TorrentKind;
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** In offset order. v2 alone has no padding, but gaps: each file with data begins on a piece boundary. */
  readonly files: readonly PlannedFile<F>[];
  /** Where the last file ends, padding included. */
  readonly endBytes: number;
  /** Padding left out: what there is to read. */
  readonly totalLength: number;
  readonly fields: TorrentFields;
}

export interface PlanOptions {
  readonly kind: TorrentKind;
  /** A power of two from 16 KiB to 512 MiB; null = what suits the total. */
  readonly pieceLength: number | null;
  readonly fields: TorrentFields;
}

/**
 * Decides everything that does not depend on the content. `files` come in any order.
 * @throws {DtorrentError} `EOPTION` for fields or a piece length that no torrent may have, `ETORRENT` when there is
 * nothing to share.
 */
export function planTorrent<F extends SourceFile>(files: readonly F[], options: PlanOptions): TorrentPlan<F> {
  const { kind, fields } = options;
  checkTorrentFields(fields);
  let totalLength = 0;
  for (const file of files) totalLength += file.lengthBytes;
  if (totalLength === 0) throw new DtorrentError('ETORRENT', `there is no data in "${fields.name}": nothing to share`);
  const pieceLength = options.pieceLength ?? defaultPieceLength(totalLength);
  checkPieceLength(pieceLength);
  const placed = placeFiles(sortFiles(files), kind, pieceLength);
  const last = placed[placed.length - 1]!;
  const endBytes = last.offsetBytes + last.lengthBytes;
  const pieceCount = Math.ceil(endBytes / pieceLength);
  if (pieceCount > LIMITS.pieceCountMax) {
    const problem = `pieces of ${pieceLength} bytes would be ${pieceCount}, and ${LIMITS.pieceCountMax} are allowed`;
    throw new DtorrentError('EOPTION', `${problem}: choose a larger piece length`);
  }
  return { kind, pieceLength, pieceCount, files: placed, endBytes, totalLength, fields };
}

/** What the plan's pieces hash to, concatenated in piece order. */
export interface PieceDigests {
  /** 20 bytes a piece: SHA-1 of the piece, padding included. Empty for v2 alone. */
  readonly v1: Uint8Array;
  /** 32 bytes a piece: root of the piece's subtree, without padding (merkle.ts, pieceLeafCount). Empty for v1 alone. */
  readonly v2: Uint8Array;
}

export interface AssembledTorrent {
  /** The .torrent file. */
  readonly bytes: Uint8Array;
  readonly infoHash: InfoHash;
  /** The magnet link that whoever reads the file would make of it, without reading a long file once more. */
  readonly magnet: Magnet;
}

/**
 * Encodes the files of the plan, which needs no hashes and takes longest: there is time for it while they are made.
 * @returns null for a torrent without a v1 list of files.
 */
export function encodeFileList({ kind, files }: TorrentPlan): RawBencode | null {
  if (kind === 'v2' || loneFile(files) !== null) return null;
  // As text, encoded at once: a list of small dictionaries takes three times as long.
  let list = 'l';
  for (const file of files) list += fileListEntry(file);
  return new RawBencode(fromUtf8(`${list}e`));
}

/** @throws {DtorrentError} `EOPTION` when the file would be larger than readers take. */
export function assembleTorrent(
  plan: TorrentPlan,
  digests: PieceDigests,
  fileList: RawBencode | null = encodeFileList(plan),
): AssembledTorrent {
  const { kind, fields } = plan;
  const hasV1 = kind !== 'v2';
  const hasV2 = kind !== 'v1';
  assert(digests.v1.length === (hasV1 ? plan.pieceCount * SHA1_BYTES : 0), 'each piece has a v1 hash');
  assert(digests.v2.length === (hasV2 ? plan.pieceCount * HASH_BYTES : 0), 'each piece has a v2 hash');
  const pieceLayers = new Map<string, Uint8Array>();
  const info = encodeBencode({
    ...(hasV1 ? v1Keys(plan, fileList, digests.v1) : {}),
    ...(hasV2 ? { 'file tree': fileTree(plan, digests.v2, pieceLayers), 'meta version': 2 } : {}),
    name: fields.name,
    'piece length': plan.pieceLength,
    private: fields.isPrivate ? 1 : undefined,
    source: fields.source ?? undefined,
  });
  const bytes = encodeBencode({
    ...outerKeys(fields),
    info: new RawBencode(info),
    'piece layers': hasV2 ? pieceLayers : undefined,
  });
  if (bytes.length > LIMITS.torrentFileBytesMax) {
    const problem = `the torrent file would have ${bytes.length} bytes, and ${LIMITS.torrentFileBytesMax} are allowed`;
    throw new DtorrentError('EOPTION', `${problem}: choose a larger piece length, or share fewer files`);
  }
  const infoHash = infoHashOf(info, { v1: hasV1, v2: hasV2 });
  return { bytes, infoHash, magnet: readMagnet(plan, infoHash) };
}

/** Of the name, trackers and web seeds as a reader takes them. */
function readMagnet({ fields, files }: TorrentPlan, infoHash: InfoHash): Magnet {
  const outer = decodeBencode(encodeBencode(outerKeys(fields))).value as BencodeDict;
  const { trackers, webSeeds } = readOuterDictionary(outer);
  const isMultiFile = files.filter(({ source }) => source !== null).length > 1;
  return magnetOf({
    infoHash,
    name: nameOf(fromUtf8(fields.name), infoHash),
    trackers,
    webSeeds: baseUrlsOf(webSeeds, isMultiFile),
  });
}

/**
 * @returns a power of two, from 16 KiB to 16 MiB, that makes about 1500 pieces (1024 to 2048): small enough that a peer
 * soon has some to share, few enough for a small torrent file. Beyond 16 MiB only where there would be too many pieces.
 */
export function defaultPieceLength(totalLength: number): number {
  let pieceLength: number = LIMITS.blockBytes;
  while (pieceLength < DEFAULT_PIECE_LENGTH_MAX && totalLength > pieceLength * DEFAULT_PIECES_MAX) pieceLength *= 2;
  // Half of what is allowed: each file of a hybrid adds up to a piece.
  while (pieceLength < LIMITS.pieceLengthBytesMax && totalLength > (pieceLength * LIMITS.pieceCountMax) / 2) {
    pieceLength *= 2;
  }
  return pieceLength;
}

const DEFAULT_PIECES_MAX = 2048;
const DEFAULT_PIECE_LENGTH_MAX = 16 * 1024 * 1024;
const SHA1_BYTES = 20;

function checkPieceLength(pieceLength: number): void {
  const isPowerOfTwo = Number.isInteger(Math.log2(pieceLength));
  if (isPowerOfTwo && pieceLength >= LIMITS.blockBytes && pieceLength <= LIMITS.pieceLengthBytesMax) return;
  throw new DtorrentError('EOPTION', `a piece length of ${pieceLength} is no power of two from 16 KiB to 512 MiB`);
}

/** The order of BEP 52, for v1 too: element by element, as UTF-8 bytes. */
function sortFiles<F extends SourceFile>(files: readonly F[]): F[] {
  const sorted = [...files].sort((a, b) => comparePaths(a.path, b.path));
  for (let i = 1; i < sorted.length; i++) {
    assert(comparePaths(sorted[i - 1]!.path, sorted[i]!.path) < 0, 'no path is listed twice');
  }
  return sorted;
}

/** By UTF-8 bytes, element by element: a directory's files stand together. */
function comparePaths(a: readonly string[], b: readonly string[]): number {
  const depth = Math.min(a.length, b.length);
  for (let i = 0; i < depth; i++) {
    const order = compareAsUtf8(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function placeFiles<F extends SourceFile>(
  files: readonly F[],
  kind: TorrentKind,
  pieceLength: number,
): PlannedFile<F>[] {
  const placed: PlannedFile<F>[] = [];
  let offsetBytes = 0;
  for (const source of files) {
    const { lengthBytes } = source;
    const paddingBytes = (pieceLength - (lengthBytes % pieceLength)) % pieceLength;
    if (kind === 'v2' && lengthBytes > 0) offsetBytes = Math.ceil(offsetBytes / pieceLength) * pieceLength;
    placed.push({ source, lengthBytes, offsetBytes });
    offsetBytes += lengthBytes;
    // After the last file too, as the reference creator and libtorrent do; a lone file needs none.
    if (kind === 'hybrid' && files.length > 1 && paddingBytes > 0) {
      placed.push({ source: null, lengthBytes: paddingBytes, offsetBytes });
      offsetBytes += paddingBytes;
    }
  }
  return placed;
}

interface BencodeRecord {
  readonly [key: string]: BencodeInput | undefined;
}

function v1Keys({ files }: TorrentPlan, fileList: RawBencode | null, pieces: Uint8Array): BencodeRecord {
  const lone = loneFile(files);
  if (lone !== null) return { attr: attrOf(lone), length: lone.lengthBytes, pieces };
  return { files: fileList ?? undefined, pieces };
}

/** @returns the file that is the torrent; null when the torrent is a directory, be it of one file. */
function loneFile(files: readonly PlannedFile[]): SourceFile | null {
  const source = files[0]?.source ?? null;
  return source !== null && source.path.length === 0 ? source : null;
}

/** @returns a dictionary, in bencode. */
function fileListEntry({ source, lengthBytes }: PlannedFile): string {
  const attr = source === null ? 'p' : attrOf(source);
  let path = '';
  for (const element of source === null ? ['.pad', String(lengthBytes)] : source.path) path += bencodeText(element);
  return `d${attr === undefined ? '' : `4:attr1:${attr}`}6:lengthi${lengthBytes}e4:pathl${path}ee`;
}

function attrOf(source: SourceFile): string | undefined {
  return source.executable ? 'x' : undefined;
}

type TreeNode = Map<string, BencodeInput>;

/** Builds the v2 tree, and puts into `pieceLayers` what the files longer than a piece need besides their root. */
function fileTree(plan: TorrentPlan, hashes: Uint8Array, pieceLayers: Map<string, Uint8Array>): TreeNode {
  const root: TreeNode = new Map();
  for (const { source, lengthBytes, offsetBytes } of plan.files) {
    if (source === null) continue;
    const firstPiece = Math.floor(offsetBytes / plan.pieceLength);
    const pieceCount = Math.ceil(lengthBytes / plan.pieceLength);
    const layer = hashes.subarray(firstPiece * HASH_BYTES, (firstPiece + pieceCount) * HASH_BYTES);
    // The tree of a file that is no longer than a piece ends at the piece.
    const piecesRoot = pieceCount > 1 ? pieceLayerRoot(layer, plan.pieceLength) : layer;
    if (pieceCount > 1) pieceLayers.set(toLatin1(piecesRoot), layer);
    const leaf = {
      attr: attrOf(source),
      length: lengthBytes,
      'pieces root': pieceCount > 0 ? piecesRoot : undefined,
    };
    const path = source.path.length > 0 ? source.path : [plan.fields.name];
    directoryOf(root, path).set(bencodeKey(path[path.length - 1]!), new Map([['', leaf]]));
  }
  return root;
}

function directoryOf(root: TreeNode, path: readonly string[]): TreeNode {
  let directory = root;
  for (const element of path.slice(0, -1)) {
    const key = bencodeKey(element);
    let child = directory.get(key);
    if (child === undefined) {
      child = new Map<string, BencodeInput>();
      directory.set(key, child);
    }
    assert(child instanceof Map && !child.has(''), 'no path leads through a file');
    directory = child;
  }
  return directory;
}

function bencodeKey(element: string): string {
  return isAscii(element) ? element : toLatin1(fromUtf8(element));
}

/** What does not depend on the files. */
function outerKeys({ trackers, comment, createdBy, creationDate, webSeeds }: TorrentFields): BencodeRecord {
  return {
    ...trackerKeys(trackers),
    comment: comment ?? undefined,
    'created by': createdBy ?? undefined,
    'creation date': creationDate ?? undefined,
    'url-list': webSeeds.length > 0 ? webSeeds : undefined,
  };
}

/** BEP 12: old readers know `announce` alone. */
function trackerKeys(trackers: TorrentFields['trackers']): BencodeRecord {
  const tiers = trackers.filter((tier) => tier.length > 0);
  const announce = tiers[0]?.[0];
  return { announce, 'announce-list': tiers.flat().length > 1 ? tiers : undefined };
}
