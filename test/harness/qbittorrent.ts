/** A qbittorrent-nox 4.5 (libtorrent 2.0.8) with a profile of its own, on loopback, driven through its WebUI API. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort, keepsConnections } from './ports.js';
import { Process, until } from './process.js';
import type { Content } from './transfer.js';

export class Qbittorrent {
  readonly #process: Process;
  readonly #api: string;
  readonly port: number;

  private constructor(process: Process, ports: { readonly api: number; readonly peers: number }) {
    this.#process = process;
    this.#api = `http://127.0.0.1:${ports.api}/api/v2`;
    this.port = ports.peers;
  }

  static async start(t: TestContext, directory: string): Promise<Qbittorrent> {
    const ports = { api: await freePort(), peers: await freePort() };
    const profile = join(directory, 'qbittorrent');
    const config = join(profile, 'qBittorrent', 'config');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'qBittorrent.conf'), configuration(ports.peers));
    const process = new Process(t, 'qbittorrent-nox', [`--profile=${profile}`, `--webui-port=${ports.api}`]);
    const client = new Qbittorrent(process, ports);
    await until('answer of qbittorrent-nox', 20_000, () => client.#get('app/version').catch(() => null));
    return client;
  }

  async seed(content: Content): Promise<void> {
    await this.#add(content.torrent, content.data);
    await until('seed', 20_000, async () => /^(uploading|stalledUP)$/.test((await this.#torrent()).state));
    await until('seed that takes peers', 10_000, () => keepsConnections(this.port));
  }

  async download(content: Content, source: string): Promise<void> {
    await this.#add(source, content.out);
  }

  async addPeer(peer: string): Promise<void> {
    const { hash } = await this.#torrent();
    const body = new URLSearchParams({ hashes: hash, peers: peer });
    const response = await fetch(`${this.#api}/torrents/addPeers`, { method: 'POST', body });
    assert.ok(response.ok, `addPeers: ${response.status}`);
  }

  async isComplete(): Promise<boolean> {
    const { state, progress } = await this.#torrent();
    return progress === 1 && /^(uploading|stalledUP)$/.test(state);
  }

  describe(): Promise<string> {
    return this.#get('torrents/info');
  }

  async #add(source: string, savePath: string): Promise<void> {
    const body = new FormData();
    if (source.startsWith('magnet:')) body.set('urls', source);
    else body.set('torrents', new Blob([readFileSync(source)]), 'content.torrent');
    body.set('savepath', savePath);
    const response = await fetch(`${this.#api}/torrents/add`, { method: 'POST', body });
    assert.equal(await response.text(), 'Ok.');
    // It is loaded some time after this answer.
    await until('torrent of qBittorrent', 20_000, async () => (await this.#torrents()).length > 0);
  }

  async #torrent(): Promise<TorrentState> {
    return (await this.#torrents())[0]!;
  }

  async #torrents(): Promise<readonly TorrentState[]> {
    return JSON.parse(await this.#get('torrents/info'));
  }

  async #get(path: string): Promise<string> {
    if (this.#process.hasExited) throw new Error(`qbittorrent-nox ended: ${this.#process.errors}`);
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
