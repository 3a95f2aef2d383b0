import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey, fromCompact, makeAddress } from '../../base/address.js';
import { toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import {
  type AnswerForm,
  type ServerAnnounce,
  type ServerAnswer,
  TABLE_LIMITS,
  TrackerServer,
  type TrackerServerLimits,
} from './server.js';

const INTERVAL_SECONDS = 1800;
/** Two and a half intervals. */
const LIFETIME_MS = 4_500_000;
const BOTH: AnswerForm = { families: [4, 6], peersMax: 200 };

function hash(n: number): Uint8Array {
  const bytes = new Uint8Array(20);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
}

class Scene {
  now = 0;
  readonly server: TrackerServer;

  constructor(limits?: Partial<TrackerServerLimits>) {
    const all = { swarmsMax: 1000, peersMax: 1000, peersPerSwarmMax: 1000, ...limits };
    this.server = new TrackerServer({ intervalSeconds: INTERVAL_SECONDS, random: new SeededRandom(3), limits: all });
  }

  announce(ip: string, given: Partial<ServerAnnounce> = {}, form = BOTH): ServerAnswer {
    const request = {
      infoHash: hash(1),
      peerId: new Uint8Array(20).fill(65),
      port: 6881,
      left: 1000,
      event: 'started',
      numWant: null,
      ...given,
    } as const;
    return this.server.announce(request, makeAddress(ip, 12345)!, form, this.now);
  }
}

function addresses(answer: ServerAnswer): string[] {
  return answer.peers.map((peer) => addressKey(fromCompact(peer.compact, peer.family)[0]!)).sort();
}

test('peers are told of each other, at the address that they came from and the port that they said', () => {
  const scene = new Scene();
  assert.deepEqual(addresses(scene.announce('192.0.2.1')), []);
  assert.deepEqual(addresses(scene.announce('192.0.2.2', { port: 51413 })), ['192.0.2.1:6881']);
  assert.deepEqual(addresses(scene.announce('192.0.2.1', { event: '' })), ['192.0.2.2:51413']);
  assert.deepEqual(addresses(scene.announce('192.0.2.3', { infoHash: hash(2) })), []);
});

test('an answer says when to announce again and how big the swarm is', () => {
  const scene = new Scene();
  scene.announce('192.0.2.1', { left: 0 });
  scene.announce('192.0.2.2');
  const { intervalSeconds, minIntervalSeconds, seeds, leechers, completed } = scene.announce('192.0.2.3');
  assert.deepEqual([intervalSeconds, minIntervalSeconds, seeds, leechers, completed], [1800, 300, 1, 2, 0]);
});

test('seeds are not told of seeds', () => {
  const scene = new Scene();
  scene.announce('192.0.2.1', { left: 0 });
  scene.announce('192.0.2.2', { left: 5 });
  assert.deepEqual(addresses(scene.announce('192.0.2.3', { left: 0 })), ['192.0.2.2:6881']);
  assert.deepEqual(addresses(scene.announce('192.0.2.4', { left: 1 })).length, 3);
});

test('a peer is told only of the families that fit its answer', () => {
  const scene = new Scene();
  scene.announce('192.0.2.1');
  scene.announce('2001:db8::1');
  assert.deepEqual(addresses(scene.announce('192.0.2.9')), ['192.0.2.1:6881', '[2001:db8::1]:6881']);
  assert.deepEqual(addresses(scene.announce('192.0.2.9', {}, { families: [4], peersMax: 200 })), ['192.0.2.1:6881']);
  const only6 = scene.announce('2001:db8::9', {}, { families: [6], peersMax: 200 });
  assert.deepEqual(addresses(only6), ['[2001:db8::1]:6881']);
});

test('a stopped peer is forgotten, and told of nobody', () => {
  const scene = new Scene();
  scene.announce('192.0.2.1');
  scene.announce('192.0.2.2');
  assert.deepEqual(addresses(scene.announce('192.0.2.1', { event: 'stopped' })), []);
  assert.deepEqual(addresses(scene.announce('192.0.2.3')), ['192.0.2.2:6881']);
  scene.announce('192.0.2.2', { event: 'stopped' });
  scene.announce('192.0.2.3', { event: 'stopped' });
  scene.announce('192.0.2.4', { event: 'stopped' });
  const { swarms, peers } = scene.server.stats(0);
  assert.deepEqual([swarms, peers], [0, 0]);
});

test('a download is counted once, and only when it was seen', () => {
  const scene = new Scene();
  scene.announce('192.0.2.1', { left: 0, event: 'completed' }); // never seen incomplete
  scene.announce('192.0.2.2', { left: 1 });
  scene.announce('192.0.2.2', { left: 0, event: 'completed' });
  scene.announce('192.0.2.2', { left: 0, event: 'completed' });
  assert.deepEqual(scene.server.scrape([hash(1), hash(2)], 0), [
    { seeds: 2, leechers: 0, completed: 1 },
    { seeds: 0, leechers: 0, completed: 0 },
  ]);
});

test('a silent peer is forgotten after two and a half intervals', () => {
  const scene = new Scene();
  scene.announce('192.0.2.1');
  scene.now = 1000;
  scene.announce('192.0.2.2');
  scene.now = LIFETIME_MS;
  assert.equal(addresses(scene.announce('192.0.2.3')).length, 2);
  scene.now = LIFETIME_MS + 1;
  assert.deepEqual(addresses(scene.announce('192.0.2.3')), ['192.0.2.2:6881']);
  scene.now = LIFETIME_MS + 1001;
  assert.deepEqual(scene.server.scrape([hash(1)], scene.now), [{ seeds: 0, leechers: 1, completed: 0 }]);
  assert.equal(scene.server.stats(scene.now).peers, 1);
  scene.now = 3 * LIFETIME_MS;
  assert.deepEqual(scene.server.scrape([hash(1)], scene.now), [{ seeds: 0, leechers: 0, completed: 0 }]);
  const { swarms, peers } = scene.server.stats(scene.now);
  assert.deepEqual([swarms, peers], [0, 0]);
});

test('swarms that are announced to outlive those that are not', () => {
  const scene = new Scene();
  scene.announce('192.0.2.1', { infoHash: hash(1) });
  scene.announce('192.0.2.1', { infoHash: hash(2) });
  scene.now = LIFETIME_MS;
  scene.announce('192.0.2.1', { infoHash: hash(1) });
  scene.now = LIFETIME_MS + 1;
  const { swarms, peers } = scene.server.stats(scene.now);
  assert.deepEqual([swarms, peers], [1, 1]);
});

test('an answer has at most numwant peers, 50 when that is not said, and never more than the limits', () => {
  const scene = new Scene();
  for (let i = 0; i < 300; i++) scene.announce(`10.0.${i >> 8}.${i & 255}`, { left: i % 2 });
  const count = (numWant: number | null, form = BOTH): number =>
    scene.announce('192.0.2.1', { numWant }, form).peers.length;
  assert.equal(count(null), 50);
  assert.equal(count(0), 0);
  assert.equal(count(7), 7);
  assert.equal(count(10_000, { families: [4], peersMax: 10_000 }), LIMITS.trackerServerPeersPerAnswerMax);
  assert.equal(count(10_000, { families: [4], peersMax: 76 }), 76);
});

test('the peers of an answer are a random choice without the asking one and without doubles', () => {
  const scene = new Scene();
  for (let i = 0; i < 20; i++) scene.announce(`10.0.0.${i}`);
  const seen = new Set<string>();
  for (let round = 0; round < 100; round++) {
    const answer = addresses(scene.announce('10.0.0.7', { numWant: 5 }));
    assert.equal(new Set(answer).size, 5);
    for (const address of answer) seen.add(address);
  }
  assert.equal(seen.size, 19);
  assert.ok(!seen.has('10.0.0.7:6881'));
  assert.equal(scene.announce('10.0.0.7', { numWant: 100 }).peers.length, 19);
});

test('full tables: newcomers are answered but not remembered, those who are there stay', () => {
  const scene = new Scene({ peersPerSwarmMax: 2, swarmsMax: 2, peersMax: 3 });
  scene.announce('192.0.2.1');
  scene.announce('192.0.2.2');
  // The swarm is full.
  assert.equal(scene.announce('192.0.2.3').peers.length, 2);
  assert.deepEqual(addresses(scene.announce('192.0.2.1')), ['192.0.2.2:6881']);
  // So many peers, all swarms together.
  scene.announce('192.0.2.1', { infoHash: hash(2) });
  scene.announce('192.0.2.2', { infoHash: hash(2) });
  assert.equal(scene.server.stats(0).peers, 3);
  // So many swarms.
  scene.announce('192.0.2.1', { event: 'stopped' });
  scene.announce('192.0.2.1', { infoHash: hash(3) });
  const { swarms, peers } = scene.server.stats(0);
  assert.deepEqual([swarms, peers], [2, 2]);
  // A place that becomes free is taken.
  scene.announce('192.0.2.3');
  assert.equal(scene.server.stats(0).peers, 3);
});

test('the tables are as large as LIMITS says', () => {
  const server = new TrackerServer({ intervalSeconds: 1800, random: new SeededRandom(1) });
  const announce = (infoHash: Uint8Array, from: Address, port: number): ServerAnswer =>
    server.announce(
      { infoHash, peerId: hash(0), port, left: 1, event: '', numWant: 0 },
      from,
      { families: [4], peersMax: 0 },
      0,
    );
  const one = makeAddress('10.0.0.1', 1)!;
  for (let i = 1; i <= LIMITS.trackerServerPeersPerSwarmMax + 1; i++) announce(hash(0), one, i);
  assert.equal(server.stats(0).peers, LIMITS.trackerServerPeersPerSwarmMax);
  for (let i = 1; i <= LIMITS.trackerServerSwarmsMax; i++) announce(hash(i), one, 1);
  assert.equal(server.stats(0).swarms, LIMITS.trackerServerSwarmsMax);
  // A million peers take seconds to come; that such a limit holds is seen with a small one, above.
  assert.equal(TABLE_LIMITS.peersMax, LIMITS.trackerServerPeersMax);
});

const DAY_MS = 86_400_000;

interface ModelPeer {
  readonly isSeed: boolean;
  readonly atMs: number;
}

/** What the tables have to be like: maps and loops over all there is. */
class Model {
  readonly #peersPerSwarmMax: number;
  readonly #swarms = new Map<string, Map<string, ModelPeer>>();

  constructor(peersPerSwarmMax: number) {
    this.#peersPerSwarmMax = peersPerSwarmMax;
  }

  announce(infoHash: Uint8Array, address: string, event: string, peer: ModelPeer): ReadonlyMap<string, ModelPeer> {
    const swarm = this.#swarms.get(toHex(infoHash)) ?? new Map<string, ModelPeer>();
    this.#swarms.set(toHex(infoHash), swarm);
    for (const [key, { atMs }] of swarm) if (atMs < peer.atMs - LIFETIME_MS) swarm.delete(key);
    if (event === 'stopped') swarm.delete(address);
    else if (swarm.has(address) || swarm.size < this.#peersPerSwarmMax) swarm.set(address, peer);
    return swarm;
  }
}

interface Load {
  readonly steps: number;
  readonly swarms: number;
  readonly addresses: number;
  readonly peersPerSwarmMax: number;
  /** Between two announces, at most. */
  readonly pauseMs: number;
  readonly startMs: number;
}

function assertLikeModel({ steps, swarms, addresses: count, peersPerSwarmMax, pauseMs, startMs }: Load): void {
  const seed = Number(process.env['SEED'] ?? 11);
  const random = new SeededRandom(seed);
  const scene = new Scene({ peersPerSwarmMax, peersMax: 10_000 });
  scene.now = startMs;
  const model = new Model(peersPerSwarmMax);
  for (let step = 0; step < steps; step++) {
    const words = `seed ${seed}, step ${step}`;
    scene.now += random.uint32() % pauseMs;
    const infoHash = hash(random.uint32() % swarms);
    const number = random.uint32() % count;
    const ip = number % 2 === 0 ? `10.0.${number >> 8}.${number & 255}` : `2001:db8::${number.toString(16)}`;
    const left = random.uint32() % 2;
    const event = random.uint32() % 4 === 0 ? 'stopped' : '';
    const answer = scene.announce(ip, { infoHash, left, event, numWant: 200 });
    const swarm = model.announce(infoHash, ip, event, { isSeed: left === 0, atMs: scene.now });
    const seeds = [...swarm.values()].filter((peer) => peer.isSeed).length;
    assert.deepEqual([answer.seeds, answer.leechers], [seeds, swarm.size - seeds], words);
    const others = [...swarm].filter(([key, peer]) => key !== ip && !(left === 0 && peer.isSeed));
    const told = new Set(answer.peers.map((peer) => fromCompact(peer.compact, peer.family)[0]!.host));
    assert.equal(told.size, event === 'stopped' ? 0 : Math.min(others.length, 200), words);
    const known = new Set(others.map(([key]) => key));
    for (const one of told) assert.ok(known.has(one), words);
  }
}

test('counts and answers stay right through thousands of random announces', () => {
  const small = { steps: 5000, swarms: 3, addresses: 21, peersPerSwarmMax: 20, startMs: 0 };
  assertLikeModel({ ...small, pauseMs: 20_000 });
  assertLikeModel({ ...small, pauseMs: LIFETIME_MS });
});

test('the same in swarms that are large enough for an index, grow and shrink', () => {
  assertLikeModel({ steps: 6000, swarms: 2, addresses: 1000, peersPerSwarmMax: 400, pauseMs: 40_000, startMs: 0 });
});

test('the same when the clock of the tables, of 32 bits, comes round', () => {
  const load = { steps: 3000, swarms: 2, addresses: 30, peersPerSwarmMax: 30, pauseMs: 10_000 };
  assertLikeModel({ ...load, startMs: 2 ** 31 - 7_000_000 });
  assertLikeModel({ ...load, startMs: 2 ** 32 - 7_000_000 });
});

test('after weeks in which nobody came everything is forgotten', () => {
  for (const days of [20, 30, 49.71, 60, 400]) {
    const scene = new Scene();
    scene.announce('192.0.2.1');
    scene.now += days * DAY_MS;
    assert.deepEqual(addresses(scene.announce('192.0.2.2')), [], `${days} days`);
    assert.equal(scene.server.stats(scene.now).peers, 1);
  }
});

test('each peer has the same chance to be told', () => {
  const scene = new Scene();
  for (let i = 0; i < 60; i++) scene.announce(i % 3 === 0 ? `2001:db8::${i}` : `10.0.0.${i}`, { left: 1 + (i % 2) });
  const times = new Map<string, number>();
  const rounds = 4000;
  for (let round = 0; round < rounds; round++) {
    for (const address of addresses(scene.announce('10.0.0.7', { numWant: 7 }))) {
      times.set(address, (times.get(address) ?? 0) + 1);
    }
  }
  assert.equal(times.size, 59);
  const mean = (7 * rounds) / 59;
  for (const [address, count] of times) assert.ok(Math.abs(count - mean) < mean / 4, `${address}: ${count}`);
});
