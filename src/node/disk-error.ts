/**
 * Turns what a file system says into a DtorrentError that a person can act on: what failed, on which path, and what to
 * do. Used by everything here that touches files, on the main thread and on disk workers.
 */
import { statfsSync } from 'node:fs';
import { formatBytes } from '../base/byte-size.js';
import { DtorrentError, type ErrorCode } from '../base/errors.js';
import { systemErrorCode } from './system-error.js';

/** What was being done; each has the error code that it fails with when nothing more precise is known. */
export type DiskAction =
  | 'open'
  | 'open for writing'
  | 'create'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'remove'
  | 'create the directory';

const CODES: Readonly<Record<DiskAction, ErrorCode>> = {
  open: 'EFILEOPEN',
  'open for writing': 'EFILEOPEN',
  create: 'EFILECREATE',
  read: 'EFILEIO',
  write: 'EFILEIO',
  truncate: 'EFILEIO',
  sync: 'EFILEIO',
  remove: 'EFILEIO',
  'create the directory': 'EDIRCREATE',
};

/** System code → what happened and what to do, as the end of "cannot <action> <path>: …". */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; check who owns it and its mode',
  EPERM: 'not permitted; check who owns it and its mode',
  EROFS: 'the file system is read-only; remount it for writing or choose another directory',
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of its path is a file, not a directory',
  EISDIR: 'it is a directory',
  EEXIST: 'something else with that name is in the way',
  ELOOP: 'it is a symbolic link, and links out of the download directory are not followed',
  ENAMETOOLONG: 'its name is too long for this file system; choose a directory on another one',
  EMFILE: 'too many open files; lower maxOpenFiles or raise the limit (ulimit -n)',
  ENFILE: 'the system has too many open files',
  EFBIG: 'the file system does not allow files this large; choose a directory on another one',
  EIO: 'the disk reports an input/output error; check the system log and the disk',
  ENXIO: 'it is not a regular file',
  EBUSY: 'another program is using it',
  ETXTBSY: 'it is a program that is running',
  ESTALE: 'the network file system lost it; remount and try again',
};

/** The error says that there is no such file, as opposed to one that cannot be looked at. */
export function isAbsence(thrown: unknown): boolean {
  const code = systemErrorCode(thrown);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Where that is not what to do: the file is the user's, and it is to be changed. */
const EXPLANATIONS_FOR_WRITING: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; make it writable or choose another directory',
  EPERM: 'not permitted; make it writable or choose another directory',
};

export interface DiskErrorContext {
  readonly action: DiskAction;
  /** Absolute. */
  readonly path: string;
  /** The download directory: where free space is asked for when the disk is full. */
  readonly directory: string;
  /** Bytes that the file still needs; 0 = not known. */
  readonly neededBytes?: number;
}

/** A DtorrentError passes through. */
export function diskError(thrown: unknown, context: DiskErrorContext): DtorrentError {
  if (thrown instanceof DtorrentError) return thrown;
  const systemCode = systemErrorCode(thrown);
  if (systemCode === 'ENOSPC' || systemCode === 'EDQUOT') return diskFullError(systemCode, thrown, context);
  const special = context.action === 'open for writing' ? EXPLANATIONS_FOR_WRITING[systemCode] : undefined;
  const explanation =
    special ?? EXPLANATIONS[systemCode] ?? (thrown instanceof Error ? thrown.message : String(thrown));
  const code = systemCode === 'EIO' ? 'EFILEIO' : CODES[context.action];
  return new DtorrentError(code, `cannot ${context.action} ${context.path}: ${explanation}`, { cause: thrown });
}

/**
 * Runs a synchronous operation on the file or directory at `path`.
 * @throws {DtorrentError} in place of what the operation throws.
 */
export function attempt<T>(action: DiskAction, path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw diskError(error, { action, path, directory: path });
  }
}

function diskFullError(systemCode: string, thrown: unknown, context: DiskErrorContext): DtorrentError {
  const { path, directory } = context;
  const needed = context.neededBytes ? `, ${path} needs ${formatBytes(context.neededBytes)} more` : ` for ${path}`;
  const message =
    systemCode === 'EDQUOT'
      ? `the disk quota of ${directory} is used up${needed}; free some space or raise the quota`
      : `${directory} has ${freeSpace(directory)} free${needed}; free some space or choose another directory`;
  return new DtorrentError('EDISKFULL', message, { cause: thrown });
}

function freeSpace(directory: string): string {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return formatBytes(bavail * bsize);
  } catch {
    return 'no space';
  }
}
