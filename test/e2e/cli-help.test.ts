import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../harness/repository.js';
import { runCli } from './cli-process.js';

test('dtorrent --help lists the commands and exits 0', async () => {
  const { exitCode, stdout, stderr } = await runCli(['--help']);
  assert.equal(exitCode, 0);
  assert.equal(stderr, '');
  for (const command of ['get', 'seed', 'create', 'show', 'verify', 'scrape', 'magnet', 'tracker']) {
    assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
  }
});

test('dtorrent get --help tells its options', async () => {
  const { exitCode, stdout } = await runCli(['get', '--help']);
  assert.equal(exitCode, 0);
  for (const option of ['-f, --file', '-m, --magnet', '-o, --output', '--seed[=ratio]', '--peer', '--json']) {
    assert.ok(stdout.includes(option), option);
  }
});

test('dtorrent --version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
  const { exitCode, stdout } = await runCli(['--version']);
  assert.equal(exitCode, 0);
  assert.equal(stdout, `${version}\n`);
});
