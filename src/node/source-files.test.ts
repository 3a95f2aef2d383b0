import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { DtorrentError, type ErrorCode } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { type ListedFile, listSourceFiles, type SourceListing } from './source-files.js';
import { SourceThreads } from './source-threads.js';
import { newWalkOrder } from './source-walk.js';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-source-files-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(path: string, lengthBytes: number): string {
  const full = join(directory, path);
  mkdirSync(join(full, '..'), { recursive: true });
  writeFileSync(full, Buffer.alloc(lengthBytes));
  return full;
}

interface ListOptions {
  readonly signal?: AbortSignal;
  readonly filesMax?: number;
}

/** Lists on this thread and on a worker, which come to the same. */
async function list(path: string, { signal, filesMax }: ListOptions = {}): Promise<SourceListing> {
  const listings = [];
  for (const workers of [0, 2]) {
    const threads = new SourceThreads({ workers, signal: signal ?? null });
    listings.push(await listSourceFiles(path, threads, filesMax).finally(() => threads.close()));
  }
  const [here, there] = listings.map(({ files, ...rest }) => ({ ...rest, files: [...files].sort(byPath) }));
  assert.deepEqual(there, here);
  return listings[0]!;
}

function byPath(a: ListedFile, b: ListedFile): number {
  return a.diskPath < b.diskPath ? -1 : 1;
}

async function pathsIn(path: string): Promise<string[]> {
  const { files } = await list(path);
  return files.map((file) => file.path.join('/')).sort();
}

async function assertFails(path: string, code: ErrorCode, message: RegExp, options?: ListOptions): Promise<void> {
  for (const workers of [0, 2]) {
    const threads = new SourceThreads({ workers, signal: options?.signal ?? null });
    const listing = listSourceFiles(path, threads, options?.filesMax).finally(() => threads.close());
    await assert.rejects(listing, (error) => {
      assert.ok(error instanceof DtorrentError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });
  }
}

test('a directory is listed with everything below it, hidden and empty files too', async () => {
  for (const path of ['a.txt', '.hidden', 'b/c/d', 'b/empty']) write(path, path === 'b/empty' ? 0 : 3);
  mkdirSync(join(directory, 'no files'));
  assert.deepEqual(await pathsIn(directory), ['.hidden', 'a.txt', 'b/c/d', 'b/empty']);
  const { name, files, skippedPaths } = await list(`${directory}/b/..//`);
  assert.equal(name, basename(directory));
  assert.equal(files.length, 4);
  assert.deepEqual(skippedPaths, []);
});

test('a file alone has no path of its own', async () => {
  const path = write('one.bin', 5);
  chmodSync(path, 0o744);
  const { name, files } = await list(path);
  assert.equal(name, 'one.bin');
  assert.deepEqual(
    files.map((file) => [file.path, file.lengthBytes, file.executable, file.diskPath]),
    [[[], 5, true, path]],
  );
});

test('only what its owner may execute is executable', async () => {
  chmodSync(write('plain', 1), 0o655);
  chmodSync(write('program', 1), 0o700);
  const { files } = await list(directory);
  assert.deepEqual(
    new Map(files.map((file) => [file.path[0], file.executable])),
    new Map([
      ['plain', false],
      ['program', true],
    ]),
  );
});

test('links below the path are left out and told, whatever they lead to', async () => {
  const secret = write('outside/secret', 9);
  write('shared/a', 1);
  symlinkSync(secret, join(directory, 'shared', 'to-file'));
  symlinkSync('a', join(directory, 'shared', 'inside'));
  symlinkSync('..', join(directory, 'shared', 'round'));
  symlinkSync('nowhere', join(directory, 'shared', 'broken'));
  const { files, skippedPaths } = await list(join(directory, 'shared'));
  assert.deepEqual(
    files.map((file) => file.path),
    [['a']],
  );
  assert.deepEqual(skippedPaths.map((path) => basename(path)).sort(), ['broken', 'inside', 'round', 'to-file']);
});

test('a path that is a link itself is followed: it was named', async () => {
  write('real/a', 1);
  symlinkSync('real', join(directory, 'link'));
  assert.deepEqual(await pathsIn(join(directory, 'link')), ['a']);
  assert.equal((await list(join(directory, 'link'))).name, 'link');
});

test('a path that does not exist, or is no file, is named', async () => {
  await assertFails(join(directory, 'nothing'), 'ENOTFOUND', /nothing/);
  await assertFails(join(write('a', 1), 'b'), 'ENOTFOUND', /a.b/);
  await assertFails('/dev/null', 'EFILEOPEN', /null is neither a file nor a directory/);
});

test('names of any script pass, ones that are not UTF-8 are refused', async (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux file systems take names that are no text');
  write('日本/é\u{1f600}', 1);
  assert.deepEqual(await pathsIn(directory), ['日本/é\u{1f600}']);
  writeFileSync(Buffer.concat([Buffer.from(`${directory}/bad`), Buffer.of(0xff)]), 'x');
  await assertFails(directory, 'ETORRENT', /bad\ufffd is not UTF-8: rename/);
});

test('directories nested deeper than readers take are refused', async () => {
  const nested = (depth: number): string => [...Array.from({ length: depth - 1 }, () => 'd'), 'f'].join('/');
  write(nested(LIMITS.pathDepthMax), 1);
  assert.equal((await list(directory)).files[0]!.path.length, LIMITS.pathDepthMax);
  write(nested(LIMITS.pathDepthMax + 1), 1);
  await assertFails(directory, 'ETORRENT', /nested deeper than the 100/);
});

test('more files than a torrent may have are refused', async () => {
  for (const path of ['a', 'b', 'c']) write(path, 1);
  assert.equal((await list(directory, { filesMax: 3 })).files.length, 3);
  await assertFails(directory, 'ETORRENT', /more than 2 files: share a part of it/, { filesMax: 2 });
});

test('listing stops when it is told to', async () => {
  write('a', 1);
  await assertFails(directory, 'ESTOPPED', /stopped/, { signal: AbortSignal.abort() });
});

test('more files than are sent at a time are all listed, each with its own length and time', async () => {
  const count = 1200;
  for (let i = 0; i < count; i++) {
    const path = write(`d${i % 7}/f${i}`, i % 5);
    utimesSync(path, 1_600_000_000, 1_600_000_000 + i);
  }
  const { files } = await list(directory);
  assert.equal(files.length, count);
  for (const { path, diskPath, lengthBytes, modifiedMs } of files) {
    const i = Number(path[1]!.slice(1));
    assert.deepEqual(
      [path[0], diskPath, lengthBytes, modifiedMs],
      [`d${i % 7}`, join(directory, `d${i % 7}`, `f${i}`), i % 5, (1_600_000_000 + i) * 1000],
    );
  }
});

test('an error of who takes the files is what the listing ends with, and nobody is called after it', async () => {
  for (let i = 0; i < 1200; i++) write(`f${i}`, 0);
  for (const workers of [0, 2]) {
    const threads = new SourceThreads({ workers, signal: null });
    let calls = 0;
    const mine = new Error('mine');
    const listing = threads.list(newWalkOrder(directory, readdirSync(directory)), () => {
      calls++;
      throw mine;
    });
    await assert.rejects(listing, mine);
    await threads.close();
    assert.equal(calls, 1);
  }
});
