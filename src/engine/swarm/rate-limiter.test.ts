import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { Simulator } from '../../sim/simulator.js';
import { Turn } from '../turn.js';
import { RateGroup, RateLimiter, RateUser } from './rate-limiter.js';

const BLOCK = LIMITS.blockBytes;
const TEN_SECONDS = 10_000;

/** Takes block after block as long as it may. */
interface Spender {
  readonly user: RateUser;
  bytes: number;
}

class Scene {
  readonly simulator = new Simulator({ seed: 1 });
  readonly turn: Turn;
  readonly limiter: RateLimiter;
  /** [ms, bytes so far] of everything taken. */
  readonly log: [number, number][] = [[0, 0]];
  takenBytes = 0;

  /** `lagMs`: how late a timer may be, as it is when the event loop is busy. */
  constructor(limit: number, { lagMs = 0 } = {}) {
    const { clock } = this.simulator;
    const random = new SeededRandom(7);
    const late = (deadline: number): number => deadline + (lagMs === 0 ? 0 : randomBelow(random, lagMs));
    this.turn = new Turn({ ...clock, wakeAt: (deadline, fn) => clock.wakeAt(late(deadline), fn) }, (error) =>
      assert.fail(String(error)),
    );
    this.limiter = new RateLimiter(this.turn, limit);
  }

  /** `wantsBytes`: what it takes before it has enough; `unit`: how much at one time. */
  spender(group: RateGroup, options: { readonly wantsBytes?: number; readonly unit?: number } = {}): Spender {
    const { wantsBytes = Number.POSITIVE_INFINITY, unit = BLOCK } = options;
    const spender: Spender = { user: new RateUser(() => spend()), bytes: 0 };
    spender.user.group = group;
    const spend = (): void => {
      while (spender.bytes < wantsBytes) {
        if (!this.limiter.take(spender.user, unit)) {
          this.limiter.wait(spender.user, Math.min(wantsBytes - spender.bytes, 500 * unit));
          return;
        }
        spender.bytes += unit;
        this.takenBytes += unit;
        this.log.push([this.simulator.now, this.takenBytes]);
      }
    };
    this.turn.run(spend);
    return spender;
  }

  spenders(group: RateGroup, count: number): Spender[] {
    return Array.from({ length: count }, () => this.spender(group));
  }

  runTo(ms: number): void {
    this.simulator.run(ms);
  }

  /** Bytes taken in (fromMs, toMs]. */
  takenIn(fromMs: number, toMs: number): number {
    const at = (ms: number): number => this.log.findLast(([time]) => time <= ms)![1];
    return at(toMs) - at(fromMs);
  }
}

/** 3 %, or the one block that cannot be cut. */
function assertNear(bytes: number, expected: number, what: string): void {
  const tolerance = Math.max(0.03 * expected, BLOCK);
  assert.ok(Math.abs(bytes - expected) <= tolerance, `${what}: ${bytes} of ${expected} bytes`);
}

test('without a limit everything may be taken at once, and nobody waits', () => {
  const { limiter, turn, simulator } = new Scene(0);
  turn.run(() => {
    const user = new RateUser(() => assert.fail('nobody has to be called'));
    user.group = new RateGroup();
    assert.equal(limiter.takeBlocks(user, 1_000_000), 1_000_000);
    assert.equal(limiter.take(user, 1e12), true);
    assert.equal(user.isWaiting, false);
  });
  assert.equal(turn.timers.size, 0);
  assert.ok(simulator.isIdle);
});

for (const limit of [20_000, 100_000, 1_000_000, 10_000_000, 50_000_000]) {
  for (const [torrents, peersEach] of [
    [1, 1],
    [1, 30],
    [4, 5],
  ] as const) {
    test(`${limit} bytes a second, ${torrents} torrents of ${peersEach} peers: kept over every ten seconds, in even parts`, () => {
      const scene = new Scene(limit);
      const spenders = Array.from({ length: torrents }, () => scene.spenders(new RateGroup(), peersEach)).flat();
      scene.runTo(3 * TEN_SECONDS);
      for (let from = 0; from <= 2 * TEN_SECONDS; from += 777) {
        assertNear(scene.takenIn(from, from + TEN_SECONDS), 10 * limit, `from ${from} ms`);
      }
      const share = (30 * limit) / spenders.length;
      for (const { bytes } of spenders)
        assert.ok(Math.abs(bytes - share) <= 0.02 * share + BLOCK, `${bytes}, ${share}`);
    });
  }
}

test('a torrent with many peers gets no more than one with one', () => {
  const scene = new Scene(1_000_000);
  const many = scene.spenders(new RateGroup(), 50);
  const one = scene.spender(new RateGroup());
  scene.runTo(TEN_SECONDS);
  const ofMany = many.reduce((sum, { bytes }) => sum + bytes, 0);
  assertNear(ofMany, 5_000_000, 'many');
  assertNear(one.bytes, 5_000_000, 'one');
});

test('who wants little leaves the rest to the others, and gets it soon', () => {
  const scene = new Scene(1_000_000);
  const group = new RateGroup();
  const greedy = scene.spenders(group, 10);
  scene.runTo(5000);
  const modest = scene.spender(group, { wantsBytes: 2 * BLOCK });
  scene.runTo(6000);
  assert.equal(modest.bytes, 2 * BLOCK);
  scene.runTo(TEN_SECONDS);
  assertNear(
    greedy.reduce((sum, { bytes }) => sum + bytes, 0),
    10_000_000 - 2 * BLOCK,
    'greedy',
  );
});

