/**
 * bittorrent-tracker 11, over HTTP and UDP: our announces and scrapes at its server as that saw them, and its client's
 * at ours as that was answered.
 */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { afterTest } from '../harness/cleanup.js';
import { Dtorrent } from '../harness/dtorrent.js';
import { importFromNpmPackage } from '../harness/npm-package.js';
import { freePort } from '../harness/ports.js';
import { run } from '../harness/process.js';
import { CLI } from '../harness/repository.js';
import { assertDownloads, makeContent, startTracker } from '../harness/transfer.js';
import { requireClient } from './clients.js';

const TIMEOUT_MS = 60_000;
const SCHEMES = ['http', 'udp'] as const;
type Scheme = (typeof SCHEMES)[number];

for (const scheme of SCHEMES) {
  test(`bittorrent-tracker hears all of a transfer from dtorrent over ${scheme}`, {
    timeout: TIMEOUT_MS,
  }, async (t) => {
    if (!requireClient(t, 'npm package of the interop tests')) return;
    const server = await TheirServer.start(t);
    const trackers = [server.announceUrl(scheme)];
    const content = await makeContent(t, { tree: { '': 300_000 }, kind: 'v1', trackers });

    const seed = new Dtorrent(t, ['seed', content.torrent, content.data, '--port', '0', '--bind', '127.0.0.1']);
    const seedAddress = `127.0.0.1:${await seed.port()}`;
    const started = await server.hears('start');
    assert.equal(started.address, seedAddress);
    assert.deepEqual(started.parameters, { type: scheme, infoHash: content.infoHashV1, left: 0, compact: 1 });
    assert.deepEqual(await scrapeWithDtorrent(t, content.torrent), { seeds: 1, leechers: 0 });

    // The only way to the seed is the answer of the tracker.
    await assertDownloads(t, content, content.torrent);
    const leecher = await server.hears('start');
    assert.equal(leecher.parameters.left, 300_000);
    assert.deepEqual(await server.hears('complete'), { ...leecher, parameters: { ...leecher.parameters, left: 0 } });
    assert.equal((await server.hears('stop')).address, leecher.address);

    seed.signal('SIGTERM');
    assert.equal((await server.hears('stop')).address, seedAddress);
    await seed.exit(10_000);
    assert.deepEqual(await scrapeWithDtorrent(t, content.torrent), { seeds: 0, leechers: 0 });
    assert.deepEqual(server.warnings, []);
  });

  test(`dtorrent's tracker serves a swarm of bittorrent-tracker clients over ${scheme}`, {
    timeout: TIMEOUT_MS,
  }, async (t) => {
    if (!requireClient(t, 'npm package of the interop tests')) return;
    const url = `${scheme}://127.0.0.1:${await startTracker(t)}/announce`;
    const seed = await TheirClient.make(t, url, 7001);
    const leecher = await TheirClient.make(t, url, 7002);

    assert.deepEqual(await seed.announces('start', { left: 0 }), { complete: 1, incomplete: 0 });
    assert.deepEqual(await leecher.announces('start', { left: 5000 }), { complete: 1, incomplete: 1 });
    assert.deepEqual(leecher.peers, ['127.0.0.1:7001']);
    assert.deepEqual(await leecher.scrape(), { complete: 1, incomplete: 1, downloaded: 0 });

    assert.deepEqual(await leecher.announces('update', { left: 10 }), { complete: 1, incomplete: 1 });
    assert.deepEqual(await leecher.announces('complete', { left: 0 }), { complete: 2, incomplete: 0 });
    assert.deepEqual(await seed.scrape(), { complete: 2, incomplete: 0, downloaded: 1 });

    assert.deepEqual(await seed.announces('stop', { left: 0 }), { complete: 1, incomplete: 0 });
    assert.deepEqual(await leecher.scrape(), { complete: 1, incomplete: 0, downloaded: 1 });
    assert.deepEqual([...seed.warnings, ...leecher.warnings], []);
  });
}

interface Announced {
  /** HOST:PORT that other peers would be told. */
  readonly address: string;
  readonly parameters: {
    readonly type: string;
    readonly infoHash: string;
    readonly left: number;
    readonly compact: number;
  };
}

type ServerEvent = 'start' | 'update' | 'complete' | 'stop';

