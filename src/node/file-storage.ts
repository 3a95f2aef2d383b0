/**
 * The storage port over real files: all torrents share one pool of disk threads and one table of open files. Opens a
 * torrent's storage: OpenStorage, which see. Called by the engine through its host.
 */
import { resolve } from 'node:path';
import { DtorrentError } from '../base/errors.js';
import type { Storage, StorageFactory, StorageSpec } from '../host/storage.js';
import { DirectoryLooks } from './directory-looks.js';
import { DiskPool } from './disk-pool.js';
import { pathFault } from './download-path.js';
import { survey } from './file-survey.js';
import { OpenStorage } from './open-storage.js';
import { ReadHandles } from './read-handles.js';

export interface FileStorageOptions {
  /** Threads that hash and write; 0 = the main thread. */
  readonly diskWorkers: number;
  /** Of all torrents and threads together. */
  readonly maxOpenFiles: number;
}

export class FileStorageFactory implements StorageFactory {
  readonly #pool: DiskPool;
  readonly #handles: ReadHandles;
  readonly #looks = new DirectoryLooks();
  #storages = 0;

  constructor(options: FileStorageOptions) {
    // One share for each disk thread and one for reading.
    const share = Math.floor(options.maxOpenFiles / (Math.max(options.diskWorkers, 1) + 1));
    this.#handles = new ReadHandles(share);
    this.#pool = new DiskPool({
      diskWorkers: options.diskWorkers,
      maxOpenFiles: Math.max(options.maxOpenFiles - share, 1),
    });
  }

  open(spec: StorageSpec, done: (result: Storage | DtorrentError) => void): void {
    const fault = faultIn(spec);
    if (fault !== null) {
      setImmediate(done, fault);
      return;
    }
    const directory = resolve(spec.directory);
    // The same text for thousands of torrents of one directory, not as many copies of it.
    const resolved = directory === spec.directory ? spec : { ...spec, directory };
    const number = this.#storages++;
    survey(resolved, this.#looks, (found) => {
      if (found instanceof DtorrentError) {
        done(found);
        return;
      }
      const storage = new OpenStorage({
        spec: resolved,
        number,
        survey: found,
        pool: this.#pool,
        handles: this.#handles,
      });
      storage.prepare((error) => done(error ?? storage));
    });
  }

  /** Ends the disk threads once their work is done; storages are closed before. */
  close(done: () => void): void {
    this.#pool.close(done);
  }
}

function faultIn({ layout, partsName }: StorageSpec): DtorrentError | null {
  for (const file of layout.files) {
    const fault = file.padding ? null : pathFault(file.path);
    if (fault !== null) return fault;
  }
  return pathFault([partsName]);
}
