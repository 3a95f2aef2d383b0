import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { fromLatin1 } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { type AnnounceEvent, AnnounceFailure, type AnnounceResult } from '../../protocol/tracker/announce.js';
import { TrackerServer } from '../../protocol/tracker/server.js';
import { UdpTrackerServer } from '../../protocol/tracker/server-udp.js';
import { EXAMPLE_ANNOUNCE } from '../../protocol/tracker/testing/example-announce.js';
import { parseTrackerUrl } from '../../protocol/tracker/tracker-url.js';
import { ScriptedHost } from '../testing/scripted-network.js';
import type { TrackerExchange } from './tracker-client.js';
import { TrackerClients } from './tracker-clients.js';

const US = makeAddress('192.0.2.100', 40_000)!;
const HTTP = 'http://tracker.test/announce';
const UDP = 'udp://tracker.test:6969/announce';
const HOUR_MS = 3_600_000;

class Scene {
  readonly host = new ScriptedHost();
  readonly clients: TrackerClients;
  readonly results: (AnnounceResult | object)[] = [];

  constructor(...records: readonly string[]) {
    const { turn, network } = this.host;
    this.clients = new TrackerClients({ turn, network, random: new SeededRandom(3) });
    const server = new TrackerServer({ intervalSeconds: 1800, random: new SeededRandom(1) });
    const udp = new UdpTrackerServer(server, new SeededRandom(2));
    this.host.names.set('tracker.test', ['192.0.2.1']);
    this.host.texts.set('tracker.test', records);
    this.host.onDatagram = ({ packet }) => udp.receive(packet, US, this.host.now);
    this.host.onGet = () => ({ status: 200, body: fromLatin1('d8:intervali900e5:peers0:e') });
  }

  announce(url: string, event: AnnounceEvent = ''): TrackerExchange {
    let exchange: TrackerExchange | null = null;
    this.host.act(() => {
      const client = this.clients.clientOf(parseTrackerUrl(url)!.scheme);
      let isInCall = true;
      exchange = client.announce(url, { ...EXAMPLE_ANNOUNCE, event }, 30_000, (result) => {
        assert.ok(this.host.turn.isRunning && !isInCall, 'answers enter through a turn, not inside the call');
        this.results.push(result);
      });
      isInCall = false;
    });
    this.host.runTo(this.host.now);
    return exchange!;
  }

  scrape(url: string): void {
    this.host.act(() => {
      const client = this.clients.clientOf(parseTrackerUrl(url)!.scheme);
      client.scrape(url, [EXAMPLE_ANNOUNCE.infoHash], 30_000, (result) => this.results.push(result));
    });
    this.host.runTo(this.host.now);
  }

  /** Ports that were asked, with the protocol. */
  get asked(): string[] {
    const gets = this.host.gets.map(({ url }) => `${url.protocol}${url.port || 'default'}`);
    return [...new Set([...gets, ...this.host.datagrams.map(({ to }) => `udp:${to.port}`)])];
  }
}

test('a tracker without a record is asked as its URL says, and its host is looked up once', () => {
  const scene = new Scene('v=spf1 -all');
  scene.announce(HTTP);
  scene.announce(UDP);
  scene.announce(HTTP);
  assert.deepEqual(scene.asked, ['http:default', 'udp:6969']);
  assert.deepEqual(scene.host.textsAsked, ['tracker.test']);
  assert.equal(scene.results.length, 3);
});

test('what the host does not have is asked where it says', () => {
  const scene = new Scene('BITTORRENT UDP:1337 TCP:8080');
  scene.announce(HTTP);
  scene.announce(UDP);
  scene.scrape(HTTP);
  assert.deepEqual(scene.asked, ['udp:1337']);
  scene.announce('http://tracker.test:8080/announce');
  assert.deepEqual(scene.asked, ['http:8080', 'udp:1337']);
  assert.equal(scene.results.length, 4);
});

test('a host that denies it has a tracker is not asked again, and the reason says so', () => {
  const scene = new Scene('BITTORRENT DENY ALL');
  for (const url of [HTTP, UDP]) scene.announce(url);
  scene.scrape(UDP);
  assert.deepEqual(scene.asked, []);
  assert.equal(scene.results.length, 3);
  const [failure, , scraped] = scene.results;
  assert.ok(failure instanceof AnnounceFailure && scraped instanceof DtorrentError);
  assert.equal(failure.retryInMs, Number.POSITIVE_INFINITY);
  assert.deepEqual([failure.error.code, scraped.code], ['ETRACKER', 'ETRACKER']);
  assert.match(failure.error.message, /^tracker\.test says in DNS that it has no tracker/);
});

