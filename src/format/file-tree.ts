/**
 * The v2 `file tree` (BEP 52): nested dictionaries keyed by path element; a dictionary whose only key is '' is a file.
 * Depth first in key order gives the file indices, and every non-empty file starts on a piece boundary.
 * Called by metainfo.ts with a strictly decoded dictionary: keys are sorted and unique, and the decoder's limits on depth
 * and tokens bound the recursion and the number of files.
 */
import { fromLatin1 } from '../base/bytes.js';
import type { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { BencodeDict } from './bencode.js';
import { type FileAttributes, readAttributes } from './file-attributes.js';
import { invalidTorrent } from './invalid-torrent.js';
import { HASH_BYTES } from './merkle.js';
import { safeElement, safePath } from './safe-path.js';

export interface TreeFile extends FileAttributes {
  /** Safe elements below the tree's root, at least one; perhaps not unique yet. */
  readonly path: readonly string[];
  /** How many elements the path had as it was sent; the file lies in the root when 1. */
  readonly depth: number;
  readonly lengthBytes: number;
  /** 32 bytes; null exactly when the file is empty. */
  readonly piecesRoot: Uint8Array | null;
}

/** @throws {DtorrentError} `ETORRENT` when the tree breaks a rule of BEP 52. */
export function readFileTree(tree: BencodeDict): TreeFile[] {
  if (tree.has('')) throw invalidTree('its root is a file');
  const files: TreeFile[] = [];
  walk(tree, { path: [], depth: 0 }, files, { pathElements: 0 });
  return files;
}

interface Place {
  readonly path: readonly string[];
  readonly depth: number;
}

function walk(directory: BencodeDict, place: Place, files: TreeFile[], totals: { pathElements: number }): void {
  for (let i = 0; i < directory.size; i++) {
    const key = directory.keys[i]!;
    const value = directory.values[i]!;
    if (key === '') throw invalidTree('a directory has an entry without a name');
    if (!(value instanceof BencodeDict)) throw invalidTree('an entry is neither a file nor a directory');
    const element = safeElement(fromLatin1(key));
    const child = { path: element === '' ? place.path : [...place.path, element], depth: place.depth + 1 };
    // The tree names a directory once, the list of paths once a file: a small tree must not become gigabytes.
    totals.pathElements += child.depth;
    if (totals.pathElements > LIMITS.pathElementsMax) throw invalidTree('its paths are too long in total');
    if (value.size === 1 && value.keys[0] === '') files.push(readFile(value.values[0]!, child));
    else walk(value, child, files, totals);
  }
}

function readFile(file: unknown, place: Place): TreeFile {
  if (!(file instanceof BencodeDict)) throw invalidTree('a file is not a dictionary');
  const attributes = readAttributes(file);
  const path = place.path.length > 0 ? place.path : safePath([]);
  const common = { ...attributes, path, depth: place.depth };
  if (attributes.padding) throw invalidTree('a padding file is listed');
  if (attributes.rawSymlinkTarget !== null) return { ...common, lengthBytes: 0, piecesRoot: null };
  const lengthBytes = file.getInteger('length');
  if (lengthBytes === null || lengthBytes < 0) throw invalidTree('a file has no valid length');
  if (lengthBytes === 0) return { ...common, lengthBytes, piecesRoot: null };
  const piecesRoot = file.getBytes('pieces root');
  if (piecesRoot?.length !== HASH_BYTES || piecesRoot.every((byte) => byte === 0)) {
    throw invalidTree('a file has no valid pieces root');
  }
  return { ...common, lengthBytes, piecesRoot };
}

function invalidTree(problem: string): DtorrentError {
  return invalidTorrent(`${problem} (v2 file tree)`);
}
