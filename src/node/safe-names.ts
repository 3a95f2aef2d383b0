/**
 * Where the names on disk and the safe names of a torrent (format/safe-path.ts) part: `a:b.mp3` is downloaded as
 * `a_b.mp3`, and of two names that differ only in case one gets a number. Storage looks for the safe names, so data with
 * the original ones cannot be seeded; this finds out which to rename. Called by create-torrent.ts and `dtorrent seed`.
 */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Metainfo } from '../format/metainfo.js';
import { placeInTree, type TreeEntry } from '../format/path-tree.js';
import { safeTextPath } from '../format/safe-path.js';
import type { ListedFile } from './source-files.js';

/** A file or directory that a download saves under another name. */
export interface Rename {
  /** Where it is. */
  readonly diskPath: string;
  /** One element of a path: what `diskPath` would have to end in. */
  readonly safeName: string;
}

/**
 * @param name of the torrent
 * @param files in the torrent's order, on which it depends which of two like names keeps its own
 * @returns one entry for each file or directory, not for what lies in a renamed directory.
 */
export function renamesOf(name: string, files: readonly ListedFile[]): Rename[] {
  const safeRoot = safeNameOf(name);
  const first = files[0];
  if (first !== undefined && safeRoot !== name) {
    return [{ diskPath: ancestor(first.diskPath, first.path.length), safeName: safeRoot }];
  }
  // A file that is the torrent has no path below it.
  if (first === undefined || first.path.length === 0) return [];
  const placed = files.map(({ path }): TreeEntry => ({ path: safeTextPath(path), symlinkTarget: null }));
  placeInTree(placed);
  const renames = new Map<string, Rename>();
  for (let i = 0; i < files.length; i++) {
    const { path, diskPath } = files[i]!;
    const safe = placed[i]!.path;
    // Nearly all are safe, and left as they are.
    if (safe === path) continue;
    const at = path.findIndex((element, depth) => element !== safe[depth]);
    if (at < 0) continue;
    const renamed = ancestor(diskPath, path.length - 1 - at);
    if (!renames.has(renamed)) renames.set(renamed, { diskPath: renamed, safeName: safe[at] ?? '' });
  }
  return [...renames.values()];
}

/** Files asked about at most: the first that is found is all that a message needs. */
const MISSING_FILES_MAX = 100;

/** See src/tools.ts. */
export async function findUnsafeName(directory: string, metainfo: Metainfo): Promise<Rename | null> {
  let missing = 0;
  for (const { path, padding } of metainfo.files) {
    if (padding || (await exists(join(directory, ...path)))) continue;
    if (++missing > MISSING_FILES_MAX) return null;
    const rename = await unsafeNameOnPath(directory, path);
    if (rename !== null) return rename;
  }
  return null;
}

/** Looks beside the first element of `path` that is not there. */
async function unsafeNameOnPath(directory: string, path: readonly string[]): Promise<Rename | null> {
  let parent = directory;
  for (const element of path) {
    const child = join(parent, element);
    if (await exists(child)) {
      parent = child;
      continue;
    }
    const names = await readdir(parent).catch(() => []);
    const found = names.find((name) => name !== element && safeNameOf(name) === element);
    return found === undefined ? null : { diskPath: join(parent, found), safeName: element };
  }
  return null;
}

function safeNameOf(name: string): string {
  return safeTextPath([name])[0]!;
}

function ancestor(path: string, levels: number): string {
  return levels === 0 ? path : ancestor(dirname(path), levels - 1);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
