import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import { bytesOf, describeStateStore, load, save } from '../../host/testing/state-store-conformance.js';
import { MemoryStateStore } from './memory-state.js';

const later = (fn: () => void): void => void setImmediate(fn);

describeStateStore('memory', () => {
  const records = new Map<string, Uint8Array>();
  return {
    store: new MemoryStateStore({ defer: later, records }),
    reopen: () => new MemoryStateStore({ defer: later, records }),
    close: async () => {},
  };
});

test('a fault is the result of its operation, which then has no effect', async () => {
  const store = new MemoryStateStore({ defer: later });
  const fault = new DtorrentError('ESTATE', 'no');
  store.fault = (operation) => (operation === 'save' ? fault : null);
  assert.equal(await save(store, 'key', bytesOf('x')), fault);
  assert.equal(await load(store, 'key'), null);
});
