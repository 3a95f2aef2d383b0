import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { type CandidateSource, Candidates } from './candidates.js';
import { PeerPriorities } from './peer-priorities.js';
import { peerPriority } from './peer-priority.js';

function address(n: number, port = 6881): Address {
  return makeAddress(`10.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`, port)!;
}

function known(...sources: readonly CandidateSource[]): Candidates {
  const candidates = new Candidates();
  for (const [n, source] of sources.entries()) candidates.add(address(n), source);
  return candidates;
}

/** Dials whatever comes next. */
function dial(candidates: Candidates, now: number): Address | null {
  const next = candidates.next(now)?.address ?? null;
  if (next !== null) candidates.onDialled(next, now);
  return next;
}

test('one endpoint is one candidate, and what cannot be a peer is ignored', () => {
  const candidates = new Candidates();
  assert.equal(candidates.add(address(1), 'tracker'), true);
  assert.equal(candidates.add(address(1), 'pex'), true);
  assert.equal(candidates.add(address(1, 6882), 'pex'), true);
  assert.equal(candidates.add(address(1, 0), 'tracker'), false);
  assert.equal(candidates.add(makeAddress('224.0.0.1', 80)!, 'tracker'), false);
  assert.equal(candidates.count, 2);
});

test('untried candidates go by source: person, magnet, incoming, tracker, DHT, PEX', () => {
  const candidates = known('pex', 'dht', 'tracker', 'incoming', 'magnet', 'user');
  const order = Array.from({ length: 6 }, () => dial(candidates, 0));
  assert.deepEqual(
    order,
    [5, 4, 3, 2, 1, 0].map((n) => address(n)),
  );
  assert.equal(candidates.next(0), null);
});

test('fewest failures first, then the longest untried', () => {
  const candidates = known('tracker', 'tracker', 'tracker');
  for (const now of [0, 1, 2]) dial(candidates, now);
  candidates.onFailed(address(0), 10);
  candidates.onClosed(address(2), 100_000);
  candidates.onClosed(address(1), 100_000);
  const later = 200_000;
  assert.deepEqual(dial(candidates, later), address(1));
  assert.deepEqual(dial(candidates, later), address(2));
  assert.deepEqual(dial(candidates, later), address(0));
});

test('whoever is being dialled or connected is not dialled again', () => {
  const candidates = known('tracker');
  dial(candidates, 0);
  assert.equal(candidates.next(1e9), null);
  candidates.onConnected(address(0));
  assert.equal(candidates.next(1e9), null);
  candidates.add(address(0), 'user');
  assert.equal(candidates.next(1e9), null);
  assert.equal(candidates.nextRetryAt(), Number.POSITIVE_INFINITY);
});

test('failures are retried after one, two, three … minutes and then given up', () => {
  const candidates = known('tracker');
  let now = 0;
  const waits: number[] = [];
  while (dial(candidates, now) !== null) {
    candidates.onFailed(address(0), now);
    const retryAt = candidates.nextRetryAt();
    if (retryAt === Number.POSITIVE_INFINITY) break;
    assert.equal(candidates.next(retryAt - 1), null);
    waits.push(retryAt - now);
    now = retryAt;
  }
  assert.deepEqual(waits, [60_000, 120_000, 180_000, 240_000]);
  assert.equal(waits.length + 1, LIMITS.dialAttemptsMax);
  assert.equal(candidates.next(1e12), null);
});

test('a peer that a person named is retried soon, and never given up', () => {
  const candidates = known('user');
  let now = 0;
  const waits: number[] = [];
  for (let i = 0; i < 14; i++) {
    assert.notEqual(dial(candidates, now), null);
    candidates.onFailed(address(0), now);
    waits.push(candidates.nextRetryAt() - now);
    now = candidates.nextRetryAt();
  }
  assert.deepEqual(waits.slice(0, 3), [5000, 120_000, 180_000]);
  assert.equal(waits.at(-1), 600_000);
});

