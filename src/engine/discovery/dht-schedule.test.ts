import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { DhtSchedule, LOOKUP_INTERVAL_MS } from './dht-schedule.js';

function schedule(...torrents: string[]): DhtSchedule<string> {
  const made = new DhtSchedule<string>(new SeededRandom(1));
  for (const torrent of torrents) made.add(torrent, 0);
  return made;
}

test('a torrent that joins is looked up at once, and again after about a quarter of an hour', () => {
  const made = schedule('a');
  assert.equal(made.next(0), 'a');
  assert.equal(made.next(0), null);
  made.onDone('a', { isFruitful: true }, 1000);
  assert.equal(made.next(1000 + 0.9 * LOOKUP_INTERVAL_MS - 1), null);
  assert.equal(made.next(1000 + LOOKUP_INTERVAL_MS), 'a');
});

test('a torrent that has no use of a lookup is looked up sooner, each time after twice as long', () => {
  const made = schedule('a');
  let now = 0;
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    assert.equal(made.next(now), 'a');
    made.onDone('a', { isFruitful: false }, now);
    const dueAt = made.nextDueAt();
    waits.push(dueAt - now);
    now = dueAt;
  }
  const doubled = [
    30_000,
    60_000,
    120_000,
    240_000,
    480_000,
    LOOKUP_INTERVAL_MS,
    LOOKUP_INTERVAL_MS,
    LOOKUP_INTERVAL_MS,
  ];
  waits.forEach((wait, i) => {
    assert.ok(wait > 0.9 * doubled[i]! - 1 && wait <= doubled[i]!, `wait ${i}: ${wait}`);
  });
});

test('what was of no use is done again at once when the DHT becomes reachable', () => {
  const made = schedule('a', 'b');
  for (const [torrent, isFruitful] of [['a', false] as const, ['b', true] as const]) {
    assert.equal(made.next(0), torrent);
    made.onDone(torrent, { isFruitful }, 0);
  }
  made.retryFruitless(5);
  assert.equal(made.next(5), 'a');
  assert.equal(made.next(5), null);
});

test('whoever is not looked up yet is due at once when there is a reason for all', () => {
  const made = schedule('a');
  made.next(0);
  made.onDone('a', { isFruitful: true }, 0);
  made.hurry(7);
  assert.equal(made.nextDueAt(), 7);
});

test('no more lookups run at one time than the limit, and the longest waiting is next', () => {
  const made = new DhtSchedule<number>(new SeededRandom(2));
  for (let i = 0; i <= LIMITS.dhtTorrentLookupsMax; i++) made.add(i, i);
  const now = 1000;
  for (let i = 0; i < LIMITS.dhtTorrentLookupsMax; i++) assert.equal(made.next(now), i);
  assert.equal(made.next(now), null);
  assert.equal(made.nextDueAt(), Number.POSITIVE_INFINITY);
  made.onDone(0, { isFruitful: true }, now);
  assert.equal(made.next(now), LIMITS.dhtTorrentLookupsMax);
});

test('a torrent that leaves while it is looked up gives its place back', () => {
  const made = new DhtSchedule<number>(new SeededRandom(2));
  for (let i = 0; i <= LIMITS.dhtTorrentLookupsMax; i++) made.add(i, i);
  while (made.next(1000) !== null);
  assert.equal(made.remove(0), true);
  assert.equal(made.remove(0), false);
  made.onDone(0, { isFruitful: true }, 1000);
  assert.equal(made.next(1000), LIMITS.dhtTorrentLookupsMax);
  assert.equal(made.size, LIMITS.dhtTorrentLookupsMax);
});
