/**
 * A magnet link without a tracker, both ways between dtorrent and the clients that have a DHT, which is all they have to
 * find each other. The DHT is libtorrent's. Clients refuse loopback addresses or take them for something special, so each
 * has a host of its own on a network of namespaces; all tests run at one time on one such network.
 */
import { type TestContext, test } from 'node:test';
import { Aria2 } from '../../harness/aria2.js';
import type { ClientPlace } from '../../harness/client-place.js';
import type { Tree } from '../../harness/content.js';
import { Deluge } from '../../harness/deluge.js';
import { DhtPeer } from '../../harness/dht-peer.js';
import { Libtorrent } from '../../harness/libtorrent.js';
import { type Host, makeNetwork } from '../../harness/namespaces.js';
import { until } from '../../harness/process.js';
import { Qbittorrent } from '../../harness/qbittorrent.js';
import { Rtorrent } from '../../harness/rtorrent.js';
import { assertDownloads, type Content, makeContent, type OurSide, runSeed } from '../../harness/transfer.js';
import { Transmission } from '../../harness/transmission.js';
import { WebTorrent } from '../../harness/webtorrent.js';
import { type ClientName, requireClient } from '../clients.js';
import { assertCompletes, type ClientDriver } from '../transfers.js';

interface MagnetClient {
  readonly name: string;
  readonly requires: ClientName;
  readonly start: (t: TestContext, directory: string, place: ClientPlace) => Promise<Client>;
  /** What its DHT finds it does not dial: it has to be there first, for the seed to find. Default false. */
  readonly isPassive?: boolean;
}

interface Client extends Pick<ClientDriver, 'port' | 'seed' | 'download' | 'isComplete' | 'describe'> {
  /** Of one that looks in the DHT once, and then not for a long time. */
  searchAgain?(): Promise<void>;
}

/** First those that take long, and rtorrent, which waits for every node that has left meanwhile. */
const CLIENTS: readonly MagnetClient[] = [
  { name: 'rtorrent', requires: 'rtorrent', start: Rtorrent.start, isPassive: true },
  { name: 'transmission', requires: 'transmission-daemon', start: Transmission.start },
  { name: 'aria2', requires: 'aria2c', start: Aria2.start },
  { name: 'libtorrent', requires: 'libtorrent', start: Libtorrent.start },
  { name: 'qBittorrent', requires: 'qbittorrent-nox', start: Qbittorrent.start },
  { name: 'Deluge', requires: 'deluged', start: Deluge.start },
  { name: 'WebTorrent', requires: 'npm package of the interop tests', start: WebTorrent.start },
];

/** Of each test another one: in one DHT they would be one swarm. No empty file: transmission 3.00 does not create them. */
function treeOf({ addresses }: Host): Tree {
  return { 'a.bin': 1_500_000, [`sub/${addresses[0]}.bin`]: 300_001 };
}

/** Transmission takes a DHT of fewer nodes for a broken one. */
const NODES = 10;
const PORT = 6881;
const SEARCH_AGAIN_MS = 45_000;
/** Who could not connect to a peer tries it again after one minute, then two. */
const COMPLETES_WITHIN_MS = 220_000;

test('magnet links without a tracker', { timeout: 480_000, concurrency: 6 }, async (t) => {
  if (!requireClient(t, 'libtorrent') || !requireClient(t, 'network namespaces')) return;
  const pairs = [...CLIENTS, null];
  const [first, ...hosts] = await makeNetwork(t, [NODES, ...pairs.flatMap(() => [1, 1, 1, 1])]);
  const dht = await startDht(t, first!);
  await Promise.all(
    pairs.flatMap((client, index) => {
      const [a, b, c, d] = hosts.slice(4 * index);
      const name = client?.name ?? 'another dtorrent';
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
  const content = await makeContent(t, { tree: treeOf(ours), kind: 'v1' });
  if (tests === null) await runSeed(t, content, dht.ourSide(theirs));
  else await (await startClient(t, tests, content, { dht, at: theirs })).seed(content);
  await dht.untilAnnounced(content, theirs);
  await assertDownloads(t, content, content.magnet, dht.ourSide(ours));
}

async function uploadTo(t: TestContext, tests: MagnetClient | null, { dht, ours, theirs }: Scene): Promise<void> {
  if (tests !== null && !requireClient(t, tests.requires)) return;
  const content = await makeContent(t, { tree: treeOf(ours), kind: 'v1' });
  const side = dht.ourSide(ours);
  let told = (): string => '';
  const seed = async (): Promise<void> => {
    const process = await runSeed(t, content, { ...side, args: [...(side.args ?? []), '-v'] });
    told = () => process.errors.slice(-3000);
    await dht.untilAnnounced(content, ours);
  };
  if (tests === null) {
    await seed();
    await assertDownloads(t, content, content.magnet, dht.ourSide(theirs));
    return;
  }
  if (tests.isPassive !== true) await seed();
  const client = await startClient(t, tests, content, { dht, at: theirs });
  await client.download(content, content.magnet);
  if (tests.isPassive === true) {
    await dht.untilAnnounced(content, theirs);
    await seed();
  }
  const searchingAgain = setInterval(() => void client.searchAgain?.().catch(() => {}), SEARCH_AGAIN_MS);
  try {
    await assertCompletes(client, content, COMPLETES_WITHIN_MS);
  } catch (error) {
    throw new Error(`what our seed told:\n${told()}`, { cause: error });
  } finally {
    clearInterval(searchingAgain);
  }
}

async function startClient(
  t: TestContext,
  { start }: MagnetClient,
  { directory }: Content,
  { dht, at }: { readonly dht: SmallDht; readonly at: Host },
): Promise<Client> {
  const client = await start(t, directory, dht.place(at));
  await dht.meet(`${at.addresses[0]}:${client.port}`);
  return client;
}

interface SmallDht {
  readonly nodes: readonly string[];
  place(host: Host): ClientPlace;
  ourSide(host: Host): OurSide;
  /** Nodes that nobody asks take long to find out that the DHT is there. */
  meet(node: string): Promise<void>;
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
    meet: (node) => peer.meet(node),
    untilAnnounced: async (content, at) => {
      // Transmission takes between one and three minutes.
      await until('an announce', 220_000, async () => {
        const peers = await peer.getPeers(content.infoHashV1!);
        return peers?.some((one) => one.startsWith(`${at.addresses[0]}:`));
      });
    },
  };
}
