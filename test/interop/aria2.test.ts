/** Data to and from aria2c 1.36, which finds its peers through our embedded tracker and through opentracker. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Tree } from '../harness/content.js';
import { startOpentracker } from '../harness/opentracker.js';
import { freePort } from '../harness/ports.js';
import { Process } from '../harness/process.js';
import {
  assertArrived,
  assertDownloads,
  type Content,
  createTorrent,
  makeContent,
  startSeed,
  startTracker,
  untilSeedIsAnnounced,
} from '../harness/transfer.js';
import { requireClient } from './clients.js';

const TREE: Tree = { 'a.bin': 3_000_000, 'sub/b.bin': 500_001 };

for (const trackerName of ['our tracker', 'opentracker'] as const) {
  for (const scheme of ['http', 'udp'] as const) {
    // aria2 1.36 speaks UDP to trackers only with its DHT on, so its tests announce over HTTP and ours over both.
    test(`dtorrent downloads from aria2, which it finds through ${trackerName} over ${scheme}`, async (t) => {
      const scene = await setScene(t, trackerName);
      if (scene === null) return;
      await startAria2(t, scene, scene.data, ['--check-integrity=true', '--seed-ratio=0']);
      await untilSeedIsAnnounced(scene.trackerPort, scene.infoHashV1!);
      await assertDownloads(t, scene, scene.torrents[scheme]);
    });

    test(`aria2 downloads from dtorrent, which it finds through ${trackerName} over ${scheme}`, async (t) => {
      const scene = await setScene(t, trackerName);
      if (scene === null) return;
      await startSeed(t, { ...scene, torrent: scene.torrents[scheme] });
      await untilSeedIsAnnounced(scene.trackerPort, scene.infoHashV1!);
      const aria2 = await startAria2(t, scene, scene.out, ['--seed-time=0']);
      assert.equal(await aria2.exit(90_000), 0);
      assertArrived(scene);
    });
  }
}

interface Scene extends Content {
  /** The same torrent, announced over each; aria2 uses the one of HTTP. */
  readonly torrents: { readonly http: string; readonly udp: string };
  readonly trackerPort: number;
}

async function setScene(t: TestContext, trackerName: 'our tracker' | 'opentracker'): Promise<Scene | null> {
  if (!requireClient(t, 'aria2c') || (trackerName === 'opentracker' && !requireClient(t, 'opentracker'))) return null;
  const content = await makeContent(t, { tree: TREE, kind: 'v1' });
  const trackerPort =
    trackerName === 'opentracker' ? await startOpentracker(t, [content.infoHashV1!]) : await startTracker(t);
  const announcedOver = async (scheme: 'http' | 'udp'): Promise<string> => {
    const torrent = join(content.directory, `${scheme}.torrent`);
    await createTorrent(t, join(content.data, 'content'), torrent, {
      kind: 'v1',
      trackers: [`${scheme}://127.0.0.1:${trackerPort}/announce`],
    });
    return torrent;
  };
  return { ...content, torrents: { http: await announcedOver('http'), udp: await announcedOver('udp') }, trackerPort };
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
    scene.torrents.http,
  ]);
}
