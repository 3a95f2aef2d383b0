/**
 * The state port over a directory: one file a record. A record is written beside its place, synced, renamed over the
 * old one, and the directory is synced: after a crash at any moment there is the old record or the new one, whole.
 * Modes are 0600 and 0700: tracker keys hold passkeys. The directory is made by the first save.
 * Temporary files carry the id of the process that writes them; those of processes that are gone are removed by the
 * first operation. Used by nodeHost.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DtorrentError, toDtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { StateStore } from '../host/state-store.js';
import { type DiskAction, diskError, isAbsence } from './disk-error.js';
import { systemErrorCode } from './system-error.js';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const RECORD_SUFFIX = '.resume';
const TEMPORARY_NAME = /^[a-z0-9_-]{1,100}\.(\d{1,10})-[0-9a-f]{12}\.tmp$/;
const KEY = /^[a-z0-9_-]{1,100}$/;

export class StateDirectory implements StateStore {
  readonly isKept = true;
  readonly #directory: string;
  /** The last operation of each key that has one under way. */
  readonly #tails = new Map<string, Promise<void>>();
  #isSwept: Promise<void> | null = null;

  /** `directory` need not exist. */
  constructor(directory: string) {
    this.#directory = resolve(directory);
  }

  load(key: string, done: (result: Uint8Array | null | DtorrentError) => void): void {
    this.#enqueue(key, () => this.#load(key), done);
  }

  save(key: string, bytes: Uint8Array, done: (error: DtorrentError | null) => void): void {
    this.#enqueue(key, () => this.#save(key, bytes), done);
  }

  remove(key: string, done: (error: DtorrentError | null) => void): void {
    this.#enqueue(key, () => this.#remove(key), done);
  }

  /** Resolves when everything that was asked for is done. */
  async settled(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }

  /** Runs `work` after the key's earlier operations. `done` runs outside of the chain: what it throws is not ours. */
  #enqueue<T>(key: string, work: () => Promise<T>, done: (result: T | DtorrentError) => void): void {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const task = before.then(async () => {
      let result: T | DtorrentError;
      try {
        if (!KEY.test(key)) throw new DtorrentError('ESTATE', `"${key}" is no key of a record`);
        await this.#sweep();
        result = await work();
      } catch (thrown) {
        result = toDtorrentError(thrown, 'ESTATE');
      }
      if (this.#tails.get(key) === task) this.#tails.delete(key);
      setImmediate(done, result);
    });
    this.#tails.set(key, task);
  }

  async #load(key: string): Promise<Uint8Array | null> {
    const path = this.#recordPath(key);
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (thrown) {
      if (isAbsence(thrown)) return null;
      throw this.#error('load', thrown, 'open', path);
    }
    try {
      const { size } = await file.stat();
      if (size > LIMITS.stateRecordBytesMax) {
        throw new DtorrentError('ESTATE', `${path} has ${size} bytes, more than resume data ever has; delete it`);
      }
      const buffer = await file.readFile();
      return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    } catch (thrown) {
      throw this.#error('load', thrown, 'read', path);
    } finally {
      await file.close();
    }
  }

  async #save(key: string, bytes: Uint8Array): Promise<null> {
    const path = this.#recordPath(key);
    const temporary = join(this.#directory, `${key}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
    let action: DiskAction = 'create the directory';
    let at = this.#directory;
    try {
      await mkdir(this.#directory, { recursive: true, mode: DIRECTORY_MODE });
      action = 'create';
      at = temporary;
      const file = await open(temporary, 'wx', FILE_MODE);
      try {
        action = 'write';
        await file.writeFile(bytes);
        action = 'sync';
        await file.sync();
      } finally {
        await file.close();
      }
      action = 'create';
      at = path;
      await rename(temporary, path);
      action = 'sync';
      at = this.#directory;
      await syncDirectory(this.#directory);
    } catch (thrown) {
      await rm(temporary, { force: true }).catch(() => {});
      throw this.#error('save', thrown, action, at);
    }
    return null;
  }

  async #remove(key: string): Promise<null> {
    const path = this.#recordPath(key);
    try {
      await rm(path);
      await syncDirectory(this.#directory);
    } catch (thrown) {
      if (!isAbsence(thrown)) throw this.#error('remove', thrown, 'remove', path);
    }
    return null;
  }

  /** Once: what a crash left behind. What cannot be looked at or removed does no harm. */
  #sweep(): Promise<void> {
    this.#isSwept ??= this.#removeLeftovers().catch(() => {});
    return this.#isSwept;
  }

  async #removeLeftovers(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const match = TEMPORARY_NAME.exec(name);
      if (match !== null && !isRunning(Number(match[1]))) await rm(join(this.#directory, name), { force: true });
    }
  }

  #recordPath(key: string): string {
    return join(this.#directory, `${key}${RECORD_SUFFIX}`);
  }

  /** What failed, and what that means for a download, which goes on. */
  #error(doing: 'load' | 'save' | 'remove', thrown: unknown, action: DiskAction, path: string): DtorrentError {
    const { message } = diskError(thrown, { action, path, directory: this.#directory });
    const consequence = { load: 'all data is checked', save: 'a restart will check all data', remove: '' }[doing];
    const tail = consequence === '' ? '' : ` (${consequence})`;
    return new DtorrentError('ESTATE', `cannot ${doing} resume data: ${message}${tail}`, { cause: thrown });
  }
}

/** The rename is on disk only when the directory is. Windows syncs no directories, and does not need to. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } catch (thrown) {
    // Some network file systems sync no directories either.
    if (!['EINVAL', 'ENOTSUP', 'EBADF'].includes(systemErrorCode(thrown))) throw thrown;
  } finally {
    await handle.close();
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (thrown) {
    return systemErrorCode(thrown) !== 'ESRCH';
  }
}
