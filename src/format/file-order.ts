/**
 * Brings the v1 file list and the v2 file tree into one form: files in offset order, padding between them.
 * A v2 torrent has no padding of its own, so it gets some, on no wire and no disk, to make offsets contiguous.
 * Called by metainfo.ts.
 */
import type { ListFile } from './file-list.js';
import type { TreeFile } from './file-tree.js';
import { invalidTorrent } from './invalid-torrent.js';
import { safePath } from './safe-path.js';

/** A MetainfoFile in the making: metainfo.ts makes its path unique and gives it its offset. */
export interface LaidOutFile {
  /** Safe, but perhaps not unique yet. */
  path: readonly string[];
  readonly lengthBytes: number;
  /** Not known yet. */
  offsetBytes: number;
  readonly padding: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
  /** Safe, but perhaps leading nowhere. */
  symlinkTarget: readonly string[] | null;
  readonly piecesRoot: Uint8Array | null;
}

export interface Placement {
  /** The torrent's safe name. */
  readonly name: string;
  /** What tree paths are put below: nothing for a single file, else the name. */
  readonly directory: readonly string[];
  readonly pieceLength: number;
}

/** v2: the tree, with padding after each file that does not end on a piece boundary. */
export function layOutTree(tree: readonly TreeFile[], { name, directory, pieceLength }: Placement): LaidOutFile[] {
  const files: LaidOutFile[] = [];
  for (const file of tree) {
    files.push(layOutTreeFile(file, directory));
    const paddingBytes = paddingAfter(file.lengthBytes, pieceLength);
    if (paddingBytes > 0) files.push(paddingFile(name, paddingBytes));
  }
  return files;
}

/**
 * Hybrid: the v1 list, with the roots of the tree. Both have to name the same files in the same order at the same
 * offsets; the padding after the last file is optional, and empty files may stand before or after a padding.
 * @throws {DtorrentError} `ETORRENT` when they disagree: v1 and v2 peers would exchange different data.
 */
export function layOutHybrid(
  list: readonly ListFile[],
  tree: readonly TreeFile[],
  { name, directory, pieceLength }: Placement,
): LaidOutFile[] {
  const files: LaidOutFile[] = [];
  let offsetV1 = 0;
  let offsetV2 = 0;
  let next = 0;
  for (const listFile of list) {
    const file = layOutListFile(listFile, name);
    if (file.padding) files.push(paddingFile(name, file.lengthBytes));
    else {
      const treeFile = tree[next++];
      if (treeFile === undefined) throw mismatch();
      const twin = layOutTreeFile(treeFile, directory);
      const isSame = twin.lengthBytes === file.lengthBytes && isSamePath(twin.path, file.path);
      if (!isSame || (file.lengthBytes > 0 && offsetV1 !== offsetV2)) throw mismatch();
      offsetV2 += file.lengthBytes + paddingAfter(file.lengthBytes, pieceLength);
      files.push({ ...twin, executable: twin.executable || file.executable, hidden: twin.hidden || file.hidden });
    }
    offsetV1 += file.lengthBytes;
  }
  if (next < tree.length || offsetV1 > offsetV2) throw mismatch();
  return files;
}

/** v1: each file of the list as it is. */
export function layOutListFile(file: ListFile, name: string): LaidOutFile {
  const { padding, executable, hidden, lengthBytes } = file;
  if (file.rawPath === null && padding) return paddingFile(name, lengthBytes);
  const path = file.rawPath === null ? [name] : [name, ...safePath(file.rawPath)];
  const symlinkTarget = file.rawSymlinkTarget === null ? null : [name, ...safePath(file.rawSymlinkTarget)];
  return { path, lengthBytes, offsetBytes: 0, padding, executable, hidden, symlinkTarget, piecesRoot: null };
}

function layOutTreeFile(file: TreeFile, directory: readonly string[]): LaidOutFile {
  const { executable, hidden, lengthBytes, piecesRoot } = file;
  const path = [...directory, ...file.path];
  const symlinkTarget = file.rawSymlinkTarget === null ? null : [...directory, ...safePath(file.rawSymlinkTarget)];
  return { path, lengthBytes, offsetBytes: 0, padding: false, executable, hidden, symlinkTarget, piecesRoot };
}

/** BEP 47's recommended name; nothing of that name is ever made. */
function paddingFile(name: string, lengthBytes: number): LaidOutFile {
  return {
    path: [name, '.pad', String(lengthBytes)],
    lengthBytes,
    offsetBytes: 0,
    padding: true,
    executable: false,
    hidden: false,
    symlinkTarget: null,
    piecesRoot: null,
  };
}

function paddingAfter(lengthBytes: number, pieceLength: number): number {
  const rest = lengthBytes % pieceLength;
  return rest === 0 ? 0 : pieceLength - rest;
}

function isSamePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((element, i) => element === b[i]);
}

function mismatch(): Error {
  return invalidTorrent('its v1 and v2 parts describe different files');
}
