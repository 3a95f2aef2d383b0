/** Data and metadata to and from libtorrent 2.0.8: both directions, by torrent and by magnet, in many shapes. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertTree, type Tree, temporaryDirectory, writeTree } from '../harness/content.js';
import { Dtorrent } from '../harness/dtorrent.js';
import { freePort } from '../harness/ports.js';
import { Process, run } from '../harness/process.js';
import { CLI, SHARED } from '../harness/repository.js';
import { requireClient } from './clients.js';

const PYTHON = '/usr/bin/python3';
const MIB = 1024 * 1024;

interface Shape {
  readonly title: string;
  readonly tree: Tree;
  readonly pieceBytes: number;
  readonly kind: 'v1' | 'v2' | 'hybrid';
  readonly host?: string;
}

const SINGLE: Tree = { '': 5 * MIB + 4321 };
const MANY: Tree = {
  'a/empty.txt': 0,
  'a/one byte.txt': 1,
  'b/block.bin': 16384,
  'b/piece and a bit.bin': 300_001,
  'big.bin': 3 * MIB,
  'last empty': 0,
};

const SHAPES: readonly Shape[] = [
  { title: 'one file, 16 KiB pieces', tree: SINGLE, pieceBytes: 16 * 1024, kind: 'v1' },
  { title: 'one file, 256 KiB pieces', tree: SINGLE, pieceBytes: 256 * 1024, kind: 'v1' },
  { title: 'one file, 16 MiB pieces', tree: { '': 40 * MIB + 77 }, pieceBytes: 16 * MIB, kind: 'v1' },
  { title: 'many files and empty ones', tree: MANY, pieceBytes: 64 * 1024, kind: 'v1' },
  { title: 'many files, hybrid', tree: MANY, pieceBytes: 64 * 1024, kind: 'hybrid' },
  { title: 'many files, v2 only', tree: MANY, pieceBytes: 64 * 1024, kind: 'v2' },
  { title: 'one file over IPv6', tree: SINGLE, pieceBytes: MIB, kind: 'v1', host: '::1' },
];

for (const shape of SHAPES) {
  test(`dtorrent downloads from libtorrent: ${shape.title}`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const fixture = await makeTorrent(t, shape);
    const seed = await seedWithLibtorrent(t, fixture);
    await download(t, [fixture.torrent, '--peer', seed], fixture);
  });

  test(`libtorrent downloads from dtorrent: ${shape.title}`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const fixture = await makeTorrent(t, shape);
    const seed = await seedWithDtorrent(t, fixture);
    await downloadWithLibtorrent(t, fixture.torrent, seed, fixture);
  });
}

for (const kind of ['v1', 'hybrid'] as const) {
  const shape: Shape = { title: kind, tree: MANY, pieceBytes: 32 * 1024, kind };

  test(`dtorrent fetches metadata and data from libtorrent by ${kind} magnet`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const fixture = await makeTorrent(t, shape);
    const seed = await seedWithLibtorrent(t, fixture);
    await download(t, [fixture.magnet, '--peer', seed], fixture);
  });

  test(`a peer named in the ${kind} magnet itself is dialled (x.pe)`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const fixture = await makeTorrent(t, shape);
    const seed = await seedWithLibtorrent(t, fixture);
    await download(t, [`${fixture.magnet}&x.pe=${seed}`], fixture);
  });

  test(`libtorrent fetches metadata and data from dtorrent by ${kind} magnet`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const fixture = await makeTorrent(t, shape);
    const seed = await seedWithDtorrent(t, fixture);
    await downloadWithLibtorrent(t, fixture.magnet, seed, fixture);
  });
}

test('libtorrent fetches metadata, piece layers and data from dtorrent by v2 magnet', async (t) => {
  if (!requireClient(t, 'libtorrent')) return;
  const fixture = await makeTorrent(t, { title: '', tree: MANY, pieceBytes: 32 * 1024, kind: 'v2' });
  const seed = await seedWithDtorrent(t, fixture);
  await downloadWithLibtorrent(t, fixture.magnet, seed, fixture);
});

test('a dtorrent seed dials a libtorrent leecher (--peer)', async (t) => {
  if (!requireClient(t, 'libtorrent')) return;
  const fixture = await makeTorrent(t, { title: '', tree: SINGLE, pieceBytes: 64 * 1024, kind: 'v1' });
  const port = await freePort();
  const leecher = libtorrent(t, ['leech', fixture.torrent, fixture.out, String(port)]);
  const seed = new Dtorrent(t, ['seed', fixture.torrent, fixture.data, '--port', '0', '--peer', `127.0.0.1:${port}`]);
  await seed.event('listening');
  await assertDone(leecher);
  assertTree(fixture.out, 'content', fixture.tree);
});

test('an interrupted download goes on from what is on disk', async (t) => {
  if (!requireClient(t, 'libtorrent')) return;
  const tree = { '': 24 * MIB };
  const fixture = await makeTorrent(t, { title: '', tree, pieceBytes: 256 * 1024, kind: 'v1' });
  const seed = await seedWithLibtorrent(t, fixture);
  const first = new Dtorrent(t, ['get', fixture.torrent, '-o', fixture.out, '--port', '0', '--peer', seed]);
  await first.line('a first piece', 30_000, (line) => /"bytesDone":[1-9]/.test(line) || line.includes('completed'));
  first.signal('SIGINT');
  const code = await first.exit(15_000);
  assert.ok(code === 7 || code === 0, `exit code ${code}`);
  await download(t, [fixture.torrent, '--peer', seed], fixture);
});

interface Fixture {
  readonly torrent: string;
  readonly magnet: string;
  /** Where the seed's data is, and where a download goes. */
  readonly data: string;
  readonly out: string;
  readonly tree: Tree;
  readonly host: string;
}

