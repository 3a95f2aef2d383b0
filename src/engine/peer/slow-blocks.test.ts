/** Blocks that come all too slowly: nobody waits for them who can have them elsewhere, and they are not lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Simulator } from '../../sim/simulator.js';
import { BLOCK, downloading, join, type Scene, wait } from '../testing/peer-scenes.js';
import { contentOf, type RawPeer } from '../testing/raw-peer.js';
import { makeSimTorrent } from '../testing/sim-swarm.js';

/** One piece of two blocks, the second of them short. */
const TORRENT = makeSimTorrent({ lengths: { 'a.bin': BLOCK + 1000 }, pieceLength: 2 * BLOCK });

function scene(): Scene {
  return downloading({ simulator: new Simulator({ seed: 11 }), torrent: TORRENT });
}

/** It has everything, and answers requests with the head of the block and half of its bytes. */
function halting({ simulator, engine }: Scene): RawPeer {
  const peer = join(simulator, engine, { fast: true }, TORRENT);
  peer.onRequest = (piece, begin, length) => {
    peer.onRequest = () => {};
    peer.send((say) => say.pieceHeader(piece, begin, length));
    peer.sendBytes(contentOf(TORRENT, piece, begin, length / 2));
  };
  return peer.send((say) => {
    say.haveAll();
    say.unchoke();
  });
}

function helping({ simulator, engine }: Scene): RawPeer {
  const peer = join(simulator, engine, { fast: true }, TORRENT).serve(TORRENT);
  return peer.send((say) => {
    say.haveAll();
    say.unchoke();
  });
}

test('a block of which half has come is had from another peer within seconds, and the rest of it is waste', () => {
  const it = scene();
  const { simulator, engine, added } = it;
  const slow = halting(it);
  wait(simulator, 1000);
  helping(it);
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 15_000 }));
  assert.ok(engine.has(TORRENT));
  assert.equal(slow.heard('cancel').length, 1, 'it is told');
  assert.equal(engine.count('pieceFailed'), 0);
});

test('the slow one may be the first all the same: what it sends is taken, byte for byte', () => {
  const it = scene();
  const { simulator, engine, added } = it;
  const slow = halting(it);
  wait(simulator, 60_000);
  assert.equal(added.phase, 'downloading');
  const [, piece, begin, length] = slow.heard('request')[0]!.split(' ').map(Number);
  slow.serve(TORRENT);
  slow.sendBytes(contentOf(TORRENT, piece!, begin! + length! / 2, length! / 2));
  for (const line of slow.heard('request').slice(1)) {
    const [, ...asked] = line.split(' ').map(Number);
    slow.sendBlock(TORRENT, asked[0]!, asked[1]!, asked[2]!);
  }
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  assert.ok(engine.has(TORRENT));
  assert.equal(engine.count('pieceFailed'), 0);
  assert.equal(added.swarm.wastedBytes, 0);
});

test('a slow peer that leaves in the middle of a block takes nothing with it', () => {
  const it = scene();
  const { simulator, engine, added } = it;
  const slow = halting(it);
  wait(simulator, 10_000);
  slow.close();
  wait(simulator, 1000);
  helping(it);
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 15_000 }));
  assert.ok(engine.has(TORRENT));
});
