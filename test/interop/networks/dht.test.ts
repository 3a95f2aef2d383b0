/**
 * One DHT of libtorrent 2.0.8, bittorrent-dht 11, transmission 3.00, aria2 1.36, rtorrent 0.9.8 and dtorrent: what each
 * announces and puts, each other finds. Those that have no call for it announce a magnet link of their own, and dial whom
 * they find. Each has a host of its own on a network of namespaces, at private addresses: loopback ones are refused by
 * transmission, and libtorrent and we take one node of each /24.
 * Items come before those clients do: they do not know what a get is, and libtorrent waits 15 s for each that is silent.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Aria2 } from '../../harness/aria2.js';
import { temporaryDirectory } from '../../harness/content.js';
import { DhtPeer, type DhtProgram, itemKey } from '../../harness/dht-peer.js';
import { type Host, makeNetwork } from '../../harness/namespaces.js';
import { PacketCapture } from '../../harness/packet-capture.js';
import { until } from '../../harness/process.js';
import { Rtorrent } from '../../harness/rtorrent.js';
import { Transmission } from '../../harness/transmission.js';
import { requireClient } from '../clients.js';

/** Name -> program. */
const PROGRAMS: readonly (readonly [string, DhtProgram])[] = [
  ['libtorrent', 'libtorrent'],
  ['bittorrent-dht', 'bittorrent-dht'],
  ['dtorrent', 'dtorrent'],
  ['another dtorrent', 'dtorrent'],
];
const NODE_PORT = 6881;
/** libtorrent announces its own port instead. */
const PEER_PORT = 7777;
/** More nodes of libtorrent: transmission takes a DHT of eight or fewer for a broken one. */
const MORE_NODES = 8;
const FIND_TIMEOUT_MS = 30_000;
/** Transmission waits this long before it trusts its DHT. */
const CLIENT_TIMEOUT_MS = 90_000;
const SALT = 'salt of a test';

test('a DHT of several clients', { timeout: 240_000, concurrency: 8 }, async (t) => {
  for (const client of ['libtorrent', 'transmission-daemon', 'aria2c', 'rtorrent'] as const) {
    if (!requireClient(t, client)) return;
  }
  if (!requireClient(t, 'npm package of the interop tests') || !requireClient(t, 'network namespaces')) return;
  const dht = await startDht(t);
  await Promise.all([
    ...pairsOf(dht.peers).map(([x, y]) => t.test(`${y.name} finds the peer of ${x.name}`, () => findsPeer(dht, x, y))),
    ...pairsOf(dht.peers).map(([x, y]) => t.test(`${y.name} reads items of ${x.name}`, () => readsItems(x, y))),
    t.test('libtorrent gets a sample of the info-hashes that dtorrent keeps', () => samplesUs(dht)),
    t.test('dtorrent gets a sample of the info-hashes that libtorrent keeps', () => samplesThem(dht)),
    t.test('dtorrent counts the seed and the downloader that libtorrent keeps', () => scrapes(dht)),
  ]);
  const clients = await startClients(t, dht);
  await Promise.all([
    ...clients.flatMap((client) =>
      dht.peers.map((y) => t.test(`${y.name} finds the peer of ${client.name}`, () => findsClient(client, y))),
    ),
    ...clients
      .filter(({ dials }) => dials)
      .flatMap((client) =>
        dht.peers.map((x) => t.test(`${client.name} dials the peer of ${x.name}`, () => dials(dht, client, x))),
      ),
  ]);
});

interface SmallDht {
  /** Those that can be asked. */
  readonly peers: readonly DhtPeer[];
  /** Nodes of libtorrent. */
  readonly crowd: DhtPeer;
  /** HOST:PORT of all nodes. */
  readonly nodes: readonly string[];
  /** For clients, one each. */
  readonly hosts: readonly Host[];
  /** HOST:PORT of the peer that each of `peers` has announced for its info-hash. */
  readonly announced: ReadonlyMap<DhtPeer, string>;
}

/** One that is told of torrents alone. */
interface TorrentClient {
  readonly name: string;
  readonly host: Host;
  /** Whether it dials whom its DHT finds. rtorrent was not seen to: it counts them, and that is all. */
  readonly dials: boolean;
  /** What it sends. */
  readonly capture: PacketCapture;
}

/** What each announces is told by its name. */
function hashOf({ name }: { readonly name: string }): string {
  return createHash('sha1').update(name).digest('hex');
}

async function startDht(t: TestContext): Promise<SmallDht> {
  const [more, ...hosts] = await makeNetwork(t, [MORE_NODES, ...PROGRAMS.map(() => 1), 1, 1, 1]);
  const places = [more!, ...hosts.slice(0, PROGRAMS.length)];
  const nodes = places.flatMap(({ addresses }) => addresses.map((address) => `${address}:${NODE_PORT}`));
  const start = (name: string, program: DhtProgram, { namespace, addresses }: Host): Promise<DhtPeer> => {
    const others = nodes.filter((node) => !addresses.includes(node.split(':')[0]!));
    return DhtPeer.start(t, program, { name, namespace, addresses, port: NODE_PORT, nodes: others });
  };
  const programs = [['the others', 'libtorrent'] as const, ...PROGRAMS];
  const [crowd, ...peers] = await Promise.all(
    programs.map(([name, program], index) => start(name, program, places[index]!)),
  );
  for (const peer of peers) await crowd!.meet(peer.node);
  await until('tables of nodes', FIND_TIMEOUT_MS, async () => {
    const counts = await Promise.all(peers.map((peer) => peer.countNodes()));
    return counts.every((count) => count >= MORE_NODES);
  });
  const announced = new Map<DhtPeer, string>();
  for (const peer of peers) announced.set(peer, await peer.announce(hashOf(peer), PEER_PORT));
  return { peers, crowd: crowd!, nodes, hosts: hosts.slice(PROGRAMS.length), announced };
}

