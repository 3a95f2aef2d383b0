/**
 * Whole sessions against trackers that write down all they hear: what a tracker's owner would look at before deciding
 * whether to ban this client. Every time is the tracker's, and virtual.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { USER_AGENT, VERSION } from '../../base/version.js';
import type { Magnet } from '../../format/magnet.js';
import type { Metainfo } from '../../format/metainfo.js';
import { Simulator } from '../../sim/simulator.js';
import { type HeardAnnounce, RecordingTracker } from '../testing/recording-tracker.js';
import { makeSimTorrent, SimEngine, type SimTorrent } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const LATENCY_MS = 5;
const MIN_INTERVAL_MS = 15 * MINUTE_MS;
const WITH_MIN_INTERVAL = { interval: 1800, 'min interval': MIN_INTERVAL_MS / SECOND_MS };
const SEED = Number(process.env['SEED'] ?? 1);

/** Two trackers, one of them asked over UDP, and one torrent on one engine that can be started anew. */
class Scene {
  readonly simulator: Simulator;
  readonly http: RecordingTracker;
  readonly udp: RecordingTracker;
  readonly torrentFile: SimTorrent;
  engine: SimEngine;
  torrent: Torrent;

  constructor(options: { readonly seed?: number; readonly asMagnet?: boolean; readonly isPrivate?: boolean } = {}) {
    const link = { latencyMs: LATENCY_MS, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0 };
    this.simulator = new Simulator({ seed: options.seed ?? 1, link: () => link });
    this.http = new RecordingTracker(this.simulator, 'http.test');
    this.udp = new RecordingTracker(this.simulator, 'udp.test');
    this.torrentFile = makeSimTorrent({
      lengths: { 'a.bin': 100_000 },
      pieceLength: 32_768,
      trackers: [this.http.httpUrl, this.udp.udpUrl],
      isPrivate: options.isPrivate ?? false,
    });
    this.engine = new SimEngine(this.simulator);
    this.torrent = this.add(options.asMagnet === true ? this.torrentFile.magnet : this.torrentFile.metainfo);
  }

  add(source: Metainfo | Magnet): Torrent {
    return this.engine.add(source);
  }

  act(task: (torrent: Torrent) => void): void {
    this.engine.session.context.turn.run(() => task(this.torrent));
  }

  pause(): void {
    this.engine.session.pause(this.torrent, () => {});
  }

  resume(): void {
    this.engine.session.resume(this.torrent);
  }

  announceNow(): void {
    this.act(({ announcer }) => announcer.announceNow());
  }

  /** Ends the engine and starts another on the same disk and state. */
  restart(): void {
    this.engine.stop(this.simulator);
    const { disk, state } = this.engine.host;
    this.engine = new SimEngine(this.simulator, {}, { disk, state: state.records });
    this.torrent = this.add(this.torrentFile.metainfo);
  }

  /** The next engine begins with what disk and state hold now, whatever the last one still does. */
  crash(): void {
    const disk = this.engine.host.disk.clone();
    const state = new Map(this.engine.host.state.records);
    this.engine.stop(this.simulator);
    this.engine = new SimEngine(this.simulator, {}, { disk, state });
    this.torrent = this.add(this.torrentFile.metainfo);
  }

  pass(durationMs: number): void {
    this.simulator.run(this.simulator.now + durationMs);
  }
}

function gaps(announces: readonly HeardAnnounce[]): number[] {
  return announces.slice(1).map(({ at }, i) => at - announces[i]!.at);
}

test('announces come at the interval, a little later each time, over HTTP and UDP', () => {
  const scene = new Scene();
  scene.udp.answer = () => ({ interval: 600 });
  scene.pass(48 * HOUR_MS);
  for (const [{ heard }, intervalMs] of [
    [scene.http, 1_800_000],
    [scene.udp, 600_000],
  ] as const) {
    assert.deepEqual([heard[0]!.event, ...new Set(heard.slice(1).map(({ event }) => event))], ['started', '']);
    for (const gap of gaps(heard)) assert.ok(gap >= intervalMs && gap <= intervalMs * 1.05 + SECOND_MS, `${gap} ms`);
    assert.ok(heard.length >= (46 * HOUR_MS) / (intervalMs * 1.05), `${heard.length} announces`);
    assert.ok(new Set(gaps(heard)).size > heard.length / 2, 'torrents must drift apart');
  }
});

