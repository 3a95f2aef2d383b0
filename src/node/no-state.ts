/** The state port of an engine that was given no state directory: nothing is kept, and nothing is found. */
import type { DtorrentError } from '../base/errors.js';
import type { StateStore } from '../host/state-store.js';

export const NO_STATE: StateStore = {
  isKept: false,
  load: (_key: string, done: (result: Uint8Array | null | DtorrentError) => void): void => {
    setImmediate(done, null);
  },
  save: (_key: string, _bytes: Uint8Array, done: (error: DtorrentError | null) => void): void => {
    setImmediate(done, null);
  },
  remove: (_key: string, done: (error: DtorrentError | null) => void): void => {
    setImmediate(done, null);
  },
};
