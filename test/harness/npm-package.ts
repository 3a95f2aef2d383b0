/**
 * The npm package of the interop tests: other projects' clients and libraries, in a folder of their own so that nobody
 * installs them who only builds or tests dtorrent. `npm run interop` installs it.
 */
import { join } from 'node:path';
import { REPOSITORY } from './repository.js';

export const NPM_PACKAGE: string = join(REPOSITORY, 'test', 'interop', 'npm');
