/**
 * Local discovery (BEP 14) with real clients: a magnet link without a tracker, and nothing else that leads to a peer, in
 * two network namespaces that a veth pair joins. Of the clients of these tests libtorrent, and with it qBittorrent and
 * Deluge, Transmission and aria2 have it; rtorrent has not. Here libtorrent and aria2 speak for them; Transmission is still
 * to be tried, which finds nobody in namespaces that are set up like these.
 */
import { type TestContext, test } from 'node:test';
import { Dtorrent } from '../../harness/dtorrent.js';
import { type Hosts, makeHosts } from '../../harness/namespaces.js';
import { Process } from '../../harness/process.js';
import { assertArrived, assertDownloads, type Content, makeContent, runSeed } from '../../harness/transfer.js';
import { requireClient } from '../clients.js';

const TREE = { 'a.bin': 700_001, 'b.bin': 20 };
/** The harness switches it off everywhere else. */
const LSD = { env: { DTORRENT_NO_LSD: '' } };

/** arguments: seed|leech, TORRENT or magnet, DIRECTORY. */
const LIBTORRENT = `
import libtorrent as lt, sys, time
session = lt.session({'listen_interfaces': '0.0.0.0:6899', 'enable_lsd': True, 'enable_dht': False,
  'enable_upnp': False, 'enable_natpmp': False, 'alert_mask': 0})
mode, source, directory = sys.argv[1:4]
if source.startswith('magnet:'): parameters = lt.parse_magnet_uri(source)
else:
  parameters = lt.add_torrent_params()
  parameters.ti = lt.torrent_info(source)
parameters.save_path = directory
torrent = session.add_torrent(parameters)
while not torrent.status().is_seeding: time.sleep(0.1)
print('complete', flush=True)
while mode == 'seed': time.sleep(1)
`;

async function makeScene(t: TestContext): Promise<{ readonly hosts: Hosts; readonly content: Content }> {
  return { hosts: await makeHosts(t), content: await makeContent(t, { tree: TREE, kind: 'v1' }) };
}

function libtorrent(t: TestContext, namespace: string, args: readonly string[]): Process {
  return new Process(t, '/usr/bin/python3', ['-c', LIBTORRENT, ...args], { namespace });
}

function aria2(t: TestContext, namespace: string, args: readonly string[]): Process {
  const only = ['--enable-dht=false', '--enable-dht6=false', '--enable-peer-exchange=false', '--bt-enable-lpd=true'];
  const rest = ['--bt-lpd-interface=eth0', '--listen-port=6899', '--summary-interval=0', '--allow-overwrite=true'];
  return new Process(t, 'aria2c', [...only, ...rest, ...args], { namespace });
}

test('a dtorrent magnet completes from a dtorrent next door', async (t) => {
  if (!requireClient(t, 'network namespaces')) return;
  const { hosts, content } = await makeScene(t);
  await runSeed(t, content, { namespace: hosts.a.namespace, ...LSD });
  await assertDownloads(t, content, content.magnet, { namespace: hosts.b.namespace, ...LSD });
});

test('two dtorrents on one machine find each other over its interface', async (t) => {
  if (!requireClient(t, 'network namespaces')) return;
  const { hosts, content } = await makeScene(t);
  await runSeed(t, content, { namespace: hosts.a.namespace, ...LSD });
  await assertDownloads(t, content, content.magnet, { namespace: hosts.a.namespace, ...LSD });
});

test('a dtorrent magnet completes from libtorrent, found by local discovery', async (t) => {
  if (!requireClient(t, 'network namespaces') || !requireClient(t, 'libtorrent')) return;
  const { hosts, content } = await makeScene(t);
  const seed = libtorrent(t, hosts.a.namespace, ['seed', content.torrent, content.data]);
  await seed.line('complete', 20_000, (line) => line === 'complete');
  await assertDownloads(t, content, content.magnet, { namespace: hosts.b.namespace, ...LSD });
});

test('a libtorrent magnet completes from dtorrent, found by local discovery', async (t) => {
  if (!requireClient(t, 'network namespaces') || !requireClient(t, 'libtorrent')) return;
  const { hosts, content } = await makeScene(t);
  await runSeed(t, content, { namespace: hosts.a.namespace, ...LSD });
  const leecher = libtorrent(t, hosts.b.namespace, ['leech', content.magnet, content.out]);
  await leecher.line('complete', 40_000, (line) => line === 'complete');
  await leecher.exit(10_000);
  assertArrived(content);
});

test('a dtorrent magnet completes from aria2, found by local discovery', async (t) => {
  if (!requireClient(t, 'network namespaces') || !requireClient(t, 'aria2c')) return;
  const { hosts, content } = await makeScene(t);
  const get = new Dtorrent(t, ['get', content.magnet, '-o', content.out, '--port', '0'], {
    namespace: hosts.b.namespace,
    ...LSD,
  });
  await get.port();
  const seeding = ['--check-integrity=true', '--seed-ratio=0', `--dir=${content.data}`];
  aria2(t, hosts.a.namespace, [...seeding, content.torrent]);
  await get.event('completed', 60_000);
  assertArrived(content);
});

// By its .torrent: by a magnet link aria2 1.36 found nobody this way within a minute.
test('aria2 completes a torrent from dtorrent, found by local discovery', async (t) => {
  if (!requireClient(t, 'network namespaces') || !requireClient(t, 'aria2c')) return;
  const { hosts, content } = await makeScene(t);
  await runSeed(t, content, { namespace: hosts.a.namespace, ...LSD });
  const leecher = aria2(t, hosts.b.namespace, ['--seed-time=0', `--dir=${content.out}`, content.torrent]);
  await leecher.exit(40_000);
  assertArrived(content);
});
