/**
 * A magnet link without a tracker, both ways between dtorrent and the clients that have a DHT, which is all they have to
 * find each other. The DHT is libtorrent's. Clients refuse loopback addresses or take them for something special, so each
 * has a host of its own on a network of namespaces; all tests run at one time on one such network.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Aria2 } from '../harness/aria2.js';
import type { ClientPlace } from '../harness/client-place.js';
import type { Tree } from '../harness/content.js';
import { Deluge } from '../harness/deluge.js';
import { DhtPeer } from '../harness/dht-peer.js';
import { Libtorrent } from '../harness/libtorrent.js';
import { type Host, makeNetwork } from '../harness/namespaces.js';
import { until } from '../harness/process.js';
import { Qbittorrent } from '../harness/qbittorrent.js';
import { Rtorrent } from '../harness/rtorrent.js';
import { assertDownloads, type Content, makeContent, type OurSide, runSeed } from '../harness/transfer.js';
import { Transmission } from '../harness/transmission.js';
import { WebTorrent } from '../harness/webtorrent.js';
import { type ClientName, requireClient } from './clients.js';
import { assertCompletes, type ClientDriver } from './transfers.js';

interface MagnetClient {
  readonly name: string;
  readonly requires: ClientName;
  readonly start: (t: TestContext, directory: string, place: ClientPlace) => Promise<Client>;
}

type Client = Pick<ClientDriver, 'seed' | 'download' | 'isComplete' | 'describe'>;

const CLIENTS: readonly MagnetClient[] = [
  { name: 'libtorrent', requires: 'libtorrent', start: Libtorrent.start },
  { name: 'transmission', requires: 'transmission-daemon', start: Transmission.start },
  { name: 'aria2', requires: 'aria2c', start: Aria2.start },
  { name: 'qBittorrent', requires: 'qbittorrent-nox', start: Qbittorrent.start },
  { name: 'Deluge', requires: 'deluged', start: Deluge.start },
  { name: 'rtorrent', requires: 'rtorrent', start: Rtorrent.start },
  { name: 'WebTorrent', requires: 'npm package of the interop tests', start: WebTorrent.start },
];

/** No empty file: transmission 3.00 does not create them. */
const TREE: Tree = { 'a.bin': 1_500_000, 'sub/b.bin': 300_001 };
/** Transmission takes a DHT of fewer nodes for a broken one. */
const NODES = 10;
const PORT = 6881;

test('magnet links without a tracker', { timeout: 180_000 }, async (t) => {
  if (!requireClient(t, 'libtorrent') || !requireClient(t, 'network namespaces')) return;
  const pairs = [...CLIENTS, null];
  const [first, ...hosts] = await makeNetwork(t, [NODES, ...pairs.flatMap(() => [1, 1, 1, 1])]);
  const dht = await startDht(t, first!);
  await Promise.all(
    pairs.flatMap((client, index) => {
      const [a, b, c, d] = hosts.slice(4 * index);
      const name = client === null ? 'dtorrent' : client.name;
      return [
        t.test(`dtorrent downloads from ${name}`, (one) => downloadFrom(one, client, { dht, ours: a!, theirs: b! })),
        t.test(`${name} downloads from dtorrent`, (one) => uploadTo(one, client, { dht, ours: c!, theirs: d! })),
      ];
    }),
  );
});

interface Scene {
  readonly dht: SmallDht;
  readonly ours: Host;
  readonly theirs: Host;
}

async function downloadFrom(t: TestContext, tests: MagnetClient | null, { dht, ours, theirs }: Scene): Promise<void> {
  if (tests !== null && !requireClient(t, tests.requires)) return;
  const content = await magnetContent(t, dht);
  if (tests === null) await runSeed(t, content, dht.ourSide(theirs));
  else await (await tests.start(t, content.directory, dht.place(theirs))).seed(content);
  await dht.untilAnnounced(content, theirs);
  await assertDownloads(t, content, content.magnet, dht.ourSide(ours));
}

async function uploadTo(t: TestContext, tests: MagnetClient | null, { dht, ours, theirs }: Scene): Promise<void> {
  if (tests !== null && !requireClient(t, tests.requires)) return;
  const content = await magnetContent(t, dht);
  await runSeed(t, content, dht.ourSide(ours));
  await dht.untilAnnounced(content, ours);
  if (tests === null) return assertDownloads(t, content, content.magnet, dht.ourSide(theirs));
  const client = await tests.start(t, content.directory, dht.place(theirs));
  await client.download(content, content.magnet);
  await assertCompletes(client, content);
}

/** Both the torrent and the magnet name nodes: qBittorrent and Deluge have no other way to be told. */
async function magnetContent(t: TestContext, { nodes }: SmallDht): Promise<Content> {
  const content = await makeContent(t, { tree: TREE, kind: 'v1' });
  const named = nodes.map((node) => {
    const [host, port] = node.split(':');
    return `l${host!.length}:${host}i${port}ee`;
  });
  const bytes = readFileSync(content.torrent, 'latin1');
  // Its last key is `info`, and `nodes` comes after that.
  assert.match(bytes, /^d.*4:infod/s);
  const torrent = join(content.directory, 'nodes.torrent');
  writeFileSync(torrent, `${bytes.slice(0, -1)}5:nodesl${named.join('')}ee`, 'latin1');
  return { ...content, torrent, magnet: `${content.magnet}${nodes.map((node) => `&dht=${node}`).join('')}` };
}

interface SmallDht {
  readonly nodes: readonly string[];
  place(host: Host): ClientPlace;
  ourSide(host: Host): OurSide;
  /** Waits until nodes of the DHT tell of a peer at that host: who asks before that asks again much later. */
  untilAnnounced(content: Content, at: Host): Promise<void>;
}

async function startDht(t: TestContext, { namespace, addresses }: Host): Promise<SmallDht> {
  const nodes = addresses.map((address) => `${address}:${PORT}`);
  const peer = await DhtPeer.start(t, 'libtorrent', { namespace, addresses, port: PORT, nodes });
  await until('a DHT', 20_000, async () => (await peer.countNodes()) >= NODES - 1);
  return {
    nodes,
    place: (host) => ({ namespace: host.namespace, address: host.addresses[0]!, dhtNodes: nodes }),
    ourSide: (host) => ({
      namespace: host.namespace,
      args: ['--no-lsd', '--no-pex', '--no-trackers', '--dht-bootstrap', nodes[0]!],
      env: { DTORRENT_NO_DHT: '' },
    }),
    untilAnnounced: (content, at) =>
      until('an announce', 60_000, async () => {
        const peers = await peer.getPeers(content.infoHashV1!);
        return peers?.some((one) => one.startsWith(`${at.addresses[0]}:`));
      }),
  };
}
