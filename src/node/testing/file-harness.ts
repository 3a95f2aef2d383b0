/** Storage over real files for the suites of src/host/testing: a directory of its own below the system's temporary one. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { StorageHarness } from '../../host/testing/storage-scene.js';
import type { FileStorageFactory } from '../file-storage.js';

export interface FileHarness extends StorageHarness {
  /** Holds the download directory, and is removed with all that is in it. */
  readonly root: string;
}

/** The download directory does not exist: it is made like any other. `close` leaves the factory open. */
export function fileHarness(factory: FileStorageFactory): FileHarness {
  const root = mkdtempSync(join(tmpdir(), 'dtorrent-storage-'));
  const directory = join(root, 'downloads');
  return {
    factory,
    root,
    directory,
    readFile: (path) => {
      try {
        return new Uint8Array(readFileSync(join(directory, ...path)));
      } catch {
        return null;
      }
    },
    writeFile: (path, content) => {
      const file = join(directory, ...path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    },
    removeFile: (path) => rmSync(join(directory, ...path)),
    close: async () => rmSync(root, { recursive: true, force: true }),
  };
}
