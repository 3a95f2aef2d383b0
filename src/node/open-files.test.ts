import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import type { DownloadDirectory } from './download-directory.js';
import { type DiskFile, FILE_KEYS_PER_STORAGE, keysOfStorage, OpenFiles } from './open-files.js';
import { ReadHandles } from './read-handles.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-open-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const here = (): DownloadDirectory => ({ path: directory, identity: null });
const descriptors = (): number => readdirSync('/dev/fd').length;

function file(index: number, storage = 0): DiskFile {
  const key = storage * FILE_KEYS_PER_STORAGE + index;
  return {
    key,
    path: join(`storage-${storage}`, `file-${index}`),
    lengthBytes: 10,
    executable: false,
    hasFullLength: false,
    wasThere: false,
  };
}

describe('OpenFiles', () => {
  test('at most maxOpenFiles are open, and the least recently used is closed first', () => {
    const files = new OpenFiles(3);
    const before = descriptors();
    const first = files.openForWriting(here(), file(0));
    for (let i = 1; i < 10; i++) {
      files.openForWriting(here(), file(i));
      assert.equal(files.openForWriting(here(), file(0)), first, 'the first file stayed open');
      assert.ok(files.size <= 3);
      assert.ok(descriptors() <= before + 3);
    }
    files.closeAll();
    assert.equal(descriptors(), before);
  });

  test('a file open for reading is opened anew for writing; one open for writing serves both', () => {
    const files = new OpenFiles(3);
    assert.equal(files.openForReading(here(), file(0)), -1);
    const written = files.openForWriting(here(), file(0));
    assert.equal(files.openForReading(here(), file(0)), written);
    files.closeAll();
    files.openForReading(here(), file(0));
    const before = descriptors();
    files.openForWriting(here(), file(0));
    assert.equal(files.size, 1);
    assert.equal(descriptors(), before);
    files.closeAll();
  });

  test('closing a storage closes its files and no others', () => {
    const files = new OpenFiles(10);
    for (let i = 0; i < 3; i++) for (const storage of [1, 2]) files.openForWriting(here(), file(i, storage));
    files.closeRange(keysOfStorage(1));
    assert.equal(files.size, 3);
    files.closeRange(keysOfStorage(2));
    assert.equal(files.size, 0);
  });

  test('a FIFO that somebody put there neither hangs nor is written to', () => {
    assert.equal(spawnSync('mkfifo', [join(directory, 'fifo')]).status, 0);
    const files = new OpenFiles(3);
    const before = descriptors();
    const fifo: DiskFile = { ...file(0), path: 'fifo' };
    const refusal = (thrown: unknown): boolean => thrown instanceof DtorrentError && thrown.code === 'EFILEOPEN';
    assert.throws(() => files.openForReading(here(), fifo), refusal);
    assert.throws(() => files.openForWriting(here(), fifo), refusal);
    assert.equal(descriptors(), before);
  });

  test('a path that leads out is refused here too', () => {
    const files = new OpenFiles(3);
    const out: DiskFile = { ...file(0), path: join('..', 'out') };
    assert.throws(() => files.openForWriting(here(), out), /leads out of the download directory/);
    assert.throws(() => files.openForReading(here(), out), /leads out of the download directory/);
    assert.throws(() => files.createEmpty(here(), out), /leads out of the download directory/);
  });
});

describe('ReadHandles', () => {
  const flat = (index: number, storage = 0): DiskFile => ({ ...file(index, storage), path: `flat-${index}` });
  const acquire = (handles: ReadHandles, index: number): Promise<number | DtorrentError> =>
    new Promise((resolve) => handles.acquire(here(), flat(index), resolve));
  beforeEach(() => {
    for (let i = 0; i < 8; i++) writeFileSync(join(directory, `flat-${i}`), String(i));
  });

  test('at most maxOpenFiles are open; who finds them all in use waits for a release', async () => {
    const handles = new ReadHandles(2);
    let served = 0;
    const waits = [0, 1, 2, 3, 4, 5, 6, 7].map((index) =>
      acquire(handles, index).then(async (fd) => {
        assert.equal(typeof fd, 'number');
        assert.ok(handles.size <= 2);
        served++;
        await new Promise(setImmediate);
        handles.release(flat(index));
      }),
    );
    await Promise.all(waits);
    assert.equal(served, 8);
    await new Promise<void>((resolve) => handles.closeRange(keysOfStorage(0), resolve));
    assert.equal(handles.size, 0);
  });

  test('one that is used again stays open while others come and go', async () => {
    const handles = new ReadHandles(2);
    const first = await acquire(handles, 0);
    handles.release(flat(0));
    for (let i = 1; i < 8; i++) {
      await acquire(handles, i);
      handles.release(flat(i));
      assert.equal(await acquire(handles, 0), first);
      handles.release(flat(0));
    }
    await new Promise<void>((resolve) => handles.closeRange(keysOfStorage(0), resolve));
  });

  test('a file that cannot be opened takes no place and is tried again', async () => {
    const handles = new ReadHandles(1);
    const [missing, there] = await Promise.all([acquire(handles, 9), acquire(handles, 1)]);
    assert.ok(missing instanceof DtorrentError);
    assert.equal(missing.code, 'EFILEOPEN');
    assert.equal(typeof there, 'number');
    handles.release(flat(1));
    writeFileSync(join(directory, 'flat-9'), '9');
    assert.equal(typeof (await acquire(handles, 9)), 'number');
    handles.release(flat(9));
    await new Promise<void>((resolve) => handles.closeRange(keysOfStorage(0), resolve));
  });
});
