/**
 * The limiter's promises under random demand: torrents and peers that come, go, want much or little, give back, are
 * sent what they did not ask for, while the limit changes. A seed in the test's name replays it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { Simulator } from '../../sim/simulator.js';
import { Turn } from '../turn.js';
import { RateGroup, RateLimiter, RateUser } from './rate-limiter.js';

const BLOCK = LIMITS.blockBytes;
const RUN_MS = 60_000;
/** What may be saved up while nobody wants it. */
const BURST_MS = 200;

/** A peer's half: it takes `unitBytes` at a time until it has `wantedBytes`. */
class Taker {
  readonly user: RateUser;
  readonly unitBytes: number;
  wantedBytes = 0;
  takenBytes = 0;
  lastTakenAtMs = 0;

  constructor(
    private readonly world: World,
    group: RateGroup,
    unitBytes: number,
  ) {
    this.unitBytes = unitBytes;
    this.user = new RateUser(() => this.take());
    this.user.group = group;
  }

  take(): void {
    const { limiter, simulator } = this.world;
    while (this.wantedBytes >= this.unitBytes) {
      if (!limiter.take(this.user, this.unitBytes)) {
        limiter.wait(this.user, this.wantedBytes);
        return;
      }
      this.wantedBytes -= this.unitBytes;
      this.takenBytes += this.unitBytes;
      this.lastTakenAtMs = simulator.now;
      this.world.note(this.unitBytes);
    }
    limiter.leave(this.user);
  }
}

class World {
  readonly simulator: Simulator;
  readonly random: SeededRandom;
  readonly turn: Turn;
  readonly limiter: RateLimiter;
  takers: Taker[] = [];
  /** [ms, bytes]: what was given out, net of what came back. */
  readonly given: [number, number][] = [];

  constructor(seed: number, limit: number) {
    this.random = new SeededRandom(seed);
    this.simulator = new Simulator({ seed });
    this.turn = new Turn(this.simulator.clock, (error) => assert.fail(String(error)));
    this.turn.afterTurn = () => this.check();
    this.limiter = new RateLimiter(this.turn, limit);
  }

  note(bytes: number): void {
    this.given.push([this.simulator.now, bytes]);
  }

  join(group: RateGroup, unitBytes: number = BLOCK): Taker {
    const taker = new Taker(this, group, unitBytes);
    this.takers.push(taker);
    return taker;
  }

  want(taker: Taker, bytes: number): void {
    taker.wantedBytes = bytes;
    this.turn.run(() => taker.take());
  }

  leave(taker: Taker): void {
    this.takers = this.takers.filter((other) => other !== taker);
    this.turn.run(() => this.limiter.leave(taker.user));
  }

  /** After every turn. */
  check(): void {
    this.limiter.verify();
    for (const { user, wantedBytes, unitBytes } of this.takers) {
      const isWanting = wantedBytes >= unitBytes;
      assert.ok(!user.isWaiting || this.limiter.isQueued(user), 'who waits is in no queue');
      if (isWanting && this.limiter.isLimited) {
        assert.ok(user.isWaiting || user.allowanceBytes > 0, 'who wants more and may not have it waits for it');
      }
    }
  }

  /** The most that was given out within any `windowMs`. */
  mostIn(windowMs: number): number {
    let most = 0;
    let sum = 0;
    let first = 0;
    for (const [atMs, bytes] of this.given) {
      sum += bytes;
      while (this.given[first]![0] <= atMs - windowMs) sum -= this.given[first++]![1];
      most = Math.max(most, sum);
    }
    return most;
  }

  sum(): number {
    return this.given.reduce((total, [, bytes]) => total + bytes, 0);
  }
}

