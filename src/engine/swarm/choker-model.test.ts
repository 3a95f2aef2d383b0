/**
 * The choker's promises under random swarms: peers come, go, want, stop wanting, send and stop sending. Whatever the
 * policy, slots are never exceeded, never wasted, nobody is choked between rounds, and everyone has a turn some time.
 * A seed in the test's name replays it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { Choker, type ChokerPeer, type ChokerSettings, SEED_ROTATION_MS } from './choker.js';

const ROUND_MS = 10_000;
const HOUR_MS = 3_600_000;

class ModelPeer implements ChokerPeer {
  readonly name: number;
  readonly connectedAtMs: number;
  isInterested = true;
  isUnchoked = false;
  isUploadOnly = false;
  isSnubbed = false;
  downloadRate = 0;
  uploadRate = 0;
  uploadedBytes = 0;
  lastUnchokedAtMs: number = Number.NEGATIVE_INFINITY;

  constructor(name: number, now: number) {
    this.name = name;
    this.connectedAtMs = now;
  }
}

/** Does what the swarm does with what the choker says. */
class Model {
  readonly random: SeededRandom;
  readonly settings: ChokerSettings;
  readonly choker: Choker<ModelPeer>;
  peers: ModelPeer[] = [];
  now = 0;
  #nextName = 0;

  constructor(seed: number, settings?: ChokerSettings) {
    this.random = new SeededRandom(seed);
    this.settings = settings ?? {
      uploadSlots: randomBelow(this.random, 6),
      optimisticSlots: randomBelow(this.random, 3),
      optimisticRoundMs: 30_000,
    };
    this.choker = new Choker(this.settings, this.random);
  }

  get slots(): number {
    return this.settings.uploadSlots + this.settings.optimisticSlots;
  }

  join(): ModelPeer {
    const peer = new ModelPeer(this.#nextName++, this.now);
    this.peers.push(peer);
    return peer;
  }

  round(isSeeding: boolean): void {
    const before = this.peers.map((peer) => ({ ...peer }));
    const unchoked = this.choker.round(this.peers, this.now, { isSeeding });
    assert.deepEqual(
      this.peers.map((peer) => ({ ...peer })),
      before,
      'it only says what is to be done',
    );
    const chosen = new Set(unchoked);
    assert.equal(chosen.size, unchoked.length, 'nobody is named twice');
    for (const peer of unchoked) assert.ok(this.peers.includes(peer), 'nobody is named who is not there');
    for (const peer of this.peers) {
      if (chosen.has(peer) && !peer.isUnchoked) peer.lastUnchokedAtMs = this.now;
      peer.isUnchoked = chosen.has(peer);
    }
    const interested = this.peers.filter((peer) => peer.isInterested);
    const served = interested.filter((peer) => peer.isUnchoked).length;
    assert.ok(served <= this.slots, `${served} of ${this.slots} slots`);
    // Slots by merit are not for those who snub us; the others are for anyone.
    const worthy = interested.filter((peer) => isSeeding || !peer.isSnubbed).length;
    assert.ok(served >= Math.min(worthy, this.slots), 'a slot is free while somebody waits');
    for (const peer of this.peers) {
      if (peer.isUnchoked && !peer.isInterested) assert.ok(!isSeeding && !peer.isUploadOnly && peer.downloadRate > 0);
    }
    if (!isSeeding) this.#checkMerit();
  }

  fill(): void {
    const interested = this.peers.filter((peer) => peer.isInterested);
    const served = interested.filter((peer) => peer.isUnchoked).length;
    const waiting = interested.filter((peer) => !peer.isUnchoked && !peer.isSnubbed);
    const added = this.choker.fillFreeSlots(this.peers);
    for (const peer of added) {
      assert.ok(waiting.includes(peer), 'only who waits');
      peer.isUnchoked = true;
      peer.lastUnchokedAtMs = this.now;
    }
    assert.equal(added.length, Math.max(0, Math.min(waiting.length, this.slots - served)), 'every free slot is taken');
  }

  /** Of those that send us something and may have a slot by merit, the best have one. */
  #checkMerit(): void {
    const ranked = this.peers.filter((peer) => peer.isInterested && !peer.isSnubbed);
    const rates = ranked.map((peer) => peer.downloadRate).sort((a, b) => b - a);
    const tooLittle = rates[this.settings.uploadSlots] ?? -1;
    const wronged = ranked.find((peer) => peer.downloadRate > tooLittle && !peer.isUnchoked);
    assert.equal(wronged, undefined, `${wronged?.downloadRate} is more than ${tooLittle}`);
  }

