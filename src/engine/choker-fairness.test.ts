/**
 * Seeding without starving: the choker in a model of an hour. Every second the unchoked peers share what the seed can
 * upload, none gets more than it can take. Everyone has to get turns, and no one much more of them than the others.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBelow, SeededRandom } from '../base/random.js';
import { Choker, type ChokerPeer, type ChokerSettings, SEED_ROTATION_MS, SEED_TURN_MS } from './swarm/choker.js';

const SETTINGS: ChokerSettings = { uploadSlots: 4, optimisticSlots: 1, optimisticRoundMs: 30_000 };
const SLOTS = SETTINGS.uploadSlots + SETTINGS.optimisticSlots;
const HOUR_MS = 3_600_000;
const ROUND_MS = 10_000;
/** What peers can take, bytes per second: from a modem to a data centre. */
const RATES = [5000, 50_000, 500_000, 5_000_000];

class ModelPeer implements ChokerPeer {
  readonly isInterested = true;
  readonly isUploadOnly = false;
  readonly isSnubbed = false;
  readonly downloadRate = 0;
  readonly connectedAtMs: number;
  readonly takesRate: number;
  isUnchoked = false;
  uploadRate = 0;
  uploadedBytes = 0;
  lastUnchokedAtMs = Number.NEGATIVE_INFINITY;
  turns = 0;
  heldMs = 0;
  longestWaitMs = 0;
  #waitingSinceMs: number;

  constructor(now: number, takesRate: number) {
    this.connectedAtMs = now;
    this.takesRate = takesRate;
    this.#waitingSinceMs = now;
  }

  setUnchoked(isUnchoked: boolean, now: number): void {
    if (isUnchoked && !this.isUnchoked) {
      this.turns++;
      this.lastUnchokedAtMs = now;
    }
    if (!isUnchoked && this.isUnchoked) this.#waitingSinceMs = now;
    this.isUnchoked = isUnchoked;
    if (!isUnchoked) this.longestWaitMs = Math.max(this.longestWaitMs, now - this.#waitingSinceMs);
  }
}

interface Model {
  readonly peers: ModelPeer[];
  /** Those that have left. */
  readonly gone: ModelPeer[];
}

/** `capacity`: what the seed can upload. `leaveEveryMs`: one peer leaves, by chance, and another comes. */
function seedForAnHour(options: {
  readonly count: number;
  readonly capacity: number;
  readonly leaveEveryMs?: number;
}): Model {
  const random = new SeededRandom(5);
  const choker = new Choker<ModelPeer>(SETTINGS, random);
  let made = 0;
  const join = (now: number): ModelPeer => new ModelPeer(now, RATES[made++ % RATES.length]!);
  const peers = Array.from({ length: options.count }, () => join(0));
  const gone: ModelPeer[] = [];
  const leaveEveryMs = options.leaveEveryMs ?? Number.POSITIVE_INFINITY;
  for (let now = 0; now < HOUR_MS; now += 1000) {
    if (now > 0 && now % leaveEveryMs === 0) {
      gone.push(...peers.splice(randomBelow(random, peers.length), 1));
      peers.push(join(now));
    }
    if (now % ROUND_MS === 0) {
      const unchoked = new Set(choker.round(peers, now, { isSeeding: true }));
      assert.ok(unchoked.size <= SLOTS);
      for (const peer of peers) peer.setUnchoked(unchoked.has(peer), now);
    }
    feed(peers, options.capacity);
  }
  return { peers, gone };
}

/** Even shares; what one cannot take is the others'. */
function feed(peers: readonly ModelPeer[], capacity: number): void {
  const fed = peers.filter((peer) => peer.isUnchoked).sort((a, b) => a.takesRate - b.takesRate);
  for (const peer of peers) peer.uploadRate = 0;
  let left = capacity;
  for (const [i, peer] of fed.entries()) {
    peer.uploadRate = Math.min(peer.takesRate, left / (fed.length - i));
    peer.uploadedBytes += peer.uploadRate;
    peer.heldMs += 1000;
    left -= peer.uploadRate;
  }
}

for (const capacity of [100_000, 1_000_000, Number.POSITIVE_INFINITY]) {
  for (const count of [6, 12, 30, 60, 100]) {
    test(`${count} interested peers, ${capacity} bytes a second: everyone gets turns in an hour, of much the same length`, () => {
      const { peers } = seedForAnHour({ count, capacity });
      const rotationMs = Math.max(SEED_ROTATION_MS, (count / SLOTS) * SEED_TURN_MS);
      // A turn ends with the round that is under way.
      const longestMs = 1.2 * rotationMs + ROUND_MS;
      for (const peer of peers) {
        assert.ok(peer.longestWaitMs <= longestMs, `one waits for ${peer.longestWaitMs} ms`);
        assert.ok(peer.turns >= Math.floor(HOUR_MS / (longestMs + SEED_TURN_MS)), `${peer.turns} turns`);
      }
      // Of those that take the same each gets as much as the others, give or take a turn or two.
      for (const rate of RATES) {
        const held = peers.filter(({ takesRate }) => takesRate === rate).map(({ heldMs }) => heldMs);
        const [least, most] = [Math.min(...held), Math.max(...held)];
        assert.ok(most <= 1.5 * least + 2 * SEED_TURN_MS, `from ${least} to ${most} ms for those that take ${rate}`);
      }
    });
  }
}

for (const count of [12, 40]) {
  test(`${count} interested peers that come and go: nobody that stays is passed over`, () => {
    const { peers, gone } = seedForAnHour({ count, capacity: 200_000, leaveEveryMs: 60_000 });
    const rotationMs = 1.2 * Math.max(SEED_ROTATION_MS, (count / SLOTS) * SEED_TURN_MS) + ROUND_MS;
    assert.ok(gone.length > 50);
    for (const peer of [...peers, ...gone]) assert.ok(peer.longestWaitMs <= rotationMs, `${peer.longestWaitMs} ms`);
  });
}

test('peers that leave and come back at once do not get ahead of those that wait', () => {
  const choker = new Choker<ModelPeer>(SETTINGS, new SeededRandom(6));
  const patient = Array.from({ length: 20 }, () => new ModelPeer(0, 50_000));
  let restless = Array.from({ length: 20 }, () => new ModelPeer(0, 50_000));
  for (let now = 0; now < HOUR_MS; now += ROUND_MS) {
    // Each of them has a new peer id a minute.
    if (now % 60_000 === 0) restless = restless.map(({ takesRate }) => new ModelPeer(now, takesRate));
    const peers = [...patient, ...restless];
    const unchoked = new Set(choker.round(peers, now, { isSeeding: true }));
    for (const peer of peers) peer.setUnchoked(unchoked.has(peer), now);
    for (let second = 0; second < ROUND_MS / 1000; second++) feed(peers, 1_000_000);
  }
  for (const peer of patient) assert.ok(peer.turns >= 3, `${peer.turns} turns`);
});
