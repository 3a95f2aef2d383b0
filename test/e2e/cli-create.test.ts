import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { type CliResult, runCli } from './cli-process.js';

const parents: string[] = [];
let cwd = '';

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'dtorrent-create-'));
  parents.push(cwd);
  mkdirSync(join(cwd, 'photos', 'summer'), { recursive: true });
  writeFileSync(join(cwd, 'photos', 'a.jpg'), Buffer.alloc(40_000, 1));
  writeFileSync(join(cwd, 'photos', 'summer', 'b.jpg'), Buffer.alloc(20_000, 2));
});
after(() => {
  for (const parent of parents) rmSync(parent, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<CliResult> {
  const result = await runCli(args, { cwd });
  assert.equal(result.exitCode, 0, result.stderr);
  return result;
}

async function show(path: string): Promise<Record<string, unknown>> {
  return JSON.parse((await run('show', '--json', path)).stdout) as Record<string, unknown>;
}

test('create writes NAME.torrent here, a hybrid, and prints info-hash and magnet', async () => {
  const { stdout } = await run('create', 'photos');
  const shown = await show('photos.torrent');
  const { v1, v2 } = shown['infoHash'] as { v1: string; v2: string };
  assert.match(v1, /^[0-9a-f]{40}$/);
  assert.match(v2, /^[0-9a-f]{64}$/);
  assert.equal(shown['name'], 'photos');
  assert.equal(shown['totalLength'], 60_000);
  for (const text of ['photos.torrent', v1, v2, String(shown['magnet'])]) assert.ok(stdout.includes(text), text);
});

test('the same input and flags make the same bytes', async () => {
  const flags = ['create', 'photos', '-t', 'http://a/announce', '-c', 'twice', '--piece-length', '32K'];
  await run(...flags, '-o', '1.torrent');
  await run(...flags, '-o', '2.torrent');
  assert.deepEqual(readFileSync(join(cwd, '1.torrent')), readFileSync(join(cwd, '2.torrent')));
});

test('every flag reaches the torrent', async () => {
  const trackers = '-t http://a/announce -t http://b/announce --tier -t udp://c:1/announce'.split(' ');
  const texts = ['-c', 'a comment', '-s', 'SRC', '--name', 'renamed', '-w', 'http://web/seed/'];
  await run(
    'create',
    'photos',
    ...trackers,
    ...texts,
    '-p',
    '--no-date',
    '--v1',
    '--piece-length',
    '16K',
    '-o',
    'x.torrent',
  );
  const shown = await show('x.torrent');
  assert.deepEqual(shown['trackers'], [['http://a/announce', 'http://b/announce'], ['udp://c:1/announce']]);
  assert.equal(shown['comment'], 'a comment');
  assert.equal(shown['source'], 'SRC');
  assert.equal(shown['name'], 'renamed');
  assert.equal(shown['private'], true);
  assert.equal(shown['creationDate'], null);
  assert.equal(shown['pieceLength'], 16_384);
  assert.deepEqual(shown['webSeeds'], ['http://web/seed/']);
  assert.equal((shown['infoHash'] as { v2: string | null }).v2, null);
  assert.deepEqual(
    (shown['files'] as { path: string; padding: boolean }[]).filter(({ padding }) => !padding).map(({ path }) => path),
    ['renamed/a.jpg', 'renamed/summer/b.jpg'],
  );
});

test('--v2 makes a v2 torrent', async () => {
  await run('create', 'photos', '--v2');
  const { v1, v2 } = (await show('photos.torrent'))['infoHash'] as { v1: string | null; v2: string };
  assert.equal(v1, null);
  assert.match(v2, /^[0-9a-f]{64}$/);
});

test('an existing torrent is overwritten only with --force', async () => {
  writeFileSync(join(cwd, 'photos.torrent'), 'precious');
  const refused = await runCli(['create', 'photos'], { cwd });
  assert.equal(refused.exitCode, 16);
  assert.match(refused.stderr, /photos\.torrent.*--force/);
  assert.equal(readFileSync(join(cwd, 'photos.torrent'), 'utf8'), 'precious');
  await run('create', 'photos', '--force');
  assert.notEqual(readFileSync(join(cwd, 'photos.torrent'), 'utf8'), 'precious');
});

test('-o may be a directory', async () => {
  mkdirSync(join(cwd, 'out'));
  await run('create', 'photos', '-o', 'out');
  assert.ok(existsSync(join(cwd, 'out', 'photos.torrent')));
});

test('create --json prints one object', async () => {
  const { stdout, stderr } = await run('create', 'photos', '--json');
  const created = JSON.parse(stdout) as Record<string, unknown>;
  const shown = await show('photos.torrent');
  assert.deepEqual(created['infoHash'], shown['infoHash']);
  assert.equal(created['magnet'], shown['magnet']);
  assert.equal(created['path'], 'photos.torrent');
  assert.equal(stderr, '');
});

test('what is not there cannot be made a torrent of, and leaves no file', async () => {
  const { exitCode } = await runCli(['create', 'nothing'], { cwd });
  assert.equal(exitCode, 3);
  assert.equal(existsSync(join(cwd, 'nothing.torrent')), false);
});

test('a piece length that no torrent may have is a bad option', async () => {
  const { exitCode } = await runCli(['create', 'photos', '--piece-length', '1000'], { cwd });
  assert.equal(exitCode, 28);
});
