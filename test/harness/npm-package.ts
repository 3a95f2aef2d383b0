/**
 * The npm package of the interop tests: other projects' clients and libraries, in a folder of their own so that nobody
 * installs them who only builds or tests dtorrent. `npm run interop` installs it.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { REPOSITORY } from './repository.js';

export const NPM_PACKAGE: string = join(REPOSITORY, 'test', 'interop', 'npm');

/** A module of that package. What it exports has no types of its own: the caller says what it uses. */
export async function importFromNpmPackage<T>(file: string): Promise<T> {
  return (await import(pathToFileURL(join(NPM_PACKAGE, file)).href)) as T;
}
