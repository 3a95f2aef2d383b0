/** The programs of examples/ and of the README, as a user would run them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Process } from './process.js';
import { REPOSITORY } from './repository.js';

const LOOPBACK_ENGINES = join(REPOSITORY, 'build', 'test', 'harness', 'loopback-engines.js');

/** Starts examples/NAME.ts; `dtorrent` and its entry points are the built package. */
export function startExample(t: TestContext, name: string, args: readonly string[]): Process {
  const program = join(REPOSITORY, 'build', 'examples', `${name}.js`);
  return new Process(t, process.execPath, ['--import', LOOPBACK_ENGINES, program, ...args]);
}

/** The whole program that the README shows as the way to embed the library. */
export function readmeProgram(): string {
  const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
  const program = /```js\n(\/\/ embed\.mjs[\s\S]*?)```/.exec(readme)?.[1];
  assert.ok(program !== undefined, 'there is no embed.mjs in the README');
  return program;
}
