import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.js';
import {
  Choker,
  type ChokerPeer,
  type ChokerSettings,
  NEWCOMER_MS,
  SEED_IDLE_TURN_MS,
  SEED_TURN_BYTES,
  SEED_TURN_MAX_MS,
  SEED_TURN_MS,
} from './choker.js';

const SETTINGS: ChokerSettings = { uploadSlots: 4, optimisticSlots: 1, optimisticRoundMs: 30_000 };
const NO_OPTIMISTIC: ChokerSettings = { ...SETTINGS, optimisticSlots: 0 };
const LEECHING = { isSeeding: false };
const SEEDING = { isSeeding: true };

interface TestPeer extends ChokerPeer {
  readonly name: string;
  isInterested: boolean;
  isUnchoked: boolean;
  downloadRate: number;
  uploadRate: number;
  uploadedBytes: number;
  lastUnchokedAtMs: number;
}

function peer(name: string, given: Partial<ChokerPeer> = {}): TestPeer {
  return {
    name,
    isInterested: true,
    isUnchoked: false,
    isUploadOnly: false,
    isSnubbed: false,
    downloadRate: 0,
    uploadRate: 0,
    uploadedBytes: 0,
    connectedAtMs: 0,
    lastUnchokedAtMs: Number.NEGATIVE_INFINITY,
    ...given,
  };
}

function choker(settings: ChokerSettings = SETTINGS, seed = 1): Choker<TestPeer> {
  return new Choker<TestPeer>(settings, new SeededRandom(seed));
}

/** Does what the swarm does with the result of a round. */
function apply(peers: readonly TestPeer[], unchoked: readonly TestPeer[], now: number): string[] {
  for (const each of peers) {
    const isUnchoked = unchoked.includes(each);
    if (isUnchoked && !each.isUnchoked) each.lastUnchokedAtMs = now;
    each.isUnchoked = isUnchoked;
  }
  return unchoked.map((each) => each.name);
}

function rates(list: readonly number[]): TestPeer[] {
  return list.map((downloadRate, i) => peer(`p${i}`, { downloadRate }));
}

test('leeching: the four interested peers that upload most to us are unchoked, best first', () => {
  const peers = rates([10, 60, 30, 50, 20, 40]);
  const unchoked = choker(NO_OPTIMISTIC).round(peers, 0, LEECHING);
  assert.deepEqual(
    unchoked.map((each) => each.name),
    ['p1', 'p3', 'p5', 'p2'],
  );
});

test('leeching: a better uploader that wants nothing is unchoked as well, without using a slot', () => {
  const peers = [...rates([10, 20, 30, 40, 50]), peer('idle', { isInterested: false, downloadRate: 35 })];
  const names = apply(peers, choker(NO_OPTIMISTIC).round(peers, 0, LEECHING), 0);
  assert.deepEqual(names, ['p4', 'p3', 'idle', 'p2', 'p1']);
});

test('leeching: a peer that wants nothing and sends nothing, or less than the least, stays choked', () => {
  const peers = [
    ...rates([10, 20, 30, 40]),
    peer('silent', { isInterested: false }),
    peer('slow', { isInterested: false, downloadRate: 5 }),
    peer('seed', { isInterested: false, downloadRate: 99, isUploadOnly: true }),
  ];
  assert.deepEqual(apply(peers, choker(NO_OPTIMISTIC).round(peers, 0, LEECHING), 0), ['p3', 'p2', 'p1', 'p0']);
});

test('leeching: when the idle one becomes interested the next round chokes the worst', () => {
  const idle = peer('idle', { isInterested: false, downloadRate: 35 });
  const peers = [...rates([20, 30, 40, 50]), idle];
  const it = choker(NO_OPTIMISTIC);
  apply(peers, it.round(peers, 0, LEECHING), 0);
  idle.isInterested = true;
  assert.deepEqual(it.fillFreeSlots(peers), [], 'nothing changes between rounds');
  assert.deepEqual(apply(peers, it.round(peers, 10_000, LEECHING), 10_000), ['p3', 'p2', 'idle', 'p1']);
});

