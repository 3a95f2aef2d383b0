/** What is shared in a benchmark: made once, by libtorrent, and used by all scenarios that ask for the same. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { noise } from '../../test/harness/content.js';
import { SHARED } from '../../test/harness/repository.js';
import { PYTHON } from './measured.js';

const MIB = 1024 * 1024;
/** Of what is written at once when files are made. */
const SMALL_FILE_BYTES_MAX = MIB;

export interface Content {
  /** The .torrent. */
  readonly torrent: string;
  /** The directory that holds what it names. */
  readonly dataDirectory: string;
  /** The file or directory it was made of. */
  readonly path: string;
  readonly bytes: number;
}

export class ContentStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where all content lies; perhaps not there yet. */
  get dataDirectory(): string {
    return join(this.#directory, 'data');
  }

  /** A torrent of one file of noise, BitTorrent v1. */
  oneFile(mib: number, pieceBytes: number): Content {
    const { dataDirectory } = this;
    const path = this.noiseFile(mib);
    const torrent = join(this.#directory, `${mib}m-${pieceBytes}.torrent`);
    if (!existsSync(torrent)) {
      const args = [join(SHARED, 'peers', 'lt_create.py'), path, torrent, String(pieceBytes), 'v1'];
      const made = spawnSync(PYTHON, args, { encoding: 'utf8' });
      if (made.status !== 0 || !existsSync(torrent)) throw new Error(`libtorrent made no torrent: ${made.stderr}`);
    }
    return { torrent, dataDirectory, path, bytes: mib * MIB };
  }

  /** @returns the path of a folder that `make` has filled when it was asked for first. */
  async madeOnce(name: string, make: (path: string) => Promise<void>): Promise<string> {
    const path = join(this.#directory, name);
    if (existsSync(path)) return path;
    mkdirSync(path);
    await make(path);
    return path;
  }

  /** @returns the path of a file of `mib` MiB of noise. */
  noiseFile(mib: number): string {
    const path = join(this.dataDirectory, `noise-${mib}m.bin`);
    if (existsSync(path)) return path;
    mkdirSync(this.dataDirectory, { recursive: true });
    const file = openSync(path, 'w');
    for (let i = 0; i < mib; i++) writeSync(file, noise(`bench ${i}`, MIB));
    closeSync(file);
    return path;
  }

  /** @returns the path of a directory of `count` small files of `fileBytes` each, a hundred a folder. */
  smallFiles(count: number, fileBytes: number): string {
    if (fileBytes > SMALL_FILE_BYTES_MAX) throw new Error('these are not small files');
    const path = join(this.dataDirectory, `small-${count}x${fileBytes}`);
    if (existsSync(path)) return path;
    for (let i = 0; i < count; i++) {
      const folder = join(path, `folder-${Math.floor(i / 100)}`);
      if (i % 100 === 0) mkdirSync(folder, { recursive: true });
      const file = openSync(join(folder, `file-${i}.bin`), 'w');
      writeSync(file, noise(`small ${i}`, fileBytes));
      closeSync(file);
    }
    return path;
  }

  /** Reads a file, or all files below a directory, so that the page cache has what it can hold of them. */
  readThrough(path: string): void {
    const script = 'find "$1" -type f -exec cat {} + > /dev/null';
    if (spawnSync('sh', ['-c', script, 'sh', path]).status !== 0) throw new Error(`cannot read ${path}`);
  }
}
