/**
 * A qbittorrent-nox 4.5 (libtorrent 2.0.8) with a profile of its own, driven through its WebUI API. Which nodes its DHT
 * begins with cannot be set, so it is told by a magnet link.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ClientPlace, introductionTo, LOOPBACK_PLACE } from './client-place.js';
import { fetchTextWithin } from './fetch-within.js';
import { freePort, keepsConnections } from './ports.js';
import { Process, until } from './process.js';
import type { Content } from './transfer.js';

export class Qbittorrent {
  readonly #t: TestContext;
  readonly #process: Process;
  readonly #place: ClientPlace;
  readonly #api: string;
  readonly port: number;

  private constructor(
    t: TestContext,
    process: Process,
    { ports, place }: { readonly ports: { readonly api: number; readonly peers: number }; readonly place: ClientPlace },
  ) {
    this.#t = t;
    this.#process = process;
    this.#place = place;
    this.#api = `http://127.0.0.1:${ports.api}/api/v2`;
    this.port = ports.peers;
  }

  static async start(t: TestContext, directory: string, place: ClientPlace = LOOPBACK_PLACE): Promise<Qbittorrent> {
    const ports = { api: await freePort(), peers: await freePort() };
    const profile = join(directory, 'qbittorrent');
    const config = join(profile, 'qBittorrent', 'config');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'qBittorrent.conf'), configuration(ports.peers, place));
    const args = [`--profile=${profile}`, `--webui-port=${ports.api}`];
    const process = new Process(t, 'qbittorrent-nox', args, { namespace: place.namespace });
    const client = new Qbittorrent(t, process, { ports, place });
    await until('answer of qbittorrent-nox', 60_000, () => client.#call('app/version').catch(() => null));
    return client;
  }

  async seed(content: Content): Promise<void> {
    await this.#joinDht();
    await this.#add(content.torrent, content.data);
    await until('seed', 20_000, async () => /^(uploading|stalledUP)$/.test((await this.#torrent()).state));
    if (this.#place.namespace === undefined) {
      await until('seed that takes peers', 10_000, () => keepsConnections(this.port));
    }
  }

  async download(content: Content, source: string): Promise<void> {
    await this.#joinDht();
    await this.#add(source, content.out);
  }

  async addPeer(peer: string): Promise<void> {
    const { hash } = await this.#torrent();
    await this.#call('torrents/addPeers', new URLSearchParams({ hashes: hash, peers: peer }));
  }

  async isComplete(): Promise<boolean> {
    const { state, progress } = await this.#torrent();
    return progress === 1 && /^(uploading|stalledUP)$/.test(state);
  }

  describe(): Promise<string> {
    return this.#call('torrents/info');
  }

  /** Who announces before its DHT knows anybody announces again a quarter of an hour later. */
  async #joinDht(): Promise<void> {
    const { dhtNodes } = this.#place;
    if (dhtNodes.length === 0) return;
    await this.#add(introductionTo(dhtNodes), '');
    await until('nodes of the DHT', 20_000, async () => {
      const { dht_nodes } = JSON.parse(await this.#call('transfer/info')) as { readonly dht_nodes: number };
      return dht_nodes > 0;
    });
    const hashes = (await this.#torrent()).hash;
    await this.#call('torrents/delete', new URLSearchParams({ hashes, deleteFiles: 'false' }));
    await until('end of the introduction', 10_000, async () => (await this.#torrents()).length === 0);
  }

  async #add(source: string, savePath: string): Promise<void> {
    const body = new FormData();
    if (source.startsWith('magnet:')) body.set('urls', source);
    else body.set('torrents', new Blob([readFileSync(source)]), 'content.torrent');
    if (savePath !== '') body.set('savepath', savePath);
    body.set('dlLimit', `${this.#place.downloadLimit ?? 0}`);
    assert.equal(await this.#call('torrents/add', body), 'Ok.');
    // It is loaded some time after this answer.
    await until('torrent of qBittorrent', 60_000, async () => (await this.#torrents()).length > 0);
  }

  async #torrent(): Promise<TorrentState> {
    return (await this.#torrents())[0]!;
  }

  async #torrents(): Promise<readonly TorrentState[]> {
    return JSON.parse(await this.#call('torrents/info'));
  }

  async #call(path: string, form?: FormData | URLSearchParams): Promise<string> {
    if (this.#process.hasExited) throw new Error(`qbittorrent-nox ended: ${this.#process.errors}`);
    return fetchTextWithin(this.#t, this.#place.namespace, `${this.#api}/${path}`, form);
  }
}

interface TorrentState {
  readonly hash: string;
  readonly state: string;
  /** 0 to 1. */
  readonly progress: number;
}

/** Nobody to ask but where it is wanted: terms accepted, no password from here, no downloads. */
function configuration(
  peerPort: number,
  { namespace, address, dhtNodes, usesLsd = false, usesPex = false }: ClientPlace,
): string {
  const device = namespace === undefined ? 'lo' : 'eth0';
  return [
    '[LegalNotice]',
    'Accepted=true',
    '[BitTorrent]',
    `Session\\Port=${peerPort}`,
    `Session\\Interface=${device}`,
    `Session\\InterfaceName=${device}`,
    `Session\\InterfaceAddress=${address}`,
    'Session\\BTProtocol=TCP',
    `Session\\DHTEnabled=${dhtNodes.length > 0}`,
    `Session\\LSDEnabled=${usesLsd}`,
    `Session\\PeXEnabled=${usesPex}`,
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