/** What a person or a program may do to a torrent in the hope of another announce. */
const MEANS: readonly Means[] = [
  { name: 'a call for an announce', act: (scene) => scene.announceNow(), isAnswered: true },
  {
    name: 'a pause',
    act: (scene) => {
      scene.pause();
      scene.pass(SECOND_MS);
      scene.resume();
    },
    isAnswered: true,
  },
  { name: 'a restart', act: (scene) => scene.restart(), isAnswered: true },
  { name: 'a crash', act: (scene) => scene.crash(), isAnswered: true },
  {
    name: 'another order of the tiers',
    act: (scene) => scene.act(({ announcer }) => announcer.setTiers([[scene.udp.udpUrl, scene.http.httpUrl]])),
    isAnswered: false,
  },
  {
    name: 'taking the trackers away and adding them again',
    act: (scene) => {
      scene.act(({ announcer }) => announcer.setTiers([]));
      scene.pass(SECOND_MS);
      scene.act((torrent) => torrent.addTrackers([scene.http.httpUrl, scene.udp.udpUrl]));
    },
    isAnswered: true,
  },
];

interface Means {
  readonly name: string;
  readonly act: (scene: Scene) => void;
  /** An announce comes of it, in time. */
  readonly isAnswered: boolean;
}

for (const { name, act, isAnswered } of MEANS) {
  test(`${name} gets nothing out of a tracker before its min interval`, () => {
    const scene = new Scene();
    scene.http.answer = () => WITH_MIN_INTERVAL;
    scene.pass(MINUTE_MS / 2);
    assert.deepEqual(scene.http.events, ['started']);
    act(scene);
    scene.pass(MIN_INTERVAL_MS + MINUTE_MS / 2);
    const [gap, ...others] = gaps(scene.http.regular);
    if (isAnswered) assert.ok(gap! >= MIN_INTERVAL_MS && gap! <= MIN_INTERVAL_MS + 5 * SECOND_MS, `${gap} ms`);
    else assert.equal(gap, undefined);
    assert.equal(others.length, 0);
    // Without a min interval of its own a tracker is left alone for a minute.
    for (const gap of gaps(scene.udp.regular)) assert.ok(gap >= LIMITS.announceIntervalMinMs, `${gap} ms`);
  });
}

test('a program that crashes again and again, however soon, asks a tracker once', () => {
  const scene = new Scene();
  scene.http.answer = () => WITH_MIN_INTERVAL;
  scene.udp.answer = () => ({ 'failure reason': 'no' });
  for (let i = 0; i < 10; i++) {
    scene.pass(SECOND_MS);
    scene.crash();
  }
  assert.equal(scene.http.regular.length, 1);
  assert.equal(scene.udp.regular.length, 1);
});

test('a magnet that gets its metadata announces no more often for it', () => {
  const scene = new Scene({ asMagnet: true });
  scene.http.answer = () => WITH_MIN_INTERVAL;
  scene.udp.answer = () => WITH_MIN_INTERVAL;
  const seed = new SimEngine(scene.simulator);
  seed.give(scene.torrentFile);
  seed.add({ ...scene.torrentFile.metainfo, trackers: [] });
  scene.pass(MINUTE_MS / 2);
  assert.equal(scene.http.heard[0]!.left, 16_384);
  scene.act((torrent) => torrent.addPeers([addressOf(seed)], 'user'));
  assert.ok(scene.simulator.run(() => scene.torrent.isSeeding));
  scene.pass(MINUTE_MS);
  for (const tracker of [scene.http, scene.udp]) assert.deepEqual(tracker.events, ['started', 'completed']);
  assert.equal(scene.http.heard[1]!.left, 0);
});

function addressOf(engine: SimEngine): { family: 4; host: string; port: number } {
  return { family: 4, host: engine.host.ipv4!, port: engine.session.listenPort };
}