/** Each with a magnet link of its own, and of all that they are to find. */
async function startClients(
  t: TestContext,
  { nodes, crowd, peers, hosts }: SmallDht,
): Promise<readonly TorrentClient[]> {
  const directory = temporaryDirectory(t);
  const out = join(directory, 'out');
  mkdirSync(out);
  const place = ({ namespace, addresses }: Host) => ({ namespace, address: addresses[0]!, dhtNodes: nodes });
  const [a, b, c] = hosts as readonly [Host, Host, Host];
  const captureOf = ({ namespace }: Host) => PacketCapture.start(t, namespace, 'eth0');
  const [captureA, captureB, captureC] = await Promise.all([captureOf(a), captureOf(b), captureOf(c)]);
  const transmission = await Transmission.start(t, directory, place(a));
  const aria2 = await Aria2.start(t, directory, place(b));
  const rtorrent = await Rtorrent.start(t, directory, place(c));
  const clients = [
    { name: 'transmission', host: a, dials: true, capture: captureA },
    { name: 'aria2', host: b, dials: true, capture: captureB },
    { name: 'rtorrent', host: c, dials: false, capture: captureC },
  ];
  const magnetOf = (whose: { readonly name: string }): string => `magnet:?xt=urn:btih:${hashOf(whose)}`;
  const sought = [...new Set(peers.map(magnetOf))];
  for (const magnet of [magnetOf(clients[0]!), ...sought]) await transmission.download({ out }, magnet);
  await aria2.downloadAll({ out }, [magnetOf(clients[1]!), ...sought]);
  await rtorrent.download({ out, infoHashV1: hashOf(clients[2]!) }, magnetOf(clients[2]!));
  for (const [client, { addresses }] of [[transmission, a] as const, [aria2, b] as const, [rtorrent, c] as const]) {
    await crowd.meet(`${addresses[0]}:${client.port}`);
  }
  return clients;
}

/** Each with each other, both ways. */
function pairsOf(peers: readonly DhtPeer[]): readonly (readonly [DhtPeer, DhtPeer])[] {
  return peers.flatMap((x) => peers.filter((y) => y !== x).map((y) => [x, y] as const));
}

async function findsPeer({ announced }: SmallDht, x: DhtPeer, y: DhtPeer): Promise<void> {
  await until(`${announced.get(x)}`, FIND_TIMEOUT_MS, async () =>
    (await y.getPeers(hashOf(x)))?.includes(announced.get(x)!),
  );
}

async function readsItems(x: DhtPeer, y: DhtPeer): Promise<void> {
  const value = `of ${x.node} for ${y.node}`;
  const target = await x.putImmutable(value);
  assert.ok(target !== null, 'nobody took the value');
  assert.equal(await y.getImmutable(target), value);
  const key = itemKey(createHash('sha256').update(value).digest());
  await x.putMutable({ ...key, salt: SALT, value, sequence: 1 });
  assert.deepEqual(await y.getMutable(key, SALT), { value, sequence: 1 });
}

async function findsClient(client: TorrentClient, y: DhtPeer): Promise<void> {
  await until(`the peer of ${client.name}`, CLIENT_TIMEOUT_MS, async () =>
    (await y.getPeers(hashOf(client)))?.some((peer) => peer.startsWith(`${client.host.addresses[0]}:`)),
  );
}

/** Or is dialled by it, and answers. Told from its packets: a connection that is reset is seen nowhere else. */
async function dials({ announced }: SmallDht, { name, host, capture }: TorrentClient, x: DhtPeer): Promise<void> {
  const port = announced.get(x)!.split(':')[1];
  const begins = `tcp ${host.addresses[0]} ${x.address} `;
  const isDial = (line: string): boolean =>
    line.startsWith(begins) && (line.endsWith(`>${port} S`) || line.endsWith(' SA'));
  await until(`${name} at ${announced.get(x)}`, CLIENT_TIMEOUT_MS, () => capture.packets.some(isDial));
}

async function samplesUs({ peers }: SmallDht): Promise<void> {
  const [libtorrent, , dtorrent] = peers;
  const sample = await libtorrent!.sample(dtorrent!.node, hashOf(dtorrent!));
  assert.ok(sample !== null && sample.length > 0, `${sample}`);
}

async function samplesThem({ peers }: SmallDht): Promise<void> {
  const sample = await peers[2]!.sample(peers[0]!.node, hashOf(peers[0]!));
  assert.ok(sample?.includes(hashOf(peers[0]!)), `${sample}`);
}

/** Estimates, of one each. */
async function scrapes({ peers }: SmallDht): Promise<void> {
  const [libtorrent, , dtorrent, another] = peers;
  const ofSeed = await another!.scrape(hashOf(dtorrent!));
  assert.ok(ofSeed.seeds !== null && ofSeed.seeds > 0.5, JSON.stringify(ofSeed));
  const ofDownloader = await dtorrent!.scrape(hashOf(libtorrent!));
  assert.ok(ofDownloader.leechers !== null && ofDownloader.leechers > 0.5, JSON.stringify(ofDownloader));
}
