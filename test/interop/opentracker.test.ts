/**
 * Our announcer, with real sockets under it, against opentracker: the tracker that much of the public Internet runs.
 * A second peer is played by the codecs alone, so that what is seen is what opentracker tells others of us.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { addressKey } from '../../src/base/address.js';
import { toHex } from '../../src/base/bytes.js';
import { DtorrentError } from '../../src/base/errors.js';
import { Announcer } from '../../src/engine/announce/announcer.js';
import type { ScrapeResult, ScrapeTarget } from '../../src/engine/announce/scraper.js';
import { TrackerClients } from '../../src/engine/announce/tracker-clients.js';
import { Turn } from '../../src/engine/turn.js';
import { parseMagnet } from '../../src/format/magnet.js';
import { SILENT_LOG } from '../../src/host/log.js';
import { scrapeTrackers } from '../../src/index.js';
import { NodeClock } from '../../src/node/clock.js';
import { NodeNetwork } from '../../src/node/network.js';
import { NodeRandom } from '../../src/node/random.js';
import { AnnounceFailure, type AnnounceRequest, type AnnounceResponse } from '../../src/protocol/tracker/announce.js';
import { announceUrl, parseAnnounceResponse, parseScrapeResponse, scrapeUrl } from '../../src/protocol/tracker/http.js';
import { parseTrackerUrl } from '../../src/protocol/tracker/tracker-url.js';
import { startOpentracker } from '../harness/opentracker.js';
import { requireClient } from './clients.js';

/** Bytes that a careless encoder damages. */
const INFO_HASH = Buffer.from('00ff252b263d20808182c3a97e2d5f2e4142433031c0', 'hex').subarray(0, 20);
const UNKNOWN_HASH = new Uint8Array(20).fill(0x77);
const TIMEOUT_MS = 20_000;

for (const scheme of ['http', 'udp'] as const) {
  test(`opentracker hears started, completed and stopped over ${scheme}`, { timeout: TIMEOUT_MS }, async (t) => {
    const port = await start(t);
    if (port === null) return;
    const us = new Us(t, `${scheme}://127.0.0.1:${port}/announce`, INFO_HASH);

    us.act(() => us.announcer.start());
    const first = await us.event();
    assert.deepEqual(first, { kind: 'announced', seeds: 0, leechers: 1 });
    // Another peer is told of us, and we of it with the next announce.
    const other = await announceAs(port, { port: 7000, event: 'started' });
    assert.deepEqual(other.peers.map(addressKey), ['127.0.0.1:6881']);

    us.leftBytes = 0;
    us.act(() => us.announcer.complete());
    assert.deepEqual(await us.event(), { kind: 'announced', seeds: 1, leechers: 1 });
    assert.deepEqual(us.peers, ['127.0.0.1:7000']);
    assert.deepEqual(await scrape(port), { seeds: 1, leechers: 1, completed: 1 });

    await new Promise<void>((resolve) => us.act(() => us.announcer.stop(resolve)));
    assert.deepEqual(await scrape(port), { seeds: 0, leechers: 1, completed: 1 });
  });

  test(`a torrent that opentracker does not serve is a failure over ${scheme}`, { timeout: TIMEOUT_MS }, async (t) => {
    const port = await start(t);
    if (port === null) return;
    const us = new Us(t, `${scheme}://127.0.0.1:${port}/announce`, UNKNOWN_HASH);
    us.act(() => us.announcer.start());
    assert.deepEqual(await us.event(), { kind: 'failed', code: 'ETRACKER' });
  });
}

test('opentracker is scraped over HTTP and UDP, many torrents at once, among them one that it does not serve', async (t) => {
  const port = await start(t);
  if (port === null) return;
  await announceAs(port, { port: 7000, event: 'started' });
  await announceAs(port, { port: 7001, event: 'started', left: 0 });
  await announceAs(port, { port: 7001, event: 'completed', left: 0 });
  const magnet = parseMagnet(`magnet:?xt=urn:btih:${toHex(INFO_HASH)}`);
  const trackers = ['http', 'udp'].map((scheme) => `${scheme}://127.0.0.1:${port}/announce`);
  const swarm = { seeds: 1, leechers: 1, completed: 1, error: null };
  assert.deepEqual(
    await scrapeTrackers({ kind: 'magnet', magnet: { ...magnet, trackers } }),
    trackers.map((url, tier) => ({ url, tier, ...swarm })),
  );

  const us = new Us(t, trackers[0]!, INFO_HASH);
  const others = Array.from({ length: 60 }, (_, i) => new Uint8Array(20).fill(i + 1));
  for (const url of trackers) {
    const target = { ...parseTrackerUrl(url)!, url };
    const results = await us.scrape(target, [INFO_HASH, ...others]);
    const [first, ...rest] = results;
    assert.deepEqual(first, { seeds: 1, leechers: 1, completed: 1 }, url);
    for (const result of rest) {
      const isUnknown = result instanceof DtorrentError || (result.seeds === 0 && result.leechers === 0);
      assert.ok(isUnknown, `${url}: ${JSON.stringify(result)}`);
    }
  }
});