test('leeching: a snubbing peer gets no slot by merit, but may be lucky', () => {
  const snubbed = peer('snubbed', { isSnubbed: true, downloadRate: 1000 });
  assert.deepEqual(choker(NO_OPTIMISTIC).round([snubbed], 0, LEECHING), []);
  assert.deepEqual(choker().round([snubbed], 0, LEECHING), [snubbed]);
});

test('at equal rates nobody is choked for someone else', () => {
  const peers = rates([0, 0, 0, 0, 0, 0, 0, 0]);
  const it = choker(NO_OPTIMISTIC);
  const first = apply(peers, it.round(peers, 0, LEECHING), 0).sort();
  for (let now = 10_000; now < 100_000; now += 10_000) {
    assert.deepEqual(apply(peers, it.round(peers, now, LEECHING), now).sort(), first);
  }
});

test('one peer more is unchoked whatever its rate, and another one every 30 s', () => {
  const peers = rates([90, 80, 70, 60, 0, 0, 0, 0, 0, 0]);
  const it = choker();
  const lucky: string[] = [];
  for (let now = 0; now < 3_000_000; now += 10_000) {
    const names = apply(peers, it.round(peers, now, LEECHING), now);
    assert.deepEqual(names.slice(0, 4), ['p0', 'p1', 'p2', 'p3']);
    assert.equal(names.length, 5);
    lucky.push(names[4]!);
  }
  for (let i = 0; i < lucky.length; i += 3) assert.deepEqual(new Set(lucky.slice(i, i + 3)).size, 1);
  assert.equal(new Set(lucky).size, 6);
});

test('an optimistic unchoke that leaves or loses interest is replaced in the next round', () => {
  let peers = rates([90, 80, 70, 60, 0, 0, 0]);
  const it = choker();
  const lucky = it.round(peers, 0, LEECHING)[4]!;
  apply(peers, [], 0);
  peers = peers.filter((each) => each !== lucky);
  const second = it.round(peers, 10_000, LEECHING)[4]!;
  assert.ok(second !== undefined && second !== lucky);
  second.isInterested = false;
  const third = it.round(peers, 20_000, LEECHING)[4]!;
  assert.ok(third !== undefined && third !== second && third !== lucky);
});

test('newcomers, and those never unchoked, are three times as likely to be lucky', () => {
  const settings = { ...SETTINGS, uploadSlots: 1 };
  const counts = new Map<string, number>();
  const now = 10 * NEWCOMER_MS;
  for (let seed = 0; seed < 4000; seed++) {
    const peers = [
      peer('best', { downloadRate: 9 }),
      peer('old', { lastUnchokedAtMs: 0 }),
      peer('new', { lastUnchokedAtMs: 0, connectedAtMs: now - NEWCOMER_MS + 1 }),
      peer('never'),
    ];
    const lucky = choker(settings, seed).round(peers, now, LEECHING)[1]!.name;
    counts.set(lucky, (counts.get(lucky) ?? 0) + 1);
  }
  const share = (name: string): number => (counts.get(name) ?? 0) / 4000;
  assert.ok(Math.abs(share('old') - 1 / 7) < 0.03, `old ${share('old')}`);
  assert.ok(Math.abs(share('new') - 3 / 7) < 0.04, `new ${share('new')}`);
  assert.ok(Math.abs(share('never') - 3 / 7) < 0.04, `never ${share('never')}`);
});

