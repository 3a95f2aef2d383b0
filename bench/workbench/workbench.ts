/** Where benchmarks work: a folder of its own, the content they share, processes under measurement; all gone at the end. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContentStore } from './content.js';
import { FullMemory } from './full-memory.js';
import { MeasuredProcess } from './measured.js';

/** How much work a scenario does. */
export interface Scale {
  /** Of the content that is transferred, hashed and made a torrent of. */
  readonly mib: number;
  /** Whether each run begins with the memory full of page cache; a quick look does not take the time for it. */
  readonly hasFullMemory: boolean;
}

export class Workbench {
  readonly scale: Scale;
  readonly contents: ContentStore;
  readonly #directory: string;
  readonly #fullMemory: FullMemory | null;
  readonly #processes: MeasuredProcess[] = [];
  #counted = 0;

  constructor(scale: Scale) {
    this.scale = scale;
    this.#directory = mkdtempSync(join(tmpdir(), 'dtorrent-bench-'));
    this.contents = new ContentStore(this.#directory);
    this.#fullMemory = scale.hasFullMemory ? new FullMemory(this.#directory) : null;
  }

  /** A path that nothing is at. */
  newPath(name: string): string {
    return join(this.#directory, `${this.#counted++}-${name}`);
  }

  /** Makes an empty folder for the time of `work`. */
  async withFolder<T>(work: (path: string) => Promise<T>): Promise<T> {
    const path = this.newPath('out');
    mkdirSync(path);
    try {
      return await work(path);
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  }

  /** The same with as many folders. */
  async withFolders<T>(count: number, work: (paths: readonly string[]) => Promise<T>): Promise<T> {
    return this.withFolder((parent) => {
      const paths = Array.from({ length: count }, (_, index) => join(parent, String(index)));
      for (const path of paths) mkdirSync(path);
      return work(paths);
    });
  }

  start(command: readonly string[], env: NodeJS.ProcessEnv = {}): MeasuredProcess {
    const started = new MeasuredProcess(command, this.newPath('usage.json'), env);
    this.#processes.push(started);
    return started;
  }

  /** What the run before left to do is not the next one's. */
  settle(): void {
    spawnSync('sync');
    this.#fullMemory?.fill();
  }

  close(): void {
    for (const process of this.#processes) process.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
