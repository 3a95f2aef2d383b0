import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { Simulator } from '../sim/simulator.js';
import { MemoryDisk } from '../sim/storage/memory-disk.js';
import { SeedGoal } from './seed-goal.js';
import { makeSimTorrent, SimEngine } from './testing/sim-swarm.js';
import type { Torrent } from './torrent.js';

const TORRENT = makeSimTorrent({ lengths: { 'a.bin': 300_000, 'b.bin': 300_000 }, pieceLength: 32_768 });
const HOUR_MS = 3_600_000;

function isReached(goal: SeedGoal, uploadedBytes: number, seedingMs: number): boolean {
  return goal.isReached({ uploadedBytes, wantedBytes: 1000, seedingMs });
}

test('whichever of the two goals is reached first counts', () => {
  const both = new SeedGoal({ ratio: 1.5, timeMs: 60_000 });
  assert.deepEqual(
    [isReached(both, 1499, 59_999), isReached(both, 1500, 0), isReached(both, 0, 60_000)],
    [false, true, true],
  );
});

test('a goal that is not given is never reached, and one of zero at once', () => {
  assert.equal(isReached(new SeedGoal({}), 1e15, 1e15), false);
  assert.equal(isReached(new SeedGoal({ ratio: 2 }), 1999, 1e15), false);
  assert.equal(isReached(new SeedGoal({ timeMs: 5 }), 1e15, 4), false);
  assert.equal(isReached(new SeedGoal({ ratio: 0 }), 0, 0), true);
});

test('a goal has to be a number', () => {
  for (const goal of [{ ratio: -1 }, { ratio: Number.NaN }, { timeMs: -1 }, { timeMs: '5' as unknown as number }]) {
    assert.throws(
      () => new SeedGoal(goal),
      (error) => error instanceof DtorrentError && error.code === 'EOPTION',
    );
  }
});

function reasonsOf(engine: SimEngine): string[] {
  return engine.events.flatMap((event) => (event.type === 'torrentPaused' ? [event.reason] : []));
}

function leech(simulator: Simulator, from: SimEngine): Torrent {
  return new SimEngine(simulator).add(TORRENT.metainfo, { from: [from] });
}

test('a torrent that has been uploaded as often as it was to be pauses itself, and goes on when a person says so', () => {
  const simulator = new Simulator({ seed: 1 });
  const engine = new SimEngine(simulator);
  engine.give(TORRENT);
  const added = engine.add(TORRENT.metainfo, { seedGoal: new SeedGoal({ ratio: 1.5 }) });
  const first = leech(simulator, engine);
  assert.ok(simulator.run(() => first.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
  simulator.run(simulator.now + 10_000);
  assert.equal(added.phase, 'seeding', 'one copy is not enough');
  leech(simulator, engine);
  assert.ok(simulator.run(() => added.phase === 'paused', { maxVirtualMs: HOUR_MS }));
  assert.deepEqual(reasonsOf(engine), ['seedGoal']);
  assert.equal(added.swarm.peers.size, 0);
  const { uploadedBytes } = engine.session.stats(added);
  assert.ok(uploadedBytes >= 900_000 && uploadedBytes <= 1_200_000, `${uploadedBytes} bytes`);
  engine.session.context.turn.run(() => added.resume());
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
  simulator.run(simulator.now + HOUR_MS);
  assert.equal(added.phase, 'seeding', 'the goal is behind it');
});

test('the time to seed begins with the download finished, and ends it', () => {
  const simulator = new Simulator({ seed: 2, link: () => ({ latencyMs: 5, bytesPerMs: 10, lossRatio: 0 }) });
  const seed = new SimEngine(simulator);
  seed.give(TORRENT);
  seed.add(TORRENT.metainfo);
  const engine = new SimEngine(simulator);
  const added = engine.add(TORRENT.metainfo, { from: [seed], seedGoal: new SeedGoal({ timeMs: 600_000 }) });
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
  const finishedAtMs = simulator.now;
  assert.ok(simulator.run(() => added.phase === 'paused', { maxVirtualMs: HOUR_MS }));
  const seededMs = simulator.now - finishedAtMs;
  assert.ok(seededMs >= 600_000 && seededMs <= 602_000, `${seededMs} ms`);
});

test('the ratio counts all runs', () => {
  const simulator = new Simulator({ seed: 3 });
  const disk = new MemoryDisk();
  const state = new Map<string, Uint8Array>();
  const seedGoal = new SeedGoal({ ratio: 1.9 });
  for (const expected of ['seeding', 'paused'] as const) {
    const engine = new SimEngine(simulator, {}, { disk, state });
    engine.give(TORRENT);
    const added = engine.add(TORRENT.metainfo, { seedGoal });
    const leecher = leech(simulator, engine);
    assert.ok(simulator.run(() => leecher.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
    simulator.run(simulator.now + 10_000);
    assert.equal(added.phase, expected);
    engine.stop(simulator);
  }
});
