/** `kill -9` of either side of a transfer, again and again: nothing is lost, nothing wrong on disk, nothing beside it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { randomBelow, SeededRandom } from '../../src/base/random.js';
import { assertTree } from '../harness/content.js';
import type { Dtorrent } from '../harness/dtorrent.js';
import { assertArrived, makeContent, runSeed, startGet } from '../harness/transfer.js';
import { exited, GetScene, PIECE } from './get-scene.js';

const SEED_KILLS = 6;
const SELECTION_KILLS = 12;

function bytesDone(get: Dtorrent): number {
  for (let i = get.lines.length - 1; i >= 0; i--) {
    const event = JSON.parse(get.lines[i]!);
    if (event.type === 'progress') return event.bytesDone;
  }
  return 0;
}

test('a seed that is killed and started again, over and over, costs its download nothing but time', async (t) => {
  const tree = { 'a.bin': 5_000_000, 'b.bin': 3_000_000 };
  const content = await makeContent(t, { tree, kind: 'hybrid' });
  const get = startGet(t, content, { args: ['--download-limit', '1500K'] });
  const args = ['--peer', `127.0.0.1:${await get.port()}`];
  for (let kill = 0; kill < SEED_KILLS; kill++) {
    const seed = await runSeed(t, content, { args });
    const before = bytesDone(get);
    await get.line('more of it', 30_000, () => bytesDone(get) > before);
    seed.signal('SIGKILL');
    assert.equal(await seed.exit(10_000), -1);
    assert.equal(get.hasExited, false, get.errors);
  }
  await runSeed(t, content, { args });
  const completed = await get.event('completed', 60_000);
  assert.equal(completed['hashFailures'], 0);
  assert.equal(await get.exit(30_000), 0);
  assertArrived(content);
  assertTree(content.data, 'content', tree);
});

/** Each begins or ends within a piece. In the order that a torrent has them. */
const FILES = Object.fromEntries(
  Array.from({ length: 12 }, (_, i) => [`content/${String(i).padStart(2, '0')}.bin`, 150_000 + 7919 * i]),
);

test('a download that selects other files each time and is killed each time ends with all of them and nothing else', async (t) => {
  const randomSeed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  const random = new SeededRandom(randomSeed);
  const context = `SEED=${randomSeed}`;
  const scene = await GetScene.make(t, FILES);
  const { seed } = scene;
  const beside = readdirSync(scene.directory);
  for (let kill = 0; kill < SELECTION_KILLS; kill++) {
    seed.blockPauseMs = 4;
    const first = 1 + randomBelow(random, 12);
    const child = scene.start('--select', `${first}-${first + randomBelow(random, 13 - first)}`);
    if (randomBelow(random, 5) > 0) await Promise.race([seed.firstBlock(), exited(child)]);
    await new Promise((resolve) => setTimeout(resolve, randomBelow(random, 300)));
    child.kill('SIGKILL');
    await exited(child);
  }
  seed.blockPauseMs = 0;
  seed.newRun();
  const good = scene.piecesOnDisk();
  await scene.finish();
  for (const block of seed.newRun().keys()) {
    assert.ok(!good.has(Number(block.split(':')[0])), `${context}: ${block} of a piece that was all on disk`);
  }
  const wanted = Object.keys(FILES).map((path) => path.slice('content/'.length));
  assert.deepEqual(readdirSync(join(scene.out, 'content')).sort(), wanted.sort(), context);
  assert.deepEqual(readdirSync(scene.out), ['content'], context);
  assert.deepEqual(readdirSync(scene.directory).sort(), [...new Set([...beside, 'out', 'state'])].sort(), context);
  assert.ok(existsSync(join(scene.directory, 'state')) && scene.content.length > 12 * PIECE);
});
