/**
 * Data and metadata to and from transmission-daemon 3.00. It ignores loopback peers, so each side gets a network
 * namespace; it was not seen to dial out there, so it is dialled, from our seed too.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Tree } from '../harness/content.js';
import { type Hosts, makeHosts } from '../harness/namespaces.js';
import { Process, run, until } from '../harness/process.js';
import {
  assertArrived,
  assertDownloads,
  type Content,
  makeContent,
  type OurSide,
  startSeed,
} from '../harness/transfer.js';
import { requireClient } from './clients.js';

const PEER_PORT = 51413;
const RPC_PORT = 9091;
// No empty file: transmission 3.00 does not create them.
const TREE: Tree = { 'a.bin': 2_500_000, 'sub/b.bin': 700_001 };

test('dtorrent downloads from transmission', async (t) => {
  const scene = await setScene(t);
  if (scene === null) return;
  const daemon = await startDaemon(t, scene, scene.data);
  await daemon.add(scene.torrent);
  await daemon.becomes('a seed', /State: (Idle|Seeding)/, /Percent Done: 100%/);
  await download(t, scene, scene.torrent);
});

test('dtorrent fetches metadata and data from transmission by magnet', async (t) => {
  const scene = await setScene(t);
  if (scene === null) return;
  const daemon = await startDaemon(t, scene, scene.data);
  await daemon.add(scene.torrent);
  await daemon.becomes('a seed', /State: (Idle|Seeding)/, /Percent Done: 100%/);
  await download(t, scene, scene.magnet);
});

test('transmission downloads from dtorrent', async (t) => {
  const scene = await setScene(t);
  if (scene === null) return;
  const daemon = await startDaemon(t, scene, scene.out);
  await daemon.add(scene.torrent);
  await seed(t, scene);
  await daemon.becomes('complete', /Percent Done: 100%/);
  assertArrived(scene);
});

test('transmission fetches metadata and data from dtorrent by magnet', async (t) => {
  const scene = await setScene(t);
  if (scene === null) return;
  const daemon = await startDaemon(t, scene, scene.out);
  await daemon.add(scene.magnet);
  await seed(t, scene);
  await daemon.becomes('complete', /Percent Done: 100%/, /Have: 3/);
  assertArrived(scene);
});

interface Scene extends Content {
  readonly hosts: Hosts;
}

/** dtorrent lives on host a, transmission on host b. */
async function setScene(t: TestContext): Promise<Scene | null> {
  if (!requireClient(t, 'transmission-daemon') || !requireClient(t, 'network namespaces')) return null;
  const hosts = await makeHosts(t);
  return { hosts, ...(await makeContent(t, { tree: TREE, kind: 'v1' })) };
}

async function download(t: TestContext, scene: Scene, source: string): Promise<void> {
  await assertDownloads(t, scene, source, ourSide(scene));
}

async function seed(t: TestContext, scene: Scene): Promise<void> {
  await startSeed(t, scene, ourSide(scene));
}

function ourSide({ hosts: { a, b } }: Scene): OurSide {
  return { namespace: a.namespace, args: ['--peer', `${b.address}:${PEER_PORT}`] };
}

async function startDaemon(t: TestContext, scene: Scene, downloads: string) {
  const { namespace } = scene.hosts.b;
  const config = join(scene.directory, 'transmission');
  mkdirSync(config);
  const settings = {
    'dht-enabled': false,
    'lpd-enabled': false,
    'pex-enabled': false,
    'utp-enabled': false,
    'port-forwarding-enabled': false,
    'download-dir': downloads,
    'incomplete-dir-enabled': false,
    'peer-port': PEER_PORT,
    'rpc-port': RPC_PORT,
    'rpc-bind-address': '127.0.0.1',
    'rpc-authentication-required': false,
    'rpc-whitelist-enabled': false,
    encryption: 0,
    preallocation: 0,
  };
  writeFileSync(join(config, 'settings.json'), JSON.stringify(settings));
  new Process(t, 'transmission-daemon', ['-f', '-g', config], { namespace });
  const remote = (...args: string[]): Promise<string> =>
    run(t, 'transmission-remote', [`127.0.0.1:${RPC_PORT}`, ...args], { namespace });
  await until('answer of transmission-daemon', 20_000, () => remote('-si').catch(() => null));
  return {
    add: async (source: string): Promise<void> => {
      await remote('-a', source);
    },
    becomes: async (what: string, ...patterns: RegExp[]): Promise<void> => {
      let info = '';
      try {
        await until(what, 80_000, async () => {
          info = await remote('-t', 'all', '-i');
          return patterns.every((pattern) => pattern.test(info));
        });
      } catch (error) {
        throw new Error(`transmission did not become ${what}:\n${info}`, { cause: error });
      }
    },
  };
}
