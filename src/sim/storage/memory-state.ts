/**
 * The state port over memory, for the simulator and for tests. Records live in a plain map that outlives engines, so
 * that a restart, and a crash, finds what was saved. Effects are at the call, `done` is deferred.
 */
import type { DtorrentError } from '../../base/errors.js';
import type { StateStore } from '../../host/state-store.js';
import { StorageCalls, type StorageWiring } from './storage-wiring.js';

export type StateOperation = 'load' | 'save' | 'remove';

export class MemoryStateStore implements StateStore {
  readonly isKept = true;
  readonly records: Map<string, Uint8Array>;
  /** Asked before each operation; what it returns is the operation's result. */
  fault: (operation: StateOperation, key: string) => DtorrentError | null = () => null;
  readonly #calls: StorageCalls;

  /** `records` left out = none yet. */
  constructor(options: StorageWiring & { readonly records?: Map<string, Uint8Array> }) {
    this.#calls = new StorageCalls(options, 'state');
    this.records = options.records ?? new Map();
  }

  load(key: string, done: (result: Uint8Array | null | DtorrentError) => void): void {
    if (!this.#calls.begin()) return;
    const result = this.fault('load', key) ?? this.records.get(key)?.slice() ?? null;
    this.#calls.end(() => done(result));
  }

  save(key: string, bytes: Uint8Array, done: (error: DtorrentError | null) => void): void {
    if (!this.#calls.begin()) return;
    const error = this.fault('save', key);
    if (error === null) this.records.set(key, bytes.slice());
    this.#calls.end(() => done(error));
  }

  remove(key: string, done: (error: DtorrentError | null) => void): void {
    if (!this.#calls.begin()) return;
    const error = this.fault('remove', key);
    if (error === null) this.records.delete(key);
    this.#calls.end(() => done(error));
  }
}
