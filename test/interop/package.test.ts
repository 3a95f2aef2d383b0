/**
 * The way of somebody new: the tarball installed by npm into an empty folder, with its dependencies from the registry,
 * and the library example of the README run there as it stands, against a seed on loopback.
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertTree, type Tree, temporaryDirectory } from '../harness/content.js';
import { run } from '../harness/process.js';
import { REPOSITORY } from '../harness/repository.js';
import { packTarball } from '../harness/tarball.js';
import { makeContent, startSeed } from '../harness/transfer.js';

const TREE: Tree = { 'a.bin': 600_000, 'sub/b.bin': 50_000 };
const PLACEHOLDER = 'magnet:?xt=urn:btih:…';

test("the README's library example downloads from a fresh folder in which npm installed the tarball", async (t) => {
  const tarball = await packTarball(t);
  const project = temporaryDirectory(t);
  const startedAt = performance.now();
  await run(t, 'npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], { cwd: project });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  t.diagnostic(`tarball of ${Math.ceil(statSync(tarball).size / 1024)} KiB, installed in ${seconds} s`);

  const content = await makeContent(t, { tree: TREE, kind: 'hybrid' });
  const port = await startSeed(t, content);
  const program = join(project, 'example.mjs');
  writeFileSync(program, libraryExample().replace(PLACEHOLDER, `${content.magnet}&x.pe=127.0.0.1:${port}`));
  const output = await run(t, process.execPath, [program], { cwd: project });

  assertTree(join(project, 'downloads'), 'content', TREE);
  const pieces = new Set(output.split('\n').map(Number));
  assert.deepEqual(
    [...pieces].sort((a, b) => a - b),
    Array.from({ length: 11 }, (_, piece) => piece),
  );
});

/** The first code block of "As a library". */
function libraryExample(): string {
  const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
  const code = /^## As a library$.*?^```ts\n(.*?)^```$/ms.exec(readme)?.[1] ?? '';
  assert.ok(code.includes(PLACEHOLDER), 'the README has a library example with a magnet link');
  return code;
}
