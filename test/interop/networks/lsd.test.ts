/**
 * Local discovery (BEP 14) with real clients: a magnet link without a tracker, and nothing else that leads to a peer, both
 * ways between dtorrent and each client that has it, in two network namespaces that a veth pair joins. rtorrent 0.9.8 has
 * no local discovery: nothing of it is in its manual, its settings or its library.
 */
import { type TestContext, test } from 'node:test';
import { Aria2 } from '../../harness/aria2.js';
import type { ClientPlace } from '../../harness/client-place.js';
import { Deluge } from '../../harness/deluge.js';
import { Libtorrent } from '../../harness/libtorrent.js';
import { type Hosts, makeHosts } from '../../harness/namespaces.js';
import { Qbittorrent } from '../../harness/qbittorrent.js';
import { assertDownloads, type Content, makeContent, type OurSide, runSeed } from '../../harness/transfer.js';
import { Transmission } from '../../harness/transmission.js';
import { WebTorrent } from '../../harness/webtorrent.js';
import { type ClientName, requireClient } from '../clients.js';
import { assertCompletes, type ClientDriver } from '../transfers.js';

interface LsdClient {
  readonly name: string;
  readonly requires: ClientName;
  readonly start: (t: TestContext, directory: string, place: ClientPlace) => Promise<Client>;
}

type Client = Pick<ClientDriver, 'seed' | 'download' | 'isComplete' | 'describe'>;

/**
 * First those that take long: transmission announces and hears nothing for five seconds, and asks for its first block ten
 * seconds after it has the metadata; aria2 dials every ten seconds.
 */
const CLIENTS: readonly LsdClient[] = [
  { name: 'transmission', requires: 'transmission-daemon', start: Transmission.start },
  { name: 'Deluge', requires: 'deluged', start: Deluge.start },
  { name: 'aria2', requires: 'aria2c', start: Aria2.start },
  { name: 'qBittorrent', requires: 'qbittorrent-nox', start: Qbittorrent.start },
  { name: 'libtorrent', requires: 'libtorrent', start: Libtorrent.start },
  { name: 'WebTorrent', requires: 'npm package of the interop tests', start: WebTorrent.start },
];

const TREE = { 'a.bin': 700_001, 'b.bin': 20 };

test('magnet links that local discovery alone leads to', { timeout: 300_000, concurrency: 8 }, async (t) => {
  if (!requireClient(t, 'network namespaces')) return;
  await Promise.all([
    ...CLIENTS.flatMap((client) => [
      t.test(`dtorrent downloads from ${client.name}`, (one) => downloadFrom(one, client)),
      t.test(`${client.name} downloads from dtorrent`, (one) => uploadTo(one, client)),
    ]),
    t.test('dtorrent downloads from another dtorrent', (one) => downloadFromOurs(one, ({ b }) => b)),
    t.test('dtorrent downloads from another one on the same machine', (one) => downloadFromOurs(one, ({ a }) => a)),
  ]);
});

async function downloadFromOurs(t: TestContext, where: (hosts: Hosts) => Hosts['a']): Promise<void> {
  const { hosts, content } = await makeScene(t);
  await runSeed(t, content, ourSide(hosts.a));
  await assertDownloads(t, content, content.magnet, ourSide(where(hosts)));
}

async function downloadFrom(t: TestContext, { requires, start }: LsdClient): Promise<void> {
  if (!requireClient(t, requires)) return;
  const { hosts, content } = await makeScene(t);
  const client = await start(t, content.directory, placeAt(hosts.a));
  await client.seed(content);
  await assertDownloads(t, content, content.magnet, ourSide(hosts.b));
}

async function uploadTo(t: TestContext, { requires, start }: LsdClient): Promise<void> {
  if (!requireClient(t, requires)) return;
  const { hosts, content } = await makeScene(t);
  await runSeed(t, content, ourSide(hosts.a));
  const client = await start(t, content.directory, placeAt(hosts.b));
  await client.download(content, content.magnet);
  await assertCompletes(client, content);
}

async function makeScene(t: TestContext): Promise<{ readonly hosts: Hosts; readonly content: Content }> {
  return { hosts: await makeHosts(t), content: await makeContent(t, { tree: TREE, kind: 'v1' }) };
}

function placeAt({ namespace, address }: Hosts['a']): ClientPlace {
  return { namespace, address, dhtNodes: [], usesLsd: true };
}

/** The harness switches all that finds peers off, and here one of them on. */
function ourSide({ namespace }: Hosts['a']): OurSide {
  return { namespace, args: ['--no-dht', '--no-pex', '--no-trackers'], env: { DTORRENT_NO_LSD: '' } };
}
