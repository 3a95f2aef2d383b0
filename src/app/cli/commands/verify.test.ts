import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTorrent } from '../../../index.js';
import { runCommandLine } from '../main.js';
import { FakeSurroundings } from '../testing/fake-engine.js';

let directory = '';
let torrent = '';

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-verify-'));
  torrent = join(directory, 'song.torrent');
  writeFileSync(join(directory, 'song.mp3'), Buffer.alloc(40_000, 3));
  const { bytes } = await createTorrent(join(directory, 'song.mp3'), { pieceLength: 16_384 });
  writeFileSync(torrent, bytes);
});
after(() => rmSync(directory, { recursive: true, force: true }));

async function run(...argv: string[]): Promise<FakeSurroundings & { exitCode: number }> {
  const surroundings = new FakeSurroundings();
  return Object.assign(surroundings, { exitCode: await runCommandLine(['verify', ...argv], surroundings.context) });
}

test('verify exits 0 for complete data, given as its directory or itself', async () => {
  for (const given of [directory, join(directory, 'song.mp3')]) {
    const { exitCode, stdout } = await run(torrent, given);
    assert.equal(exitCode, 0);
    assert.equal(stdout.text, 'song.mp3: complete, 39.1 KiB\n');
  }
  const { stdout } = await run(torrent, directory, '--quiet');
  assert.equal(stdout.text, '');
});

test('verify --json prints one object of the contract', async () => {
  const { exitCode, events } = await run(torrent, directory, '--json');
  assert.equal(exitCode, 0);
  assert.deepEqual(events, [
    {
      pieces: 3,
      good: 3,
      bytes: 40_000,
      seconds: 0,
      complete: true,
      files: [{ path: 'song.mp3', complete: true }],
    },
  ]);
});

test('verify of incomplete data exits 1 and names the files; no data at all and no directory are told apart', async () => {
  truncateSync(join(directory, 'song.mp3'), 20_000);
  const cut = await run(torrent, directory);
  assert.equal(cut.exitCode, 1);
  assert.match(
    cut.stdout.text,
    /^song\.mp3: 1 of 3 pieces good, 16\.0 KiB of 39\.1 KiB; missing or damaged:\n {2}song\.mp3\n$/,
  );
  const json = await run(torrent, directory, '--json');
  assert.equal(json.exitCode, 1);
  assert.equal(json.events[0]!['complete'], false);
  assert.equal((await run(torrent, join(directory, 'none'))).exitCode, 3);
});

test('verify of a magnet link is refused', async () => {
  const { exitCode, stderr } = await run(`magnet:?xt=urn:btih:${'01'.repeat(20)}`, directory);
  assert.equal(exitCode, 28);
  assert.match(stderr.text, /has no hashes/);
});
