/**
 * The state port: small records that outlive a run, by key (resume data, one record a torrent). Implemented by node/
 * (files in the state directory) and sim/.
 * Rules: a save is atomic and durable: after a crash at any moment the key holds the old record or the new one, whole,
 * and after `done(null)` the new one. Operations on one key take effect in the order they were asked for. No `done` runs
 * inside the call, and nothing is thrown.
 */
import type { DtorrentError } from '../base/errors.js';

export interface StateStore {
  /** False = nothing is kept, so that nobody need gather what would be saved. */
  readonly isKept: boolean;
  /** `key` is 1 to 100 characters of `a-z 0-9 - _`. Null = there is no such record. */
  load(key: string, done: (result: Uint8Array | null | DtorrentError) => void): void;
  /** `bytes` is borrowed until `done`. */
  save(key: string, bytes: Uint8Array, done: (error: DtorrentError | null) => void): void;
  /** A record that is not there is no error. */
  remove(key: string, done: (error: DtorrentError | null) => void): void;
}
