import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from './emitter.js';

type Event = { readonly type: 'a'; readonly n: number } | { readonly type: 'b' };

test('listeners hear their type in the order they were added, and * hears everything', () => {
  const emitter = new Emitter<Event>();
  const heard: string[] = [];
  emitter.on('*', (event) => heard.push(`*${event.type}`));
  emitter.on('a', (event) => heard.push(`first ${event.n}`));
  emitter.on('a', (event) => heard.push(`second ${event.n}`));
  emitter.emit({ type: 'a', n: 1 });
  emitter.emit({ type: 'b' });
  assert.deepEqual(heard, ['first 1', 'second 1', '*a', '*b']);
});

test('a removed listener hears nothing more, and removing twice is harmless', () => {
  const emitter = new Emitter<Event>();
  let count = 0;
  const remove = emitter.on('b', () => count++);
  emitter.emit({ type: 'b' });
  remove();
  remove();
  emitter.emit({ type: 'b' });
  assert.equal(count, 1);
});

test('one function added twice is two listeners', () => {
  const emitter = new Emitter<Event>();
  let count = 0;
  const listener = (): number => count++;
  const removeFirst = emitter.on('b', listener);
  emitter.on('b', listener);
  emitter.emit({ type: 'b' });
  assert.equal(count, 2);
  removeFirst();
  removeFirst();
  emitter.emit({ type: 'b' });
  assert.equal(count, 3);
});

test('once hears one event, also when that event is emitted again while it is told', () => {
  const emitter = new Emitter<Event>();
  let count = 0;
  emitter.once('b', () => {
    count++;
    if (count < 5) emitter.emit({ type: 'b' });
  });
  emitter.emit({ type: 'b' });
  assert.equal(count, 1);
  const remove = emitter.once('b', () => count++);
  remove();
  emitter.emit({ type: 'b' });
  assert.equal(count, 1);
});

test('listeners added or removed while an event is told change the next one', () => {
  const emitter = new Emitter<Event>();
  const heard: string[] = [];
  let removeSecond = (): void => {};
  const removeFirst = emitter.on('b', () => {
    heard.push('first');
    removeFirst();
    removeSecond();
    emitter.on('b', () => heard.push('late'));
  });
  removeSecond = emitter.on('b', () => heard.push('second'));
  emitter.emit({ type: 'b' });
  assert.deepEqual(heard, ['first', 'second']);
  emitter.emit({ type: 'b' });
  assert.deepEqual(heard, ['first', 'second', 'late']);
});

test('a listener that throws does not stop the others', () => {
  const emitter = new Emitter<Event>();
  const errors: unknown[] = [];
  let heard = false;
  emitter.onListenerError = (error) => errors.push(error);
  emitter.on('b', () => {
    throw new Error('listener');
  });
  emitter.on('b', () => {
    heard = true;
  });
  emitter.emit({ type: 'b' });
  assert.equal(heard, true);
  assert.equal((errors[0] as Error).message, 'listener');
});
