import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { backOffMs, loadTiers, type Tracker, TrackerChain, type TrackerFailure } from './tiers.js';

const random = new SeededRandom(1);
const SILENCE: TrackerFailure = { retryInMs: null, isRefusal: false };

function names(trackers: readonly Tracker[]): string {
  return trackers.map((tracker) => new URL(tracker.url).hostname).join(' ');
}

/** Trackers in the given order: one a tier, or all in one. */
function chainOf(...tiers: string[][]): { chain: TrackerChain; all: Tracker[] } {
  const loaded = tiers.map((tier) => tier.map((name) => loadTiers([[`http://${name}.test/announce`]], random)[0]![0]!));
  return { chain: new TrackerChain(loaded), all: loaded.flat() };
}

test('tiers lose what is no tracker, duplicates and empty tiers', () => {
  const tiers = loadTiers(
    [['wss://w.test/'], [' http://a.test/x ', 'HTTP://A.test:80/x', ''], [], ['http://a.test/x', 'udp://b.test:1']],
    random,
  );
  assert.deepEqual(
    tiers.map((tier) => tier.map((tracker) => tracker.url)),
    [['http://a.test/x'], ['udp://b.test:1']],
  );
});

test('each tier is shuffled, and only within itself', () => {
  const urls = [
    ['http://a.test/', 'http://b.test/', 'http://c.test/'],
    ['http://d.test/', 'http://e.test/'],
  ];
  const orders = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const tiers = loadTiers(urls, new SeededRandom(seed));
    assert.deepEqual(
      tiers.map((tier) => tier.map(({ url }) => url).sort()),
      urls,
    );
    orders.add(names(tiers.flat()));
  }
  assert.equal(orders.size, 12);
});

test('a torrent has at most so many trackers', () => {
  const urls = Array.from({ length: LIMITS.trackersPerTorrentMax + 50 }, (_, i) => [`http://t${i}.test/announce`]);
  assert.equal(loadTiers(urls, random).length, LIMITS.trackersPerTorrentMax);
  assert.equal(loadTiers([urls.flat()], random)[0]!.length, LIMITS.trackersPerTorrentMax);
});

test('a pass goes through the tiers from top to bottom', () => {
  const { chain, all } = chainOf(['a', 'b'], ['c']);
  chain.restart();
  assert.deepEqual([chain.next(0), chain.next(0), chain.next(0), chain.next(0)], [...all, null]);
});

test('a tracker that answered moves to the front of its own tier, and the next pass begins at the top', () => {
  const { chain, all } = chainOf(['a', 'b'], ['c', 'd', 'e']);
  chain.restart();
  chain.promote(all[4]!);
  assert.equal(chain.next(0), null);
  assert.equal(names(chain.trackers), 'a.test b.test e.test c.test d.test');
  chain.restart();
  assert.equal(chain.next(0), all[0]);
});

test('a tracker that failed is left alone for longer and longer, up to an hour, and a quarter more at random', () => {
  const least = [17_500, 55_000, 117_500, 205_000, 317_500];
  const waits = new Set<number>();
  for (let seed = 0; seed < 100; seed++) {
    const random = new SeededRandom(seed);
    for (const [i, leastMs] of least.entries()) {
      const waitMs = backOffMs(i + 1, random);
      assert.ok(waitMs >= leastMs && waitMs <= leastMs * 1.25, `seed ${seed}: ${waitMs} after ${i + 1} failures`);
    }
    const longestMs = backOffMs(1000, random);
    assert.ok(longestMs >= 3_600_000 && longestMs <= 4_500_000, `seed ${seed}: ${longestMs}`);
    waits.add(backOffMs(1, random));
  }
  assert.ok(waits.size > 90, 'trackers that failed together must not be asked together');
});