/** Holds every announce that a tracker hears against what it allowed in its last answer. */
class Watch {
  announces = 0;
  readonly #name: string;
  readonly #context: () => string;
  readonly #allowedMs: { readonly accepted: number; readonly refused: number };
  #notBeforeMs = 0;
  #isMember = false;

  constructor(name: string, allowedMs: { readonly accepted: number; readonly refused: number }, context: () => string) {
    this.#name = name;
    this.#allowedMs = allowedMs;
    this.#context = context;
  }

  hear({ at, event }: HeardAnnounce, isAccepted: boolean): void {
    this.announces++;
    if (event === 'stopped') {
      this.#isMember = false;
      return;
    }
    const context = `${this.#name} hears "${event}" at ${at / SECOND_MS} s; ${this.#context()}`;
    assert.ok(at >= this.#notBeforeMs, `${this.#notBeforeMs - at} ms too early: ${context}`);
    // The other way round there is a doubt: a torrent that is stopped may not have heard yet that it was accepted.
    if (!this.#isMember) assert.equal(event, 'started', context);
    const { accepted, refused } = this.#allowedMs;
    this.#notBeforeMs = Math.max(this.#notBeforeMs, at + (isAccepted ? accepted : refused));
    if (isAccepted) this.#isMember = true;
  }
}

test('whatever is done to a torrent in half a day, no tracker is asked before it allows it', () => {
  // A crash may forget what a tracker said since the last save; see the test of crashes above.
  const orderly = MEANS.filter(({ name }) => name !== 'a crash');
  for (let seed = SEED; seed < SEED + 10; seed++) {
    const random = new SeededRandom(seed);
    const done: string[] = [];
    const context = (): string => `seed ${seed}, after ${done.slice(-4).join('; ')}`;
    const scene = new Scene({ seed, asMagnet: seed % 3 === 0, isPrivate: seed % 2 === 0 });
    // What does not answer costs its time-out, which a call for an announce does not shorten.
    const http = new Watch('HTTP', { accepted: MIN_INTERVAL_MS, refused: LIMITS.httpTrackerTimeoutMs }, context);
    scene.http.answer = (announce) => {
      const isAccepted = randomBelow(random, 4) > 0;
      http.hear(announce, isAccepted);
      return isAccepted ? WITH_MIN_INTERVAL : null;
    };
    const udp = new Watch('UDP', { accepted: LIMITS.announceIntervalMinMs, refused: 17_500 }, context);
    scene.udp.answer = (announce) => {
      const isAccepted = randomBelow(random, 4) > 0;
      udp.hear(announce, isAccepted);
      return isAccepted ? { interval: 300 } : { 'failure reason': 'no' };
    };
    while (scene.simulator.now < 12 * HOUR_MS) {
      scene.pass(randomBelow(random, randomBelow(random, 4) === 0 ? 20 * MINUTE_MS : 10 * SECOND_MS));
      const { name, act } = orderly[randomBelow(random, orderly.length)]!;
      done.push(`${name} at ${scene.simulator.now / SECOND_MS} s`);
      act(scene);
    }
    assert.ok(
      http.announces > 20 && udp.announces > 20,
      `seed ${seed}: ${http.announces} and ${udp.announces} announces`,
    );
  }
});

test('retry in is kept, minutes or never, whatever is done meanwhile', () => {
  for (const [retryIn, waitMs] of [
    [20, 20 * MINUTE_MS],
    ['20', 20 * MINUTE_MS],
    ['never', LIMITS.announceIntervalMaxMs],
  ] as const) {
    const scene = new Scene();
    scene.http.answer = () => ({ 'failure reason': 'busy', 'retry in': retryIn });
    scene.pass(MINUTE_MS / 2);
    const asked = scene.http.heard[0]!.at;
    for (const { name, act } of MEANS) {
      // A person who asks for an announce takes "never" back.
      if (retryIn !== 'never' || name !== 'a call for an announce') act(scene);
    }
    scene.simulator.run(asked + waitMs);
    assert.equal(scene.http.heard.length, 1, `retry in ${retryIn}`);
    scene.pass(MINUTE_MS);
    assert.equal(scene.http.heard.length, 2, `retry in ${retryIn}, across a restart`);
  }
});

test('torrents that failed together come back less and less often, and apart', () => {
  const scene = new Scene();
  scene.http.answer = () => ({ 'failure reason': 'no' });
  for (let i = 0; i < 3; i++) scene.add(otherTorrent(i, [scene.http.httpUrl]).metainfo);
  scene.pass(10 * MINUTE_MS);
  const waits = [...byTorrent(scene.http.heard).values()].map(gaps);
  for (const wait of waits) {
    [17_500, 55_000, 117_500, 205_000].forEach((leastMs, i) => {
      assert.ok(wait[i]! >= leastMs && wait[i]! <= leastMs * 1.25 + SECOND_MS, `${wait}`);
    });
  }
  for (const i of [0, 1, 2]) assert.equal(new Set(waits.map((wait) => wait[i])).size, 4, 'four torrents, four waits');
});

function otherTorrent(index: number, trackers: readonly string[]): SimTorrent {
  return makeSimTorrent({ lengths: { [`file${index}`]: 1 }, pieceLength: 16_384, trackers });
}

function byTorrent(announces: readonly HeardAnnounce[]): Map<string, HeardAnnounce[]> {
  const groups = new Map<string, HeardAnnounce[]>();
  for (const announce of announces) {
    const group = groups.get(announce.infoHash) ?? [];
    group.push(announce);
    groups.set(announce.infoHash, group);
  }
  return groups;
}

test('a thousand torrents on one host ask it a few at a time', () => {
  const scene = new Scene();
  const max = LIMITS.announcesPerHostMax;
  scene.pass(MINUTE_MS / 2);
  const before = scene.http.heard.length;
  scene.http.answer = () => null;
  for (let i = 0; i < 1000; i++) scene.add(otherTorrent(i, [scene.http.httpUrl]).metainfo);
  scene.pass(LIMITS.httpTrackerTimeoutMs);
  assert.equal(scene.http.heard.length - before, max, 'as long as it does not answer');
  scene.http.answer = () => ({ interval: 1800 });
  scene.pass(LIMITS.httpTrackerTimeoutMs + MINUTE_MS);
  const answered = scene.http.heard.slice(before + 2 * max);
  // From being asked to being asked again: the answer, the connection, the question.
  const exchangeMs = 4 * LATENCY_MS;
  const windows = answered.map(
    ({ at }, i) => answered.filter((other, j) => j >= i && other.at < at + exchangeMs).length,
  );
  assert.equal(Math.max(...windows), max);
  assert.ok(byTorrent(scene.http.heard).size === 1001, 'and every torrent has its turn');
});

test('a client that stops says so to those that accepted it, and waits no longer than it may', () => {
  const scene = new Scene();
  const silent = new RecordingTracker(scene.simulator, 'silent.test');
  const dead = 'http://nowhere.test/announce';
  const refusing = new RecordingTracker(scene.simulator, 'refusing.test');
  silent.answer = ({ event }) => (event === 'stopped' ? null : { interval: 1800 });
  refusing.answer = () => ({ 'failure reason': 'no' });
  scene.act((torrent) => torrent.addTrackers([silent.httpUrl, dead, refusing.httpUrl]));
  scene.pass(MINUTE_MS / 4);
  for (const tracker of [scene.http, scene.udp, silent, refusing]) tracker.heard.length = 0;
  const startedAt = scene.simulator.now;
  scene.engine.stop(scene.simulator);
  const tookMs = scene.simulator.now - startedAt;
  assert.ok(tookMs <= LIMITS.stoppedAnnounceTimeoutMs, `${tookMs} ms`);
  for (const tracker of [scene.http, scene.udp, silent]) {
    assert.deepEqual(tracker.events, ['stopped']);
    assert.equal(tracker.heard[0]!.numWant, 0);
  }
  assert.deepEqual(refusing.events, []);
  scene.pass(HOUR_MS);
  assert.equal(scene.http.heard.length, 1, 'a stopped engine says nothing');
});

test('of hundreds of torrents on one host each says that it stops, and a host that is silent is not waited for long', () => {
  for (const isSilent of [false, true]) {
    const simulator = new Simulator({ seed: 1, link: () => ({ latencyMs: 25, bytesPerMs: 1000, lossRatio: 0 }) });
    const tracker = new RecordingTracker(simulator, 'many.test');
    const engine = new SimEngine(simulator);
    for (let i = 0; i < 300; i++) engine.add(otherTorrent(i, [tracker.httpUrl]).metainfo);
    simulator.run(() => tracker.heard.length === 300);
    simulator.run(simulator.now + MINUTE_MS);
    if (isSilent) tracker.answer = () => null;
    const startedAt = simulator.now;
    engine.stop(simulator);
    const tookMs = simulator.now - startedAt;
    const told = tracker.events.filter((event) => event === 'stopped').length;
    // Four at a time, each a tenth of a second.
    if (!isSilent) assert.deepEqual([told, Math.round(tookMs / SECOND_MS)], [300, 8]);
    assert.ok(tookMs <= LIMITS.stoppedAnnouncesTotalMs, `${tookMs} ms`);
  }
});

test('each tracker hears completed once, however the torrent goes on', () => {
  const scene = new Scene();
  const seed = new SimEngine(scene.simulator);
  seed.give(scene.torrentFile);
  seed.add(scene.torrentFile.metainfo);
  scene.pass(MINUTE_MS / 2);
  scene.act((torrent) => torrent.addPeers([addressOf(seed)], 'user'));
  assert.ok(scene.simulator.run(() => scene.torrent.isSeeding));
  for (const { act } of MEANS) {
    act(scene);
    scene.pass(HOUR_MS);
  }
  for (const tracker of [scene.http, scene.udp]) {
    const seeding = tracker.heard.filter(({ event }) => event === 'completed');
    assert.equal(seeding.length, 1, 'the seed was complete from the start');
    assert.equal(seeding[0]!.left, 0);
  }
});

test('a client is who it says, and the same for the whole session', () => {
  const scene = new Scene();
  scene.pass(2 * HOUR_MS);
  scene.pause();
  scene.pass(MINUTE_MS);
  scene.resume();
  scene.pass(HOUR_MS);
  const announces = [...scene.http.heard, ...scene.udp.heard];
  for (const [what, values] of [
    ['peer id', announces.map(({ peerId }) => peerId)],
    ['key', announces.map(({ key }) => key)],
    ['port', announces.map(({ port }) => port)],
    ['user agent', scene.http.heard.map(({ userAgent }) => userAgent)],
  ] as const) {
    assert.equal(new Set<unknown>(values).size, 1, what);
  }
  assert.match(announces[0]!.peerId, /^-DT\d{4}-[A-Za-z0-9._~-]{12}$/);
  assert.equal(scene.http.heard[0]!.userAgent, USER_AGENT);
  assert.ok(USER_AGENT.includes('dtorrent') && USER_AGENT.includes(VERSION));
  assert.equal(announces[0]!.port, scene.engine.session.listenPort);
});

test('a tracker that has addresses of both families hears of us from both, as one peer, and completed once', () => {
  const scene = new Scene();
  const dual = new RecordingTracker(scene.simulator, 'dual.test', { isDualStack: true });
  dual.answer = () => WITH_MIN_INTERVAL;
  const seed = new SimEngine(scene.simulator);
  seed.give(scene.torrentFile);
  seed.add({ ...scene.torrentFile.metainfo, trackers: [] });
  scene.act((torrent) => torrent.addTrackers([dual.httpUrl]));
  scene.pass(MINUTE_MS / 2);
  scene.act((torrent) => torrent.addPeers([addressOf(seed)], 'user'));
  assert.ok(scene.simulator.run(() => scene.torrent.isSeeding));
  scene.pass(HOUR_MS);
  scene.engine.stop(scene.simulator);
  const { ipv4, ipv6 } = scene.engine.host;
  assert.equal(new Set(dual.heard.map(({ peerId, key }) => `${peerId} ${key}`)).size, 1);
  assert.deepEqual(
    [...new Set(dual.heard.map(({ event, from }) => `${event} ${from.host}`))],
    [
      `started ${ipv4}`,
      `started ${ipv6}`,
      `completed ${ipv4}`,
      ` ${ipv4}`,
      ` ${ipv6}`,
      `stopped ${ipv4}`,
      `stopped ${ipv6}`,
    ],
  );
});
