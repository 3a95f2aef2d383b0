/**
 * Looks at download directories for torrents that are opened, one look for all that ask at about the same time: at a
 * start there may be thousands, all of one directory. Nobody is given what was seen before he asked: who comes while a
 * look is under way shares the next one. Owned by FileStorageFactory.
 */
import type { DtorrentError } from '../base/errors.js';
import { type DownloadDirectory, findDirectory } from './download-directory.js';

type DirectoryDone = (result: DownloadDirectory | DtorrentError) => void;

export class DirectoryLooks {
  /** By path, those that are looked at: who waits for the next look. */
  readonly #waiting = new Map<string, DirectoryDone[]>();
  readonly #find: typeof findDirectory;

  constructor(find: typeof findDirectory = findDirectory) {
    this.#find = find;
  }

  /** `done` never runs inside the call. */
  find(path: string, done: DirectoryDone): void {
    const waiting = this.#waiting.get(path);
    if (waiting === undefined) this.#look(path, [done]);
    else waiting.push(done);
  }

  #look(path: string, dones: readonly DirectoryDone[]): void {
    const next: DirectoryDone[] = [];
    this.#waiting.set(path, next);
    this.#find(path, (result) => {
      if (next.length > 0) this.#look(path, next);
      else this.#waiting.delete(path);
      for (const done of dones) done(result);
    });
  }
}
