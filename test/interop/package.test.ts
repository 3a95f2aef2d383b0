/**
 * The way of somebody new: the tarball installed by npm into an empty folder, with its dependencies from the registry,
 * and the program that the README shows run there as it stands: a seed and a download on this machine.
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../harness/content.js';
import { readmeProgram } from '../harness/examples.js';
import { run } from '../harness/process.js';
import { packTarball } from '../harness/tarball.js';

test("the README's program runs in a fresh folder in which npm installed the tarball", async (t) => {
  const tarball = await packTarball(t);
  const cwd = temporaryDirectory(t);
  const startedAt = performance.now();
  await run(t, 'npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], { cwd });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  t.diagnostic(`tarball of ${Math.ceil(statSync(tarball).size / 1024)} KiB, installed in ${seconds} s`);

  writeFileSync(join(cwd, 'embed.mjs'), readmeProgram());
  await run(t, process.execPath, ['embed.mjs'], { cwd });
  assert.deepEqual(
    readFileSync(join(cwd, 'downloads', 'share', 'hello.txt')),
    readFileSync(join(cwd, 'share', 'hello.txt')),
  );
});
