/** libtorrent and the programs of examples/ that have nothing but node:net and dtorrent/wire. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertTree } from '../harness/content.js';
import { startExample } from '../harness/examples.js';
import { freePort } from '../harness/ports.js';
import { Process } from '../harness/process.js';
import { SHARED } from '../harness/repository.js';
import { type Content, makeContent, type TorrentKind } from '../harness/transfer.js';
import { requireClient } from './clients.js';

/** More than the wire stream buffers, and not whole blocks. */
const TREE = { '': 9 * 1024 * 1024 + 4321 };

for (const kind of ['v1', 'v2', 'hybrid'] as const) {
  test(`libtorrent downloads a ${kind} torrent from examples/tiny-seeder`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const content = await makeContent(t, { tree: TREE, kind });
    await leech(t, content, content.torrent, await startSeeder(t, content));
  });
}

test('libtorrent fetches the metadata too from examples/tiny-seeder, by magnet', async (t) => {
  if (!requireClient(t, 'libtorrent')) return;
  const content = await makeContent(t, { tree: TREE, kind: 'hybrid' });
  await leech(t, content, content.magnet, await startSeeder(t, content));
});

test('examples/fetch-metadata lists what a libtorrent seed has', async (t) => {
  if (!requireClient(t, 'libtorrent')) return;
  const kind: TorrentKind = 'v1';
  const content = await makeContent(t, { tree: { 'a.txt': 10, 'b/c.bin': 70_000 }, kind });
  const port = await freePort();
  const seed = libtorrent(t, ['seed', content.torrent, content.data, String(port)]);
  await seed.line('ready', 20_000, (line) => line === 'ready');
  const example = startExample(t, 'fetch-metadata', [content.infoHashV1!, `127.0.0.1:${port}`]);
  await example.line('the last file', 20_000, (line) => line === '70000 content/b/c.bin');
  assert.equal(await example.exit(10_000), 0);
  assert.deepEqual(example.lines, ['content', '10 content/a.txt', '70000 content/b/c.bin']);
});

/** @returns the port it listens on. */
async function startSeeder(t: TestContext, content: Content): Promise<number> {
  const seeder = startExample(t, 'tiny-seeder', [content.torrent, join(content.data, 'content'), '0']);
  return seeder.line('port', 20_000, (line) => Number(/"port":(\d+)/.exec(line)?.[1]));
}

async function leech(t: TestContext, content: Content, source: string, port: number): Promise<void> {
  const args = ['leech', source, content.out, String(await freePort()), '--peer', `127.0.0.1:${port}`];
  const leecher = libtorrent(t, args);
  await leecher.line('result', 60_000, (line) => line.includes('"secs"'));
  assert.equal(await leecher.exit(15_000), 0);
  assertTree(content.out, 'content', content.tree);
}

function libtorrent(t: TestContext, args: readonly string[]): Process {
  return new Process(t, '/usr/bin/python3', [join(SHARED, 'peers', 'lt_peer.py'), ...args, '--timeout', '55']);
}