/** libtorrent makes the torrent, so that our reading of its files is tested on the way. */
async function makeTorrent(t: TestContext, shape: Shape): Promise<Fixture> {
  const directory = temporaryDirectory(t);
  const data = join(directory, 'data');
  const out = join(directory, 'out');
  mkdirSync(out);
  const path = writeTree(data, 'content', shape.tree);
  const torrent = join(directory, 'content.torrent');
  const script = join(SHARED, 'peers', 'lt_create.py');
  await run(t, PYTHON, [script, path, torrent, String(shape.pieceBytes), shape.kind]);
  const magnet = (await run(t, process.execPath, [CLI, 'magnet', torrent])).trim();
  return { torrent, magnet, data, out, tree: shape.tree, host: shape.host ?? '127.0.0.1' };
}

async function seedWithLibtorrent(t: TestContext, fixture: Fixture): Promise<string> {
  const port = await freePort(fixture.host);
  const seed = libtorrent(t, [
    'seed',
    fixture.torrent,
    fixture.data,
    String(port),
    '--ip',
    bracketed(fixture.host),
    '--stay',
  ]);
  await seed.line('ready', 20_000, (line) => line === 'ready');
  return `${bracketed(fixture.host)}:${port}`;
}

async function seedWithDtorrent(t: TestContext, fixture: Fixture): Promise<string> {
  const args = ['seed', fixture.torrent, fixture.data, '--port', '0', '--bind', fixture.host];
  const seed = new Dtorrent(t, args);
  const port = await seed.port();
  await seed.event('completed');
  return `${fixture.host}:${port}`;
}

async function download(t: TestContext, args: readonly string[], fixture: Fixture): Promise<void> {
  const get = new Dtorrent(t, ['get', ...args, '-o', fixture.out, '--port', '0']);
  const completed = await get.event('completed', 90_000);
  assert.equal(await get.exit(15_000), 0);
  assert.equal(completed['hashFailures'], 0);
  assertTree(fixture.out, 'content', fixture.tree);
}

async function downloadWithLibtorrent(t: TestContext, source: string, peer: string, fixture: Fixture): Promise<void> {
  const port = await freePort(fixture.host);
  const args = ['leech', source, fixture.out, String(port), '--peer', peer, '--ip', bracketed(fixture.host)];
  await assertDone(libtorrent(t, args));
  assertTree(fixture.out, 'content', fixture.tree);
}

async function assertDone(leecher: Process): Promise<void> {
  await leecher.line('result', 90_000, (line) => {
    if (line.includes('"error"')) throw new Error(`libtorrent: ${line}`);
    return line.includes('"secs"');
  });
  assert.equal(await leecher.exit(15_000), 0);
}

function libtorrent(t: TestContext, args: readonly string[]): Process {
  return new Process(t, PYTHON, [join(SHARED, 'peers', 'lt_peer.py'), ...args, '--timeout', '80']);
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
