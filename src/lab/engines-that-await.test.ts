import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressKey, makeAddress } from '../base/address.js';
import { EngineBase } from '../engine/engine.js';
import { Simulator } from '../sim/simulator.js';
import { LAB_DIRECTORY } from './lab-node.js';
import { LabTorrent } from './lab-torrent.js';

const TORRENT = new LabTorrent({ lengths: { 'a.bin': 300_000, 'b/c.bin': 123_456 }, pieceLength: 32_768, seed: 5 });

/** Two engines, as a program has them: one seeds, the other is given a magnet and reads along. @returns what happened. */
async function transfer(seed: number): Promise<string> {
  const link = { latencyMs: 20, jitterMs: 5, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0.001 };
  const simulator = new Simulator({ seed, link: () => link });
  const access = { upBytesPerMs: 200, downBytesPerMs: 1000 };
  const hosts = [simulator.createHost({ access }), simulator.createHost({ access })] as const;
  for (const [path, bytes] of TORRENT.files) hosts[0].disk.write(`${LAB_DIRECTORY}/${path}`, bytes);
  const trace: string[] = [];

  const story = async (): Promise<void> => {
    const settings = { downloadDir: LAB_DIRECTORY };
    const seeder = await EngineBase.startOn(hosts[0], settings);
    const leecher = await EngineBase.startOn(hosts[1], settings);
    const seeding = seeder.addParsed(TORRENT.metainfo);
    await seeding.completed;
    leecher.on('*', (event) => trace.push(`${simulator.now} ${event.type}`));
    const peers = [addressKey(makeAddress(hosts[0].ipv4!, seeder.listenPort)!)];
    const torrent = leecher.addParsed(TORRENT.magnet, { peers });
    await torrent.ready;
    let readBytes = 0;
    for await (const chunk of torrent.files[1]!.stream()) readBytes += chunk.length;
    assert.equal(readBytes, 123_456);
    await torrent.completed;
    await Promise.all([leecher.stop(), seeder.stop()]);
  };

  await simulator.settle(story(), { maxVirtualMs: 60_000 });
  for (const [path, bytes] of TORRENT.files) {
    assert.deepEqual(hosts[1].disk.read(`${LAB_DIRECTORY}/${path}`), bytes);
  }
  assert.equal(hosts[0].network.openCount + hosts[1].network.openCount, 0);
  assert.ok(simulator.now > 1500, `423 KB at 200 bytes a ms took ${simulator.now} ms`);
  return trace.join('\n');
}

test('engines download and stream with await in virtual time, and the same seed gives the same story', async () => {
  const first = await transfer(3);
  assert.match(first, /completed/);
  assert.equal(await transfer(3), first);
  assert.notEqual(await transfer(4), first);
});
