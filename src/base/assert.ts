/**
 * Assertions stay on in production: a broken invariant is a bug, and a torrent that has one is stopped with code
 * `EINTERNAL` before it can write a wrong byte. Never use them for input from the network or from a file.
 */
import { DtorrentError } from './errors.js';

/** @throws {DtorrentError} `EINTERNAL` when `condition` is false. `message` is a constant: it is not built in hot paths. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new DtorrentError('EINTERNAL', `internal error: ${message}`);
}
