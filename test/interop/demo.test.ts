/** The README's first command, run as a new user would. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Process } from '../harness/process.js';
import { REPOSITORY } from '../harness/repository.js';

test('npm run demo downloads 64 MiB by magnet, verifies it and leaves nothing running', async (t) => {
  const demo = new Process(t, 'npm', ['run', '--silent', 'demo'], { cwd: REPOSITORY });
  assert.equal(await demo.exit(120_000), 0, demo.errors);
  assert.match(demo.lines.join('\n'), /verified: 64 MiB by magnet/);
});