  change(): void {
    const { random, peers } = this;
    const action = randomBelow(random, 20);
    const peer = peers[randomBelow(random, Math.max(1, peers.length))];
    if (peer === undefined || (action < 3 && peers.length < 30)) this.join();
    else if (action < 5) this.peers = peers.filter((other) => other !== peer);
    else if (action < 9) peer.isInterested = !peer.isInterested;
    else if (action < 10) peer.isUploadOnly = !peer.isUploadOnly;
    else if (action < 12) peer.isSnubbed = !peer.isSnubbed;
    else if (action < 16) peer.downloadRate = randomBelow(random, 4) * randomBelow(random, 100_000);
    else if (action < 18) peer.uploadRate = randomBelow(random, 4) * randomBelow(random, 100_000);
    else peer.uploadedBytes += randomBelow(random, 20_000_000);
    this.fill();
  }
}

for (let seed = 1; seed <= 25; seed++) {
  test(`slots are never exceeded and never wasted, whatever peers do (seed ${seed})`, () => {
    const model = new Model(seed);
    for (let step = 0; step < 600; step++) {
      // Long as a download, long as a seed, and both again.
      const isSeeding = step % 300 >= 150;
      for (let i = randomBelow(model.random, 6); i > 0; i--) {
        model.now += randomBelow(model.random, 1500);
        model.change();
      }
      model.now += ROUND_MS;
      model.round(isSeeding);
    }
  });
}

/** Those who want something all the time; `upload` says what an unchoked one is sent in a round. */
function steady(seed: number, count: number, settings: ChokerSettings): Model {
  const model = new Model(seed, settings);
  for (let i = 0; i < count; i++) model.join();
  return model;
}

const USUAL: ChokerSettings = { uploadSlots: 4, optimisticSlots: 1, optimisticRoundMs: 30_000 };

for (const count of [6, 20, 60]) {
  test(`of ${count} peers that want what a seed has, each gets a turn, and no turn ends before its time`, () => {
    for (let seed = 1; seed <= 5; seed++) {
      const model = steady(seed, count, USUAL);
      const lastServed = new Map(model.peers.map((peer) => [peer, 0]));
      for (model.now = 0; model.now < 3 * HOUR_MS; model.now += ROUND_MS) {
        const before = new Set(model.peers.filter((peer) => peer.isUnchoked));
        model.round(true);
        for (const peer of model.peers) {
          if (peer.isUnchoked) {
            // Some take much, some little.
            peer.uploadRate = 1000 * (1 + (peer.name % 100));
            peer.uploadedBytes += (peer.uploadRate * ROUND_MS) / 1000;
            lastServed.set(peer, model.now);
          } else if (before.has(peer)) {
            assert.ok(model.now - peer.lastUnchokedAtMs >= 3 * ROUND_MS, 'a turn that is hardly worth the slow start');
          }
          const waitedMs = model.now - lastServed.get(peer)!;
          assert.ok(waitedMs <= SEED_ROTATION_MS + 120_000, `${waitedMs} ms without a turn (seed ${seed})`);
        }
      }
    }
  });

  test(`of ${count} peers that send nothing, each is lucky some time, and four of them are not moved about`, () => {
    for (let seed = 1; seed <= 5; seed++) {
      const model = steady(seed, count, USUAL);
      let changes = 0;
      for (model.now = 0; model.now < 4 * HOUR_MS; model.now += ROUND_MS) {
        const before = new Set(model.peers.filter((peer) => peer.isUnchoked));
        model.round(false);
        if (model.now > 0) changes += model.peers.filter((peer) => peer.isUnchoked && !before.has(peer)).length;
      }
      for (const peer of model.peers) {
        assert.ok(peer.lastUnchokedAtMs >= 0, `peer ${peer.name} was never unchoked (seed ${seed})`);
      }
      const turns = (4 * HOUR_MS) / USUAL.optimisticRoundMs;
      assert.ok(changes <= USUAL.optimisticSlots * turns, `${changes} changes in ${turns} optimistic turns`);
    }
  });
}

test('who sends most keeps its slot as long as it does, whoever else comes', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const model = new Model(seed, USUAL);
    const best = [0, 1, 2, 3].map(() => model.join());
    for (const peer of best) peer.downloadRate = 1_000_000;
    for (let round = 0; round < 500; round++) {
      model.now += ROUND_MS;
      if (round % 3 === 0) model.join().downloadRate = randomBelow(model.random, 500_000);
      model.fill();
      model.round(false);
      assert.ok(best.every((peer) => peer.isUnchoked));
    }
  }
});

test('the same seed gives the same choices', () => {
  const choices = (): string => {
    const model = new Model(7);
    const said: number[] = [];
    for (let step = 0; step < 200; step++) {
      model.change();
      model.now += ROUND_MS;
      model.round(step % 100 >= 50);
      said.push(...model.peers.filter((peer) => peer.isUnchoked).map((peer) => peer.name), -1);
    }
    return said.join(' ');
  };
  assert.equal(choices(), choices());
});
