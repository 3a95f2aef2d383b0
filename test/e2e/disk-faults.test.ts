/** Disks that fill up, that may not be written to, that go away: what the command says, and that it goes on later. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventsOf, GetScene, PIECE } from './get-scene.js';

const SIZE = 60 * PIECE;

/** A small disk in memory at `scene.out`. @returns false, and the test counts as skipped, where that is not allowed. */
function mountDisk(t: TestContext, scene: GetScene, options: string): boolean {
  mkdirSync(scene.out);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', scene.out]);
  if (mounted.status !== 0) {
    t.skip('a disk of a given size needs root, to mount it');
    return false;
  }
  // Before the scene's own end, which removes the directory.
  unmount.set(scene, () => spawnSync('umount', ['-l', scene.out]));
  return true;
}

const unmount = new Map<GetScene, () => void>();

async function withScene(
  t: TestContext,
  options: string | null,
  work: (scene: GetScene) => Promise<void>,
): Promise<void> {
  const scene = await GetScene.make(t, { 'film.mkv': SIZE });
  try {
    if (options === null || mountDisk(t, scene, options)) await work(scene);
  } finally {
    unmount.get(scene)?.();
  }
}

function remount(scene: GetScene, options: string): void {
  assert.equal(spawnSync('mount', ['-o', `remount,${options}`, scene.out]).status, 0);
}

test('a full disk is exit code 9 and a message that says where; with space, the same command goes on', (t) =>
  withScene(t, 'size=2m', async (scene) => {
    // Otherwise it would be said before the first byte.
    const { exitCode, stdout } = await scene.run('--preallocation', 'none');
    assert.equal(exitCode, 9, stdout);
    const errors = eventsOf(stdout).filter(({ type }) => type === 'error');
    assert.equal(errors.length, 1);
    assert.equal(errors[0]!['code'], 'EDISKFULL');
    assert.match(String(errors[0]!['message']), new RegExp(`${scene.out} has .* free`));
    const good = scene.piecesOnDisk();
    assert.ok(good.size > 10, `${good.size} pieces of 32 that fit`);
    scene.seed.newRun();
    remount(scene, 'size=8m');
    await scene.finish();
    for (const block of scene.seed.newRun().keys()) {
      assert.ok(!good.has(Number(block.split(':')[0])), `${block} was there, and came again`);
    }
  }));

test('a disk that is mounted read-only is an error of a file, with the file in the message', (t) =>
  withScene(t, 'ro', async (scene) => {
    const { exitCode, stdout } = await scene.run();
    assert.equal(exitCode, 16, stdout);
    assert.match(stdout, /"code":"EFILECREATE","message":"cannot create .*film\.mkv: the file system is read-only/);
    remount(scene, 'rw,size=8m');
    await scene.finish();
  }));

test('a directory that is removed during a download is noticed, and nothing is called complete', (t) =>
  withScene(t, null, async (scene) => {
    scene.seed.blockPauseMs = 4;
    const running = scene.run();
    await scene.seed.firstBlock();
    await new Promise((resolve) => setTimeout(resolve, 200));
    rmSync(scene.out, { recursive: true });
    const { exitCode, stdout } = await running;
    assert.equal(exitCode, 17, stdout);
    assert.match(
      stdout,
      /"code":"EFILEIO","message":".*out(?:\/film\.mkv (?:is gone|was there)| is not the one it was)/,
    );
    assert.ok(!stdout.includes('"type":"completed"'));
    scene.seed.blockPauseMs = 0;
    await scene.finish();
  }));

test('a state directory that cannot be written to is a warning, and the download is complete', async (t) => {
  const scene = await GetScene.make(t, { 'film.mkv': SIZE });
  const { exitCode, stdout, stderr } = await scene.run('--state-dir', join(scene.directory, 'x.torrent', 'state'));
  assert.equal(exitCode, 0, stdout + stderr);
  assert.match(stderr, /cannot save resume data/);
  assert.deepEqual(readdirSync(scene.out), ['film.mkv']);
});
