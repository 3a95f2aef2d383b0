/** The public handles over a simulated host: promises settle when the simulator has run that far. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { v1Torrent } from '../format/testing/v1-torrent.js';
import { settle, startEngine } from './testing/handle-scenes.js';
import { makeSimTorrent } from './testing/sim-swarm.js';

const PIECE = 32_768;
const TORRENT = makeSimTorrent({
  lengths: { 'a.bin': 2 * PIECE, 'sub/b.bin': PIECE, 'c.txt': 10 },
  pieceLength: PIECE,
});

test('files are numbered, named and measured; of a magnet they are there once ready', async () => {
  const { simulator, engine, seed } = await start();
  const torrent = engine.addParsed(TORRENT.magnet, { peers: [seed.address] });
  assert.equal(torrent.files.length, 0);
  await settle(simulator, torrent.ready);
  assert.deepEqual(
    torrent.files.map(({ index, path, name, length, priority }) => [index, path, name, length, priority]),
    [
      [0, 'content/a.bin', 'a.bin', 2 * PIECE, 4],
      [1, 'content/sub/b.bin', 'b.bin', PIECE, 4],
      [2, 'content/c.txt', 'c.txt', 10, 4],
    ],
  );
  assert.equal(torrent.files, torrent.files, 'the same objects each time');
});

test('padding is no file, and does not count in their numbers', async () => {
  const { engine } = await start();
  const torrent = engine.addParsed(v1Torrent([10, -6, 20, -12, 5], 16), { select: ['2-3'] });
  assert.deepEqual(
    torrent.files.map(({ index, name, priority }) => [index, name, priority]),
    [
      [0, 'f0', 0],
      [1, 'f2', 4],
      [2, 'f4', 4],
    ],
  );
  torrent.setPriorities([1, 2, 3]);
  assert.deepEqual(
    torrent.files.map((file) => file.priority),
    [1, 2, 3],
  );
});

test('a file knows how much of it is verified', async () => {
  const { simulator, engine, seed } = await start();
  const torrent = engine.addParsed(TORRENT.metainfo, { peers: [seed.address], select: ['a.bin'] });
  assert.deepEqual(
    torrent.files.map((file) => file.isComplete),
    [false, false, false],
  );
  await settle(simulator, torrent.completed);
  assert.deepEqual(
    torrent.files.map((file) => file.bytesDone),
    [2 * PIECE, 0, 0],
  );
  assert.deepEqual(
    torrent.files.map((file) => file.isComplete),
    [true, false, false],
  );
});

test('select and setPriority change what is fetched; files selected keep their priority', async () => {
  const { simulator, engine, seed } = await start();
  const torrent = engine.addParsed(TORRENT.metainfo, { peers: [seed.address], select: ['3'] });
  await settle(simulator, torrent.completed);
  torrent.files[0]!.setPriority(7);
  assert.equal(torrent.phase, 'downloading');
  torrent.select(['a.bin', 'sub/']);
  assert.deepEqual(
    torrent.files.map((file) => file.priority),
    [7, 4, 0],
  );
  simulator.run(() => torrent.phase === 'seeding', { maxVirtualMs: 60_000 });
  assert.ok(seed.has(TORRENT) && engine.torrents[0] === torrent);
  assert.equal(torrent.stats().bytesDone, 3 * PIECE);
  torrent.select([]);
  assert.deepEqual(
    torrent.files.map((file) => file.priority),
    [7, 4, 4],
  );
});

test('a selection before the metadata is there replaces what was asked for', async () => {
  const { simulator, engine, seed } = await start();
  const torrent = engine.addParsed(TORRENT.magnet, { select: ['*.iso'], peers: [seed.address] });
  torrent.select(['1']);
  await settle(simulator, torrent.completed);
  assert.deepEqual(
    torrent.files.map((file) => file.priority),
    [4, 0, 0],
  );
});

test('what cannot be selected is refused, and nothing has changed', async () => {
  const { engine } = await start();
  assert.throws(() => engine.addParsed(TORRENT.metainfo, { select: ['9'] }), { code: 'EOPTION' });
  assert.deepEqual(engine.torrents, [], 'nothing was added');
  const torrent = engine.addParsed(TORRENT.metainfo);
  for (const refused of [
    () => torrent.select(['*.iso']),
    () => torrent.select(['0']),
    () => torrent.setPriorities([1, 2]),
    () => torrent.setPriorities([1, 2, 8]),
    () => torrent.files[0]!.setPriority(-1),
    () => torrent.files[0]!.setPriority(1.5),
    () => torrent.addPeers(['192.0.2.1:6881', 'nonsense']),
  ]) {
    assert.throws(refused, { code: 'EOPTION' });
  }
  assert.deepEqual(
    torrent.files.map((file) => file.priority),
    [4, 4, 4],
  );
});

test('a magnet that fails rejects both promises with the reason', async () => {
  const { simulator, engine, seed } = await start();
  const torrent = engine.addParsed(TORRENT.magnet, { peers: [seed.address], select: ['*.iso'] });
  simulator.run(() => torrent.phase === 'failed', { maxVirtualMs: 60_000 });
  await assert.rejects(torrent.completed, { code: 'EOPTION' });
  await assert.rejects(torrent.ready, { code: 'EOPTION' });
  const stopped = engine.addParsed({ ...TORRENT.magnet, infoHash: { v1: new Uint8Array(20), v2: null } });
  await settle(simulator, engine.stop());
  await assert.rejects(stopped.ready, { code: 'ESTOPPED' });
  await assert.rejects(stopped.completed, { code: 'ESTOPPED' });
});

test('peers that are added are dialled, and described once they are there', async () => {
  const { simulator, engine, seed } = await start();
  const torrent = engine.addParsed(TORRENT.magnet);
  assert.equal(torrent.peers.length, 0);
  torrent.addPeers([seed.address]);
  simulator.run(() => torrent.peers.length === 1, { maxVirtualMs: 10_000 });
  const [peer] = torrent.peers;
  assert.equal(peer?.address, seed.address);
  assert.equal(peer.source, 'user');
  assert.equal(peer.isOutgoing, true);
  await settle(simulator, torrent.completed);
});

const start = (): ReturnType<typeof startEngine> => startEngine(TORRENT);
