import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressKey, type HostPort } from '../../base/address.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { makeSimTorrent, SimEngine, type SimTorrent } from '../../engine/testing/sim-swarm.js';
import type { Torrent } from '../../engine/torrent.js';
import { AnnounceFailure } from '../../protocol/tracker/announce.js';
import { parseAnnounceResponse } from '../../protocol/tracker/http.js';
import { Simulator } from '../simulator.js';
import { spacingViolations } from './announce-spacing.js';
import { SimHttpTracker } from './sim-http-tracker.js';
import { SimUdpTracker } from './sim-udp-tracker.js';
import {
  garbageBody,
  HTTP_TRACKER_TROUBLES,
  junkAmong,
  type TrackerTrouble,
  UDP_TRACKER_TROUBLES,
} from './tracker-trouble.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const PORT = 6969;
/** They make clients dial thousands of dead addresses, which takes this test's time. */
const CROWDED: ReadonlySet<TrackerTrouble> = new Set(['junk-peers', 'huge']);

/** A seed and a leecher that know of each other by one tracker only. */
class Scene {
  readonly simulator: Simulator;
  readonly tracker: SimHttpTracker | SimUdpTracker;
  readonly torrentFile: SimTorrent;
  readonly engines: SimEngine[] = [];
  readonly torrents: Torrent[] = [];

  constructor(options: {
    via: 'http' | 'udp';
    trouble?: TrackerTrouble;
    family?: 4 | 6;
    seed?: number;
    /** In the torrent, instead of the tracker's own. */
    url?: string;
    /** What DNS says of the tracker's host. */
    text?: string;
  }) {
    const { via, trouble = null, family, seed = 1 } = options;
    this.simulator = new Simulator({ seed });
    const where = {
      name: 'tracker.test',
      port: PORT,
      intervalSeconds: 600,
      ...(family === undefined ? {} : { family }),
    };
    this.tracker =
      via === 'http' ? new SimHttpTracker(this.simulator, where) : new SimUdpTracker(this.simulator, where);
    this.tracker.trouble = trouble;
    if (options.text !== undefined) this.simulator.internet.setText('tracker.test', [options.text]);
    this.torrentFile = makeSimTorrent({
      lengths: { 'a.bin': 300_000 },
      pieceLength: 16_384,
      trackers: [options.url ?? this.tracker.url],
    });
    const ips = family === undefined ? {} : family === 4 ? { ipv6: null } : { ipv4: null };
    for (let i = 0; i < 2; i++) this.engines.push(new SimEngine(this.simulator, {}, ips));
    this.engines[0]!.give(this.torrentFile);
    for (const engine of this.engines) this.torrents.push(engine.add(this.torrentFile.metainfo));
  }

  get isFinished(): boolean {
    return this.torrents.every(({ phase }) => phase === 'seeding');
  }

  finishes(withinMs: number): boolean {
    return this.simulator.run(() => this.isFinished, { maxVirtualMs: withinMs });
  }

  pass(durationMs: number): void {
    this.simulator.run(this.simulator.now + durationMs);
  }

  stop(): void {
    for (const engine of this.engines) engine.stop(this.simulator);
    this.tracker.stop();
    this.pass(5 * MINUTE_MS); // what was on its way
    assert.equal(this.simulator.isIdle, true, 'nothing is left');
    for (const { host } of [...this.engines, this.tracker]) assert.equal(host.network.openCount, 0);
  }
}

for (const via of ['http', 'udp'] as const) {
  for (const family of [undefined, 4, 6] as const) {
    test(`peers find each other by a tracker over ${via}, ${family === undefined ? 'both families' : `IPv${family}`}`, () => {
      const scene = new Scene({ via, ...(family === undefined ? {} : { family }) });
      assert.ok(scene.finishes(20 * MINUTE_MS));
      assert.ok(scene.engines[1]!.has(scene.torrentFile));
      scene.pass(HOUR_MS);
      const { log } = scene.tracker;
      assert.deepEqual(spacingViolations(log), []);
      const leecher = scene.engines[1]!.host;
      const said = log.of(family === 6 ? leecher.ipv6! : leecher.ipv4!);
      assert.deepEqual([...new Set(said.map(({ event }) => event))], ['started', 'completed', '']);
      assert.deepEqual([said[0]!.left, said[0]!.downloaded], [300_000, 0]);
      const completed = said.find(({ event }) => event === 'completed')!;
      assert.deepEqual([completed.left, completed.downloaded, completed.port], [0, 300_000, 6881]);
      assert.ok(said.every(({ outcome }) => outcome === 'accepted'));
      scene.stop();
      assert.equal(log.events().filter((event) => event === 'stopped').length, family === undefined ? 4 : 2);
    });
  }
}

