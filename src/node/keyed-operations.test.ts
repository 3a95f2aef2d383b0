import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedOperations } from './keyed-operations.js';

/** Operations that are finished by hand. */
class Script {
  readonly begun: string[] = [];
  readonly #finishes = new Map<string, () => void>();
  readonly #operations: KeyedOperations;

  constructor(operations: KeyedOperations) {
    this.#operations = operations;
  }

  add(key: string, name: string): void {
    this.#operations.add(key, (finish) => {
      this.begun.push(name);
      this.#finishes.set(name, finish);
    });
  }

  finish(name: string): void {
    this.#finishes.get(name)!();
  }
}

test('so many are under way at one time, and the next begins when one is done', () => {
  const script = new Script(new KeyedOperations(2));
  for (const key of ['a', 'b', 'c', 'd']) script.add(key, key);
  assert.deepEqual(script.begun, ['a', 'b']);
  script.finish('b');
  assert.deepEqual(script.begun, ['a', 'b', 'c']);
  script.finish('a');
  script.add('e', 'e');
  assert.deepEqual(script.begun, ['a', 'b', 'c', 'd']);
  script.finish('d');
  assert.deepEqual(script.begun, ['a', 'b', 'c', 'd', 'e']);
});

test('operations of one key wait for each other, and for nobody else', () => {
  const script = new Script(new KeyedOperations(10));
  for (const name of ['a1', 'a2', 'b1', 'a3']) script.add(name[0]!, name);
  assert.deepEqual(script.begun, ['a1', 'b1']);
  script.finish('a1');
  assert.deepEqual(script.begun, ['a1', 'b1', 'a2']);
  script.finish('a2');
  script.finish('a3');
  script.add('a', 'a4');
  assert.deepEqual(script.begun, ['a1', 'b1', 'a2', 'a3', 'a4']);
});

test('it has settled when everything is done, what was asked for meanwhile too', async () => {
  const operations = new KeyedOperations(1);
  await operations.settled();
  const script = new Script(operations);
  script.add('a', 'a');
  let hasSettled = false;
  const settled = operations.settled().then(() => {
    hasSettled = true;
  });
  script.add('b', 'b');
  script.finish('a');
  await Promise.resolve();
  assert.equal(hasSettled, false);
  script.finish('b');
  await settled;
});

test('operations that are done at once go through, however many', () => {
  const operations = new KeyedOperations(3);
  let count = 0;
  for (let i = 0; i < 1000; i++) {
    operations.add(`key-${i % 7}`, (finish) => {
      count++;
      finish();
    });
  }
  assert.equal(count, 1000);
});