test('a round leaves no more interested peers unchoked than there are slots', () => {
  for (const mode of [LEECHING, SEEDING]) {
    const peers = rates([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const it = choker({ ...SETTINGS, optimisticSlots: 2 });
    for (let now = 0; now < 400_000; now += 10_000) {
      const unchoked = it.round(peers, now, mode);
      assert.equal(new Set(unchoked).size, unchoked.length);
      assert.equal(unchoked.filter((each) => each.isInterested).length, 6);
      apply(peers, unchoked, now);
    }
  }
});

test('seeding: everyone gets a turn, whatever it uploads to others', () => {
  const peers = rates([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const it = choker(NO_OPTIMISTIC);
  const served = new Set<string>();
  for (let now = 0; now < 4 * SEED_TURN_MS; now += 10_000) {
    for (const each of peers) {
      each.uploadRate = each.isUnchoked ? SEED_TURN_BYTES / 60 : 0;
      if (each.isUnchoked) each.uploadedBytes += SEED_TURN_BYTES / 6;
    }
    for (const name of apply(peers, it.round(peers, now, SEEDING), now)) served.add(name);
  }
  assert.equal(served.size, 12);
});

test('seeding: a turn lasts a minute and 16 MiB, five minutes for a slow peer, and only if someone waits', () => {
  const settings = { ...NO_OPTIMISTIC, uploadSlots: 1 };
  const first = peer('first', { uploadRate: 1000 });
  const it = choker(settings);
  const alone = [first];
  for (let now = 0; now <= 2 * SEED_TURN_MAX_MS; now += 10_000) {
    assert.deepEqual(apply(alone, it.round(alone, now, SEEDING), now), ['first']);
  }
  const second = peer('second', { uploadRate: 1000 });
  const both = [first, second];
  let now = 2 * SEED_TURN_MAX_MS + 10_000;
  assert.deepEqual(apply(both, it.round(both, now, SEEDING), now), ['second']);
  now += SEED_TURN_MS - 1;
  second.uploadedBytes = SEED_TURN_BYTES;
  assert.deepEqual(apply(both, it.round(both, now, SEEDING), now), ['second'], 'not yet a minute');
  now += 1;
  assert.deepEqual(apply(both, it.round(both, now, SEEDING), now), ['first']);
  now += SEED_TURN_MAX_MS - 1;
  first.uploadedBytes += SEED_TURN_BYTES - 1;
  assert.deepEqual(apply(both, it.round(both, now, SEEDING), now), ['first'], 'not yet its share');
  now += 1;
  assert.deepEqual(apply(both, it.round(both, now, SEEDING), now), ['second'], 'slow, but five minutes');
});

test('seeding: a peer that takes nothing gives way after a minute', () => {
  const peers = [peer('lazy'), peer('keen')];
  const it = choker({ ...NO_OPTIMISTIC, uploadSlots: 1 });
  apply(peers, it.round(peers, 0, SEEDING), 0);
  assert.deepEqual(apply(peers, it.round(peers, SEED_TURN_MS, SEEDING), SEED_TURN_MS), ['keen']);
});

test('seeding: peers that want nothing are choked', () => {
  const peers = [peer('idle', { isInterested: false, downloadRate: 100, uploadRate: 100 })];
  assert.deepEqual(choker().round(peers, 0, SEEDING), []);
});

test('between rounds free slots go to interested peers, longest without one first, and nobody is choked', () => {
  const peers = [
    peer('a', { isUnchoked: true }),
    peer('idle', { isUnchoked: true, isInterested: false }),
    peer('late', { lastUnchokedAtMs: 5000 }),
    peer('early', { lastUnchokedAtMs: 1000 }),
    peer('never', { connectedAtMs: 9000 }),
    peer('never, longer', { connectedAtMs: 8000 }),
    peer('snubbed', { isSnubbed: true }),
    peer('not interested', { isInterested: false }),
  ];
  const names = choker()
    .fillFreeSlots(peers)
    .map((each) => each.name);
  assert.deepEqual(names, ['early', 'late', 'never, longer', 'never']);
});

test('between rounds nothing happens when all slots are taken, or nobody waits', () => {
  const full = [1, 2, 3, 4, 5].map((i) => peer(`p${i}`, { isUnchoked: true }));
  assert.deepEqual(choker().fillFreeSlots([...full, peer('waiting')]), []);
  assert.deepEqual(choker().fillFreeSlots(full.slice(1)), []);
});

test('whoever got a free slot between rounds keeps it in the next one', () => {
  for (const mode of [LEECHING, SEEDING]) {
    const peers = rates([0, 0, 0, 0, 0]);
    const it = choker();
    for (const each of it.fillFreeSlots(peers)) {
      each.isUnchoked = true;
      each.lastUnchokedAtMs = 0;
    }
    assert.equal(it.round(peers, 5000, mode).length, 5);
  }
});

const at = (host: string): Pick<ChokerPeer, 'remote'> => ({ remote: { family: 4, host, port: 1 } });

test('seeding: one machine with many connections waits as one', () => {
  const one = choker();
  const crowd = Array.from({ length: 30 }, (_, i) => peer(`crowd${i}`, at('11.0.0.1')));
  const others = Array.from({ length: 9 }, (_, i) => peer(`p${i}`, { ...at(`11.0.1.${i}`), connectedAtMs: 1 }));
  const peers = [...crowd, ...others];
  const served = new Set<string>();
  for (let now = 10; now < 2 * SEED_TURN_MS; now += SEED_TURN_MS) {
    const names = apply(peers, one.round(peers, now, SEEDING), now);
    assert.equal(names.length, 5);
    for (const name of names) served.add(name);
  }
  assert.deepEqual([...served].filter((name) => name.startsWith('p')).length, 9, [...served].join());
  // Alone it may have all there is.
  assert.equal(choker().round(crowd, 0, SEEDING).length, 5);
  assert.equal(choker().fillFreeSlots(crowd).length, 5);
});

test('a free slot goes to a machine that has none', () => {
  const held = ['a', 'b', 'c', 'd'].map((name) => peer(name, { ...at('11.0.0.1'), isUnchoked: true }));
  const more = peer('more', at('11.0.0.1'));
  const other = peer('other', { ...at('11.0.0.2'), connectedAtMs: 5 });
  assert.deepEqual(choker().fillFreeSlots([...held, more, other]), [other]);
});

test('leeching: in the draw for an optimistic slot a machine has one ticket, on this machine each client has one', () => {
  const crowd = Array.from({ length: 50 }, () => peer('crowd', at('11.0.0.1')));
  const local = Array.from({ length: 50 }, () => peer('local', at('127.0.0.1')));
  const other = peer('other', at('11.0.0.2'));
  const counts = { crowd: 0, local: 0, other: 0 };
  const settings = { ...SETTINGS, uploadSlots: 0 };
  for (let seed = 0; seed < 100; seed++) {
    counts[choker(settings, seed).round([...crowd, other], 0, LEECHING)[0]!.name as 'crowd']++;
  }
  assert.ok(counts.other > 30 && counts.crowd > 30, JSON.stringify(counts));
  for (let seed = 0; seed < 100; seed++) {
    counts[choker(settings, seed).round([...local, other], 0, LEECHING)[0]!.name as 'local']++;
  }
  assert.ok(counts.local > 80, JSON.stringify(counts));
});

test('leeching: a machine gets all optimistic slots when nobody else wants one', () => {
  const crowd = Array.from({ length: 3 }, () => peer('crowd', at('11.0.0.1')));
  assert.equal(choker({ ...SETTINGS, uploadSlots: 0, optimisticSlots: 2 }).round(crowd, 0, LEECHING).length, 2);
});

test('seeding: a peer that takes nothing has a short turn, and one that we keep waiting has not', () => {
  const one = choker();
  const takers = Array.from({ length: 5 }, (_, i) => peer(`idle${i}`, { isIdle: i > 0 }));
  const waiting = peer('waiting', { connectedAtMs: 1 });
  const peers = [...takers, waiting];
  apply(peers, one.round(peers, 0, SEEDING), 0);
  assert.ok(!apply(peers, one.round(peers, SEED_IDLE_TURN_MS - 1, SEEDING), SEED_IDLE_TURN_MS - 1).includes('waiting'));
  const names = apply(peers, one.round(peers, SEED_IDLE_TURN_MS, SEEDING), SEED_IDLE_TURN_MS);
  assert.ok(names.includes('waiting') && names.includes('idle0'), names.join());
});
