/**
 * The state port over a directory: one file a record. A record is written beside its place, synced, renamed over the
 * old one, and the directory is synced: after a crash at any moment there is the old record or the new one, whole.
 * Modes are 0600 and 0700: tracker keys hold passkeys. The directory is made by the first save.
 * Temporary files carry the id of the process that writes them; those of processes that are gone are removed by the
 * first operation. Used by nodeHost.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { StateStore } from '../host/state-store.js';
import { type DiskAction, diskError, isAbsence } from './disk-error.js';
import { KeyedOperations } from './keyed-operations.js';
import { readSmallFile } from './small-file.js';
import { systemErrorCode } from './system-error.js';

/**
 * Each has one call in libuv's queue, behind which uploads wait for the disk. With fewer its threads stand idle at a
 * start: 5,000 torrents took 1.9 s with 8, 1.7 with 16, 1.55 with 32.
 */
const OPERATIONS_AT_ONCE = 32;
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const RECORD_SUFFIX = '.resume';
const TEMPORARY_NAME = /^[a-z0-9_-]{1,100}\.(\d{1,10})-[0-9a-f]{12}\.tmp$/;
const KEY = /^[a-z0-9_-]{1,100}$/;

export class StateDirectory implements StateStore {
  readonly isKept = true;
  readonly #directory: string;
  readonly #operations = new KeyedOperations(OPERATIONS_AT_ONCE);
  #sweep: 'wanted' | 'under way' | 'done' = 'wanted';
  /** They begin when the sweep is done. */
  #afterSweep: (() => void)[] = [];

  /** `directory` need not exist. */
  constructor(directory: string) {
    this.#directory = resolve(directory);
  }

  load(key: string, done: (result: Uint8Array | null | DtorrentError) => void): void {
    this.#enqueue(key, done, (finish) => this.#load(key, finish));
  }

  save(key: string, bytes: Uint8Array, done: (error: DtorrentError | null) => void): void {
    this.#enqueue(key, done, (finish) => this.#save(key, bytes).then(finish, finish));
  }

  remove(key: string, done: (error: DtorrentError | null) => void): void {
    this.#enqueue(key, done, (finish) => this.#remove(key).then(finish, finish));
  }

  /** Resolves when everything that was asked for is done. */
  settled(): Promise<void> {
    return this.#operations.settled();
  }

  /** Runs `work` after the key's earlier operations. `done` runs on its own: what it throws is not ours. */
  #enqueue<T>(
    key: string,
    done: (result: T | DtorrentError) => void,
    work: (finish: (result: T | DtorrentError) => void) => void,
  ): void {
    if (!KEY.test(key)) {
      setImmediate(done, new DtorrentError('ESTATE', `"${key}" is no key of a record`));
      return;
    }
    this.#operations.add(key, (finish) => {
      this.#whenSwept(() => {
        work((result) => {
          setImmediate(done, result);
          finish();
        });
      });
    });
  }

  #load(key: string, done: (result: Uint8Array | null | DtorrentError) => void): void {
    const path = this.#recordPath(key);
    const tooLong = (bytes: number): DtorrentError =>
      new DtorrentError('ESTATE', `${path} has ${bytes} bytes, more than resume data ever has; delete it`);
    readSmallFile(path, { bytesMax: LIMITS.stateRecordBytesMax, tooLong }, (fault, bytes) => {
      if (fault === null || (fault.action === 'open' && isAbsence(fault.thrown))) done(bytes);
      else done(this.#error('load', fault.thrown, fault.action, path));
    });
  }

  async #save(key: string, bytes: Uint8Array): Promise<DtorrentError | null> {
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
      return this.#error('save', thrown, action, at);
    }
    return null;
  }

  async #remove(key: string): Promise<DtorrentError | null> {
    const path = this.#recordPath(key);
    try {
      await rm(path);
      await syncDirectory(this.#directory);
    } catch (thrown) {
      if (!isAbsence(thrown)) return this.#error('remove', thrown, 'remove', path);
    }
    return null;
  }

  /** Once: what a crash left behind is removed. What cannot be looked at or removed does no harm. */
  #whenSwept(begin: () => void): void {
    if (this.#sweep === 'done') {
      begin();
      return;
    }
    this.#afterSweep.push(begin);
    if (this.#sweep === 'under way') return;
    this.#sweep = 'under way';
    const go = (): void => {
      this.#sweep = 'done';
      for (const beginNow of this.#afterSweep.splice(0)) beginNow();
    };
    this.#removeLeftovers().then(go, go);
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