test('while one tracker is left alone, the next is asked', () => {
  const { chain, all } = chainOf(['a', 'b']);
  all[0]!.fail(1000, SILENCE, random);
  const { notBeforeMs } = all[0]!;
  assert.ok(notBeforeMs >= 18_500);
  chain.restart();
  assert.equal(chain.next(notBeforeMs - 1), all[1]);
  chain.restart();
  assert.equal(chain.next(notBeforeMs), all[0]);
  all[1]!.fail(1000, { retryInMs: 60_000, isRefusal: true }, random);
  assert.equal(chain.notBeforeMs, notBeforeMs);
});

test('a tracker that wants to be asked later, or never, gets its way', () => {
  const { chain, all } = chainOf(['a']);
  all[0]!.fail(0, { retryInMs: 600_000, isRefusal: true }, random);
  assert.equal(chain.notBeforeMs, 600_000);
  all[0]!.fail(0, { retryInMs: Number.POSITIVE_INFINITY, isRefusal: true }, random);
  assert.equal(chain.notBeforeMs, Number.POSITIVE_INFINITY);
});

test('after an answer, the next announce comes after the interval and at most a twentieth later', () => {
  for (let seed = 0; seed < 100; seed++) {
    const [tracker] = chainOf(['a']).all;
    tracker!.failures = 3;
    tracker!.succeed(5000, { intervalMs: 1_800_000, minIntervalMs: null }, new SeededRandom(seed));
    assert.equal(tracker!.failures, 0);
    assert.equal(tracker!.notBeforeMs, 5000 + LIMITS.announceIntervalMinMs);
    assert.ok(tracker!.nextAnnounceMs >= 1_805_000 && tracker!.nextAnnounceMs <= 1_895_000, `seed ${seed}`);
  }
});

test('a min interval longer than the interval is kept', () => {
  const [tracker] = chainOf(['a']).all;
  tracker!.succeed(0, { intervalMs: 60_000, minIntervalMs: 120_000 }, random);
  assert.equal(tracker!.notBeforeMs, 120_000);
  assert.ok(tracker!.nextAnnounceMs >= 120_000);
});

test('a failure does not cut the min interval of the answer before it short', () => {
  const [tracker] = chainOf(['a']).all;
  tracker!.succeed(0, { intervalMs: 1_800_000, minIntervalMs: 600_000 }, random);
  tracker!.fail(1000, SILENCE, random);
  assert.equal(tracker!.notBeforeMs, 600_000);
  tracker!.fail(600_000, SILENCE, random);
  assert.ok(tracker!.notBeforeMs >= 655_000);
});

test('what is remembered of a tracker is what it asked for, not our own patience', () => {
  const remembered = (act: (tracker: Tracker) => void): number => {
    const [tracker] = chainOf(['a']).all;
    act(tracker!);
    return tracker!.rememberedMs;
  };
  const never = Number.POSITIVE_INFINITY;
  const refuse = (retryInMs: number | null) => ({ retryInMs, isRefusal: true });
  const answer = { intervalMs: 1_800_000, minIntervalMs: null };
  assert.equal(
    remembered(() => {}),
    -never,
  );
  assert.equal(
    remembered((tracker) => tracker.succeed(1000, answer, random)),
    61_000,
  );
  assert.equal(
    remembered((tracker) => tracker.succeed(1000, { ...answer, minIntervalMs: 900_000 }, random)),
    901_000,
  );
  assert.ok(remembered((tracker) => tracker.fail(1000, SILENCE, random)) <= 1000, 'silence asks for nothing');
  assert.equal(
    remembered((tracker) => tracker.fail(1000, refuse(null), random)),
    61_000,
  );
  assert.equal(
    remembered((tracker) => tracker.fail(1000, refuse(600_000), random)),
    601_000,
  );
  assert.equal(
    remembered((tracker) => tracker.fail(1000, refuse(never), random)),
    never,
  );
  assert.equal(
    remembered((tracker) => tracker.restore(7000)),
    7000,
  );
});
