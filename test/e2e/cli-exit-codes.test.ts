/** Scripts rely on these numbers: one run for each that needs no swarm. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCli, spawnCli } from './cli-process.js';

const LOCAL = ['--port', '0', '--bind', '127.0.0.1', '--no-trackers'];

let directory = '';

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-exit-'));
  writeFileSync(join(directory, 'garbage.torrent'), 'this is not bencode');
  writeFileSync(join(directory, 'cut.torrent'), 'd4:infod6:lengthi5e');
  writeFileSync(join(directory, 'no-torrent.torrent'), 'd8:announce8:http://te');
});
after(() => rmSync(directory, { recursive: true, force: true }));

for (const [args, exitCode, code] of [
  [['missing.torrent'], 3, 'ENOTFOUND'],
  [['show', 'missing.torrent'], 3, 'ENOTFOUND'],
  [['-f', 'garbage.torrent', ...LOCAL], 25, 'EBENCODE'],
  [['show', 'cut.torrent'], 25, 'EBENCODE'],
  [['get', 'no-torrent.torrent', ...LOCAL], 26, 'ETORRENT'],
  [['magnet', 'no-torrent.torrent'], 26, 'ETORRENT'],
  [['-m', 'magnet:?xt=urn:btih:tooshort'], 27, 'EMAGNET'],
  [['magnet:?dn=nothing'], 27, 'EMAGNET'],
  [['--no-such-option'], 28, 'EOPTION'],
  [['get', '--port', 'http', 'x.torrent'], 28, 'EOPTION'],
  [[], 28, 'EOPTION'],
] as const) {
  test(`dtorrent ${args.join(' ')} exits ${exitCode}, with one line that says why`, async () => {
    const result = await runCli(args, { cwd: directory });
    assert.equal(result.exitCode, exitCode, result.stderr);
    assert.match(result.stderr, new RegExp(`^dtorrent: [^\\n]+ \\(${code}\\)\\n$`, 'm'));
  });
}

const HASH = 'ab'.repeat(20);

for (const [args, exitCode, text] of [
  [['get', HASH, ...LOCAL, '-o', 'garbage.torrent'], 18, 'garbage.torrent is a file (EDIRCREATE)'],
  [['get', HASH, ...LOCAL, '-o', 'garbage.torrent/below/it'], 18, 'garbage.torrent is a file (EDIRCREATE)'],
  [['seed', 'single.torrent', 'nowhere', ...LOCAL], 3, 'nowhere: give the directory of the data (ENOTFOUND)'],
  [['create', 'garbage.torrent', '-o', 'nowhere/x.torrent'], 16, 'there is no such directory (EFILECREATE)'],
  [['seed', 'a:b', ...LOCAL], 26, 'rename it, to "a_b" for example (ETORRENT)'],
  [['seed', 'a_b.torrent', '.', ...LOCAL], 1, 'would be found if its name were "a_b"'],
] as const) {
  test(`dtorrent ${args.join(' ')} exits ${exitCode}, and says: ${text}`, async () => {
    writeFileSync(join(directory, 'a:b'), 'unsafe');
    if (args[1] === 'a_b.torrent') await runCli(['create', 'a:b', '-o', 'a_b.torrent', '-F'], { cwd: directory });
    if (args[1] === 'single.torrent') await runCli(['create', 'garbage.torrent', '-o', args[1]], { cwd: directory });
    const result = await runCli(args, { cwd: directory });
    assert.equal(result.exitCode, exitCode, result.stderr);
    assert.ok(result.stderr.includes(text), result.stderr);
  });
}

test('create tells of names that downloads will not keep', async () => {
  writeFileSync(join(directory, 'What?'), 'unsafe');
  const { exitCode, stderr } = await runCli(['create', 'What?', '-o', 'what.torrent', '-q'], { cwd: directory });
  assert.equal(exitCode, 0);
  assert.match(stderr, /^rename .*What\?: downloads will call it "What_"/);
});

test('with --json the error is an event on stdout', async () => {
  const { exitCode, stdout, stderr } = await runCli(['--json', 'missing.torrent'], { cwd: directory });
  assert.equal(exitCode, 3);
  const { type, code } = JSON.parse(stdout) as { type: string; code: string };
  assert.deepEqual({ type, code }, { type: 'error', code: 'ENOTFOUND' });
  assert.equal(stderr, '');
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`a download stopped by ${signal} exits 7`, async () => {
    const child = spawnCli(['--json', ...LOCAL, 'aa'.repeat(20)], { cwd: directory });
    let stdout = '';
    const exitCode = await new Promise((resolve) => {
      child.on('close', resolve);
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        if (stdout === '') child.kill(signal);
        stdout += text;
      });
    });
    assert.equal(exitCode, 7);
    const types = stdout.split('\n').map((line) => (line === '' ? '' : (JSON.parse(line) as { type: string }).type));
    assert.equal(types[0], 'listening');
    assert.deepEqual(types.slice(-2), ['error', '']);
  });
}
