/**
 * The state port over memory, for the simulator and for tests. Records live in a plain map that outlives engines, so
 * that a restart, and a crash, finds what was saved. Effects are at the call, `done` is deferred.
 */
import type { DtorrentError } from '../../base/errors.js';
import type { StateStore } from '../../host/state-store.js';

export type StateOperation = 'load' | 'save' | 'remove';

export class MemoryStateStore implements StateStore {
  readonly isKept = true;
  readonly records: Map<string, Uint8Array>;
  /** Asked before each operation; what it returns is the operation's result. */
  fault: (operation: StateOperation, key: string) => DtorrentError | null = () => null;
  readonly #defer: (fn: () => void) => void;

  /** `records` left out = none yet. */
  constructor(options: { readonly defer: (fn: () => void) => void; readonly records?: Map<string, Uint8Array> }) {
    this.#defer = options.defer;
    this.records = options.records ?? new Map();
  }

  load(key: string, done: (result: Uint8Array | null | DtorrentError) => void): void {
    const result = this.fault('load', key) ?? this.records.get(key)?.slice() ?? null;
    this.#defer(() => done(result));
  }

  save(key: string, bytes: Uint8Array, done: (error: DtorrentError | null) => void): void {
    const error = this.fault('save', key);
    if (error === null) this.records.set(key, bytes.slice());
    this.#defer(() => done(error));
  }

  remove(key: string, done: (error: DtorrentError | null) => void): void {
    const error = this.fault('remove', key);
    if (error === null) this.records.delete(key);
    this.#defer(() => done(error));
  }
}
