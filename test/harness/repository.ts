/** Where things are, however the tests were compiled. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout: the nearest folder above this file that has a package.json. */
export const REPOSITORY: string = findRepository();
/** References, fixtures and peer scripts that the interop tests share with other projects; beside the checkout. */
export const SHARED: string = join(dirname(REPOSITORY), 'shared');
export const CLI: string = join(REPOSITORY, 'bin', 'dtorrent.js');

function findRepository(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return directory;
}
