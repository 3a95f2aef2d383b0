import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeResumeData } from '../../format/resume-data.js';
import { Simulator } from '../../sim/simulator.js';
import { MemoryDisk } from '../../sim/storage/memory-disk.js';
import { MemoryStorageFactory } from '../../sim/storage/memory-storage.js';
import { makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';

const TORRENT = makeSimTorrent({ lengths: { 'a.bin': 40 * 16_384 }, pieceLength: 16_384 });

test('files are looked at, then synced, then the record is stored: one save after the other, the clean one last', () => {
  const link = { latencyMs: 5, bytesPerMs: 10, lossRatio: 0 };
  const simulator = new Simulator({ seed: 1, link: () => link });
  const steps: string[] = [];
  const disk = new MemoryDisk();
  const storage = new MemoryStorageFactory({
    defer: (fn) => simulator.defer(fn),
    disk,
    fault: (operation) => {
      if (operation === 'stamp' || operation === 'flush') steps.push(operation);
      return null;
    },
  });
  const engine = new SimEngine(simulator, { resumeIntervalMs: 1000 }, { disk, storage });
  engine.host.state.fault = (operation) => {
    if (operation === 'save') steps.push(operation);
    return null;
  };
  const seed = new SimEngine(simulator);
  seed.give(TORRENT);
  seed.add(TORRENT.metainfo);
  const torrent = engine.add(TORRENT.metainfo, { from: [seed] });
  simulator.run(() => (torrent.data?.have.count ?? 0) >= 20);
  engine.session.pause(torrent, () => {});
  simulator.run(simulator.now + 1000);
  const saves = steps.filter((step) => step === 'save').length;
  assert.ok(saves >= 3, `${steps}`);
  // A download that begins on an empty disk looks at nothing first.
  assert.equal(steps.join(' '), Array.from({ length: saves }, () => 'stamp flush save').join(' '));
  const [record] = engine.host.state.records.values();
  assert.equal(decodeResumeData(record!).isClean, true);
});