test('peers find each other where the host of an old URL says in DNS that its tracker is', () => {
  const url = 'http://tracker.test:8080/announce';
  const scene = new Scene({ via: 'udp', url, text: `BITTORRENT UDP:${PORT} TCP:80` });
  assert.ok(scene.finishes(20 * MINUTE_MS));
  const [status] = scene.torrents[0]!.announcer.trackers(scene.simulator.now);
  assert.deepEqual([status!.url, status!.state], [url, 'working']);
  scene.stop();
  assert.equal(scene.tracker.log.events().filter((event) => event === 'stopped').length, 4);
});

test('a tracker whose host denies it in DNS is left alone for good, and its status says why', () => {
  const scene = new Scene({ via: 'udp', text: 'BITTORRENT DENY ALL' });
  scene.pass(24 * HOUR_MS);
  assert.equal(scene.tracker.log.announces.length, 0);
  const [status] = scene.torrents[0]!.announcer.trackers(scene.simulator.now);
  assert.deepEqual([status!.state, status!.nextAnnounceSeconds], ['failing', null]);
  assert.match(status!.error!, /tracker\.test says in DNS that it has no tracker/);
  scene.stop();
});

for (const via of ['http', 'udp'] as const) {
  for (const trouble of via === 'http' ? HTTP_TRACKER_TROUBLES : UDP_TRACKER_TROUBLES) {
    test(`a ${via} tracker that is ${trouble} is asked patiently, and when it is well again the swarm finds itself`, () => {
      const scene = new Scene({ via, trouble });
      scene.pass(CROWDED.has(trouble) ? HOUR_MS / 3 : 3 * HOUR_MS);
      const { log } = scene.tracker;
      assert.deepEqual(spacingViolations(log), []);
      if (trouble === 'refused') assert.equal(log.announces.length, 0);
      else assert.ok(log.announces.length >= 4, `${log.announces.length} announces`);
      scene.tracker.trouble = null;
      assert.ok(scene.finishes(3 * HOUR_MS), 'the back-off ends at an hour');
      assert.ok(scene.engines[1]!.has(scene.torrentFile));
      assert.deepEqual(spacingViolations(log), []);
      scene.stop();
    });
  }
}

test('trouble that comes and goes for hours makes no client impatient', () => {
  for (const via of ['http', 'udp'] as const) {
    for (let seed = 1; seed <= 3; seed++) {
      const scene = new Scene({ via, seed });
      const random = new SeededRandom(seed);
      const all = via === 'http' ? HTTP_TRACKER_TROUBLES : UDP_TRACKER_TROUBLES;
      const troubles = [null, ...all.filter((trouble) => !CROWDED.has(trouble))];
      for (let i = 0; i < 40; i++) {
        scene.tracker.trouble = troubles[randomBelow(random, troubles.length)]!;
        scene.pass(randomBelow(random, 20 * MINUTE_MS));
      }
      assert.deepEqual(spacingViolations(scene.tracker.log), [], `${via}, seed ${seed}`);
      scene.stop();
    }
  }
});

test('the same seed hears the same announces', () => {
  const run = (): unknown => {
    const scene = new Scene({ via: 'udp', trouble: 'slow', seed: 7 });
    scene.pass(HOUR_MS / 4);
    return scene.tracker.log.announces;
  };
  assert.deepEqual(run(), run());
});

test('a tracker that names the dead, the impossible and the asker itself does not keep peers apart', () => {
  for (const via of ['http', 'udp'] as const) {
    const scene = new Scene({ via, trouble: 'junk-peers' });
    assert.ok(scene.finishes(2 * HOUR_MS), via);
    scene.stop();
  }
});

test('garbage is an answer to nobody', () => {
  const random = new SeededRandom(1);
  for (let i = 0; i < 300; i++) assert.ok(parseAnnounceResponse(200, garbageBody(random)) instanceof AnnounceFailure);
});

test('junk has every kind of impossible peer and loses no real one', () => {
  const real = { family: 4, host: '11.0.0.9', port: 6881 } as const;
  const asker = { family: 4, host: '11.0.0.1', port: 6881 } as const;
  const all: HostPort[] = junkAmong([real], asker, new SeededRandom(1));
  const keys = new Set(all.map((address) => addressKey({ family: 4, ...address })));
  for (const key of ['11.0.0.9:6881', '11.0.0.1:6881', '11.0.0.1:0', '127.0.0.1:6881', '[::1]:6881', '0.0.0.0:6881']) {
    assert.ok(keys.has(key), key);
  }
  assert.ok(keys.size > 1000);
});
