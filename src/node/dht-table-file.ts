/**
 * The file that keeps a DHT client's table of nodes from one run to the next. It is replaced as a whole, so that a crash
 * leaves the old one or the new one. What is in it is the core's to read: it may be anything.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { type DiskAction, diskError, isAbsence } from './disk-error.js';
import { readSmallFile } from './small-file.js';

/** @returns null when there is no file. @throws {DtorrentError} `ESTATE` when it cannot be read. */
export function loadTable(path: string): Promise<Uint8Array | null> {
  const bytesMax = LIMITS.dhtSnapshotBytesMax;
  const tooLong = (lengthBytes: number): Error =>
    new Error(`it has ${lengthBytes} bytes, and ${bytesMax} at most make sense`);
  return new Promise((done, fail) => {
    readSmallFile(resolve(path), { bytesMax, tooLong }, (fault, bytes) => {
      if (fault === null) done(bytes);
      else if (isAbsence(fault.thrown)) done(null);
      else fail(stateError('read', fault.thrown, fault.action, path));
    });
  });
}

/** Makes the directory, too. @throws {DtorrentError} `ESTATE` when it cannot be written. */
export async function saveTable(path: string, table: Uint8Array): Promise<void> {
  const target = resolve(path);
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await writeFile(temporary, table, { mode: 0o600 });
    await rename(temporary, target);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => {});
    throw stateError('save', thrown, 'write', path);
  }
}

function stateError(doing: 'read' | 'save', thrown: unknown, action: DiskAction, path: string): DtorrentError {
  const { message } = diskError(thrown, { action, path: resolve(path), directory: dirname(resolve(path)) });
  return new DtorrentError('ESTATE', `cannot ${doing} the table of DHT nodes: ${message}`, { cause: thrown });
}
