import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromLatin1, toLatin1 } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { type BencodeInput, encodeBencode } from '../../format/bencode.js';
import type { HttpResponse } from '../../host/network.js';
import { TrackerServer } from '../../protocol/tracker/server.js';
import { UdpTrackerServer } from '../../protocol/tracker/server-udp.js';
import { parseTrackerUrl } from '../../protocol/tracker/tracker-url.js';
import { type ScriptedGet, ScriptedHost } from '../testing/scripted-network.js';
import type { ScrapeResult, ScrapeTarget } from './scraper.js';
import { TrackerClients } from './tracker-clients.js';

const TRACKER = 'http://t.test/announce?passkey=x';

function hash(index: number): Uint8Array {
  return fromLatin1(`hash${index}`.padEnd(20, '.'));
}

function targetOf(url: string): ScrapeTarget {
  return { ...parseTrackerUrl(url)!, url };
}

/** The indices of the torrents that a GET asks for. */
function asked({ request }: ScriptedGet): number[] {
  return [...request.url.matchAll(/info_hash=hash(\d+)/g)].map(([, index]) => Number(index));
}

function answer(get: ScriptedGet, flags: BencodeInput = {}): HttpResponse {
  const files = new Map(asked(get).map((i) => [toLatin1(hash(i)), { complete: i, incomplete: 1, downloaded: 2 }]));
  return { status: 200, body: encodeBencode({ files, flags }) };
}

class Scene {
  readonly host = new ScriptedHost();
  readonly clients: TrackerClients;
  /** `index: seeds`, or the code of the error. */
  readonly told: string[] = [];

  constructor() {
    const { turn, network } = this.host;
    this.clients = new TrackerClients({ turn, network, random: new SeededRandom(1) });
  }

  /** Each in a turn of its own, as a program calls. */
  scrape(indices: readonly number[], url = TRACKER): void {
    for (const index of indices) {
      this.host.turn.run(() => {
        const before = this.told.length;
        this.clients.scraper.scrape(targetOf(url), hash(index), (result) => {
          assert.ok(this.host.turn.isRunning);
          this.told.push(`${index}: ${say(result)}`);
        });
        assert.equal(this.told.length, before, 'done ran inside scrape()');
      });
    }
    this.host.runTo(this.host.now);
  }
}

