/** Clocks that jump, and processes that are stopped for a while: transfers go on, and nobody is waited for in vain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dtorrent } from '../harness/dtorrent.js';
import { until } from '../harness/process.js';
import { clockSteps, STEP_SIGNAL } from '../harness/stepped-clock.js';
import { assertArrived, type Content, makeContent, runSeed, startGet } from '../harness/transfer.js';

const YEAR_MS = 366 * 86_400_000;
const TREE = { 'a.bin': 2_000_000, 'b.bin': 1_000_000 };
/** Slow enough that something is left to do after the step. */
const LIMIT = ['--download-limit', '1M'];

/** In the middle of it, by its own account. */
function halfway(get: Dtorrent): Promise<unknown> {
  return get.line('progress', 30_000, (line) => {
    const event = JSON.parse(line);
    return event.type === 'progress' && event.bytesDone > 500_000 && event.bytesDone < 3_000_000;
  });
}

async function assertEnds(get: Dtorrent, content: Content): Promise<void> {
  const completed = await get.event('completed', 60_000);
  assert.equal(completed['hashFailures'], 0);
  assert.equal(completed['wastedBytes'], 0);
  assert.ok(Number(completed['seconds']) >= 0, `took ${completed['seconds']} s`);
  assert.equal(await get.exit(30_000), 0);
  assertArrived(content);
}

for (const [what, step] of [
  ['back by a year', { wallMs: -YEAR_MS }],
  ['forward by a year', { wallMs: YEAR_MS }],
] as const) {
  test(`the wall clock is set ${what} during a download and its seed: it ends as if nothing had happened`, async (t) => {
    const content = await makeContent(t, { tree: TREE, kind: 'v1' });
    const env = clockSteps(t, step);
    const seed = await runSeed(t, content, { env });
    const get = startGet(t, content, { env, args: ['--peer', `127.0.0.1:${await seed.port()}`, ...LIMIT] });
    await halfway(get);
    for (const process of [get, seed]) {
      process.signal(STEP_SIGNAL);
      await until('the step', 10_000, () => process.errors.includes('the clocks have stepped'));
    }
    await assertEnds(get, content);
    assert.equal(seed.hasExited, false);
  });
}

test('a download that was stopped for ten minutes keeps its peers: what they said meanwhile is heard first', async (t) => {
  const content = await makeContent(t, { tree: TREE, kind: 'v1' });
  const seed = await runSeed(t, content);
  const env = clockSteps(t, { monotonicMs: 600_000 });
  const get = startGet(t, content, { env, args: ['--peer', `127.0.0.1:${await seed.port()}`, '-v', ...LIMIT] });
  await halfway(get);
  get.signal('SIGSTOP');
  get.signal(STEP_SIGNAL);
  // The seed goes on sending into the buffers of the system; the step is heard first when the process goes on.
  get.signal('SIGCONT');
  await assertEnds(get, content);
  assert.ok(!get.errors.includes('(idle)'), get.errors);
});
