import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import type { FileStamp } from '../host/storage.js';
import { stampFiles } from './file-stamps.js';

const directory = mkdtempSync(join(tmpdir(), 'dtorrent-stamps-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function stamps(paths: readonly (string | null)[]): Promise<readonly FileStamp[]> {
  return new Promise((resolve, reject) => {
    stampFiles({ path: directory, identity: null }, paths, (result) =>
      result instanceof DtorrentError ? reject(result) : resolve(result),
    );
  });
}

describe('file stamps', () => {
  test('a stamp has length and time, changes with either, and says when there is no file', async () => {
    writeFileSync(join(directory, 'a'), 'hello');
    utimesSync(join(directory, 'a'), 1000, 1000.5);
    assert.deepEqual(await stamps(['a', 'b', null]), [
      { lengthBytes: 5, modifiedUs: 1_000_500_000 },
      { lengthBytes: -1, modifiedUs: 0 },
      { lengthBytes: 0, modifiedUs: 0 },
    ]);
    truncateSync(join(directory, 'a'), 4);
    utimesSync(join(directory, 'a'), 1000, 1001);
    assert.deepEqual(await stamps(['a']), [{ lengthBytes: 4, modifiedUs: 1_001_000_000 }]);
  });

  test('a link is no file, and a path through a file is absent', async () => {
    symlinkSync('/etc/hostname', join(directory, 'link'));
    const none = { lengthBytes: -1, modifiedUs: 0 };
    assert.deepEqual(await stamps(['link', 'a/b']), [none, none]);
  });

  test('thousands of files keep their order', async () => {
    const paths = Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? 'a' : i % 3 === 1 ? 'missing' : null));
    const result = await stamps(paths);
    assert.equal(result.length, 3000);
    for (const [i, stamp] of result.entries()) assert.equal(stamp.lengthBytes, i % 3 === 0 ? 4 : i % 3 === 1 ? -1 : 0);
  });

  test('no files at all are answered too, and not inside the call', async () => {
    assert.deepEqual(await stamps([]), []);
  });
});
