import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { UNKNOWN_PRIORITY } from './peer-priorities.js';
import { PeerTurnover, type TurnoverState } from './peer-turnover.js';
import { PATIENCE_MS, type ValuedPeer } from './peer-worth.js';

const MINUTE_MS = 60_000;

interface TestPeer extends ValuedPeer {
  readonly isGood: boolean;
  readonly isOnlySource: boolean;
}

function peers(count: number, given: Partial<TestPeer> = {}): TestPeer[] {
  return Array.from({ length: count }, (_, i) => ({
    remote: makeAddress(`10.2.${i >> 8}.${i & 255}`, 6881)!,
    source: 'tracker',
    priority: UNKNOWN_PRIORITY,
    connectedAtMs: 0,
    isInterested: false,
    isInterestingToUs: true,
    isSuspect: false,
    downloadRate: 0,
    uploadRate: 0,
    lastReceivedAtMs: Number.NEGATIVE_INFINITY,
    lastSentAtMs: Number.NEGATIVE_INFINITY,
    isGood: false,
    isOnlySource: false,
    ...given,
  }));
}

/** They send all the time. */
function good(count: number): TestPeer[] {
  return peers(count, { isGood: true, downloadRate: 1000, lastReceivedAtMs: Number.POSITIVE_INFINITY });
}

function state(now: number, isSeeding = false): TurnoverState<TestPeer> {
  return { now, isSeeding, isOnlySource: (peer) => peer.isOnlySource };
}

/** Lets the minutes pass, as the swarm does when it is full; whoever leaves is gone. @returns how many left in each. */
function turnOver(all: TestPeer[], minutes: number, limit = 100): number[] {
  const turnover = new PeerTurnover<TestPeer>(0);
  return Array.from({ length: minutes }, (_, i) => {
    let leaving = 0;
    for (let second = 0; second < 60; second++) {
      for (const peer of turnover.due(all, limit, state((i * 60 + second + 1) * 1000))) {
        all.splice(all.indexOf(peer), 1);
        leaving++;
      }
    }
    return leaving;
  });
}

test('idle peers leave ten per cent of the places a minute, once nothing has come of them for five', () => {
  const all = [...peers(60), ...good(40)];
  assert.deepEqual(turnOver(all, 12), [0, 0, 0, 0, 14, 10, 10, 10, 10, 6, 0, 0]);
  assert.equal(all.length, 40);
});

test('of those that do a little the worst leave, four per cent every five minutes, and never the good', () => {
  const slow = peers(20, { downloadRate: 10, lastReceivedAtMs: Number.POSITIVE_INFINITY });
  const all = [...slow, ...good(40)];
  const leaving = turnOver(all, 60);
  assert.deepEqual(
    leaving.filter((count) => count > 0),
    [4, 4, 4, 4, 4],
  );
  assert.equal(all.length, 40);
});

test('the only one that has a piece stays, whatever it does', () => {
  const all = peers(30, { isOnlySource: true });
  turnOver(all, 60);
  assert.equal(all.length, 30);
  assert.equal(new PeerTurnover<TestPeer>(0).replaceable(all, state(3_600_000)), null);
});

test('a newcomer replaces the least worth, but nobody that is good, or new', () => {
  const turnover = new PeerTurnover<TestPeer>(0);
  const [suspect] = peers(1, { isSuspect: true }) as [TestPeer];
  const all = [...good(10), ...peers(3), suspect];
  assert.equal(turnover.replaceable(all, state(3_600_000))?.peer, suspect);
  assert.equal(turnover.replaceable(good(10), state(3_600_000)), null);
  assert.equal(turnover.replaceable(peers(10), state(PATIENCE_MS - 1)), null);
  assert.notEqual(turnover.replaceable(peers(10), state(PATIENCE_MS)), null);
  const waiting = peers(10, { isInterested: true });
  assert.equal(
    turnover.replaceable(waiting, state(3_600_000, true)),
    null,
    'while we seed they all wait for their turn',
  );
});

// ---- BEP 40 ----

/** They are good to have, and no block has come from them or gone to them: they wait for their turn, while we seed. */
function waiting(...priorities: readonly number[]): TestPeer[] {
  return priorities.flatMap((priority) => peers(1, { priority, isInterested: true }));
}

const [NEWCOMER] = peers(1, { priority: 1000 }) as [TestPeer];

test('where all are good to have, a newcomer takes the place of the least priority that is less than its own', () => {
  const turnover = new PeerTurnover<TestPeer>(0);
  const [high, low, lowest, equal] = waiting(2000, 500, 100, 1000) as [TestPeer, TestPeer, TestPeer, TestPeer];
  const seeding = state(MINUTE_MS, true);
  assert.equal(turnover.outranked(NEWCOMER, [high, low, lowest, equal], seeding), lowest);
  assert.equal(turnover.outranked(NEWCOMER, [high, equal], seeding), null);
});

test('however high its priority, a newcomer takes no place of one that proved its worth, is new, or was named', () => {
  const turnover = new PeerTurnover<TestPeer>(0);
  const stays: readonly Partial<TestPeer>[] = [
    { lastSentAtMs: 1 },
    { lastReceivedAtMs: 1 },
    { connectedAtMs: 1 },
    { source: 'user' },
    { isOnlySource: true },
    { priority: UNKNOWN_PRIORITY },
  ];
  for (const given of stays) {
    const all = peers(3, { priority: 0, isInterested: true, ...given });
    assert.equal(turnover.outranked(NEWCOMER, all, state(MINUTE_MS, true)), null, JSON.stringify(given));
  }
  const [nobody] = peers(1) as [TestPeer];
  assert.equal(turnover.outranked(nobody, waiting(0), state(MINUTE_MS, true)), null, 'its own is not known');
});

test('those of high priority replace only so many a minute too', () => {
  const turnover = new PeerTurnover<TestPeer>(0);
  const all = waiting(...Array.from({ length: 50 }, (_, i) => i));
  for (let i = 0; i < LIMITS.replacedPeersPerMinuteMax; i++) {
    const outranked = turnover.outranked(NEWCOMER, all, state(MINUTE_MS + i, true));
    assert.equal(outranked?.priority, i);
    all.splice(all.indexOf(outranked), 1);
    turnover.onReplaced(MINUTE_MS + i);
  }
  assert.equal(turnover.outranked(NEWCOMER, all, state(MINUTE_MS + 1000, true)), null);
  assert.notEqual(turnover.outranked(NEWCOMER, all, state(2 * MINUTE_MS, true)), null);
});

test('newcomers replace only so many a minute', () => {
  const turnover = new PeerTurnover<TestPeer>(0);
  const all = peers(1000);
  for (const minute of [60, 61, 62]) {
    let replaced = 0;
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 5; i++) {
        const now = minute * MINUTE_MS + second * 1000;
        const valued = turnover.replaceable(all, state(now));
        if (valued === null) continue;
        turnover.onReplaced(now);
        replaced++;
      }
    }
    assert.equal(replaced, LIMITS.replacedPeersPerMinuteMax);
  }
});
