import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import type { DiskJob, DiskResult } from './disk-job.js';
import { DiskPool, type DiskPoolOptions } from './disk-pool.js';

/** Does nothing but be a job. */
const HARMLESS: DiskJob = { kind: 'release', keys: { first: 1, end: 2 } };
/** Workers below die of these. */
const DEADLY: DiskJob = { kind: 'create-empty', directory: { path: '/', identity: null }, files: [] };

const EXITS = worker(`message.kind === 'release' ? parentPort.postMessage('ok') : process.exit(3)`);
const THROWS = worker(
  `if (message.kind !== 'release') throw new Error('the moon is full'); parentPort.postMessage('ok')`,
);
const SILENT = worker('');

describe('DiskPool', () => {
  const pools: DiskPool[] = [];
  const makePool = (options: Partial<DiskPoolOptions>): DiskPool => {
    const pool = new DiskPool({ diskWorkers: 2, maxOpenFiles: 10, ...options });
    pools.push(pool);
    return pool;
  };
  const submit = (pool: DiskPool, job: DiskJob): Promise<DiskResult> =>
    new Promise((resolve) => {
      let isInCall = true;
      pool.submit(job, (result) => {
        assert.ok(!isInCall, 'done inside the call');
        resolve(result);
      });
      isInCall = false;
    });
  const close = (pool: DiskPool): Promise<void> => new Promise((resolve) => pool.close(resolve));

  afterEach(async () => {
    for (const pool of pools.splice(0)) await close(pool);
  });

  for (const [way, workerUrl, message] of [
    ['exits', EXITS, /ended unexpectedly/],
    ['throws', THROWS, /the moon is full/],
  ] as const) {
    test(`every job of a worker that ${way} fails, and the next job gets a new worker`, async () => {
      const pool = makePool({ diskWorkers: 1, workerUrl });
      assert.equal(await submit(pool, HARMLESS), 'ok');
      const results = await Promise.all([DEADLY, HARMLESS, HARMLESS].map((job) => submit(pool, job)));
      for (const result of results) {
        assert.ok(result instanceof DtorrentError);
        assert.equal(result.code, 'EFILEIO');
        assert.match(result.message, message);
      }
      assert.equal(pool.laneCount, 0);
      assert.equal(await submit(pool, HARMLESS), 'ok');
      assert.equal(pool.laneCount, 1);
    });
  }

  test('a worker that dies while the pool is closing does not keep it from closing', async () => {
    const pool = makePool({ diskWorkers: 1, workerUrl: EXITS });
    const deadly = submit(pool, DEADLY);
    await close(pool);
    assert.ok((await deadly) instanceof DtorrentError);
  });

  test('a worker that cannot be loaded fails its jobs', async () => {
    const result = await submit(makePool({ workerUrl: new URL('file:///there/is/no/such/module.js') }), HARMLESS);
    assert.ok(result instanceof DtorrentError);
    assert.match(result.message, /Cannot find module/);
  });

  test('workers start one by one, when the others are busy, up to the limit', async () => {
    const pool = makePool({ diskWorkers: 2 });
    assert.equal(pool.laneCount, 0);
    await submit(pool, HARMLESS);
    await submit(pool, HARMLESS);
    assert.equal(pool.laneCount, 1);
    await Promise.all([1, 2, 3, 4].map(() => submit(pool, HARMLESS)));
    assert.equal(pool.laneCount, 2);
  });

  test('idle workers end, busy ones stay', async () => {
    const pool = makePool({ diskWorkers: 2 });
    await Promise.all([submit(pool, HARMLESS), submit(pool, HARMLESS)]);
    pool.endIdleWorkers(performance.now() - 60_000);
    assert.equal(pool.laneCount, 2);
    const busy = submit(pool, HARMLESS);
    pool.endIdleWorkers(performance.now());
    assert.equal(pool.laneCount, 1);
    assert.equal(await busy, 'ok');
    pool.endIdleWorkers(performance.now());
    assert.equal(pool.laneCount, 0);
    assert.equal(await submit(pool, HARMLESS), 'ok');
  });

  for (const diskWorkers of [0, 2]) {
    test(`close waits for what was asked before, and later jobs fail (${diskWorkers} workers)`, async () => {
      const pool = makePool({ diskWorkers });
      const results: unknown[] = [];
      for (let i = 0; i < 5; i++) pool.submit(HARMLESS, (result) => results.push(result));
      await close(pool);
      assert.deepEqual(results, Array(5).fill('ok'));
      const late = await submit(pool, HARMLESS);
      assert.ok(late instanceof DtorrentError);
      assert.equal(late.code, 'EFILEIO');
    });
  }

  test('a pool that never had work closes', async () => {
    await close(makePool({}));
  });

  test('an idle worker does not keep a process alive, a busy one does', async () => {
    const url = new URL('./disk-pool.js', import.meta.url).href;
    const program = (workerUrl: string): string => `
      import { DiskPool } from '${url}';
      const pool = new DiskPool({ diskWorkers: 1, maxOpenFiles: 1, workerUrl: new URL(${JSON.stringify(workerUrl)}) });
      pool.submit({ kind: 'release', keys: { first: 1, end: 2 } }, () => console.log('done'));
      process.on('exit', () => console.log('exit'));
      if (process.argv[1] === 'stop') setTimeout(() => process.exit(9), 300);`;
    assert.deepEqual(await run(program(EXITS.href), 'end'), { status: 0, output: 'done\nexit\n' });
    assert.deepEqual(await run(program(SILENT.href), 'stop'), { status: 9, output: 'exit\n' });
  });
});

async function run(program: string, argument: string): Promise<{ status: number | null; output: string }> {
  const { spawnSync } = await import('node:child_process');
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program, argument], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, output: stdout };
}

/** A module that runs `statement` for each `message`. */
function worker(statement: string): URL {
  const source = `import { parentPort } from 'node:worker_threads'; parentPort.on('message', (message) => { ${statement} });`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}
