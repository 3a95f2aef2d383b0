import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, toLatin1 } from '../../base/bytes.js';
import { SeededRandom } from '../../base/random.js';
import { encodeBencode } from '../../format/bencode.js';
import { wireHashes } from '../../format/infohash.js';
import { type Metainfo, parseMetainfo } from '../../format/metainfo.js';
import { HYBRID_TORRENT } from '../../format/testing/example-torrents.js';
import { TrackerServer } from '../../protocol/tracker/server.js';
import { answerHttp } from '../../protocol/tracker/server-http.js';
import { UdpTrackerServer } from '../../protocol/tracker/server-udp.js';
import type { SimHttpService } from '../../sim/network/internet.js';
import { Simulator } from '../../sim/simulator.js';
import { makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';
import { type ScrapeOptions, scrapeTrackersOn } from './scrape-trackers.js';
import type { TrackerScrape } from './tracker-scrape.js';

const NOT_FOUND = { status: 404, body: fromUtf8('no such page') };

/** Our own tracker on HTTP and UDP at tracker.test, and whatever a test puts beside it. */
class Scene {
  readonly simulator = new Simulator({ seed: 1 });
  readonly gets: string[] = [];
  readonly #server = new TrackerServer({ intervalSeconds: 1800, random: new SeededRandom(1) });
  readonly #asker = this.simulator.createHost();

  constructor() {
    const host = this.simulator.createHost({ name: 'tracker.test', ipv6: null });
    this.serve('tracker.test', ({ target, from }) => {
      const body = answerHttp(this.#server, target, from, this.simulator.now);
      return body === null ? NOT_FOUND : { status: 200, body };
    });
    const udp = new UdpTrackerServer(this.#server, new SeededRandom(2));
    const socket = host.network.openDatagramSocket(
      { host: '', port: 6969 },
      {
        onListening: () => {},
        onError: (error) => {
          throw error;
        },
        onDatagram: (packet, from) => {
          const answer = udp.receive(packet, from, this.simulator.now);
          if (answer !== null) socket.send(answer, from);
        },
      },
    );
  }

  /** @returns what `answer` gives; null = silence. */
  serve(name: string, answer: SimHttpService): void {
    this.simulator.internet.addName(name, ['192.0.2.200']);
    this.simulator.internet.serveHttp(`${name}:80`, (request) => {
      this.gets.push(`${name}${request.target.replace(/\?.*/, '')}`);
      return answer(request);
    });
  }

  async scrape(source: Metainfo, options?: ScrapeOptions): Promise<readonly TrackerScrape[]> {
    const scraped = scrapeTrackersOn(this.#asker, source, options);
    let isDone = false;
    void scraped.then(() => {
      isDone = true;
    });
    while (!isDone && !this.simulator.isIdle) {
      this.simulator.run(this.simulator.now + 1000);
      await Promise.resolve();
    }
    assert.equal(this.#asker.network.openCount, 0, 'it leaves no socket behind');
    return scraped;
  }
}

function torrentWith(trackers: readonly string[], isPrivate = false): Metainfo {
  return makeSimTorrent({ lengths: { 'a.bin': 100_000 }, pieceLength: 32_768, trackers, isPrivate }).metainfo;
}

function brief(results: readonly TrackerScrape[]): unknown[] {
  return results.map(({ tier, seeds, leechers, completed, error }) => {
    return error === null ? [tier, seeds, leechers, completed] : [tier, error.code];
  });
}

test('every tracker is asked, over HTTP and UDP, and has one entry in the order of the tiers', async () => {
  const scene = new Scene();
  const trackers = [
    'http://tracker.test/announce',
    'wss://tracker.test/announce',
    'udp://tracker.test:6969',
    'http://nowhere.test/announce',
    'http://tracker.test/a',
  ];
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 100_000 }, pieceLength: 32_768, trackers });
  const seed = new SimEngine(scene.simulator);
  seed.give(torrent);
  seed.add(torrent.metainfo);
  assert.ok(scene.simulator.run(() => seed.count('trackerAnnounced') === 2));

  const results = await scene.scrape(torrent.metainfo);
  assert.deepEqual(
    results.map(({ url }) => url),
    trackers,
  );
  const seen = [
    [0, 1, 0, 0],
    [1, 'EUNSUPPORTED'],
    [2, 1, 0, 0],
    [3, 'ERESOLVE'],
    [4, 'EUNSUPPORTED'],
  ];
  assert.deepEqual(brief(results), seen);
  assert.match(results[4]!.error!.message, /cannot be scraped.*"announce"/);

  const running = new Promise<readonly TrackerScrape[]>((resolve) => {
    const [running] = seed.session.torrents;
    seed.session.context.turn.run(() => running!.announcer.scrape(resolve));
  });
  scene.simulator.run(scene.simulator.now + 1000);
  // What runs knows nothing of the tracker that it cannot speak to, nor of its tier.
  assert.deepEqual(brief(await running), [
    [0, 1, 0, 0],
    [1, 1, 0, 0],
    [2, 'ERESOLVE'],
    [3, 'EUNSUPPORTED'],
  ]);
});

test("a private torrent's trackers are asked one at a time until one answers", async () => {
  const scene = new Scene();
  scene.serve('broken.test', () => NOT_FOUND);
  scene.serve('third.test', () => null);
  const trackers = ['broken', 'tracker', 'third'].map((name) => `http://${name}.test/announce`);
  const results = await scene.scrape(torrentWith(trackers, true));
  assert.deepEqual(brief(results), [
    [0, 'ETRACKER'],
    [1, 0, 0, 0],
    [2, 'EUNSUPPORTED'],
  ]);
  assert.match(results[2]!.error!.message, /one tracker at a time/);
  assert.deepEqual(scene.gets, ['broken.test/scrape', 'tracker.test/scrape']);
});

test('a scrape that trackers do not answer ends in time, for a private torrent too', async () => {
  for (const isPrivate of [false, true]) {
    const scene = new Scene();
    for (const name of ['one.test', 'two.test']) scene.serve(name, () => null);
    const trackers = ['http://one.test/announce', 'http://two.test/announce', 'udp://192.0.2.77:1'];
    const results = await scene.scrape(torrentWith(trackers, isPrivate), { timeoutMs: 7000 });
    assert.deepEqual(brief(results), [
      [0, 'ETIMEOUT'],
      [1, 'ETIMEOUT'],
      [2, 'ETIMEOUT'],
    ]);
    assert.ok(scene.simulator.now <= 8000, `${scene.simulator.now} ms`);
    assert.equal(scene.gets.length, isPrivate ? 1 : 2);
  }
});

test('of the two swarms of a hybrid torrent the greater counts are told', async () => {
  const scene = new Scene();
  const hybrid = { ...parseMetainfo(HYBRID_TORRENT), trackers: [['http://counting.test/announce']] };
  const [v1, v2] = wireHashes(hybrid.infoHash).map(toLatin1);
  const files = new Map([
    [v1!, { complete: 3, incomplete: 9 }],
    [v2!, { complete: 5, incomplete: 1, downloaded: 7 }],
  ]);
  scene.serve('counting.test', () => ({ status: 200, body: encodeBencode({ files }) }));
  assert.deepEqual(brief(await scene.scrape(hybrid)), [[0, 5, 9, 7]]);
  assert.equal(scene.gets.length, 1);
});

test('without trackers there is nothing to ask', async () => {
  assert.deepEqual(await new Scene().scrape(torrentWith([])), []);
});
