/** The programs of examples/, as a user would run them. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Process } from './process.js';
import { REPOSITORY } from './repository.js';

/** Starts examples/NAME.ts; `dtorrent` and its entry points are the built package. */
export function startExample(t: TestContext, name: string, args: readonly string[]): Process {
  return new Process(t, process.execPath, [join(REPOSITORY, 'build', 'examples', `${name}.js`), ...args]);
}
