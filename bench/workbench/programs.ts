/** Small programs of this repository that scenarios start: peers of one kind, many at a time. */
import { join } from 'node:path';
import { REPOSITORY } from '../../test/harness/repository.js';

/** @returns the command line of bench/programs/NAME.ts, compiled. */
export function programCommand(name: string, args: readonly string[]): string[] {
  return [process.execPath, join(REPOSITORY, 'build', 'bench', 'programs', `${name}.js`), ...args];
}