test('a tracker that lists a given-up peer again grants one more attempt, PEX does not', () => {
  const candidates = known('tracker');
  for (let i = 0; i < LIMITS.dialAttemptsMax; i++) {
    candidates.onDialled(address(0), 0);
    candidates.onFailed(address(0), 0);
  }
  candidates.add(address(0), 'pex');
  assert.equal(candidates.next(1e9), null);
  candidates.add(address(0), 'tracker');
  assert.deepEqual(dial(candidates, 1e9), address(0));
  candidates.onFailed(address(0), 1e9);
  assert.equal(candidates.next(2e9), null);
});

test('who says itself that it is there is dialled again soon, and not the sooner the more often it says so', () => {
  const candidates = known('lsd');
  dial(candidates, 0);
  candidates.onFailed(address(0), 1000);
  for (let i = 0; i < 10; i++) candidates.add(address(0), 'lsd');
  assert.equal(candidates.nextRetryAt(), 5000);
  assert.deepEqual(dial(candidates, 5000), address(0));
  candidates.onFailed(address(0), 6000);
  assert.equal(candidates.nextRetryAt(), 66_000);
});

test('what it says while it is connected or dialled counts when that is over', () => {
  const candidates = known('lsd');
  dial(candidates, 0);
  candidates.add(address(0), 'lsd');
  candidates.onConnected(address(0));
  candidates.onClosed(address(0), 1000);
  assert.equal(candidates.nextRetryAt(), 6000);
  dial(candidates, 6000);
  candidates.onConnected(address(0));
  candidates.onClosed(address(0), 100_000);
  assert.equal(candidates.nextRetryAt(), 160_000);
});

test('a given-up peer that says itself that it is there has one more attempt', () => {
  const candidates = known('lsd');
  for (let i = 0; i < LIMITS.dialAttemptsMax; i++) {
    candidates.onDialled(address(0), 0);
    candidates.onFailed(address(0), 0);
  }
  assert.equal(candidates.next(1e9), null);
  candidates.add(address(0), 'lsd');
  assert.deepEqual(dial(candidates, 5000), address(0));
  candidates.onFailed(address(0), 5000);
  assert.equal(candidates.next(1e9), null);
});

test('two who want nothing of each other are not brought together by saying that they are there', () => {
  const candidates = known('lsd');
  dial(candidates, 0);
  candidates.add(address(0), 'lsd');
  candidates.onUseless(address(0), 1000);
  candidates.add(address(0), 'lsd');
  assert.equal(candidates.nextRetryAt(), 61_000);
});

test('a good connection that ended is tried again after a minute, a named one sooner', () => {
  const candidates = known('tracker', 'user');
  for (const n of [0, 1]) {
    candidates.onDialled(address(n), 0);
    candidates.onConnected(address(n));
    candidates.onClosed(address(n), 100_000);
  }
  assert.equal(candidates.next(104_999), null);
  assert.deepEqual(dial(candidates, 105_000), address(1));
  assert.equal(candidates.next(159_999), null);
  assert.deepEqual(dial(candidates, 160_000), address(0));
});

test('a peer that accepts and soon drops us every time is given up', () => {
  const candidates = known('tracker');
  let now = 0;
  let dials = 0;
  while (dial(candidates, now) !== null) {
    dials++;
    candidates.onConnected(address(0));
    candidates.onClosed(address(0), now + 1000);
    now += 10_000_000;
  }
  assert.equal(dials, LIMITS.dialAttemptsMax);
});

for (const [source, waitMs] of [
  ['user', 5000],
  ['tracker', 60_000],
] as const) {
  test(`a ${source} seed that is started again and again is dialled again soon, as long as it gives`, () => {
    const candidates = known(source);
    for (let now = 0; now < 1_000_000; now += 100_000) {
      candidates.onDialled(address(0), now);
      candidates.onConnected(address(0));
      candidates.onClosed(address(0), now + 1000, { hasGiven: true });
      assert.equal(candidates.nextRetryAt(), now + 1000 + waitMs);
    }
  });
}