function say(result: ScrapeResult): string {
  return result instanceof DtorrentError ? result.code : `${result.seeds}`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

test('torrents that are asked about at the same time go out in one request, the same torrent once', () => {
  const scene = new Scene();
  scene.scrape([3, 5, 3]);
  const [get, ...others] = scene.host.gets;
  assert.equal(others.length, 0);
  assert.match(get!.request.url, /^http:\/\/t\.test\/scrape\?passkey=x&info_hash=hash3\.+&info_hash=hash5\.+$/);
  scene.host.answer(get!, answer(get!));
  assert.deepEqual(scene.told, ['3: 3', '3: 3', '5: 5']);
});

test('one request asks for no more torrents than the protocol takes', () => {
  const http = new Scene();
  http.scrape(range(LIMITS.httpScrapeHashesMax + 1));
  assert.deepEqual(
    http.host.gets.map((get) => asked(get).length),
    [LIMITS.httpScrapeHashesMax, 1],
  );
  const udp = new Scene();
  const random = new SeededRandom(1);
  const server = new UdpTrackerServer(new TrackerServer({ intervalSeconds: 1800, random }), random);
  udp.host.onDatagram = ({ packet, to }) => server.receive(packet, to, udp.host.now);
  udp.scrape(range(LIMITS.udpScrapeHashesMax + 1), 'udp://192.0.2.1:6969');
  assert.deepEqual(
    udp.host.datagrams.map(({ packet }) => (packet.length - 16) / 20),
    [0, LIMITS.udpScrapeHashesMax, 1],
  );
  assert.equal(udp.told.length, LIMITS.udpScrapeHashesMax + 1);
});

test('scrapes of one host keep its limit, and what waits meanwhile goes together', () => {
  const scene = new Scene();
  const max = LIMITS.announcesPerHostMax;
  for (const index of range(max + 3)) scene.scrape([index]);
  assert.equal(scene.host.gets.length, max);
  scene.host.answer(scene.host.gets[0]!, answer(scene.host.gets[0]!));
  assert.deepEqual(asked(scene.host.gets[max]!), [max, max + 1, max + 2]);
  // A scrape and an announce of one host share the places.
  assert.equal(scene.told.length, 1);
});

test('what a tracker said within the last minute is told again without asking, silence is not', () => {
  const scene = new Scene();
  scene.host.onGet = (get) => answer(get);
  scene.scrape([1]);
  scene.host.runTo(LIMITS.scrapeIntervalMinMs - 1);
  scene.scrape([1]);
  assert.deepEqual([scene.told, scene.host.gets.length], [['1: 1', '1: 1'], 1]);
  scene.host.runTo(LIMITS.scrapeIntervalMinMs);
  scene.scrape([1]);
  assert.equal(scene.host.gets.length, 2);

  const broken = new Scene();
  broken.host.onGet = () => new DtorrentError('ENETWORK', 'no route');
  broken.scrape([1]);
  broken.scrape([1]);
  assert.deepEqual([broken.told, broken.host.gets.length], [['1: ENETWORK', '1: ENETWORK'], 2]);
});

test('a tracker that wants to be scraped less often gets its way', () => {
  const scene = new Scene();
  scene.host.onGet = (get) => answer(get, { min_request_interval: 900 });
  scene.scrape([1]);
  scene.host.runTo(899_999);
  scene.scrape([1]);
  assert.equal(scene.host.gets.length, 1);
  scene.host.runTo(900_000);
  scene.scrape([1]);
  assert.equal(scene.host.gets.length, 2);
});

test('only so many answers are kept', () => {
  const scene = new Scene();
  scene.host.onGet = (get) => answer(get);
  for (let at = 0; at <= LIMITS.scrapeAnswersKeptMax; at += 1000) scene.scrape(range(1000).map((i) => at + i));
  const before = scene.host.gets.length;
  scene.scrape([LIMITS.scrapeAnswersKeptMax]);
  assert.equal(scene.host.gets.length, before);
  scene.scrape([0]);
  assert.equal(scene.host.gets.length, before + 1);
});

test('a refusal because of one torrent costs the others nothing', () => {
  const scene = new Scene();
  scene.host.onGet = (get) =>
    asked(get).includes(2) ? { status: 200, body: encodeBencode({ 'failure reason': 'unregistered' }) } : answer(get);
  scene.scrape(range(6));
  assert.deepEqual(scene.told.sort(), ['0: 0', '1: 1', '2: ETRACKER', '3: 3', '4: 4', '5: 5']);
});

test('a torrent that the tracker leaves out is one that it does not know', () => {
  const scene = new Scene();
  scene.host.onGet = () => ({ status: 200, body: encodeBencode({ files: {} }) });
  scene.scrape([1]);
  assert.deepEqual(scene.told, ['1: ETRACKER']);
});

test('a tracker without a scrape says so, and is not asked', () => {
  const scene = new Scene();
  scene.scrape([1], 'http://t.test/a');
  assert.deepEqual([scene.told, scene.host.gets.length], [['1: EUNSUPPORTED'], 0]);
});

test('closing ends what waits, what is asked and what comes after, and leaves nothing behind', () => {
  const scene = new Scene();
  for (const index of range(LIMITS.announcesPerHostMax + 1)) scene.scrape([index]);
  scene.host.act(() => scene.clients.scraper.close(new DtorrentError('ESTOPPED', 'enough')));
  // No time passes any more where an engine has stopped: the answer does not wait for any.
  scene.host.turn.run(() => {
    scene.clients.scraper.scrape(targetOf(TRACKER), hash(9), (result) => scene.told.push(`9: ${say(result)}`));
  });
  assert.deepEqual(
    scene.told,
    [...range(LIMITS.announcesPerHostMax + 1), 9].map((index) => `${index}: ESTOPPED`),
  );
  assert.ok(scene.host.gets.every(({ isCancelled }) => isCancelled));
  assert.equal(scene.host.gets.length, LIMITS.announcesPerHostMax);
  assert.equal(scene.host.turn.timers.size, 0);
});
