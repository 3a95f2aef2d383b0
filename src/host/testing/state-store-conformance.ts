/** What every StateStore has to do, as one suite that each implementation runs: a directory, memory. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { DtorrentError } from '../../base/errors.js';
import type { StateStore } from '../state-store.js';

export interface StateStoreHarness {
  readonly store: StateStore;
  /** Another store over the same records, as after a restart. */
  reopen(): StateStore;
  close(): Promise<void>;
}

type LoadResult = Uint8Array | null | DtorrentError;

export function describeStateStore(name: string, makeHarness: () => StateStoreHarness): void {
  describe(`state store: ${name}`, () => {
    let harness: StateStoreHarness;
    beforeEach(() => {
      harness = makeHarness();
    });
    afterEach(() => harness.close());

    test('a key that was never saved loads as null', async () => {
      assert.equal(await load(harness.store, 'nothing'), null);
    });

    test('what was saved is loaded, also after a restart', async () => {
      assert.equal(await save(harness.store, 'a-1_z', bytesOf('first')), null);
      assert.deepEqual(await load(harness.store, 'a-1_z'), bytesOf('first'));
      assert.deepEqual(await load(harness.reopen(), 'a-1_z'), bytesOf('first'));
      assert.equal(await load(harness.store, 'a-1'), null);
    });

    test('a save replaces the whole record, with a shorter one too', async () => {
      await save(harness.store, 'key', bytesOf('a long record'));
      await save(harness.store, 'key', bytesOf('short'));
      assert.deepEqual(await load(harness.store, 'key'), bytesOf('short'));
      await save(harness.store, 'key', new Uint8Array(0));
      assert.deepEqual(await load(harness.store, 'key'), new Uint8Array(0));
    });

    test('a removed record is gone, and removing one that is not there is no error', async () => {
      await save(harness.store, 'key', bytesOf('record'));
      assert.equal(await remove(harness.store, 'key'), null);
      assert.equal(await load(harness.store, 'key'), null);
      assert.equal(await load(harness.reopen(), 'key'), null);
      assert.equal(await remove(harness.store, 'key'), null);
    });

    test('operations on one key take effect in the order they were asked for', async () => {
      const { store } = harness;
      const big = new Uint8Array(1_000_000).fill(7);
      const results = await Promise.all([
        load(store, 'key'),
        save(store, 'key', big),
        load(store, 'key'),
        save(store, 'key', bytesOf('second')),
        load(store, 'key'),
        remove(store, 'key'),
        load(store, 'key'),
        save(store, 'key', bytesOf('third')),
      ]);
      assert.deepEqual(results, [null, null, big, null, bytesOf('second'), null, null, null]);
      assert.deepEqual(await load(store, 'key'), bytesOf('third'));
    });

    test('keys do not disturb each other', async () => {
      const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`);
      await Promise.all(keys.map((key) => save(harness.store, key, bytesOf(key))));
      await remove(harness.store, 'key-3');
      const loaded = await Promise.all(keys.map((key) => load(harness.store, key)));
      assert.deepEqual(
        loaded,
        keys.map((key) => (key === 'key-3' ? null : bytesOf(key))),
      );
    });

    test('the longest key works', async () => {
      const key = 'k'.repeat(100);
      assert.equal(await save(harness.store, key, bytesOf('x')), null);
      assert.deepEqual(await load(harness.store, key), bytesOf('x'));
    });

    test('what was loaded is the caller’s own', async () => {
      await save(harness.store, 'key', bytesOf('record'));
      const loaded = await load(harness.store, 'key');
      assert.ok(loaded instanceof Uint8Array);
      loaded.fill(0);
      assert.deepEqual(await load(harness.store, 'key'), bytesOf('record'));
    });
  });
}

export function load(store: StateStore, key: string): Promise<LoadResult> {
  return called((done) => store.load(key, done));
}

export function save(store: StateStore, key: string, bytes: Uint8Array): Promise<DtorrentError | null> {
  return called((done) => store.save(key, bytes, done));
}

export function remove(store: StateStore, key: string): Promise<DtorrentError | null> {
  return called((done) => store.remove(key, done));
}

/** Fails when `done` runs inside the call, or twice. */
function called<T>(call: (done: (result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let isInside = true;
    let calls = 0;
    call((result) => {
      calls++;
      if (isInside || calls > 1) reject(new Error('done ran inside the call, or twice'));
      else resolve(result);
    });
    isInside = false;
  });
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
