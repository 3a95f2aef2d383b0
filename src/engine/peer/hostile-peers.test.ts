/** Peers that want to do harm, against a whole engine in virtual time: each attack has to stay without effect. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { encodeMetadataRequest } from '../../protocol/wire/metadata.js';
import type { SimHost } from '../../sim/sim-host.js';
import { Simulator } from '../../sim/simulator.js';
import { ON_DISK } from '../pieces/partial-piece.js';
import { RawPeer } from '../testing/raw-peer.js';
import { makeSimTorrent, SimEngine, type SimTorrent } from '../testing/sim-swarm.js';

const HOUR_MS = 3_600_000;
const SMALL = { lengths: { 'a.bin': 300_000 }, pieceLength: 32_768 };

/** Dials and says hello; a second later the engine has answered. */
function connect(simulator: Simulator, engine: SimEngine, torrent: SimTorrent, host?: SimHost): RawPeer {
  const peer = new RawPeer(simulator, { fast: true, extensions: true, ...(host === undefined ? {} : { host }) });
  peer.dial(engine).handshake(torrent.metainfo.infoHash.v1!);
  simulator.run(simulator.now + 1000);
  return peer;
}

test('a peer that names one listening port after the other does not fill the table of candidates', () => {
  const simulator = new Simulator({ seed: 101 });
  const torrent = makeSimTorrent(SMALL);
  const engine = new SimEngine(simulator);
  const download = engine.add(torrent.metainfo);
  simulator.run(simulator.now + 1000);
  const hostile = connect(simulator, engine, torrent);
  for (let port = 1000; port < 2000; port++) hostile.extensionHandshake({ listenPort: port });
  simulator.run(simulator.now + 1000);
  assert.equal(download.swarm.candidates.count, 1);
  hostile.close();
  simulator.run(simulator.now + 1000);
  assert.equal(download.swarm.peers.size, 0);
  assert.ok(download.swarm.candidates.nextRetryAt() < Number.POSITIVE_INFINITY, 'and the one is not stuck');
});

test('metadata requests of a peer that does not read the answers are not answered without end', () => {
  const simulator = new Simulator({ seed: 102 });
  const torrent = makeSimTorrent(SMALL);
  const engine = new SimEngine(simulator);
  engine.give(torrent);
  const seeding = engine.add(torrent.metainfo);
  simulator.run(() => seeding.phase === 'seeding');
  const hostile = connect(simulator, engine, torrent);
  hostile.stream!.pause();
  hostile.extensionHandshake({ extensions: new Map([['ut_metadata', 2]]) });
  for (let i = 0; i < 200 && !hostile.isClosed; i++) {
    hostile.send((say) => {
      for (let j = 0; j < 2000; j++) say.extended(2, encodeMetadataRequest(0));
    });
    simulator.run(simulator.now + 1000);
  }
  assert.ok(hostile.isClosed, 'a peer is dropped before it makes us hold megabytes');
});

test('a peer that refuses every request is not asked again without pause', () => {
  const simulator = new Simulator({ seed: 103 });
  const torrent = makeSimTorrent(SMALL);
  const engine = new SimEngine(simulator);
  engine.add(torrent.metainfo);
  simulator.run(simulator.now + 1000);
  const hostile = connect(simulator, engine, torrent);
  hostile.onRequest = (piece, begin, length) => hostile.send((say) => say.reject(piece, begin, length));
  hostile.send((say) => {
    say.haveAll();
    say.unchoke();
  });
  simulator.run(simulator.now + 60_000);
  const requests = hostile.heard('request').length;
  assert.ok(requests >= 10 && requests <= 1000, `asked ${requests} times in a minute`);
});

test('a peer that sent a bad piece is turned away when it comes back, and others are not', () => {
  const simulator = new Simulator({ seed: 104 });
  const torrent = makeSimTorrent(SMALL);
  const engine = new SimEngine(simulator);
  const download = engine.add(torrent.metainfo);
  simulator.run(simulator.now + 1000);
  const host = simulator.createHost();
  for (let round = 0; round < 20; round++) {
    const hostile = connect(simulator, engine, torrent, host);
    hostile.onRequest = (piece, begin, length) => {
      hostile.send((say) => say.pieceHeader(piece, begin, length));
      hostile.sendBytes(new Uint8Array(length));
    };
    if (hostile.isClosed) continue;
    hostile.send((say) => {
      say.haveAll();
      say.unchoke();
    });
    simulator.run(simulator.now + 5000);
  }
  const { hashFailures } = download.data!;
  // One slow start brings two pieces before the first is found to be bad.
  assert.ok(hashFailures >= 1 && hashFailures <= 2, `${hashFailures} bad pieces`);
  const { wastedBytes } = engine.session.stats(download);
  engine.session.pause(download, () => {});
  simulator.run(simulator.now + 1000);
  engine.session.resume(download);
  simulator.run(simulator.now + 1000);
  const stats = engine.session.stats(download);
  assert.deepEqual([stats.hashFailures, stats.wastedBytes], [hashFailures, wastedBytes], 'a pause does not undo them');
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  seed.add(torrent.metainfo, { from: [engine] });
  assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
});

