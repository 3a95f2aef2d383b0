/**
 * The v1 file list (BEP 3): `length` of a single file, or `files`, concatenated in list order for the piece math.
 * Called by metainfo.ts.
 */
import { toLatin1 } from '../base/bytes.js';
import { LIMITS } from '../base/limits.js';
import { BencodeDict, BencodeList } from './bencode.js';
import { type FileAttributes, readAttributes, readPathElements } from './file-attributes.js';
import { invalidTorrent } from './invalid-torrent.js';

export interface ListFile extends FileAttributes {
  /** As sent, not yet safe. Null for the single-file form, and for a padding file without a path. */
  readonly rawPath: readonly Uint8Array[] | null;
  readonly lengthBytes: number;
}

/**
 * `layOut` makes of each file what is kept of it; the ListFile itself need not outlive the call.
 * @throws {DtorrentError} `ETORRENT` when the info dictionary has no valid `length` or `files`.
 */
export function readFileList<T>(info: BencodeDict, layOut: (file: ListFile) => T): T[] {
  const files = info.get('files');
  if (files === undefined) return [layOut({ ...readAttributes(info), rawPath: null, lengthBytes: readLength(info) })];
  if (info.has('length')) throw invalidTorrent('it has both "length" and "files"');
  if (!(files instanceof BencodeList) || files.items.length === 0) throw invalidTorrent('its file list is empty');
  if (files.items.length > LIMITS.fileCountMax) throw invalidTorrent(`it has more than ${LIMITS.fileCountMax} files`);
  return files.items.map((file) => {
    if (!(file instanceof BencodeDict)) throw invalidTorrent('an entry of its file list is not a dictionary');
    return layOut(readListFile(file));
  });
}

function readListFile(file: BencodeDict): ListFile {
  const attributes = readAttributes(file);
  // A writer that has a path.utf-8 keeps another encoding in `path`.
  const rawPath = readPathElements(file.getList('path.utf-8')) ?? readPathElements(file.getList('path'));
  if (rawPath === null && !attributes.padding) throw invalidTorrent('a file has no valid path');
  if (rawPath !== null && rawPath.length > LIMITS.pathDepthMax) {
    throw invalidTorrent(`directories are nested deeper than ${LIMITS.pathDepthMax}`);
  }
  const { padding, executable, hidden, rawSymlinkTarget } = attributes;
  return {
    padding: padding || isBitCometPadding(rawPath),
    executable,
    hidden,
    rawSymlinkTarget,
    rawPath,
    lengthBytes: rawSymlinkTarget === null ? readLength(file) : 0,
  };
}

function readLength(dict: BencodeDict): number {
  const length = dict.getInteger('length');
  if (length === null || length < 0) throw invalidTorrent('a file has no valid length');
  return length;
}

/** BitComet padded files years before BEP 47 gave padding an attribute. */
function isBitCometPadding(rawPath: readonly Uint8Array[] | null): boolean {
  const name = rawPath?.[rawPath.length - 1];
  if (name === undefined || name[0] !== BITCOMET_PREFIX.charCodeAt(0)) return false;
  return toLatin1(name.subarray(0, BITCOMET_PREFIX.length)) === BITCOMET_PREFIX;
}

const BITCOMET_PREFIX = '_____padding_file_';
