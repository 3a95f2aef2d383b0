import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCli } from './cli-process.js';

const INFO = Buffer.from(
  'd5:filesld6:lengthi3e4:pathl5:a.txteed4:attr1:p6:lengthi16381e4:pathl4:.pad5:16381eed6:lengthi5e4:pathl3:dir5:b.txteee' +
    '4:name4:docs12:piece lengthi16384e6:pieces40:aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb7:privatei1ee',
);
const TORRENT = Buffer.concat([
  Buffer.from(
    'd8:announce17:http://a/announce7:comment7:\x1b[2Jbad10:created by4:test13:creation datei1714050420e4:info',
  ),
  INFO,
  Buffer.from('8:url-list16:http://web/docs/e'),
]);
const V1_HEX = createHash('sha1').update(INFO).digest('hex');
const MAGNET_START = `magnet:?xt=urn:btih:${V1_HEX}`;

let directory = '';
let path = '';

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-show-'));
  path = join(directory, 'docs.torrent');
  writeFileSync(path, TORRENT);
});
after(() => rmSync(directory, { recursive: true, force: true }));

test('show --json prints the object of the contract', async () => {
  const { exitCode, stdout, stderr } = await runCli(['show', '--json', path]);
  assert.equal(exitCode, 0, stderr);
  const { magnet, ...shown } = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual(shown, {
    infoHash: { v1: V1_HEX, v2: null },
    name: 'docs',
    totalLength: 8,
    pieceLength: 16_384,
    pieceCount: 2,
    private: true,
    source: null,
    comment: '\x1b[2Jbad',
    createdBy: 'test',
    creationDate: 1_714_050_420,
    files: [
      { path: 'docs/a.txt', length: 3, padding: false },
      { path: 'docs/.pad/16381', length: 16_381, padding: true },
      { path: 'docs/dir/b.txt', length: 5, padding: false },
    ],
    trackers: [['http://a/announce']],
    webSeeds: ['http://web/docs/'],
  });
  assert.ok(String(magnet).startsWith(MAGNET_START));
});

test('show for people has names and sizes, and no control characters of strangers', async () => {
  const { exitCode, stdout } = await runCli(['show', path]);
  assert.equal(exitCode, 0);
  for (const text of [
    'docs',
    V1_HEX,
    '8 B (8 bytes)',
    '2 of 16.0 KiB',
    '2024-04-25 13:07 UTC',
    '2 files',
    'docs/dir/b.txt',
  ]) {
    assert.ok(stdout.includes(text), text);
  }
  assert.ok(!stdout.includes('\x1b'));
  assert.ok(!stdout.includes('.pad'));
});

test('show reads standard input', async () => {
  const { stdout } = await runCli(['show', '--json', '-'], { stdin: TORRENT });
  assert.equal((JSON.parse(stdout) as { name: string }).name, 'docs');
});

test('show of a magnet link tells what the link does', async () => {
  const { exitCode, stdout } = await runCli(['show', '--json', `${MAGNET_START}&dn=docs&tr=http%3A%2F%2Fa%2Fannounce`]);
  assert.equal(exitCode, 0);
  const shown = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual(shown['infoHash'], { v1: V1_HEX, v2: null });
  assert.equal(shown['name'], 'docs');
  assert.equal(shown['totalLength'], null);
  assert.deepEqual(shown['trackers'], [['http://a/announce']]);
});

test('magnet prints the link and nothing else', async () => {
  const { exitCode, stdout, stderr } = await runCli(['magnet', path]);
  assert.equal(exitCode, 0);
  assert.equal(stderr, '');
  assert.match(stdout, /^magnet:\?xt=urn:btih:[^\s]+\n$/);
  assert.ok(stdout.startsWith(MAGNET_START));
  assert.ok(stdout.includes('tr=http'));
});