/** Their server in this process, and what it tells of those who ask it. */
class TheirServer {
  readonly warnings: string[] = [];
  readonly #port: number;
  readonly #heard: { readonly event: ServerEvent; readonly announced: Announced }[] = [];
  readonly #news = new EventEmitter();

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(t: TestContext): Promise<TheirServer> {
    const { Server } = await importFromNpmPackage<TrackerModule>('tracker.js');
    const heard = new TheirServer(await freePort());
    const server = new Server({ ws: false, stats: false });
    for (const event of ['start', 'update', 'complete', 'stop'] as const) {
      server.on(event, (address: string, { type, info_hash, left, compact }: ServerParameters) => {
        heard.#heard.push({ event, announced: { address, parameters: { type, infoHash: info_hash, left, compact } } });
        heard.#news.emit('heard');
      });
    }
    server.on('warning', (warning: Error) => heard.warnings.push(warning.message));
    afterTest(t, async () => {
      const closed = new Promise<void>((resolve) => server.close(resolve));
      server.http.closeAllConnections();
      await closed;
    });
    server.listen(heard.#port, { http: '127.0.0.1', udp: '127.0.0.1', udp6: '::1' });
    await once(server, 'listening');
    return heard;
  }

  announceUrl(scheme: Scheme): string {
    return `${scheme}://127.0.0.1:${this.#port}/announce`;
  }

  /** The next announce, which has to be this event. */
  async hears(event: ServerEvent): Promise<Announced> {
    while (this.#heard.length === 0) await once(this.#news, 'heard');
    const next = this.#heard.shift()!;
    assert.equal(next.event, event);
    return next.announced;
  }
}

interface Counts {
  readonly complete: number;
  readonly incomplete: number;
}

/** Their client as one peer of a swarm. */
class TheirClient {
  readonly peers: string[] = [];
  readonly warnings: string[] = [];
  readonly #client: ClientLike;

  private constructor(client: ClientLike) {
    this.#client = client;
    client.on('peer', (peer: string) => this.peers.push(peer));
    client.on('warning', (warning: Error) => this.warnings.push(warning.message));
  }

  static async make(t: TestContext, url: string, port: number): Promise<TheirClient> {
    const { Client } = await importFromNpmPackage<TrackerModule>('tracker.js');
    const peerId = Buffer.from(`-XX0001-00000000${port}`);
    // Bytes that a careless encoder damages.
    const infoHash = Buffer.from('00ff252b263d20808182c3a97e2d5f2e41424330', 'hex');
    const client = new Client({ infoHash, peerId, announce: [url], port });
    afterTest(t, () => new Promise<void>((resolve) => client.destroy(() => resolve())));
    return new TheirClient(client);
  }

  async announces(event: 'start' | 'update' | 'complete' | 'stop', given: { readonly left: number }): Promise<Counts> {
    const answer = once(this.#client, 'update');
    this.#client[event]({ ...given });
    const [{ complete, incomplete }] = (await answer) as [Counts];
    return { complete, incomplete };
  }

  async scrape(): Promise<Counts & { readonly downloaded: number }> {
    const answer = once(this.#client, 'scrape');
    this.#client.scrape();
    const [{ complete, incomplete, downloaded }] = (await answer) as [Counts & { readonly downloaded: number }];
    return { complete, incomplete, downloaded };
  }
}

async function scrapeWithDtorrent(t: TestContext, torrent: string): Promise<{ seeds: number; leechers: number }> {
  const { trackers } = JSON.parse(await run(t, process.execPath, [CLI, 'scrape', torrent, '--json']));
  assert.equal(trackers[0].error, null);
  const { seeds, leechers } = trackers[0];
  return { seeds, leechers };
}

/** What is used here of their module. */
interface TrackerModule {
  readonly Server: new (options: { readonly ws: boolean; readonly stats: boolean }) => ServerLike;
  readonly Client: new (options: {
    readonly infoHash: Uint8Array;
    readonly peerId: Uint8Array;
    readonly announce: readonly string[];
    readonly port: number;
  }) => ClientLike;
}

interface ServerLike extends EventEmitter {
  readonly http: HttpServer;
  listen(port: number, hosts: Readonly<Record<'http' | 'udp' | 'udp6', string>>): void;
  close(done: () => void): void;
}

interface ServerParameters {
  readonly type: string;
  readonly info_hash: string;
  readonly left: number;
  readonly compact: number;
}

interface ClientLike extends EventEmitter {
  start(given: object): void;
  update(given: object): void;
  complete(given: object): void;
  stop(given: object): void;
  scrape(): void;
  destroy(done: () => void): void;
}