test('banned addresses and our own are never dialled, known before or not', () => {
  const candidates = known('user', 'user');
  candidates.ban(address(0));
  candidates.markSelf(address(1));
  candidates.ban(address(2));
  for (const n of [0, 1, 2]) {
    candidates.add(address(n), 'user');
    candidates.onFailed(address(n), 0);
    candidates.onClosed(address(n), 0);
    candidates.onConnected(address(n));
  }
  assert.equal(candidates.next(1e9), null);
  assert.equal(candidates.isBanned(address(0)), true);
  assert.equal(candidates.isBanned(address(1)), false);
  assert.equal(candidates.isBanned(address(2)), true);
});

test('nextRetryAt is -Infinity for a candidate never tried', () => {
  assert.equal(known('pex').nextRetryAt(), Number.NEGATIVE_INFINITY);
  assert.equal(new Candidates().nextRetryAt(), Number.POSITIVE_INFINITY);
});

test('no more than candidatesPerTorrentMax are kept', () => {
  const candidates = new Candidates();
  for (let n = 0; n < LIMITS.candidatesPerTorrentMax; n++) assert.equal(candidates.add(address(n), 'tracker'), true);
  assert.equal(candidates.add(address(5000), 'tracker'), false);
  assert.equal(candidates.count, LIMITS.candidatesPerTorrentMax);
});

test('when full, a better candidate takes the place of the worst: failures first, then source', () => {
  const candidates = new Candidates({ max: 3 });
  candidates.add(address(0), 'tracker');
  candidates.add(address(1), 'pex');
  candidates.add(address(2), 'tracker');
  candidates.onDialled(address(2), 0);
  candidates.onFailed(address(2), 0);
  assert.equal(candidates.add(address(3), 'pex'), true, 'in place of the one that failed');
  assert.equal(candidates.add(address(4), 'pex'), false);
  assert.equal(candidates.add(address(5), 'tracker'), true, 'in place of one from PEX');
  assert.equal(candidates.add(address(6), 'tracker'), true);
  assert.equal(candidates.add(address(7), 'tracker'), false);
  assert.equal(candidates.count, 3);
});

test('a flood of addresses does not push out those in use, those a person named, or bans', () => {
  const candidates = new Candidates({ max: 4 });
  candidates.add(address(0), 'pex');
  candidates.onDialled(address(0), 0);
  candidates.add(address(1), 'user');
  candidates.ban(address(2));
  candidates.add(address(3), 'tracker');
  for (let n = 100; n < 200; n++) assert.equal(candidates.add(address(n), 'tracker'), false);
  assert.equal(candidates.isBanned(address(2)), true);
  candidates.onFailed(address(0), 0);
  assert.deepEqual(candidates.next(0)?.address, address(1));
});

test('where all places are taken by bans the oldest is forgotten', () => {
  const candidates = new Candidates({ max: 2 });
  candidates.ban(address(0));
  candidates.ban(address(1));
  assert.equal(candidates.add(address(2), 'tracker'), true);
  assert.equal(candidates.isBanned(address(0)), false);
  assert.equal(candidates.isBanned(address(1)), true);
});

test('with trackers only, what no tracker named is forgotten and refused, and bans stay', () => {
  const candidates = known('user', 'magnet', 'incoming', 'tracker', 'pex');
  candidates.add(address(1), 'tracker');
  candidates.ban(address(2));
  candidates.restrictToTrackers();
  const left = [0, 1, 2, 3, 4].filter((n) => candidates.isKnown(address(n)));
  assert.deepEqual([left, candidates.isBanned(address(2))], [[1, 2, 3], true]);
  assert.equal(candidates.add(address(1), 'user'), true);
  for (const source of ['user', 'magnet', 'incoming', 'dht', 'pex'] as const) {
    assert.equal(candidates.add(address(9), source), false);
  }
  candidates.ban(address(9));
  assert.equal(candidates.isBanned(address(9)), true, 'whom a ban is for need not be known');
  candidates.clear();
  assert.deepEqual([candidates.count, dial(candidates, 0)], [2, null]);
});

