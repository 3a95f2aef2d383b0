/** What a program sees and does of a torrent's trackers: the public engine on a simulated host. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import { Simulator } from '../../sim/simulator.js';
import { EngineBase } from '../engine.js';
import { settle } from '../testing/handle-scenes.js';
import { RecordingTracker } from '../testing/recording-tracker.js';
import { makeSimTorrent } from '../testing/sim-swarm.js';
import type { TorrentHandle } from '../torrent-handle.js';

async function start(trackers: (tracker: RecordingTracker) => readonly string[]): Promise<{
  simulator: Simulator;
  tracker: RecordingTracker;
  engine: EngineBase;
  torrent: TorrentHandle;
}> {
  const simulator = new Simulator({ seed: 1 });
  const tracker = new RecordingTracker(simulator, 'tracker.test');
  tracker.answer = () => ({ interval: 1800, 'min interval': 600, complete: 2, incomplete: 3 });
  const engine = await settle(simulator, EngineBase.startOn(simulator.createHost(), { downloadDir: '/downloads' }));
  const { metainfo } = makeSimTorrent({
    lengths: { 'a.bin': 100_000 },
    pieceLength: 32_768,
    trackers: trackers(tracker),
  });
  return { simulator, tracker, engine, torrent: engine.addParsed(metainfo) };
}

test('trackers are seen, called upon and added', async () => {
  const { simulator, tracker, engine, torrent } = await start(({ httpUrl }) => [httpUrl]);
  simulator.run(100_000);
  const [seen] = torrent.trackers;
  const { nextAnnounceSeconds, ...rest } = seen!;
  const expected = { url: tracker.httpUrl, tier: 0, state: 'working', seeds: 2, leechers: 3, peers: 0, error: null };
  assert.deepEqual(rest, expected);
  assert.ok(nextAnnounceSeconds! >= 1700 && nextAnnounceSeconds! <= 1800, `${nextAnnounceSeconds}`);
  torrent.announce();
  assert.equal(torrent.trackers[0]!.nextAnnounceSeconds, 501, 'what the min interval leaves of the wait');
  assert.throws(
    () => torrent.addTrackers([tracker.udpUrl, 'wss://tracker.test/']),
    (error) => error instanceof DtorrentError && error.code === 'EOPTION' && error.message.includes('wss://'),
  );
  assert.equal(torrent.trackers.length, 1);
  torrent.addTrackers([` ${tracker.udpUrl}`, tracker.httpUrl]);
  assert.deepEqual(
    torrent.trackers.map(({ url, tier, state }) => [url, tier, state]),
    [
      [tracker.httpUrl, 0, 'working'],
      [tracker.udpUrl, 1, 'announcing'],
    ],
  );
  await settle(simulator, torrent.pause());
  assert.ok(
    torrent.trackers.every(({ state, nextAnnounceSeconds }) => state === 'idle' && nextAnnounceSeconds === null),
  );
  await settle(simulator, engine.stop());
});

test('a scrape always ends: also without trackers, and after the engine has stopped', async () => {
  const { simulator, engine, torrent, tracker } = await start(() => []);
  assert.deepEqual(await settle(simulator, torrent.scrape()), []);
  torrent.addTrackers([tracker.httpUrl]);
  const underWay = torrent.scrape();
  const stopped = engine.stop();
  const [result] = await settle(simulator, underWay);
  // Our recording tracker knows no scrapes: what comes first, its answer or the end, does not matter.
  assert.ok(['ETRACKER', 'ESTOPPED'].includes(result!.error!.code), result!.error!.code);
  await settle(simulator, stopped);
  const [late] = await settle(simulator, torrent.scrape());
  assert.equal(late!.error!.code, 'ESTOPPED');
});

test('trackers that agree on who we are tell the engine its external address', async () => {
  const simulator = new Simulator({ seed: 1 });
  const trackers = ['a.test', 'b.test', 'c.test'].map((name) => new RecordingTracker(simulator, name));
  for (const tracker of trackers) {
    tracker.answer = () => ({ interval: 1800, 'external ip': new Uint8Array([11, 0, 0, 99]) });
  }
  const engine = await settle(simulator, EngineBase.startOn(simulator.createHost(), { downloadDir: '/downloads' }));
  const told: string[] = [];
  engine.on('externalAddress', ({ family, ip }) => told.push(`${family} ${ip}`));
  assert.deepEqual(engine.externalAddresses, { ipv4: null, ipv6: null });
  const { metainfo } = makeSimTorrent({
    lengths: { 'a.bin': 100_000 },
    pieceLength: 32_768,
    trackers: trackers.map(({ httpUrl }) => httpUrl),
  });
  engine.addParsed(metainfo);
  simulator.run(100_000);
  assert.deepEqual(engine.externalAddresses, { ipv4: '11.0.0.99', ipv6: null });
  assert.deepEqual(told, ['4 11.0.0.99']);
  await settle(simulator, engine.stop());
});