for (let seed = 1; seed <= 24; seed++) {
  test(`whatever peers want, the limit is kept over every second and more (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const limit = [5000, 50_000, 1_000_000, 20_000_000][seed % 4]!;
    const world = new World(seed, limit);
    const groups = Array.from({ length: 1 + randomBelow(random, 4) }, () => new RateGroup());
    const unitMax = seed % 3 === 0 ? LIMITS.requestBytesMax : BLOCK;
    while (world.simulator.now < RUN_MS) {
      world.simulator.run(world.simulator.now + randomBelow(random, 300));
      const taker = world.takers[randomBelow(random, Math.max(1, world.takers.length))];
      const action = randomBelow(random, 20);
      if (taker === undefined || (action < 4 && world.takers.length < 40)) {
        world.join(
          groups[randomBelow(random, groups.length)]!,
          seed % 3 === 0 ? 1 + randomBelow(random, unitMax) : BLOCK,
        );
      } else if (action < 6) world.leave(taker);
      else if (action < 17) world.want(taker, randomBelow(random, 3) * randomBelow(random, limit));
      else if (action < 19 && taker.takenBytes > 0) {
        // What was asked for does not come.
        world.turn.run(() => world.limiter.giveBack(BLOCK));
        world.note(-BLOCK);
      }
    }
    const slack = 2 * unitMax;
    for (const windowMs of [1000, 10_000]) {
      const allowed = (limit * (windowMs + BURST_MS)) / 1000 + slack;
      assert.ok(world.mostIn(windowMs) <= allowed, `${world.mostIn(windowMs)} of ${allowed} in ${windowMs} ms`);
    }
  });

  test(`those who always want more get all there is, each torrent its part, and nobody is left out (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const limit = [20_000, 200_000, 5_000_000][seed % 3]!;
    const world = new World(seed, limit);
    const groups = Array.from({ length: 1 + randomBelow(random, 4) }, () => new RateGroup());
    for (const group of groups) for (let i = randomBelow(random, 6); i >= 0; i--) world.join(group);
    for (const taker of world.takers) world.want(taker, 1e12);
    // Others come, take little, and go.
    while (world.simulator.now < RUN_MS) {
      world.simulator.run(world.simulator.now + 1000 + randomBelow(random, 3000));
      const passer = world.join(groups[0]!);
      world.want(passer, randomBelow(random, 3) * BLOCK);
      world.simulator.run(world.simulator.now + randomBelow(random, 500));
      world.leave(passer);
    }
    const expected = (limit * world.simulator.now) / 1000;
    assert.ok(world.sum() >= 0.97 * expected - BLOCK, `${world.sum()} of ${expected} bytes`);
    assert.ok(
      world.sum() <= 1.03 * expected + (limit * BURST_MS) / 1000 + BLOCK,
      `${world.sum()} of ${expected} bytes`,
    );
    const ofGroup = (group: RateGroup): number =>
      world.takers.filter(({ user }) => user.group === group).reduce((sum, { takenBytes }) => sum + takenBytes, 0);
    for (const group of groups.slice(1)) {
      const share = expected / groups.length;
      assert.ok(Math.abs(ofGroup(group) - share) <= 0.05 * share + 2 * BLOCK, `${ofGroup(group)} of ${share}`);
    }
    const roundMs = (1000 * BLOCK * (world.takers.length + 1) * groups.length) / limit;
    for (const { lastTakenAtMs } of world.takers) {
      assert.ok(
        world.simulator.now - lastTakenAtMs <= 2 * roundMs + 1000,
        'nothing for longer than a round of everyone',
      );
    }
  });

  test(`a limit that changes all the time is the mean of what it was (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const world = new World(seed, 100_000);
    const takers = [world.join(new RateGroup()), world.join(new RateGroup())];
    for (const taker of takers) world.want(taker, 1e12);
    let allowed = 0;
    let limit = 100_000;
    let changes = 0;
    while (world.simulator.now < RUN_MS) {
      const forMs = 500 + randomBelow(random, 3000);
      world.simulator.run(world.simulator.now + forMs);
      allowed += (limit * forMs) / 1000;
      limit = 20_000 + randomBelow(random, 1_000_000);
      changes++;
      world.turn.run(() => world.limiter.setLimit(limit));
    }
    assert.ok(Math.abs(world.sum() - allowed) <= 0.03 * allowed + changes * BLOCK, `${world.sum()} of ${allowed}`);
  });
}

test('without a limit nobody waits, and with one again everybody does as before', () => {
  const world = new World(1, 50_000);
  const taker = world.join(new RateGroup());
  world.want(taker, 10_000_000);
  world.simulator.run(1000);
  assert.ok(taker.user.isWaiting);
  world.turn.run(() => world.limiter.setLimit(0));
  assert.equal(taker.wantedBytes, 10_000_000 % BLOCK);
  world.turn.run(() => world.limiter.setLimit(50_000));
  world.want(taker, 10_000_000);
  const before = taker.takenBytes;
  world.simulator.run(11_000);
  assert.ok(Math.abs(taker.takenBytes - before - 500_000) <= 2 * BLOCK, String(taker.takenBytes - before));
});

test('what strangers send unasked stops those who wait for two seconds at most, however much it is', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new World(seed, 100_000);
    const taker = world.join(new RateGroup());
    world.want(taker, 1e12);
    world.simulator.run(5000);
    const before = taker.takenBytes;
    world.turn.run(() => world.limiter.charge(1 + randomBelow(world.random, 100_000_000)));
    world.simulator.run(5000 + LIMITS.rateDebtMsMax + 1000);
    assert.ok(taker.takenBytes > before, `nothing for a second after the debt (seed ${seed})`);
  }
});
