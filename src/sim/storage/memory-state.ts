/**
 * The state port over memory, for the simulator and for tests. Records live in a plain map that outlives engines, so
 * that a restart, and a crash, finds what was saved. Effects are at the call, `done` is deferred. Of what was not done
 * when the machine crashed, each record is as it was after any number of its operations, whole: killed or without power,
 * because a save is one rename, and what is done is synced.
 */
import type { DtorrentError } from '../../base/errors.js';
import { type Random, randomBelow } from '../../base/random.js';
import type { StateStore } from '../../host/state-store.js';
import { StorageCalls, type StorageWiring } from './storage-wiring.js';

export type StateOperation = 'load' | 'save' | 'remove';

interface Change {
  readonly key: string;
  /** Null = there was no record. */
  readonly before: Uint8Array | null;
}

export class MemoryStateStore implements StateStore {
  readonly isKept = true;
  readonly records: Map<string, Uint8Array>;
  /** Asked before each operation; what it returns is the operation's result. */
  fault: (operation: StateOperation, key: string) => DtorrentError | null = () => null;
  readonly #calls: StorageCalls;
  /** Not done yet, in the order of the calls. */
  readonly #changes: Change[] = [];

  /** `records` left out = none yet. */
  constructor(options: StorageWiring & { readonly records?: Map<string, Uint8Array> }) {
    this.#calls = new StorageCalls(options, 'state', null);
    this.records = options.records ?? new Map();
    const { machine, random } = options;
    if (machine !== undefined && random !== undefined) machine.onCrash(() => this.crash(random));
  }

  load(key: string, done: (result: Uint8Array | null | DtorrentError) => void): void {
    if (!this.#calls.begin()) return;
    const result = this.fault('load', key) ?? this.records.get(key)?.slice() ?? null;
    this.#calls.end(() => done(result));
  }

  save(key: string, bytes: Uint8Array, done: (error: DtorrentError | null) => void): void {
    if (this.#calls.begin()) this.#change(key, bytes.slice(), this.fault('save', key), done);
  }

  remove(key: string, done: (error: DtorrentError | null) => void): void {
    if (this.#calls.begin()) this.#change(key, null, this.fault('remove', key), done);
  }

  /** Loses what a crash may lose. A host's store does it by itself when its machine crashes. */
  crash(random: Random): void {
    const changes = this.#changes.splice(0);
    for (const key of new Set(changes.map((change) => change.key))) {
      const ofKey = changes.filter((change) => change.key === key);
      const undone = ofKey[randomBelow(random, ofKey.length + 1)];
      if (undone !== undefined) this.#put(key, undone.before);
    }
  }

  #change(
    key: string,
    after: Uint8Array | null,
    error: DtorrentError | null,
    done: (error: DtorrentError | null) => void,
  ): void {
    const change = { key, before: this.records.get(key) ?? null };
    if (error === null) {
      this.#changes.push(change);
      this.#put(key, after);
    }
    this.#calls.end(() => {
      if (error === null) this.#changes.splice(this.#changes.indexOf(change), 1);
      done(error);
    });
  }

  #put(key: string, bytes: Uint8Array | null): void {
    if (bytes === null) this.records.delete(key);
    else this.records.set(key, bytes);
  }
}
