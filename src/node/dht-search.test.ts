import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { DhtSearch } from './dht-search.js';

/** A search that the test feeds. */
class Scene {
  found: (item: number) => void = () => {};
  finish: (summary: string) => void = () => {};
  fail: (error: DtorrentError) => void = () => {};
  hasStopped = false;
  readonly search = new DhtSearch<number, string>((found, stop) => {
    this.found = found;
    return new Promise((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
      stop.addEventListener('abort', () => {
        this.hasStopped = true;
        reject(new DtorrentError('ESTOPPED', 'stopped'));
      });
    });
  });
}

async function readAll(search: DhtSearch<number, string>): Promise<number[]> {
  const items: number[] = [];
  for await (const item of search) items.push(item);
  return items;
}

test('what is found is read in order, whether it came before or during the loop', async () => {
  const { found, finish, search } = new Scene();
  found(1);
  found(2);
  const reading = readAll(search);
  await new Promise((resolve) => setImmediate(resolve));
  found(3);
  finish('summary');
  assert.deepEqual(await reading, [1, 2, 3]);
  assert.equal(await search.summary, 'summary');
});

test('thousands that wait are read in order', async () => {
  const { found, finish, search } = new Scene();
  for (let i = 0; i < 5000; i++) found(i);
  finish('');
  assert.deepEqual(
    await readAll(search),
    Array.from({ length: 5000 }, (_, i) => i),
  );
});

test('leaving the loop stops the search, and only its summary tells', async () => {
  const scene = new Scene();
  scene.found(1);
  for await (const item of scene.search) {
    assert.equal(item, 1);
    break;
  }
  assert.equal(scene.hasStopped, true);
  await assert.rejects(scene.search.summary, { code: 'ESTOPPED' });
});

test('after stop() the loop ends with what there was', async () => {
  const { found, search } = new Scene();
  found(1);
  search.stop();
  assert.deepEqual(await readAll(search), [1]);
});

test('when the search fails the loop gives what there was, and then throws', async () => {
  const { found, fail, search } = new Scene();
  found(1);
  fail(new DtorrentError('ETIMEOUT', 'too late'));
  const items: number[] = [];
  await assert.rejects(
    async () => {
      for await (const item of search) items.push(item);
    },
    { code: 'ETIMEOUT' },
  );
  assert.deepEqual(items, [1]);
  await assert.rejects(search.summary, { code: 'ETIMEOUT' });
});

test('more than the limit is not kept for somebody who does not read', async () => {
  const { found, finish, search } = new Scene();
  for (let i = 0; i <= LIMITS.dhtFoundWaitingMax; i++) found(i);
  finish('');
  const items = await readAll(search);
  assert.equal(items.length, LIMITS.dhtFoundWaitingMax);
  assert.equal(items.at(-1), LIMITS.dhtFoundWaitingMax - 1);
});
