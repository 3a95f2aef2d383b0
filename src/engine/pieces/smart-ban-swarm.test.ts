/**
 * Liars and honest seeds in one swarm, whole engines in virtual time: whatever the mix, the liars are found out and
 * nobody else is. A seed in the test's name replays it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress, parseHostPort } from '../../base/address.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { Simulator } from '../../sim/simulator.js';
import { DOWNLOADS, makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const BLOCK = 16_384;

/** One block in so many is spoiled; 0 = none. */
const LIARS_HABITS = [1, 2, 4] as const;
/** A liar that has sent so much has lied: with the rarest habit it is the truth by chance once in 10^5. */
const LIES_BYTES = 40 * BLOCK;

class Scene {
  readonly random: SeededRandom;
  readonly simulator: Simulator;
  readonly torrent: ReturnType<typeof makeSimTorrent>;
  readonly good: SimEngine[] = [];
  readonly liars: SimEngine[] = [];
  readonly leechers: SimEngine[] = [];
  readonly downloads: Torrent[] = [];

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.random = random;
    // From slower than the peers that have pieces to themselves to faster than those.
    const bytesPerMs = 2 + randomBelow(random, 30);
    this.simulator = new Simulator({ seed, link: () => ({ latencyMs: 20, bytesPerMs, lossRatio: 0 }) });
    const pieceLength = 2 ** (17 + randomBelow(random, 4));
    this.torrent = makeSimTorrent({ lengths: { a: 3 * MIB, b: MIB - 12_345 }, pieceLength });
    for (let i = 1 + randomBelow(random, 3); i > 0; i--) this.good.push(this.#seed(0));
    for (let i = 1 + randomBelow(random, 4); i > 0; i--)
      this.liars.push(this.#seed(LIARS_HABITS[randomBelow(random, 3)]!));
    // In every other swarm pieces from 512 KiB on are larger than a slot.
    const settings = randomBelow(random, 2) === 0 ? { writeCacheBytes: MIB } : {};
    for (let i = 1 + randomBelow(random, 2); i > 0; i--) this.leechers.push(new SimEngine(this.simulator, settings));
  }

  run(): void {
    const seeds = [...this.good, ...this.liars];
    for (const seed of seeds) seed.add(this.torrent.metainfo, { isTrusted: true, from: this.leechers });
    for (const leecher of this.leechers) {
      this.downloads.push(leecher.add(this.torrent.metainfo, { from: [...seeds, ...this.leechers] }));
    }
    const isDone = (): boolean => this.downloads.every(({ phase }) => phase === 'seeding');
    assert.ok(this.simulator.run(isDone, { maxVirtualMs: 10 * HOUR_MS }), 'the download does not end');
    // The last verdicts take a moment.
    this.simulator.run(this.simulator.now + 1000);
  }

  /** Whether somebody found out that this one lies; also after it had gone. */
  isBanned({ address }: SimEngine): boolean {
    const { host, port } = parseHostPort(address)!;
    return this.downloads.some(({ swarm }) => swarm.candidates.isBanned(makeAddress(host, port)!));
  }

  hasLied(liar: SimEngine): boolean {
    const [seeding] = liar.session.torrents;
    return liar.session.stats(seeding!).uploadedBytes >= LIES_BYTES;
  }

  #seed(oneIn: number): SimEngine {
    const engine = new SimEngine(this.simulator);
    engine.give(this.torrent);
    for (const [path, bytes] of oneIn === 0 ? [] : this.torrent.files) {
      for (let offset = 0; offset < bytes.length; offset += BLOCK) {
        if (randomBelow(this.random, oneIn) === 0) engine.host.disk.corrupt(`${DOWNLOADS}/${path}`, offset);
      }
    }
    return engine;
  }
}

for (let seed = 1; seed <= 40; seed++) {
  test(`whoever goes on lying is banned, nobody else is, and the download ends (seed ${seed})`, () => {
    const scene = new Scene(seed);
    scene.run();
    for (const leecher of scene.leechers) assert.ok(leecher.has(scene.torrent));
    for (const engine of [...scene.good, ...scene.leechers]) assert.equal(scene.isBanned(engine), false, 'an innocent');
    for (const liar of scene.liars) {
      if (scene.hasLied(liar)) assert.equal(scene.isBanned(liar), true, `${liar.address} got away`);
    }
  });
}
