import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { bytesOf, describeStateStore, load, remove, save } from '../host/testing/state-store-conformance.js';
import { StateDirectory } from './state-dir.js';

describeStateStore('a directory', () => {
  const root = mkdtempSync(join(tmpdir(), 'dtorrent-state-'));
  const directory = join(root, 'not', 'there', 'yet');
  return {
    store: new StateDirectory(directory),
    reopen: () => new StateDirectory(directory),
    close: async () => rmSync(root, { recursive: true, force: true }),
  };
});

describe('StateDirectory', () => {
  let root: string;
  let directory: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dtorrent-state-'));
    directory = join(root, 'state');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function assertRefused(result: unknown, message: RegExp): void {
    assert.ok(result instanceof DtorrentError && result.code === 'ESTATE', String(result));
    assert.match(result.message, message);
  }

  test('nobody else can read what is kept, and nothing is made before the first save', async () => {
    const store = new StateDirectory(directory);
    await load(store, 'key');
    assert.deepEqual(readdirSync(root), []);
    await save(store, 'key', bytesOf('x'));
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory, 'key.resume')).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(directory), ['key.resume']);
  });

  test('temporary files of processes that are gone are removed; those of running ones, and strangers, are not', async () => {
    const gone = spawnSync(process.execPath, ['--version']).pid;
    mkdirSync(directory);
    const kept = [`key.${process.pid}-0123456789ab.tmp`, 'notes.tmp', `key.${gone}-xyz.tmp`];
    for (const name of [`key.${gone}-0123456789ab.tmp`, ...kept]) writeFileSync(join(directory, name), '');
    assert.equal(await load(new StateDirectory(directory), 'key'), null);
    assert.deepEqual(readdirSync(directory).sort(), kept.sort());
  });

  test('two stores of one process save at the same time', async () => {
    const stores = [new StateDirectory(directory), new StateDirectory(directory)];
    const saves = stores.flatMap((store) => Array.from({ length: 20 }, () => save(store, 'key', bytesOf('same'))));
    assert.deepEqual(new Set(await Promise.all(saves)), new Set([null]));
    assert.deepEqual(await load(stores[0]!, 'key'), bytesOf('same'));
    assert.deepEqual(readdirSync(directory), ['key.resume']);
  });

  test('a key that is no file name is refused', async () => {
    const store = new StateDirectory(directory);
    for (const key of ['', '../x', 'a/b', 'A', 'a.b', 'k'.repeat(101)]) {
      assertRefused(await load(store, key), /no key/);
      assertRefused(await save(store, key, bytesOf('x')), /no key/);
      assertRefused(await remove(store, key), /no key/);
    }
    assert.deepEqual(readdirSync(root), []);
  });

  test('a file larger than any record is not read', async () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'key.resume'), '');
    truncateSync(join(directory, 'key.resume'), LIMITS.stateRecordBytesMax + 1);
    assertRefused(await load(new StateDirectory(directory), 'key'), /key\.resume has \d+ bytes.*delete it/);
  });

  test('where a directory cannot be, the error says what failed, on which path, and what it means', async () => {
    writeFileSync(directory, 'a file');
    const store = new StateDirectory(directory);
    assert.equal(await load(store, 'key'), null);
    assertRefused(await save(store, 'key', bytesOf('x')), /cannot save resume data: .*state.*a restart will check/);
    assert.equal(await remove(store, 'key'), null);
  });

  test('a record that is a directory is an error, and the failed save leaves no temporary file', async () => {
    mkdirSync(join(directory, 'key.resume', 'x'), { recursive: true });
    const store = new StateDirectory(directory);
    assertRefused(await load(store, 'key'), /cannot load resume data/);
    assertRefused(await save(store, 'key', bytesOf('x')), /cannot save resume data/);
    assertRefused(await remove(store, 'key'), /cannot remove resume data/);
    assert.deepEqual(readdirSync(directory), ['key.resume']);
  });

  const isRoot = process.getuid?.() === 0;
  test('a directory that may not be written to is an error that says so', {
    skip: isRoot && 'root may write anywhere',
  }, async () => {
    mkdirSync(directory);
    chmodSync(directory, 0o500);
    assertRefused(await save(new StateDirectory(directory), 'key', bytesOf('x')), /permission denied/);
    chmodSync(directory, 0o700);
  });

  test('after a failure the next save works again', async () => {
    const store = new StateDirectory(directory);
    writeFileSync(directory, '');
    assertRefused(await save(store, 'key', bytesOf('x')), /cannot save/);
    rmSync(directory);
    assert.equal(await save(store, 'key', bytesOf('x')), null);
    assert.deepEqual(await load(store, 'key'), bytesOf('x'));
  });

  test('settled comes after everything that was asked for', async () => {
    const store = new StateDirectory(directory);
    store.save('key', bytesOf('x'), () => {});
    await store.settled();
    assert.deepEqual(readdirSync(directory), ['key.resume']);
  });
});
