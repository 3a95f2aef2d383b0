/** The package as the registry would get it, and as a user would have it installed; without the network. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from './content.js';
import { run } from './process.js';
import { REPOSITORY } from './repository.js';

/** @returns path of the .tgz. Packs dist/ as it is: a build here would pull it from under other tests. */
export async function packTarball(t: TestContext): Promise<string> {
  const directory = temporaryDirectory(t);
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', directory, REPOSITORY];
  const [packed] = JSON.parse(await run(t, 'npm', args)) as { filename: string }[];
  return join(directory, packed!.filename);
}

/** @returns paths inside the package. */
export async function listTarball(t: TestContext, tarball: string): Promise<string[]> {
  const listing = await run(t, 'tar', ['-tzf', tarball]);
  return listing.split('\n').map((path) => path.replace(/^package\//, ''));
}

/**
 * An empty project with the tarball unpacked where npm puts it, and the run-time dependencies of this checkout beside it.
 * @returns the project's directory.
 */
export async function installTarball(
  t: TestContext,
  tarball: string,
  dependencies: readonly string[],
): Promise<string> {
  const project = temporaryDirectory(t);
  const target = join(project, 'node_modules', 'dtorrent');
  mkdirSync(target, { recursive: true });
  await run(t, 'tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
  for (const name of dependencies) {
    symlinkSync(join(REPOSITORY, 'node_modules', name), join(project, 'node_modules', name));
  }
  return project;
}