type Heard =
  | { readonly kind: 'announced'; readonly seeds: number | null; readonly leechers: number | null }
  | { readonly kind: 'failed'; readonly code: string };

/** One torrent's announcer on the real host. */
class Us {
  readonly announcer: Announcer;
  readonly peers: string[] = [];
  readonly #clients: TrackerClients;
  leftBytes = 1000;
  readonly #turn: Turn;
  readonly #heard: Heard[] = [];
  #wake: () => void = () => {};

  constructor(t: TestContext, url: string, infoHash: Uint8Array) {
    const network = new NodeNetwork(SILENT_LOG);
    t.after(() => network.close());
    const random = new NodeRandom();
    const turn = new Turn(new NodeClock(), (error) => {
      throw error;
    });
    this.#turn = turn;
    const clients = new TrackerClients({ turn, network, random });
    this.#clients = clients;
    t.after(() => turn.run(() => clients.close()));
    const hear = (heard: Heard): void => {
      this.#heard.push(heard);
      this.#wake();
    };
    this.announcer = new Announcer({
      turn,
      network,
      random,
      clients,
      settings: { numWant: 50 },
      tiers: [[url]],
      infoHashes: [infoHash],
      identity: { peerId: new TextEncoder().encode('-DT0001-aaaaaaaaaaaa'), key: 7 },
      listenPort: () => 6881,
      unixTime: () => 0,
      totals: () => ({ uploadedBytes: 0, downloadedBytes: 0, leftBytes: this.leftBytes, isPartialSeed: false }),
      isPrivate: false,
      handler: {
        // opentracker lists the asking peer too.
        onPeers: (addresses) => this.peers.push(...addresses.map(addressKey).filter((key) => !key.endsWith(':6881'))),
        onAnnounced: ({ seeds, leechers }) => hear({ kind: 'announced', seeds, leechers }),
        onTrackerSwitched: () => {},
        onExternalIp: () => {},
        onFirstAnswer: () => {},
        onWaiting: () => {},
        onWarning: () => {},
        onFailure: (_url, error) => hear({ kind: 'failed', code: error.code }),
      },
    });
  }

  act(action: () => void): void {
    this.#turn.run(action);
  }

  scrape(target: ScrapeTarget, infoHashes: readonly Uint8Array[]): Promise<ScrapeResult[]> {
    const ask = (infoHash: Uint8Array): Promise<ScrapeResult> =>
      new Promise((resolve) => this.act(() => this.#clients.scraper.scrape(target, infoHash, resolve)));
    return Promise.all(infoHashes.map(ask));
  }

  /** The next thing heard. */
  async event(): Promise<Heard> {
    while (this.#heard.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    // Peers are told in the same turn, after this.
    return this.#heard.shift()!;
  }
}

async function start(t: TestContext): Promise<number | null> {
  return requireClient(t, 'opentracker') ? startOpentracker(t, [toHex(INFO_HASH)]) : null;
}

async function announceAs(port: number, given: Partial<AnnounceRequest>): Promise<AnnounceResponse> {
  const url = announceUrl(`http://127.0.0.1:${port}/announce`, {
    infoHash: INFO_HASH,
    peerId: new TextEncoder().encode('-XX0001-bbbbbbbbbbbb'),
    port: 7000,
    uploaded: 0,
    downloaded: 0,
    left: 5,
    event: '',
    numWant: 50,
    key: 1,
    trackerId: null,
    ...given,
  });
  const response = await fetch(url);
  const result = parseAnnounceResponse(response.status, new Uint8Array(await response.arrayBuffer()));
  if (result instanceof AnnounceFailure) throw result.error;
  return { ...result, peers: result.peers.filter((peer) => peer.port !== given.port) };
}

async function scrape(port: number): Promise<unknown> {
  const response = await fetch(scrapeUrl(`http://127.0.0.1:${port}/announce`, [INFO_HASH])!);
  const result = parseScrapeResponse(response.status, new Uint8Array(await response.arrayBuffer()), [INFO_HASH]);
  if (result instanceof DtorrentError) throw result;
  return result.counts[0];
}
