/**
 * Data and metadata to and from qbittorrent-nox 4.5 (libtorrent 2.0.8), driven through its WebUI API: hybrid torrents
 * with peers that it is told of, v1 with those that our tracker tells, and magnet links.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Tree } from '../harness/content.js';
import { freePort, keepsConnections } from '../harness/ports.js';
import { Process, until } from '../harness/process.js';
import {
  assertArrived,
  assertDownloads,
  type Content,
  makeContent,
  startSeed,
  startTracker,
  untilSeedIsAnnounced,
} from '../harness/transfer.js';
import { requireClient } from './clients.js';

const TREE: Tree = { 'a.bin': 2_500_000, 'sub/b.bin': 700_001, 'sub/empty': 0 };

test('dtorrent downloads a hybrid torrent from qBittorrent', async (t) => {
  if (!requireClient(t, 'qbittorrent-nox')) return;
  const content = await makeContent(t, { tree: TREE, kind: 'hybrid' });
  const client = await Qbittorrent.start(t, content);
  await client.seed();
  await assertDownloads(t, content, content.torrent, { args: ['--peer', client.peer] });
});

test('qBittorrent downloads a hybrid torrent from dtorrent', async (t) => {
  if (!requireClient(t, 'qbittorrent-nox')) return;
  const content = await makeContent(t, { tree: TREE, kind: 'hybrid' });
  const port = await startSeed(t, content);
  const client = await Qbittorrent.start(t, content);
  await client.download(content.torrent);
  await client.addPeer(`127.0.0.1:${port}`);
  await client.completes();
});

test('dtorrent fetches metadata and data from qBittorrent by magnet', async (t) => {
  if (!requireClient(t, 'qbittorrent-nox')) return;
  const content = await makeContent(t, { tree: TREE, kind: 'hybrid' });
  const client = await Qbittorrent.start(t, content);
  await client.seed();
  await assertDownloads(t, content, content.magnet, { args: ['--peer', client.peer] });
});

test('qBittorrent fetches metadata and data from dtorrent by magnet', async (t) => {
  if (!requireClient(t, 'qbittorrent-nox')) return;
  const content = await makeContent(t, { tree: TREE, kind: 'hybrid' });
  const port = await startSeed(t, content);
  const client = await Qbittorrent.start(t, content);
  await client.download(`${content.magnet}&x.pe=127.0.0.1:${port}`);
  await client.completes();
});

for (const scheme of ['http', 'udp'] as const) {
  test(`dtorrent downloads a v1 torrent from qBittorrent, both announced over ${scheme}`, async (t) => {
    if (!requireClient(t, 'qbittorrent-nox')) return;
    const { content, trackerPort } = await announcedContent(t, scheme);
    const client = await Qbittorrent.start(t, content);
    await client.seed();
    await untilSeedIsAnnounced(trackerPort, content.infoHashV1!);
    await assertDownloads(t, content, content.torrent);
  });

  test(`qBittorrent downloads a v1 torrent from dtorrent, both announced over ${scheme}`, async (t) => {
    if (!requireClient(t, 'qbittorrent-nox')) return;
    const { content, trackerPort } = await announcedContent(t, scheme);
    await startSeed(t, content);
    await untilSeedIsAnnounced(trackerPort, content.infoHashV1!);
    const client = await Qbittorrent.start(t, content);
    await client.download(content.torrent);
    await client.completes();
  });
}

async function announcedContent(
  t: TestContext,
  scheme: 'http' | 'udp',
): Promise<{ readonly content: Content; readonly trackerPort: number }> {
  const trackerPort = await startTracker(t);
  const trackers = [`${scheme}://127.0.0.1:${trackerPort}/announce`];
  return { content: await makeContent(t, { tree: TREE, kind: 'v1', trackers }), trackerPort };
}

/** One daemon with a profile of its own, on loopback only, for one torrent. */
class Qbittorrent {
  readonly #content: Content;
  readonly #api: string;
  readonly #peerPort: number;

  private constructor(content: Content, ports: { readonly api: number; readonly peer: number }) {
    this.#content = content;
    this.#api = `http://127.0.0.1:${ports.api}/api/v2`;
    this.#peerPort = ports.peer;
  }

  /** HOST:PORT that it takes peers on. */
  get peer(): string {
    return `127.0.0.1:${this.#peerPort}`;
  }

