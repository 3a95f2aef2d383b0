import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { descriptorLimit, streamsAllowed } from './descriptor-limit.js';

test('the limit is the one that the shell sets', { skip: !existsSync('/proc/self/limits') && 'needs Linux' }, () => {
  const script = `import('${new URL('./descriptor-limit.js', import.meta.url)}').then((m) => console.log(m.descriptorLimit()))`;
  const told = execFileSync('sh', ['-c', 'ulimit -n 200 && exec "$0" "$@"', process.execPath, '-e', script]);
  assert.equal(Number(told), 200);
});

test('a limit that is not told is none', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dtorrent-limit-'));
  t.after(() => rmSync(directory, { recursive: true }));
  assert.equal(descriptorLimit(join(directory, 'nothing')), Number.POSITIVE_INFINITY);
  writeFileSync(
    join(directory, 'limits'),
    'Max open files            unlimited            unlimited            files\n',
  );
  assert.equal(descriptorLimit(join(directory, 'limits')), Number.POSITIVE_INFINITY);
  assert.equal(streamsAllowed(100, Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
});

test('files and the rest of the process keep theirs, and some streams there are always', () => {
  assert.equal(streamsAllowed(100, 1024), 860);
  assert.equal(streamsAllowed(100, 256), 92);
  assert.equal(streamsAllowed(100, 128), 32);
});
