import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DirectoryLooks } from './directory-looks.js';
import type { DownloadDirectory, findDirectory } from './download-directory.js';

type Answer = Parameters<typeof findDirectory>[1];

class Scene {
  readonly told: string[] = [];
  /** Looks that are under way, the oldest first. */
  readonly looks: { readonly path: string; readonly answer: Answer }[] = [];
  readonly #looks = new DirectoryLooks((path, answer) => this.looks.push({ path, answer }));

  ask(who: string, path = '/downloads'): void {
    this.#looks.find(path, (found) => this.told.push(`${who}: ${(found as DownloadDirectory).identity}`));
  }

  answer(identity: string): void {
    const { path, answer } = this.looks.shift()!;
    answer({ path, identity });
  }
}

test('who asks while a look is under way is told of the next one, all of them of the same', () => {
  const scene = new Scene();
  for (const who of ['first', 'second', 'third']) scene.ask(who);
  assert.equal(scene.looks.length, 1);
  scene.answer('old');
  assert.deepEqual([scene.told, scene.looks.length], [['first: old'], 1]);
  scene.ask('fourth');
  scene.answer('new');
  assert.deepEqual(scene.told.slice(1), ['second: new', 'third: new']);
  scene.answer('newest');
  assert.deepEqual([scene.told.slice(3), scene.looks.length], [['fourth: newest'], 0]);
  scene.ask('fifth');
  assert.equal(scene.looks.length, 1, 'nothing is remembered');
});

test('directories do not wait for each other', () => {
  const scene = new Scene();
  scene.ask('first', '/a');
  scene.ask('second', '/b');
  assert.deepEqual(
    scene.looks.map(({ path }) => path),
    ['/a', '/b'],
  );
});

test('who is told may ask again', () => {
  const scene = new Scene();
  const looks = new DirectoryLooks((path, answer) => scene.looks.push({ path, answer }));
  looks.find('/a', () => looks.find('/a', () => scene.told.push('again')));
  scene.answer('x');
  scene.answer('x');
  assert.deepEqual(scene.told, ['again']);
});
