/**
 * The one table of error codes, and the one error class.
 * A DtorrentError is bad input or a failing environment, and its message tells a person what happened, to what, and
 * what to do. Misbehaving peers are not errors but close reasons (engine/peer/close-reason.ts); bugs are `EINTERNAL`.
 */

/** Each code with the exit code of the command line (aria2's numbers where it has one). */
const ERROR_TABLE = {
  EINTERNAL: { exitCode: 1, meaning: 'a bug in dtorrent' },
  EFAILED: { exitCode: 1, meaning: 'something else failed' },
  EINCOMPLETE: { exitCode: 1, meaning: 'data is missing or does not match its hashes' },
  EDUPLICATE: { exitCode: 1, meaning: 'the torrent is already there' },
  EUNSUPPORTED: { exitCode: 1, meaning: 'a valid request for something dtorrent does not do yet' },
  ESTATE: { exitCode: 1, meaning: 'resume data cannot be read or saved; only a warning' },
  EPROTOCOL: { exitCode: 1, meaning: 'a peer broke the protocol' },
  ENETWORK: { exitCode: 1, meaning: 'a socket failed' },
  ETRACKER: { exitCode: 1, meaning: 'a tracker failed or refused' },
  ETIMEOUT: { exitCode: 2, meaning: 'no progress within the time allowed' },
  ENOTFOUND: { exitCode: 3, meaning: 'a file or URL does not exist' },
  ESTOPPED: { exitCode: 7, meaning: 'stopped by the user before completion' },
  EDISKFULL: { exitCode: 9, meaning: 'no space left' },
  EFILEOPEN: { exitCode: 15, meaning: 'an existing file cannot be opened' },
  EFILECREATE: { exitCode: 16, meaning: 'a file cannot be created' },
  EFILEIO: { exitCode: 17, meaning: 'reading or writing a file failed' },
  EDIRCREATE: { exitCode: 18, meaning: 'a directory cannot be created' },
  ERESOLVE: { exitCode: 19, meaning: 'a host name cannot be resolved' },
  EAUTH: { exitCode: 24, meaning: 'not authorised' },
  EBENCODE: { exitCode: 25, meaning: 'malformed bencode' },
  ETORRENT: { exitCode: 26, meaning: 'well-formed bencode that is not a valid torrent' },
  EMAGNET: { exitCode: 27, meaning: 'malformed magnet link' },
  EOPTION: { exitCode: 28, meaning: 'bad option or setting' },
} as const;

/** A stable, documented error code: scripts and programs may switch on it. */
export type ErrorCode = keyof typeof ERROR_TABLE;

/** Everything dtorrent throws or rejects with. */
export class DtorrentError extends Error {
  /** For logs. */
  override readonly name = 'DtorrentError';
  /** What happened, for a program. */
  readonly code: ErrorCode;

  /** `message` is for a person: what happened, to what, and what to do. */
  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Every code, with its exit code and what it stands for. */
export const ERROR_CODES: Readonly<Record<ErrorCode, { readonly exitCode: number; readonly meaning: string }>> =
  ERROR_TABLE;

/** @returns the process exit code (1 to 28) that belongs to `code`. */
export function exitCodeOf(code: ErrorCode): number {
  return ERROR_TABLE[code].exitCode;
}

/** Wraps whatever was thrown, so that handlers see one type; a DtorrentError passes through. */
export function toDtorrentError(thrown: unknown, code: ErrorCode = 'EINTERNAL'): DtorrentError {
  if (thrown instanceof DtorrentError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new DtorrentError(code, message, { cause: thrown });
}
