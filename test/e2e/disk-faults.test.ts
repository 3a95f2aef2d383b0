/** Disks that fill up, that may not be written to, that go away: what the command says, and that it goes on later. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Engine } from '../../src/index.js';
import { forbidWriting, mountAgain, mountMemoryDisk, remount, unmount } from '../harness/mounts.js';
import { until } from '../harness/process.js';
import type { CliResult } from './cli-process.js';
import { eventsOf, GetScene, PIECE } from './get-scene.js';

const SIZE = 60 * PIECE;

function film(t: TestContext): Promise<GetScene> {
  return GetScene.make(t, { 'film.mkv': SIZE });
}

/** Runs the command, does `fault` in the middle of it, and says how it ended. It has not called anything complete. */
async function interrupted(scene: GetScene, fault: () => void): Promise<CliResult> {
  scene.seed.blockPauseMs = 10;
  const running = scene.run();
  await until('pieces on disk', 30_000, () => scene.piecesOnDisk().size >= 5);
  fault();
  const result = await running;
  assert.ok(!result.stdout.includes('"type":"completed"'), result.stdout);
  scene.seed.blockPauseMs = 0;
  return result;
}

/** Runs the command to its good end, and fails if it fetches any of the pieces in `good` again. */
async function goesOn(scene: GetScene, good: ReadonlySet<number>): Promise<void> {
  scene.seed.newRun();
  await scene.finish();
  for (const block of scene.seed.newRun().keys()) {
    assert.ok(!good.has(Number(block.split(':')[0])), `${block} was there, and came again`);
  }
}

test('a full disk is exit code 9 and a message that says where; with space, the same command goes on', async (t) => {
  const scene = await film(t);
  if (!mountMemoryDisk(t, scene.out, 'size=2m')) return;
  // Otherwise it would be said before the first byte.
  const { exitCode, stdout } = await scene.run('--preallocation', 'none');
  assert.equal(exitCode, 9, stdout);
  const errors = eventsOf(stdout).filter(({ type }) => type === 'error');
  assert.equal(errors.length, 1);
  assert.equal(errors[0]!['code'], 'EDISKFULL');
  assert.match(String(errors[0]!['message']), new RegExp(`${scene.out} has .* free`));
  const good = scene.piecesOnDisk();
  assert.ok(good.size > 10, `${good.size} pieces of 32 that fit`);
  remount(scene.out, 'size=8m');
  await goesOn(scene, good);
});

test('a program whose download has filled the disk frees space, resumes it, and loses nothing', async (t) => {
  const scene = await film(t);
  if (!mountMemoryDisk(t, scene.out, 'size=2m')) return;
  const alone = { bind: '127.0.0.1', port: 0, dht: false, lsd: false, portMapping: false };
  const engine = await Engine.start({ ...alone, preallocation: 'none', downloadDir: scene.out });
  try {
    const torrent = await engine.add(readFileSync(join(scene.directory, 'x.torrent')), { peers: [scene.seed.address] });
    const { error } = await new Promise<{ readonly error: Error | null }>((resolve) => {
      torrent.on('torrentPaused', resolve);
    });
    assert.match(String(error?.message), new RegExp(`${scene.out} has .* free, .*; free some space or choose another`));
    const good = scene.piecesOnDisk();
    assert.ok(good.size > 10);
    scene.seed.newRun();
    remount(scene.out, 'size=8m');
    torrent.resume();
    await torrent.completed;
    assert.equal(scene.piecesOnDisk().size, SIZE / PIECE);
    for (const block of scene.seed.newRun().keys()) assert.ok(!good.has(Number(block.split(':')[0])), `${block} again`);
  } finally {
    await engine.stop();
  }
});