test('what is worth keeping for another run: who is connected, then who worked, then who was never tried', () => {
  const candidates = new Candidates();
  const [connected, worked, failed, banned, untried, named] = [1, 2, 3, 4, 5, 6].map(
    (i) => makeAddress(`10.0.0.${i}`, 6881)!,
  );
  for (const address of [untried, connected, worked, failed, banned]) candidates.add(address!, 'tracker');
  candidates.add(named!, 'user');
  for (const address of [connected!, worked!]) {
    candidates.onDialled(address, 0);
    candidates.onConnected(address);
  }
  candidates.onClosed(worked!, 100_000);
  candidates.onDialled(failed!, 0);
  candidates.onFailed(failed!, 1000);
  candidates.ban(banned!);
  assert.deepEqual(candidates.worthKeeping(10), [connected, worked, named, untried]);
  assert.deepEqual(candidates.worthKeeping(1), [connected]);
});

test('a peer that we let go did not fail, and may be dialled again at once', () => {
  const candidates = new Candidates();
  const address = makeAddress('10.0.0.1', 6881)!;
  candidates.add(address, 'tracker');
  candidates.onDialled(address, 0);
  candidates.onConnected(address);
  candidates.onReleased(address);
  assert.equal(candidates.nextRetryAt(), Number.NEGATIVE_INFINITY);
  assert.notEqual(candidates.next(1), null);
});

test('candidates are counted by their best source, whatever they are doing, but not bans and our own address', () => {
  const candidates = known('user', 'tracker', 'tracker', 'dht', 'pex', 'pex');
  candidates.add(address(3), 'tracker');
  candidates.add(address(0), 'pex');
  candidates.onDialled(address(1), 0);
  candidates.onFailed(address(1), 0);
  candidates.onDialled(address(2), 0);
  candidates.ban(address(4));
  candidates.markSelf(address(9));
  const none = { user: 0, magnet: 0, incoming: 0, resume: 0, tracker: 0, dht: 0, lsd: 0, pex: 0 };
  assert.deepEqual(candidates.countBySource(), { ...none, user: 1, tracker: 3, pex: 1 });
});

// ---- BEP 40 ----

/** Public ones: others are not seen from outside. */
function remote(n: number): Address {
  return makeAddress(`9.${n * 11}.${n * 7}.1`, 6881)!;
}

test('of those that are alike otherwise the greatest canonical priority is dialled first', () => {
  const own = makeAddress('8.8.4.4', 6881)!;
  const priorities = new PeerPriorities({ externalIp: () => own.host, reachablePort: () => own.port });
  const candidates = new Candidates({ priorities });
  const [tried, ...untried] = Array.from({ length: 20 }, (_, n) => remote(n)) as [Address, ...Address[]];
  for (const each of untried) candidates.add(each, 'pex');
  candidates.add(tried, 'tracker');
  const order = Array.from({ length: 20 }, () => dial(candidates, 0));
  untried.sort((a, b) => peerPriority(own, b) - peerPriority(own, a));
  assert.deepEqual(order, [tried, ...untried], 'the source comes before it');
});

test('while our own address is not known the first that was told of is dialled first, and a new one counts at once', () => {
  let externalIp: string | null = null;
  const priorities = new PeerPriorities({ externalIp: () => externalIp, reachablePort: () => 6881 });
  const candidates = new Candidates({ priorities });
  const all = Array.from({ length: 20 }, (_, n) => remote(n));
  for (const each of all) candidates.add(each, 'pex');
  assert.deepEqual(candidates.next(0)?.address, all[0]);
  for (const ip of ['8.8.4.4', '4.4.8.8', '7.7.1.1']) {
    externalIp = ip;
    priorities.onOwnAddressChanged();
    const own = makeAddress(ip, 6881)!;
    const best = all.toSorted((a, b) => peerPriority(own, b) - peerPriority(own, a))[0];
    assert.deepEqual(candidates.next(0)?.address, best, ip);
  }
});
