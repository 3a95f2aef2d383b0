/** A torrent of ten thousand files where a process may have 256 open: everything that touches files works. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { Dtorrent } from '../harness/dtorrent.js';
import { descriptorsOpen } from '../harness/memory.js';
import type { Process } from '../harness/process.js';
import { assertArrived, makeContent, runSeed, startGet } from '../harness/transfer.js';

const FILES = 10_000;
const LIMITED = { descriptorsMax: 256 };
const FILES_OPEN_MAX = 100;
/** Where every disk access waits for others'. */
const BOUND_MS = 120_000;
/** Node's own, and the sockets. */
const OTHERS_MAX = 60;

function assertFewAreOpen({ child }: Process): void {
  const open = descriptorsOpen(child.pid!);
  assert.ok(open <= FILES_OPEN_MAX + OTHERS_MAX, `${open} descriptors`);
}

test('ten thousand files are made into a torrent, seeded, downloaded and verified with 256 descriptors', {
  skip: !existsSync('/proc/self/fd') && 'descriptors are counted by Linux',
}, async (t) => {
  const tree = Object.fromEntries(Array.from({ length: FILES }, (_, i) => [`${i % 100}/${i}.bin`, 100 + (i % 300)]));
  const content = await makeContent(t, { tree, kind: 'v1', ...LIMITED });
  assert.equal(await new Dtorrent(t, ['verify', content.torrent, content.data], LIMITED).exit(BOUND_MS), 0);
  const seed = await runSeed(t, content, LIMITED);
  const get = startGet(t, content, { ...LIMITED, args: ['--peer', `127.0.0.1:${await seed.port()}`, '--seed'] });
  await get.event('completed', BOUND_MS);
  assertFewAreOpen(seed);
  assertFewAreOpen(get);
  assertArrived(content);
});
