import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { parseMetainfo } from '../format/metainfo.js';
import { createTorrent } from './create-torrent.js';
import { findUnsafeName } from './safe-names.js';

const parents: string[] = [];
let parent = '';

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'dtorrent-names-'));
  parents.push(parent);
});
after(() => {
  for (const path of parents) rmSync(path, { recursive: true, force: true });
});

/** Files of one byte below `parent`. */
function write(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(join(parent, path, '..'), { recursive: true });
    writeFileSync(join(parent, path), 'x');
  }
}

async function renamesBelow(name: string): Promise<[string, string][]> {
  const { renames } = await createTorrent(join(parent, name));
  return renames.map(({ diskPath, safeName }) => [diskPath.slice(parent.length + 1), safeName]);
}

test('names that every system allows are kept', async () => {
  write('album/one.mp3', 'album/sub dir/два.mp3', 'album/.hidden');
  assert.deepEqual(await renamesBelow('album'), []);
});

test('names that some system does not allow are told with the safe ones, a directory once', async () => {
  write('album/What?.mp3', 'album/a:b/1', 'album/a:b/2', 'album/fine', 'album/dir/con');
  assert.deepEqual((await renamesBelow('album')).sort(), [
    ['album/What?.mp3', 'What_.mp3'],
    ['album/a:b', 'a_b'],
    ['album/dir/con', '_con'],
  ]);
});

test('of two names that differ only in case one is told, with the name that the torrent gives it', async () => {
  write('album/a.mp3', 'album/A.mp3');
  const { bytes, renames } = await createTorrent(join(parent, 'album'));
  const names = parseMetainfo(bytes).files.map(({ path }) => path.at(-1));
  assert.equal(renames.length, 1);
  assert.ok(names.includes(renames[0]!.safeName), names.join());
});

test('a single file and the top directory can have unsafe names too', async () => {
  write('a:b', 'c|d/e|f');
  assert.deepEqual(await renamesBelow('a:b'), [['a:b', 'a_b']]);
  assert.deepEqual(await renamesBelow('c|d'), [['c|d', 'c_d']]);
});

test('onlySafeNames refuses before hashing, names the file and says what to do', async () => {
  write('album/What?.mp3');
  const onProgress = (): void => assert.fail('hashing has begun');
  await assert.rejects(createTorrent(join(parent, 'album'), { onlySafeNames: true, onProgress }), (error) => {
    assert.ok(error instanceof DtorrentError);
    assert.equal(error.code, 'ETORRENT');
    assert.match(error.message, /What\?\.mp3.*rename it.*"What_\.mp3"/);
    return true;
  });
});

test('data under its original names is recognised, until it is renamed', async () => {
  write('c|d/e?f/one', 'c|d/two');
  const metainfo = parseMetainfo((await createTorrent(join(parent, 'c|d'))).bytes);
  assert.deepEqual(await findUnsafeName(parent, metainfo), { diskPath: join(parent, 'c|d'), safeName: 'c_d' });
  renameSync(join(parent, 'c|d'), join(parent, 'c_d'));
  assert.deepEqual(await findUnsafeName(parent, metainfo), { diskPath: join(parent, 'c_d', 'e?f'), safeName: 'e_f' });
  renameSync(join(parent, 'c_d', 'e?f'), join(parent, 'c_d', 'e_f'));
  assert.equal(await findUnsafeName(parent, metainfo), null);
});

test('data that is not there at all has no unsafe name', async () => {
  write('album/one');
  const metainfo = parseMetainfo((await createTorrent(join(parent, 'album'))).bytes);
  assert.equal(await findUnsafeName(join(parent, 'elsewhere'), metainfo), null);
});