  static async start(t: TestContext, content: Content): Promise<Qbittorrent> {
    const ports = { api: await freePort(), peer: await freePort() };
    const profile = join(content.directory, 'qbittorrent');
    const config = join(profile, 'qBittorrent', 'config');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'qBittorrent.conf'), configuration(ports.peer));
    const daemon = new Process(t, 'qbittorrent-nox', [`--profile=${profile}`, `--webui-port=${ports.api}`]);
    const client = new Qbittorrent(content, ports);
    await until('answer of qbittorrent-nox', 20_000, () => {
      if (daemon.hasExited) throw new Error(`qbittorrent-nox ended: ${daemon.errors}${daemon.lines.join('\n')}`);
      return client.#get('app/version').catch(() => null);
    });
    return client;
  }

  /** Has it verify and offer the complete data. */
  async seed(): Promise<void> {
    await this.#add(this.#content.torrent, this.#content.data);
    await this.#becomes('a seed', ({ state }) => /^(uploading|stalledUP)$/.test(state));
    await until('seed that takes peers', 10_000, () => keepsConnections(this.#peerPort));
  }

  /** Has it download `source`, a path or a magnet link. */
  async download(source: string): Promise<void> {
    await this.#add(source, this.#content.out);
  }

  async addPeer(peer: string): Promise<void> {
    // Refused until the torrent is loaded, which comes some time after the answer to its addition.
    await until('torrent that takes peers', 20_000, async () => {
      const [torrent] = await this.#torrents();
      if (torrent === undefined) return false;
      const body = new URLSearchParams({ hashes: torrent.hash, peers: peer });
      return (await fetch(`${this.#api}/torrents/addPeers`, { method: 'POST', body })).ok;
    });
  }

  /** Waits for the end of the download, and for every byte. */
  async completes(): Promise<void> {
    await this.#becomes('complete', ({ state, progress }) => progress === 1 && /UP$|^uploading$/.test(state));
    assertArrived(this.#content);
  }

  async #add(source: string, savePath: string): Promise<void> {
    const body = new FormData();
    if (source.startsWith('magnet:')) body.set('urls', source);
    else body.set('torrents', new Blob([readFileSync(source)]), 'content.torrent');
    body.set('savepath', savePath);
    const response = await fetch(`${this.#api}/torrents/add`, { method: 'POST', body });
    assert.equal(await response.text(), 'Ok.');
  }

  async #becomes(what: string, matches: (torrent: TorrentState) => boolean): Promise<void> {
    let torrents: readonly TorrentState[] = [];
    try {
      await until(what, 80_000, async () => {
        torrents = await this.#torrents();
        return torrents.length === 1 && matches(torrents[0]!);
      });
    } catch (error) {
      throw new Error(`qBittorrent did not become ${what}: ${JSON.stringify(torrents)}`, { cause: error });
    }
  }

  async #torrents(): Promise<readonly TorrentState[]> {
    return JSON.parse(await this.#get('torrents/info'));
  }

  async #get(path: string): Promise<string> {
    const response = await fetch(`${this.#api}/${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.text();
  }
}

interface TorrentState {
  readonly hash: string;
  readonly state: string;
  /** 0 to 1. */
  readonly progress: number;
}

/** Nobody to ask and nothing outside loopback: terms accepted, no password from here, no discovery, no downloads. */
function configuration(peerPort: number): string {
  return [
    '[LegalNotice]',
    'Accepted=true',
    '[BitTorrent]',
    `Session\\Port=${peerPort}`,
    'Session\\Interface=lo',
    'Session\\InterfaceName=lo',
    'Session\\InterfaceAddress=127.0.0.1',
    'Session\\BTProtocol=TCP',
    'Session\\DHTEnabled=false',
    'Session\\LSDEnabled=false',
    'Session\\PeXEnabled=false',
    'Session\\QueueingSystemEnabled=false',
    // It closes its UDP socket before the answer to its goodbye comes, and waits for that.
    'Session\\StopTrackerTimeout=1',
    '[Network]',
    'PortForwardingEnabled=false',
    '[Preferences]',
    'Connection\\ResolvePeerCountries=false',
    'WebUI\\Address=127.0.0.1',
    'WebUI\\LocalHostAuth=false',
    'WebUI\\UseUPnP=false',
    '',
  ].join('\n');
}
