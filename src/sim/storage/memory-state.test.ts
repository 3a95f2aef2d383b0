import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import { SeededRandom } from '../../base/random.js';
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

test('a crash leaves each record as it was after any of its operations that were not done, whole', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const deferred: (() => void)[] = [];
    const store = new MemoryStateStore({ defer: (fn) => deferred.push(fn) });
    const text = (key: string): string => {
      const record = store.records.get(key);
      return record === undefined ? 'none' : new TextDecoder().decode(record);
    };
    store.save('done', bytesOf('done'), () => {});
    store.save('key', bytesOf('old'), () => {});
    for (const fn of deferred.splice(0)) fn();
    store.save('key', bytesOf('new'), () => {});
    store.remove('key', () => {});
    store.save('other', bytesOf('first'), () => {});
    store.crash(new SeededRandom(seed));
    assert.equal(text('done'), 'done');
    seen.add(`${text('key')} ${text('other')}`);
  }
  const expected = ['old', 'new', 'none'].flatMap((key) => [`${key} first`, `${key} none`]);
  assert.deepEqual([...seen].sort(), expected.sort());
});