test('a disk that is mounted read-only is an error of a file, with the file in the message', async (t) => {
  const scene = await film(t);
  if (!mountMemoryDisk(t, scene.out, 'ro')) return;
  const { exitCode, stdout } = await scene.run();
  assert.equal(exitCode, 16, stdout);
  assert.match(stdout, /"code":"EFILECREATE","message":"cannot create .*film\.mkv: the file system is read-only/);
  remount(scene.out, 'rw,size=8m');
  await scene.finish();
});

test('a file that may not be written to is named, and may be when the command is run again', async (t) => {
  const scene = await film(t);
  await scene.finish();
  // Of what is there some is wrong, so that it has to be written.
  const path = join(scene.out, 'film.mkv');
  writeFileSync(path, Buffer.concat([Buffer.alloc(3 * PIECE), scene.content.subarray(3 * PIECE)]));
  const allow = forbidWriting(t, path);
  if (allow === null) return;
  const { exitCode, stdout } = await scene.run();
  assert.equal(exitCode, 15, stdout);
  assert.match(stdout, /"code":"EFILEOPEN","message":"cannot open for writing .*film\.mkv: /);
  allow();
  const good = scene.piecesOnDisk();
  assert.equal(good.size, SIZE / PIECE - 3);
  await goesOn(scene, good);
});

test('a directory that may not be written to is told before a piece has come, and without one', async (t) => {
  const scene = await film(t);
  mkdirSync(scene.out);
  const allow = forbidWriting(t, scene.out);
  if (allow === null) return;
  scene.seed.blockPauseMs = 3_600_000;
  const { exitCode, stdout } = await scene.run();
  assert.equal(exitCode, 16, stdout);
  scene.seed.blockPauseMs = 0;
  assert.match(stdout, /"code":"EFILECREATE","message":"cannot create .*film\.mkv: /);
  allow();
  await scene.finish();
});

test('a directory that is removed during a download is noticed, and nothing is called complete', async (t) => {
  const scene = await film(t);
  const { exitCode, stdout } = await interrupted(scene, () => rmSync(scene.out, { recursive: true }));
  assert.equal(exitCode, 17, stdout);
  assert.match(stdout, /"code":"EFILEIO","message":".*out(?:\/film\.mkv (?:is gone|was there)| is not the one it was)/);
  await scene.finish();
});

test('a directory that is renamed during a download is noticed; with its name back, the download goes on', async (t) => {
  const scene = await film(t);
  const elsewhere = join(scene.directory, 'elsewhere');
  const { exitCode, stdout } = await interrupted(scene, () => renameSync(scene.out, elsewhere));
  assert.equal(exitCode, 17, stdout);
  assert.match(stdout, /"code":"EFILEIO","message":".*out/);
  assert.ok(!existsSync(scene.out), 'another was made in its place');
  renameSync(elsewhere, scene.out);
  const good = scene.piecesOnDisk();
  assert.ok(good.size > 0);
  await goesOn(scene, good);
});

test('a disk that is unmounted during a download gets no other files in its place; mounted again, it goes on', async (t) => {
  const scene = await film(t);
  const disk = join(scene.directory, 'disk');
  if (!mountAgain(t, disk, scene.out)) return;
  const { exitCode, stdout } = await interrupted(scene, () => unmount(scene.out));
  assert.equal(exitCode, 17, stdout);
  assert.match(stdout, /"code":"EFILEIO","message":".*out/);
  assert.deepEqual(readdirSync(scene.out), [], 'written beside the disk');
  assert.ok(mountAgain(t, disk, scene.out));
  const good = scene.piecesOnDisk();
  assert.ok(good.size > 0);
  await goesOn(scene, good);
});

test('a state directory that cannot be written to is a warning, and the download is complete', async (t) => {
  const scene = await film(t);
  const { exitCode, stdout, stderr } = await scene.run('--state-dir', join(scene.directory, 'x.torrent', 'state'));
  assert.equal(exitCode, 0, stdout + stderr);
  assert.match(stderr, /cannot save resume data/);
  assert.deepEqual(readdirSync(scene.out), ['film.mkv']);
});
