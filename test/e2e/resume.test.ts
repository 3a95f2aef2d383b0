/** A download that is killed, stopped, or finds its files changed: the command line, run again as a user would. */
import assert from 'node:assert/strict';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { randomBelow, SeededRandom } from '../../src/base/random.js';
import { exited, GetScene, PIECE } from './get-scene.js';

const KILLS = 20;
/** Pieces that one slow peer has us begun, received or written at one moment; two or three as a rule. */
const IN_FLIGHT_MAX = 10;

function pieceOf(block: string): number {
  return Number(block.split(':')[0]);
}

test('twenty kills at random moments cost only what was in flight, and the file is right in the end', async (t) => {
  const randomSeed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  const random = new SeededRandom(randomSeed);
  const context = `SEED=${randomSeed}`;
  const scene = await GetScene.make(t, { 'film.mkv': 12_000_000 });
  const { seed, content } = scene;
  let good = new Set<number>();
  let lostBytes = 0;
  let sentBytes = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    seed.blockPauseMs = 8;
    const child = scene.start();
    // Now and then in the middle of the start: of the check, or of the first save.
    if (randomBelow(random, 5) > 0) await Promise.race([seed.firstBlock(), exited(child)]);
    await new Promise((resolve) => setTimeout(resolve, randomBelow(random, 300)));
    child.kill('SIGKILL');
    await exited(child);
    sentBytes += seed.sentBytes;
    const sent = seed.newRun();
    for (const block of sent.keys())
      assert.ok(!good.has(pieceOf(block)), `${context}: ${block} again, after kill ${kill}`);
    const now = scene.piecesOnDisk();
    for (const piece of good) assert.ok(now.has(piece), `${context}: piece ${piece} was lost by kill ${kill}`);
    const inFlight = [...sent.keys()].filter((block) => !now.has(pieceOf(block)));
    for (const block of inFlight) lostBytes += sent.get(block)!;
    const pieces = new Set(inFlight.map(pieceOf));
    assert.ok(pieces.size <= IN_FLIGHT_MAX, `${context}: ${pieces.size} pieces in flight at kill ${kill}`);
    good = now;
  }
  seed.blockPauseMs = 0;
  await scene.finish();
  sentBytes += seed.sentBytes;
  for (const block of seed.newRun().keys()) assert.ok(!good.has(pieceOf(block)), `${context}: ${block} in the end`);
  assert.equal(seed.repeats, 0, context);
  assert.equal(sentBytes, content.length + lostBytes, `${context}: all once, and again only what was in flight`);
});

test('Ctrl-C, then the same command: nothing verified is fetched or hashed again', async (t) => {
  const scene = await GetScene.make(t, { 'film.mkv': 4_000_000 });
  const { seed } = scene;
  seed.blockPauseMs = 5;
  const child = scene.start();
  await seed.firstBlock();
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.kill('SIGINT');
  assert.equal(await exited(child), 7);
  const good = scene.piecesOnDisk();
  assert.ok(good.size > 0);
  seed.newRun();
  seed.blockPauseMs = 0;
  const { bytesChecked } = await scene.finish();
  assert.equal(bytesChecked, 0);
  for (const block of seed.newRun().keys()) assert.ok(!good.has(pieceOf(block)), `${block} again`);
});

const FILES = { 'content/a.bin': 10 * PIECE, 'content/b.bin': 5 * PIECE, 'content/c.bin': 10 * PIECE };

for (const [what, spoil, checkedPieces, fetchedPieces] of [
  ['changed', (path: string) => writeFileSync(path, Buffer.alloc(5 * PIECE)), 5, 5],
  ['truncated', (path: string) => truncateSync(path, 2 * PIECE), 2, 3],
  ['removed', (path: string) => rmSync(path), 0, 5],
] as const) {
  test(`between two runs a file was ${what}: what it touches is checked again, and what is missing fetched`, async (t) => {
    const scene = await GetScene.make(t, FILES);
    const { seed } = scene;
    await scene.finish();
    seed.newRun();
    spoil(join(scene.out, 'content', 'b.bin'));
    const { bytesChecked } = await scene.finish();
    assert.equal(bytesChecked, checkedPieces * PIECE);
    assert.equal(seed.sentBytes, fetchedPieces * PIECE);
  });
}

test('complete files that nothing is remembered of are verified, not downloaded', async (t) => {
  const scene = await GetScene.make(t, FILES);
  const { seed, content } = scene;
  await scene.finish();
  seed.newRun();
  scene.forget();
  const { bytesChecked } = await scene.finish();
  assert.equal(bytesChecked, content.length);
  assert.equal(seed.sentBytes, 0);
});

test('what is complete and unchanged is not read again, unless with --recheck', async (t) => {
  const scene = await GetScene.make(t, FILES);
  const { content } = scene;
  await scene.finish();
  assert.equal((await scene.finish())['bytesChecked'], 0);
  const { exitCode, stdout } = await scene.run('--recheck');
  assert.equal(exitCode, 0, stdout);
  assert.match(stdout, new RegExp(`"bytesChecked":${content.length}`));
});
