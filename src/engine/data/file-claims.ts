/**
 * Which torrent of an engine writes which file, so that two torrents with files of the same name in one directory do
 * not write over each other. Invariant: a path has at most one owner. Used by Session's torrents.
 */
import type { StorageFile } from '../../host/storage.js';

export type ClaimedFile = Pick<StorageFile, 'path' | 'padding'>;

export class FileClaims<Owner> {
  readonly #owners = new Map<string, Owner>();

  /**
   * Claims every stored file of `files` below `directory` for `owner`.
   * @returns null, or the first path that another owner has; then nothing is claimed.
   */
  claim(owner: Owner, directory: string, files: readonly ClaimedFile[]): { path: string; owner: Owner } | null {
    const paths: string[] = [];
    for (const file of files) {
      if (file.padding) continue;
      const path = `${directory}/${file.path.join('/')}`;
      const other = this.#owners.get(foldCase(path));
      if (other !== undefined && other !== owner) return { path, owner: other };
      paths.push(path);
    }
    for (const path of paths) this.#owners.set(foldCase(path), owner);
    return null;
  }

  release(owner: Owner): void {
    for (const [path, other] of this.#owners) if (other === owner) this.#owners.delete(path);
  }
}

/** Some file systems know no case: what differs in nothing else is one file there. */
function foldCase(path: string): string {
  return path.toLowerCase();
}
