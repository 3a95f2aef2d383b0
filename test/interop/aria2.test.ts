/** Data to and from aria2c 1.36, which finds its peers through our embedded tracker and through opentracker. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertTree, type Tree, temporaryDirectory, writeTree } from '../harness/content.js';
import { Dtorrent } from '../harness/dtorrent.js';
import { startOpentracker } from '../harness/opentracker.js';
import { freePort } from '../harness/ports.js';
import { Process, run, until } from '../harness/process.js';
import { CLI } from '../harness/repository.js';
import { requireClient } from './clients.js';

const TREE: Tree = { 'a.bin': 3_000_000, 'sub/b.bin': 500_001 };

for (const trackerName of ['our tracker', 'opentracker'] as const) {
  for (const scheme of ['http', 'udp'] as const) {
    // aria2 1.36 speaks UDP to trackers only with its DHT on, so its tests announce over HTTP and ours over both.
    test(`dtorrent downloads from aria2, which it finds through ${trackerName} over ${scheme}`, async (t) => {
      const scene = await setScene(t, trackerName);
      if (scene === null) return;
      await seedWithAria2(t, scene);
      const torrent = await announcedAt(t, scene, `${scheme}://127.0.0.1:${scene.trackerPort}/announce`);
      const get = new Dtorrent(t, ['get', torrent, '-o', scene.out, '--port', '0', '--bind', '127.0.0.1']);
      await get.event('completed', 90_000);
      assert.equal(await get.exit(15_000), 0);
      assertTree(scene.out, 'content', TREE);
    });

    test(`aria2 downloads from dtorrent, which it finds through ${trackerName} over ${scheme}`, async (t) => {
      const scene = await setScene(t, trackerName);
      if (scene === null) return;
      const torrent = await announcedAt(t, scene, `${scheme}://127.0.0.1:${scene.trackerPort}/announce`);
      const seed = new Dtorrent(t, ['seed', torrent, scene.data, '--port', '0', '--bind', '127.0.0.1']);
      await seed.event('completed');
      await hasSeed(scene);
      const aria2 = await startAria2(t, scene, scene.out, ['--seed-time=0']);
      assert.equal(await aria2.exit(90_000), 0);
      assertTree(scene.out, 'content', TREE);
    });
  }
}

interface Scene {
  readonly directory: string;
  readonly data: string;
  readonly out: string;
  readonly path: string;
  /** Announced over HTTP: what aria2 uses. */
  readonly torrent: string;
  readonly infoHash: string;
  readonly trackerPort: number;
}

async function setScene(t: TestContext, trackerName: 'our tracker' | 'opentracker'): Promise<Scene | null> {
  if (!requireClient(t, 'aria2c') || (trackerName === 'opentracker' && !requireClient(t, 'opentracker'))) return null;
  const directory = temporaryDirectory(t);
  const data = join(directory, 'data');
  const out = join(directory, 'out');
  mkdirSync(out);
  const path = writeTree(data, 'content', TREE);
  const plain = join(directory, 'plain.torrent');
  await create(t, path, plain, []);
  const shown = JSON.parse(await run(t, process.execPath, [CLI, 'show', plain, '--json']));
  const infoHash: string = shown.infoHash.v1;
  const trackerPort = trackerName === 'opentracker' ? await startOpentracker(t, [infoHash]) : await startOurTracker(t);
  const torrent = join(directory, 'http.torrent');
  await create(t, path, torrent, ['-t', `http://127.0.0.1:${trackerPort}/announce`]);
  return { directory, data, out, path, torrent, infoHash, trackerPort };
}

async function startOurTracker(t: TestContext): Promise<number> {
  const tracker = new Dtorrent(t, ['tracker', '--port', '0', '--bind', '127.0.0.1']);
  return tracker.port();
}

async function create(t: TestContext, path: string, torrent: string, args: readonly string[]): Promise<void> {
  await run(t, process.execPath, [
    ...[CLI, 'create', path, '-o', torrent, '--v1', '--piece-length', '65536', '--no-date'],
    ...args,
  ]);
}

async function announcedAt(t: TestContext, scene: Scene, url: string): Promise<string> {
  const torrent = join(scene.directory, 'announced.torrent');
  await create(t, scene.path, torrent, ['-t', url]);
  return torrent;
}

async function seedWithAria2(t: TestContext, scene: Scene): Promise<void> {
  await startAria2(t, scene, scene.data, ['--check-integrity=true', '--seed-ratio=0']);
  await hasSeed(scene);
}

async function startAria2(t: TestContext, scene: Scene, directory: string, args: readonly string[]): Promise<Process> {
  return new Process(t, 'aria2c', [
    `--dir=${directory}`,
    `--listen-port=${await freePort()}`,
    '--enable-dht=false',
    '--enable-dht6=false',
    '--bt-enable-lpd=false',
    '--enable-peer-exchange=false',
    '--allow-overwrite=true',
    '--summary-interval=0',
    ...args,
    scene.torrent,
  ]);
}

/** Waits until the tracker knows a seed: what comes after would otherwise wait for the next announce. */
async function hasSeed(scene: Scene): Promise<void> {
  const query = scene.infoHash.replace(/../g, '%$&');
  await until('a seed at the tracker', 30_000, async () => {
    const response = await fetch(`http://127.0.0.1:${scene.trackerPort}/scrape?info_hash=${query}`);
    return /8:completei[1-9]/.test(Buffer.from(await response.arrayBuffer()).toString('latin1'));
  });
}