test('a busy event loop does not make it slower', () => {
  for (const limit of [20_000, 1_000_000, 50_000_000]) {
    const scene = new Scene(limit, { lagMs: 150 });
    scene.spenders(new RateGroup(), 3);
    scene.runTo(2 * TEN_SECONDS);
    assertNear(scene.takenIn(TEN_SECONDS, 2 * TEN_SECONDS), 10 * limit, String(limit));
  }
});

test('after a pause no more than a burst comes at once', () => {
  const scene = new Scene(1_000_000);
  scene.runTo(60_000);
  const spender = scene.spender(new RateGroup());
  assert.ok(spender.bytes <= 0.2 * 1_000_000 + BLOCK, String(spender.bytes));
});

test('requests larger than a block are paid for in full', () => {
  const scene = new Scene(100_000);
  const group = new RateGroup();
  scene.spender(group, { unit: LIMITS.requestBytesMax });
  scene.spender(group);
  scene.runTo(60_000);
  assert.ok(Math.abs(scene.takenBytes - 6_000_000) <= LIMITS.requestBytesMax, String(scene.takenBytes));
});

test('what a user leaves behind, or gives back, is the others’', () => {
  const scene = new Scene(100_000);
  const group = new RateGroup();
  const gone = new RateUser(() => assert.fail('it has left'));
  gone.group = new RateGroup();
  const fickle = new RateUser(() => {
    if (scene.limiter.take(fickle, BLOCK)) scene.limiter.giveBack(BLOCK);
    scene.limiter.wait(fickle, BLOCK);
  });
  fickle.group = group;
  scene.spender(group);
  scene.turn.run(() => {
    scene.limiter.wait(fickle, BLOCK);
    scene.limiter.wait(gone, 10 * BLOCK);
    scene.limiter.leave(gone);
    scene.limiter.leave(gone);
  });
  scene.runTo(TEN_SECONDS);
  assertNear(scene.takenBytes, 1_000_000, 'all');
});

test('a turn that is let pass comes to an end', () => {
  const scene = new Scene(100_000);
  const idle = new RateUser(() => scene.limiter.wait(idle, BLOCK));
  idle.group = new RateGroup();
  scene.turn.run(() => scene.limiter.wait(idle, BLOCK));
  scene.spender(new RateGroup());
  scene.runTo(TEN_SECONDS);
  assert.ok(scene.takenBytes >= 0.45 * 1_000_000, String(scene.takenBytes));
  scene.turn.run(() => scene.limiter.leave(idle));
  scene.runTo(2 * TEN_SECONDS);
  assertNear(scene.takenIn(TEN_SECONDS, 2 * TEN_SECONDS), 1_000_000, 'alone');
});

test('a limit can be set, changed and taken away while peers wait', () => {
  const scene = new Scene(1_000_000);
  const spender = scene.spender(new RateGroup(), { wantsBytes: 40_000_000 });
  scene.runTo(TEN_SECONDS);
  scene.turn.run(() => scene.limiter.setLimit(200_000));
  scene.runTo(2 * TEN_SECONDS);
  assertNear(scene.takenIn(TEN_SECONDS, 2 * TEN_SECONDS), 2_000_000, 'slower');
  scene.turn.run(() => scene.limiter.setLimit(2_000_000));
  scene.runTo(3 * TEN_SECONDS);
  assertNear(scene.takenIn(2 * TEN_SECONDS, 3 * TEN_SECONDS), 20_000_000, 'faster');
  scene.turn.run(() => scene.limiter.setLimit(0));
  assert.ok(spender.bytes >= 40_000_000);
  assert.equal(spender.user.isWaiting, false);
  const other = scene.spender(new RateGroup(), { wantsBytes: 1_000_000_000, unit: 1_000_000 });
  assert.equal(other.bytes, 1_000_000_000);
  scene.turn.run(() => scene.limiter.setLimit(20_000));
  const late = scene.spender(new RateGroup());
  scene.runTo(4 * TEN_SECONDS);
  assertNear(late.bytes, 200_000, 'limited again');
});

test('what comes unasked is paid for, but stops nobody for longer than the limit for it', () => {
  const scene = new Scene(100_000);
  scene.runTo(1000);
  scene.turn.run(() => scene.limiter.charge(50_000));
  const spender = scene.spender(new RateGroup());
  scene.runTo(11_000);
  assertNear(spender.bytes, 950_000 + 28_000, 'a small debt');
  for (let i = 0; i < 100; i++) scene.turn.run(() => scene.limiter.charge(LIMITS.requestBytesMax));
  scene.runTo(21_000);
  assertNear(scene.takenIn(11_000, 21_000), 1_000_000 - (100_000 * LIMITS.rateDebtMsMax) / 1000, 'a flood');
});

test('what is owed under a high limit does not stop anybody for long under a low one', () => {
  const scene = new Scene(20_000_000);
  scene.runTo(1000);
  scene.turn.run(() => {
    scene.limiter.charge(1_000_000_000);
    scene.limiter.setLimit(100_000);
  });
  scene.spender(new RateGroup());
  scene.runTo(11_000);
  assertNear(scene.takenBytes, 1_000_000 - 2 * 100_000, 'lowered');
});