test('an HTTPS tracker is never asked without encryption', () => {
  const scene = new Scene('BITTORRENT UDP:1337');
  scene.announce('https://tracker.test/announce');
  assert.deepEqual(scene.asked, []);
  const [failure] = scene.results;
  assert.ok(failure instanceof AnnounceFailure);
  assert.match(failure.error.message, /no encrypted tracker/);
});

test('an HTTP tracker instead of a UDP one need not have a scrape', () => {
  const scene = new Scene('BITTORRENT TCP:80');
  scene.scrape('udp://tracker.test:6969/x');
  const [error] = scene.results;
  assert.ok(error instanceof DtorrentError);
  assert.equal(error.code, 'EUNSUPPORTED');
  scene.scrape(UDP);
  assert.deepEqual(scene.asked, ['http:default']);
});

test('addresses and local names are not looked up', () => {
  const scene = new Scene();
  scene.host.names.set('nas', ['192.0.2.3']).set('nas.local', ['192.0.2.3']);
  for (const host of ['192.0.2.1', 'nas', 'nas.local']) scene.announce(`udp://${host}:6969`);
  assert.deepEqual(scene.host.textsAsked, []);
  assert.equal(scene.results.length, 3);
});

test('DNS that does not answer holds an announce up for two seconds at most, and once', () => {
  const scene = new Scene();
  scene.host.texts.set('tracker.test', 'silence');
  scene.announce(HTTP);
  scene.announce(UDP);
  scene.host.runTo(LIMITS.trackerPreferencesTimeoutMs - 1);
  assert.deepEqual([scene.results.length, scene.host.textsAsked.length], [0, 1]);
  scene.host.runTo(LIMITS.trackerPreferencesTimeoutMs);
  assert.equal(scene.results.length, 2);
});

test('a lookup that fails is no preference, and is repeated after ten minutes; a record after an hour', () => {
  const scene = new Scene();
  scene.host.texts.set('tracker.test', new DtorrentError('ERESOLVE', 'no name server answers'));
  scene.announce(HTTP);
  assert.deepEqual(scene.asked, ['http:default']);
  scene.host.texts.set('tracker.test', ['BITTORRENT UDP:1']);
  scene.host.runTo(600_000 - 1);
  scene.announce(HTTP);
  assert.equal(scene.host.textsAsked.length, 1);
  scene.host.runTo(600_000);
  scene.announce(HTTP);
  assert.deepEqual(scene.asked, ['http:default', 'udp:1']);
  scene.host.runTo(600_000 + HOUR_MS - 1);
  scene.announce(HTTP);
  assert.equal(scene.host.textsAsked.length, 2);
  scene.host.runTo(600_000 + HOUR_MS);
  scene.announce(HTTP);
  assert.equal(scene.host.textsAsked.length, 3);
});

test('a stopped goes where the last announce went, and waits for nothing', () => {
  const scene = new Scene('BITTORRENT UDP:1');
  scene.announce(HTTP);
  scene.host.runTo(2 * HOUR_MS);
  scene.announce(HTTP, 'stopped');
  scene.announce('http://other.test/announce', 'stopped');
  assert.deepEqual(scene.host.textsAsked, ['tracker.test']);
  assert.deepEqual(scene.asked, ['http:default', 'udp:1']);
});

test('what is cancelled or closed while it waits is not asked', () => {
  const scene = new Scene();
  scene.host.texts.set('tracker.test', 'silence');
  scene.announce(HTTP).cancel();
  scene.announce(UDP);
  scene.host.act(() => scene.clients.close());
  scene.host.runTo(HOUR_MS);
  assert.deepEqual([scene.asked, scene.results], [[], []]);
});

test('so many hosts are remembered, the latest', () => {
  const scene = new Scene();
  for (let i = 0; i <= LIMITS.trackerPreferencesMax; i++) scene.announce(`http://t${i}.test/announce`);
  const { length } = scene.host.textsAsked;
  assert.equal(length, LIMITS.trackerPreferencesMax + 1);
  scene.announce(`http://t${LIMITS.trackerPreferencesMax}.test/announce`);
  scene.announce('http://t1.test/announce');
  assert.equal(scene.host.textsAsked.length, length);
  scene.announce('http://t0.test/announce');
  assert.equal(scene.host.textsAsked.length, length + 1);
});