test('peers that ask and do not read do not keep the read cache from others for ever', () => {
  const simulator = new Simulator({ seed: 105 });
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 8_000_000 }, pieceLength: 1_048_576 });
  const engine = new SimEngine(simulator, { readCacheBytes: 1024 * 1024 });
  engine.give(torrent);
  const seeding = engine.add(torrent.metainfo);
  simulator.run(() => seeding.phase === 'seeding');
  const hostiles = [0, 1, 2, 3].map((place) => {
    const hostile = connect(simulator, engine, torrent);
    hostile.send((say) => say.interested());
    simulator.run(simulator.now + 1000);
    assert.equal(hostile.heard('unchoke').length, 1);
    hostile.stream!.pause();
    return hostile.send((say) => {
      for (let block = 0; block < 64; block++) say.request(place, block * LIMITS.blockBytes, LIMITS.blockBytes);
    });
  });
  simulator.run(simulator.now + 10_000);
  const leecher = new SimEngine(simulator);
  const download = leecher.add(torrent.metainfo, { from: [engine] });
  for (let minute = 0; minute < 120 && download.phase !== 'seeding'; minute++) {
    for (const hostile of hostiles) if (!hostile.isClosed) hostile.send((say) => say.keepAlive());
    simulator.run(simulator.now + 60_000);
  }
  assert.equal(download.phase, 'seeding');
});

test('numbers at the end of their range are refused, or end the connection, and do no other harm', () => {
  const simulator = new Simulator({ seed: 107 });
  const torrent = makeSimTorrent(SMALL);
  const engine = new SimEngine(simulator);
  engine.add(torrent.metainfo);
  simulator.run(simulator.now + 1000);
  const peer = connect(simulator, engine, torrent);
  peer.send((say) => {
    say.request(0xffffffff, 0xffffffff, 0xffffffff);
    say.request(0, 0xffffc000, LIMITS.blockBytes);
    say.cancel(0xffffffff, 0, 0);
    say.reject(0xffffffff, 0xffffffff, 0);
    say.allowedFast(0xffffffff);
    say.suggest(0xffffffff);
  });
  simulator.run(simulator.now + 1000);
  assert.equal(peer.heard('reject').length, 2);
  assert.ok(!peer.isClosed);
  peer.send((say) => say.have(0xffffffff));
  simulator.run(simulator.now + 1000);
  assert.deepEqual(peer.reasonsIn(engine), ['piece-out-of-range']);
});

for (const writeCacheBytes of [1024 * 1024, 64 * 1024 * 1024]) {
  for (const leaves of [false, true]) {
    const who = leaves ? 'lies once and leaves' : 'lies once and never again';
    test(`who ${who} is found out when the piece is good, and kept out (cache of ${writeCacheBytes} bytes)`, () => {
      const simulator = new Simulator({ seed: 108 });
      // With the small cache the pieces are larger than a slot.
      const torrent = makeSimTorrent({ lengths: { 'a.bin': 8 * 524_288 }, pieceLength: 524_288 });
      const engine = new SimEngine(simulator, { writeCacheBytes });
      const download = engine.add(torrent.metainfo);
      simulator.run(simulator.now + 1000);
      const honest = connect(simulator, engine, torrent);
      const liar = connect(simulator, engine, torrent);
      const spoiled: number[] = [];
      for (const peer of [honest, liar]) {
        peer.onRequest = (piece, begin, length) => {
          // Slowly, so that they share their pieces.
          simulator.after(200, () => {
            if (peer.isClosed) return;
            if (peer === honest || spoiled.length > 0) {
              peer.sendBlock(torrent, piece, begin, length);
              return;
            }
            spoiled.push(piece);
            peer.send((say) => say.pieceHeader(piece, begin, length)).sendBytes(new Uint8Array(length));
          });
        };
        peer.send((say) => {
          say.haveAll();
          say.unchoke();
        });
      }
      assert.ok(simulator.run(() => engine.count('pieceFailed') > 0, { maxVirtualMs: HOUR_MS }));
      assert.deepEqual([...liar.reasonsIn(engine), ...honest.reasonsIn(engine)], [], 'nobody knows yet who it was');
      if (leaves) liar.close();
      assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
      assert.ok(engine.has(torrent));
      assert.equal(engine.count('pieceFailed'), 1);
      simulator.run(simulator.now + 1000);
      assert.deepEqual(honest.reasonsIn(engine), ['both-complete']);
      // The last piece may have been the bad one, so that he was let go before the verdict.
      assert.ok(connect(simulator, engine, torrent, liar.host).isClosed, 'back again');
      assert.ok(!connect(simulator, engine, torrent).isClosed, 'others may come');
    });
  }
}

test('what is on disk of a piece that is not verified is neither announced nor served', () => {
  const simulator = new Simulator({ seed: 109 });
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 524_288 }, pieceLength: 524_288 });
  // Extents of 256 KiB.
  const engine = new SimEngine(simulator, { writeCacheBytes: 1024 * 1024 });
  const download = engine.add(torrent.metainfo);
  simulator.run(simulator.now + 1000);
  const half = connect(simulator, engine, torrent);
  half.onRequest = (piece, begin, length) => {
    if (begin < 262_144) half.sendBlock(torrent, piece, begin, length);
  };
  half.send((say) => {
    say.haveAll();
    say.unchoke();
  });
  const taker = connect(simulator, engine, torrent).send((say) => {
    say.haveNone();
    say.interested();
  });
  simulator.run(simulator.now + 15_000);
  assert.deepEqual(taker.heard('unchoke'), ['unchoke']);
  assert.equal(download.data!.picker.partial(0)?.blockState[0], ON_DISK);
  taker.send((say) => say.request(0, 0, LIMITS.blockBytes));
  simulator.run(simulator.now + 1000);
  assert.deepEqual(taker.heard('reject'), [`reject 0 0 ${LIMITS.blockBytes}`]);
  assert.deepEqual([...taker.heard('have'), ...taker.heard('block-start')], []);
});
