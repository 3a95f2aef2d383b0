/**
 * Data and metadata to and from transmission-daemon 3.00. It ignores loopback peers, so each side gets a network
 * namespace; it was not seen to dial out there, so it is dialled, from our seed too.
 */
import { type TestContext, test } from 'node:test';
import type { Tree } from '../harness/content.js';
import { makeHosts } from '../harness/namespaces.js';
import { assertDownloads, type Content, makeContent, type OurSide, startSeed } from '../harness/transfer.js';
import { Transmission } from '../harness/transmission.js';
import { requireClient } from './clients.js';
import { assertCompletes } from './transfers.js';

// No empty file: transmission 3.00 does not create them.
const TREE: Tree = { 'a.bin': 2_500_000, 'sub/b.bin': 700_001 };

for (const by of ['torrent', 'magnet'] as const) {
  test(`dtorrent downloads from transmission by ${by}`, async (t) => {
    const scene = await setScene(t);
    if (scene === null) return;
    await scene.transmission.seed(scene);
    await assertDownloads(t, scene, scene[by], scene.ourSide);
  });

  test(`transmission downloads from dtorrent by ${by}`, async (t) => {
    const scene = await setScene(t);
    if (scene === null) return;
    await scene.transmission.download(scene, scene[by]);
    await startSeed(t, scene, scene.ourSide);
    await assertCompletes(scene.transmission, scene);
  });
}

interface Scene extends Content {
  readonly transmission: Transmission;
  readonly ourSide: OurSide;
}

async function setScene(t: TestContext): Promise<Scene | null> {
  if (!requireClient(t, 'transmission-daemon') || !requireClient(t, 'network namespaces')) return null;
  const { a, b } = await makeHosts(t);
  const content = await makeContent(t, { tree: TREE, kind: 'v1' });
  const transmission = await Transmission.start(t, content.directory, { ...b, dhtNodes: [] });
  const ourSide = { namespace: a.namespace, args: ['--peer', `${b.address}:${transmission.port}`] };
  return { ...content, transmission, ourSide };
}
